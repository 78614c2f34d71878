#pragma once
// Copies of requests to a shadow target: sent beside the client's request and never in its way. The
// client's memory may go, its connection end, its answer fail: a copy has what it needs of its own,
// and nobody waits for it.

#include <sluice/http/head.hpp>
#include <sluice/net/buffer.hpp>
#include <sluice/net/event.hpp>
#include <sluice/net/gate.hpp>
#include <sluice/observe/span.hpp>
#include <sluice/policy/breaker.hpp>
#include <sluice/proxy/serving.hpp>
#include <sluice/proxy/shadow_pair.hpp>
#include <sluice/wire/request.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::proxy {

class exchange;
struct services;

// One request that is copied. The exchange and the copy's task share it; one thread.
struct shadow_run {
    explicit shadow_run(net::byte_ledger& ledger) noexcept
        : primary(ledger),
          copy(ledger)
    {
    }

    // where it goes
    serving_ptr served_by;                 // keeps alive what the pointers below point into
    const config::model* model = nullptr;  // the client's
    const config::shadow_settings* how = nullptr;
    const config::model* to_model = nullptr;
    const config::target* to = nullptr;
    const config::key* key = nullptr;  // who asked
    std::size_t credential = 0;
    policy::permission given;

    // the request
    net::buffer memory;  // of what follows
    http::request_head head;
    std::string_view body;
    wire::request_facts facts;   // without the views of the parser
    std::uint64_t expected = 0;  // tokens
    std::string request_id;
    std::string tags;
    observe::trace trace;
    nanoseconds system_time{0};
    time_point asked{};  // when the client's request was about to be sent

    // what came of it
    shadow_side primary;
    shadow_side copy;
    std::optional<std::uint64_t> copy_events;  // with tokens, of a stream that could be read
    bool primary_done = false;
    bool primary_left = false;  // the client did
    bool copy_done = false;
    bool dropped = false;   // by a drain, or by its provider's limits
    net::interrupter stop;  // ends the copy
};
using shadow_run_ptr = std::shared_ptr<shadow_run>;

// Of one worker.
class shadows {
public:
    // More are dropped, and so is a request with a larger body.
    static constexpr std::size_t most_in_flight = 64;
    static constexpr std::size_t most_body_bytes = std::size_t{1} << 20U;

    shadows(pair_inbox& pairs, net::gate::failure_handler on_failure);

    // The request has been admitted and has a target; it is sent right after this. Draws, looks
    // whether a copy may be made, and makes it: it is sent when the worker's loop comes round, so
    // never before the client's. Empty for most.
    [[nodiscard]] shadow_run_ptr begin(services& with, const exchange& x);

    // What the client got is known.
    void primary_ended(const exchange& x);

    // Ends all copies, now and from now on: the gateway drains.
    void stop_all();

    // The worker outlives its copies.
    [[nodiscard]] std::size_t count() const noexcept { return gate_.count(); }

private:
    [[nodiscard]] bool may_begin(
        services& with, const exchange& x, const config::shadow_settings& how) const;
    [[nodiscard]] static bool copy_request(services& with, const exchange& x, shadow_run& run);
    net::task<> carry_out(services& with, shadow_run_ptr run);
    void copy_ended(const shadow_run_ptr& run);
    void report(shadow_run& run);

    pair_inbox& pairs_;
    net::gate gate_;
    std::vector<shadow_run_ptr> running_;
    bool stopped_ = false;
};

}  // namespace sluice::proxy
