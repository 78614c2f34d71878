#pragma once
// One request from start to end: the spine. Every branch about what happens next is in serve.cpp.

#include <sluice/proxy/client.hpp>
#include <sluice/proxy/exchange.hpp>
#include <sluice/proxy/services.hpp>

namespace sluice::proxy {

// The first octet of a request has come. Answers whether the connection may carry another one.
// `x` is fresh; whoever made it may call x.end() meanwhile.
net::task<bool> serve(services& with, client& from, exchange& x);

// Of a connection that nothing is read from: whatever it is about to ask, the answer is this. Where
// it cannot be told so, that is only recorded.
net::task<> turn_away(
    services& with, client& from, exchange& x, errc why, std::string_view words, bool can_be_told);

}  // namespace sluice::proxy
