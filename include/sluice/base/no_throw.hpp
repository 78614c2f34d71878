#pragma once
// What an Asio operation is given so that co_await answers its error code first and throws nothing:
// auto [ec, bytes] = co_await stream.async_read_some(buffer, no_throw).

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice {

inline constexpr auto no_throw = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace sluice
