#pragma once
// A request as Beast parses it, read without Beast's own operations: those are compiled anew for
// each kind of stream, and are most of what a file with them takes to compile.

#include <sluice/base/no_throw.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <cstddef>

namespace sluice {

using request_reader = boost::beast::http::basic_parser<true>;

// As far as the parser has read on with what is there: its head, and with eager() the body too.
[[nodiscard]] inline bool is_complete(const request_reader& parser)
{
    return parser.is_done() || (!parser.eager() && parser.is_header_done());
}

inline boost::system::error_code parse(request_reader& parser, boost::beast::flat_buffer& unread)
{
    boost::system::error_code ec;
    for (std::size_t used = 1; used > 0 && unread.size() > 0 && !is_complete(parser) && !ec;) {
        used = parser.put(unread.data(), ec);
        unread.consume(used);
    }
    if (ec == boost::beast::http::error::need_more)
        ec = {};
    return ec;
}

// What http::async_read() and, for a parser that is not eager, http::async_read_header() do.
// `end_of_stream`: nothing came. What came behind the message stays in `unread`. All of them
// outlive the call.
inline boost::asio::awaitable<boost::system::error_code> read_message(
    boost::asio::ip::tcp::socket& socket, boost::beast::flat_buffer& unread, request_reader& parser)
{
    constexpr std::size_t piece = 16'384;
    for (;;) {
        auto failed = parse(parser, unread);
        if (failed || is_complete(parser))
            co_return failed;
        auto [ec, bytes] = co_await socket.async_read_some(unread.prepare(piece), no_throw);
        unread.commit(bytes);
        if (ec == boost::asio::error::eof && !parser.got_some())
            co_return boost::beast::http::error::end_of_stream;
        if (ec == boost::asio::error::eof)
            parser.put_eof(ec);
        if (ec || is_complete(parser))
            co_return ec;
    }
}

}  // namespace sluice
