#pragma once
// A very cheap OpenAI-shaped upstream: one thread, one epoll, no framework, so that a proxy can be
// measured with the mock on the same core as the load. POST with a Content-Length body of any size;
// "stream":true within the body's first or last 1,024 bytes asks for a stream. Everything else gets
// 200 and an empty list.

#include "mock_responses.hpp"
#include "socket.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::bench {

struct mock_settings {
    std::uint16_t port = 0;
    std::size_t body_bytes = 1400;
    std::uint64_t events = 50;      // of one stream, the last ones not counted
    double events_per_second = 50;  // of one stream
    std::size_t event_bytes = 250;
    std::uint64_t delay_ns = 0;  // from the whole request to the response's head
};

struct mock_counts {
    std::uint64_t requests = 0;
    std::uint64_t streams = 0;
    std::uint64_t events = 0;
    std::uint64_t connections = 0;
    std::uint64_t aborted = 0;      // closed by the peer with a response under way
    std::uint64_t refused = 0;      // requests the mock does not understand
    std::uint64_t late_ns_max = 0;  // how far an event lagged behind its schedule
};

class mock_server {
public:
    explicit mock_server(const mock_settings& settings);

    [[nodiscard]] std::uint16_t port() const { return port_of(listener_); }
    [[nodiscard]] std::size_t body_bytes() const noexcept { return say_.completion_body_bytes(); }
    [[nodiscard]] const mock_counts& counts() const noexcept { return counts_; }

    // Until SIGTERM or SIGINT.
    void run();

private:
    struct connection {
        unique_fd fd;
        std::uint32_t generation = 0;
        std::string in;          // a request that came in parts, or early
        std::size_t needed = 0;  // bytes `in` must have before it is looked at again
        std::string out;         // what the socket would not take yet
        bool waits_for_room = false;
        bool busy = false;      // a response is due or under way
        bool answered = false;  // its last byte has been sent or is in `out`
        bool wants_stream = false;
        bool wants_usage = false;
        bool close_after = false;
        std::uint64_t events_left = 0;
    };
    struct due {
        std::uint64_t at_ns;
        std::uint32_t slot;
        std::uint32_t generation;
    };

    void accept_all();
    void ready(std::uint32_t slot, std::uint32_t events);
    void receive(std::uint32_t slot);
    void take_requests(std::uint32_t slot, std::string_view bytes);
    std::size_t take_request(connection& c, std::string_view bytes);
    void refuse(connection& c);
    void begin_response(std::uint32_t slot);
    void respond(std::uint32_t slot, std::uint64_t now);
    void next_event(const due& event, std::uint64_t now);
    void finish_response(std::uint32_t slot);
    void run_due(std::deque<due>& queue, std::uint64_t now);
    void send(std::uint32_t slot, std::string_view bytes);
    void flush(std::uint32_t slot);
    void close(std::uint32_t slot);
    [[nodiscard]] bool current(const due& event) const;

    mock_settings settings_;
    std::uint64_t interval_ns_;
    mock_responses say_;
    unique_fd listener_;
    unique_fd signals_;
    poller poller_;
    std::vector<std::unique_ptr<connection>> connections_;
    std::vector<std::uint32_t> free_;
    // The delay and the interval are the same for all, so whoever comes first is due first: plain
    // queues.
    std::deque<due> heads_;
    std::deque<due> events_;
    std::vector<char> buffer_;
    mock_counts counts_;
};

}  // namespace sluice::bench
