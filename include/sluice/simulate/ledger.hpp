#pragma once
// What a simulated provider remembers between requests: behaviours, 429 windows, counters.

#include <sluice/base/clock.hpp>
#include <sluice/base/random.hpp>
#include <sluice/simulate/behaviour.hpp>

#include <boost/system/result.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::simulate {

struct counters {
    std::uint64_t connections = 0;  // accepted
    std::uint64_t open_connections = 0;
    std::uint64_t requests = 0;   // to /v1/..., heads that were read whole
    std::uint64_t cancelled = 0;  // of those, clients that left before the end, streams included
    std::uint64_t streams_started = 0;
    std::uint64_t streams_open = 0;
    std::uint64_t streams_finished = 0;   // to the end the behaviour planned without a fault
    std::uint64_t streams_cancelled = 0;  // by the client
    std::uint64_t streams_broken = 0;     // by the behaviour, or by stop()
    std::uint64_t tokens = 0;             // sent, plain answers included
    std::int64_t last_cancel_ns = 0;      // steady clock when the last leaving client was noticed
    std::uint64_t failures = 0;           // of the simulator itself
    std::map<unsigned, std::uint64_t> statuses;
    std::map<std::string, std::uint64_t, std::less<>> keys;  // "...last four characters"
    std::map<std::string, std::uint64_t, std::less<>> models;
};

// Behaviours as text: of all models without one of their own, and of some by name.
struct behaviour_change {
    std::optional<std::string> of_default;
    std::map<std::string, std::string, std::less<>> of_models;
};

// What is decided about one request when it arrives.
struct turn {
    behaviour how;
    std::uint64_t number;      // of this request, from 1
    random_engine draws;       // for everything random about the answer
    duration latency;          // spike included
    unsigned refuse_with = 0;  // an HTTP status instead of an answer
    duration retry_after{};    // with 429: what is left of the window
};

// Thread-safe. Decisions depend on the seed, the order of the calls and `now` alone.
class ledger {
public:
    // `initial` is the default behaviour; text that is not understood counts as empty.
    ledger(std::uint64_t seed, std::string_view initial);

    // Takes the next number. The error is the complaint about a sim- name.
    [[nodiscard]] boost::system::result<turn, std::string> admit(
        std::string_view model, time_point now);

    // All of it or, with the complaint, nothing. What is changed has new 429 windows.
    [[nodiscard]] boost::system::result<void, std::string> set(const behaviour_change& change);

    void reset();

    [[nodiscard]] counters read() const;
    [[nodiscard]] std::string stats_json() const;
    [[nodiscard]] std::string behaviour_json() const;

    // `change` is called with the counters, locked.
    template <class Change>
    void count(Change change)
    {
        const std::lock_guard lock{mutex_};
        change(counters_);
    }

    void count_key(std::string_view key);

private:
    struct window {
        std::optional<time_point> until;
        std::uint32_t served = 0;
    };
    struct named {
        std::string text;
        behaviour how;
    };

    [[nodiscard]] boost::system::result<behaviour, std::string> behaviour_of(
        std::string_view model) const;
    [[nodiscard]] std::optional<duration> limited(
        std::string_view model, const behaviour& how, time_point now);

    const std::uint64_t seed_;
    const named initial_;
    mutable std::mutex mutex_;
    named default_;
    std::map<std::string, named, std::less<>> models_;
    std::map<std::string, window, std::less<>> windows_;
    std::uint64_t sequence_ = 0;
    counters counters_;
};

}  // namespace sluice::simulate
