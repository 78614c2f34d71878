#pragma once
// Requests with one answer. Open loop: a request is due by the schedule whether or not the one
// before has been answered, and its latency counts from when it was due. Closed loop (rate 0):
// every connection sends its next request when it has its answer; right for CPU per request, wrong
// for latency.

#include "load.hpp"

#include <deque>
#include <string>
#include <vector>

namespace sluice::bench {

struct unary_settings {
    std::uint16_t port = 0;
    std::string request;                         // whole, head and body
    std::uint64_t count = 0;                     // requests in all
    double rate = 0;                             // a second; 0: closed loop
    std::size_t connections = 64;                // opened before the first request
    std::size_t expect_bytes = 0;                // of each body; 0: not checked
    std::uint64_t patience_ns = 30'000'000'000;  // after the last request was due
};

class unary_load {
public:
    explicit unary_load(const unary_settings& settings);

    // Returns when every request has been answered, failed, or given up on.
    void run();
    [[nodiscard]] report result() const;
    [[nodiscard]] bool clean() const { return failures_.total() == 0; }

private:
    struct client {
        requester socket;
        response_reader reader;
        std::uint64_t due_ns = 0;
        std::uint64_t sent_ns = 0;
        bool busy = false;
        bool answered = false;  // the first byte has come
    };

    void make_due(std::uint64_t now);
    void assign(std::uint64_t now);
    void begin(std::size_t index, std::uint64_t due, std::uint64_t now);
    void receive(std::size_t index);
    void complete(std::size_t index, std::uint64_t now);
    void fail(std::size_t index, std::uint64_t& counter);
    void release(std::size_t index);
    [[nodiscard]] std::uint64_t due_at(std::uint64_t request) const;

    const unary_settings settings_;
    poller poller_;
    std::vector<client> clients_;
    std::deque<std::size_t> free_;       // used in turn
    std::deque<std::uint64_t> waiting_;  // due, but every connection is busy
    std::uint64_t start_ns_ = 0;
    std::uint64_t end_ns_ = 0;
    std::uint64_t issued_ = 0;    // became due
    std::uint64_t finished_ = 0;  // answered or failed
    std::uint64_t answered_ = 0;
    std::uint64_t reconnects_ = 0;
    std::uint64_t waiting_max_ = 0;
    histogram latency_;     // due to last byte
    histogram first_byte_;  // due to first byte
    histogram service_;     // sent to last byte
    failures failures_;
    std::vector<char> buffer_;
};

}  // namespace sluice::bench
