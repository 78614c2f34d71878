#pragma once
// Streams of server-sent events. The mock stamps each event with the instant it was sent; latency
// is the difference to the instant it was read here, on the same clock.

#include "load.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::bench {

// Finds the mock's stamps in a body that comes in pieces, and whether it ended as a stream must.
class stamp_reader {
public:
    // Calls `seen(sent_ns)` for every stamp whose last digit is in this piece.
    template <class Seen>
    void read(std::string_view piece, Seen seen)
    {
        pending_.append(piece);
        std::string_view rest = pending_;
        std::uint64_t sent_ns = 0;
        while (next_stamp(rest, sent_ns))
            seen(sent_ns);
        keep_tail(rest);
    }

    // The body so far ends with `data: [DONE]` and an empty line.
    [[nodiscard]] bool done() const noexcept { return pending_.ends_with("data: [DONE]\n\n"); }

    void next() { pending_.clear(); }

private:
    static bool next_stamp(std::string_view& rest, std::uint64_t& sent_ns);
    void keep_tail(std::string_view rest);

    std::string pending_;  // what may be the beginning of a stamp or of [DONE]
};

struct sse_settings {
    std::uint16_t port = 0;
    std::string request;
    std::size_t streams = 1;
    std::uint64_t ramp_ns = 1'000'000'000;  // over which the streams are started
    std::uint64_t restart_until_ns =
        0;                            // from the start: a stream that ends begins again; 0: never
    std::uint64_t expect_events = 0;  // in each stream; 0: not checked
    std::uint64_t stall_ns = 500'000'000;        // a longer gap between two events is counted
    std::uint64_t patience_ns = 30'000'000'000;  // without a byte on any stream
};

class sse_load {
public:
    explicit sse_load(const sse_settings& settings);

    // Until every stream has ended.
    void run();
    // Until every stream has had its first event; they stay open as long as this object lives.
    void run_to_first_event();

    [[nodiscard]] report result() const;
    [[nodiscard]] bool clean() const { return failures_.total() + truncated_ + miscounted_ == 0; }

private:
    struct stream {
        requester socket;
        response_reader reader;
        stamp_reader stamps;
        std::uint64_t due_ns = 0;
        std::uint64_t last_event_ns = 0;
        std::uint64_t events = 0;
        bool busy = false;
        bool answered = false;
    };

    template <class Finished>
    void loop(Finished finished);
    void begin(std::size_t index, std::uint64_t due);
    void receive(std::size_t index);
    void read_events(stream& s, std::string_view piece);
    void finish(std::size_t index, response_reader::state state);
    [[nodiscard]] std::uint64_t due_at(std::size_t index) const;

    const sse_settings settings_;
    poller poller_;
    std::vector<stream> streams_;
    std::uint64_t start_ns_ = 0;
    std::uint64_t end_ns_ = 0;
    std::uint64_t read_ns_ = 0;  // of the piece being read
    std::uint64_t progress_ns_ = 0;
    std::size_t started_ = 0;
    std::size_t open_ = 0;
    std::size_t with_events_ = 0;
    std::uint64_t begun_ = 0;
    std::uint64_t completed_ = 0;
    std::uint64_t truncated_ = 0;   // ended without [DONE], or not by its framing
    std::uint64_t miscounted_ = 0;  // whole, but with more or fewer events than expected
    std::uint64_t events_ = 0;
    std::uint64_t reads_ = 0;
    std::uint64_t stalls_ = 0;
    histogram event_latency_;
    histogram first_byte_;
    failures failures_;
    std::vector<char> buffer_;
};

}  // namespace sluice::bench
