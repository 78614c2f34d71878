#pragma once
// Sends spans to `tracing.otlp`, in batches, one after the other. What the collector cannot take at
// once waits, up to a bound, and is tried again as OTLP says; nothing waits for it but the end of a
// drain, and that for two seconds.

#include <sluice/base/clock.hpp>
#include <sluice/base/random.hpp>
#include <sluice/observe/exposition.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/span_numbers.hpp>
#include <sluice/observe/span_rings.hpp>
#include <sluice/server/control.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

struct http_end;

struct tracer_limits {
    std::size_t waiting = 4096;    // spans; further ones are lost, and counted
    std::size_t batch = 512;       // sent at once when there are so many,
    milliseconds linger{1'000};    // else when the first has waited for so long
    milliseconds look_every{100};  // into the workers' rings
    milliseconds pause{500};  // before the second try, at most; twice that before the third ...
    milliseconds longest_pause{5'000};
    milliseconds longest_advice{60'000};  // what a retry-after is believed up to
    milliseconds patience{60'000};        // from the first try of a batch to its last
    milliseconds at_end{2'000};
};

// Every member on the control thread; outlives the running of its io_context.
class tracer {
public:
    // Everything referred to outlives it.
    struct parts {
        boost::asio::io_context& context;
        const control& plane;
        observe::control_values& values;
        observe::logger& log;
    };

    // For what the snapshot in force says.
    tracer(const parts& from, std::size_t workers, tracer_limits limits = {});
    tracer(const tracer&) = delete;
    tracer& operator=(const tracer&) = delete;

    // Where workers put spans.
    [[nodiscard]] observe::span_rings& rings() noexcept { return rings_; }

    // Another snapshot is in force: perhaps with other settings.
    void look();
    // Sends what there is, calls `done` when there is nothing any more or the time is up, and ends.
    void finish(std::function<void()> done);

private:
    using batch = std::vector<std::string>;

    void tick();
    void collect();
    [[nodiscard]] bool due(time_point now) const noexcept;
    void begin_sending();
    boost::asio::awaitable<void> send_all();
    boost::asio::awaitable<void> deliver(batch spans);
    boost::asio::awaitable<http_end> post(const batch& spans);
    void taken(const batch& spans, const http_end& end);
    void lose(observe::span_loss why, std::uint64_t many);
    void told(bool well, std::string_view why);
    void over();

    parts with_;
    tracer_limits limits_;
    observe::span_rings rings_;
    random_engine random_;
    boost::asio::steady_timer looking_;
    boost::asio::steady_timer pausing_;
    boost::asio::steady_timer ending_;
    std::deque<std::string> waiting_;  // rendered
    time_point oldest_{};              // of them
    std::string collector_;            // its URL; empty: tracing is off
    time_point not_before_{};          // as it asked
    observe::exported_spans numbers_;
    std::string taken_;  // scratch
    std::size_t under_way_ = 0;
    bool running_ = false;
    bool sending_ = false;
    bool gone_ = false;       // the collector, and that has been told
    bool rejecting_ = false;  // it takes batches in part, and that has been told
    bool finishing_ = false;
    std::function<void()> done_;
};

}  // namespace sluice::server
