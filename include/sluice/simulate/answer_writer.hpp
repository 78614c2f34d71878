#pragma once
// Puts an answer on the wire the way its behaviour wants it: whole, slow, split, cut.

#include <sluice/simulate/behaviour.hpp>
#include <sluice/simulate/peer.hpp>
#include <sluice/simulate/script.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::simulate {

// Every call but wait() answers whether the connection still stands in good order: false after the
// client left and after a fault that ends it.
class answer_writer {
public:
    // `chunked` false: an HTTP/1.0 client, streams end with the connection. `stall`: the longest
    // one.
    answer_writer(std::shared_ptr<peer> client, const behaviour& how, bool chunked, seconds stall);

    // Head and body, the break of the behaviour in the middle of the body if `may_break`.
    boost::asio::awaitable<bool> whole(std::string head, std::string body, bool may_break);

    boost::asio::awaitable<bool> stream_head(std::string head);
    boost::asio::awaitable<bool> event(std::string_view bytes);
    boost::asio::awaitable<bool> end_of_stream();

    // The break of the behaviour in place of events[at].
    boost::asio::awaitable<bool> break_stream(const script& lines, std::size_t at);

    // Until then, with keep-alive comments once a stream has begun. False: the client left.
    boost::asio::awaitable<bool> wait(time_point until);

    // What may follow the answer: unasked bytes.
    boost::asio::awaitable<bool> after_answer();

private:
    boost::asio::awaitable<bool> head(std::string bytes);
    boost::asio::awaitable<bool> break_inside(const script& lines, const struct event& one);
    boost::asio::awaitable<bool> break_body(std::string_view body);

    std::shared_ptr<peer> client_;
    const behaviour& how_;
    const bool chunked_;
    const seconds stall_;
    bool streaming_ = false;
};

// The steady clock as "sim_sent_ns" tells it.
[[nodiscard]] std::int64_t steady_ns(time_point when);

}  // namespace sluice::simulate
