#pragma once
// What one worker's requests share. Everything belongs to the worker's thread.

#include <sluice/base/random.hpp>
#include <sluice/net/buffer.hpp>
#include <sluice/net/reactor.hpp>
#include <sluice/net/spares.hpp>
#include <sluice/observe/access_log.hpp>
#include <sluice/observe/cells.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/span_rings.hpp>
#include <sluice/policy/believed_clock.hpp>
#include <sluice/proxy/attempt.hpp>
#include <sluice/proxy/hedges.hpp>
#include <sluice/proxy/serving.hpp>
#include <sluice/proxy/shadow.hpp>
#include <sluice/proxy/token_cache.hpp>
#include <sluice/wire/request.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace sluice::state {
class ledger;
}

namespace sluice::proxy {

class exchange;

struct services {
    services(
        net::reactor& loop,
        net::buffer_pool& buffers,
        observe::worker_cells& cells,
        observe::access_log& access_log,
        observe::span_rings& spans,
        state::ledger& ledger,
        observe::logger& log,
        const std::atomic<bool>& draining,
        pair_inbox& pairs,
        std::size_t worker,
        std::uint64_t seed);
    services(const services&) = delete;
    services& operator=(const services&) = delete;
    ~services();

    // `late` is by how much the tick came too late.
    void tick(time_point now, nanoseconds late = nanoseconds{0});
    // Gives back the memory that was kept for requests and not needed since the last call.
    void trim() noexcept;

    // Buffers are half full, or the loop has been late twice in a row: what can wait or be left out
    // has to.
    [[nodiscard]] bool loaded() const noexcept
    {
        return late_ticks >= 2 || buffers.ledger().half_full();
    }

    // An attempt to use; it comes back when its pointer goes.
    [[nodiscard]] attempt_ptr borrow_attempt();

    net::reactor& loop;
    net::buffer_pool& buffers;
    observe::worker_cells& cells;
    observe::access_log& access_log;
    observe::span_rings& spans;
    state::ledger& ledger;
    observe::logger& log;
    const std::atomic<bool>& draining;
    // Another process answers on the same addresses by now: who asks is not told that this one
    // drains.
    bool succeeded = false;
    std::size_t worker;  // its number, from 0

    server_of_snapshots snapshots;
    wire::request_parser parser;
    token_cache tokens;
    random_engine random;

    // Scratch for what is read and written without a wait in between. Nobody may keep a view into
    // either over a co_await.
    static constexpr std::size_t scratch_bytes = 65536;
    std::vector<char> in;
    std::vector<char> out;
    std::vector<std::string_view> pieces;

    // Set by every tick of the worker: the time, and how far the system's clock is ahead of it, as
    // it says and as far as it is believed.
    time_point coarse_now{};
    nanoseconds system_ahead{0};
    nanoseconds believed_ahead{0};
    policy::believed_clock clock{std::chrono::system_clock::now(), steady::now()};
    unsigned late_ticks = 0;  // one after the other, up to now

    // To use again: a request in steady state allocates nothing.
    net::spares<exchange> exchanges;
    net::spares<attempt> attempts;

    shadows copies;
    proxy::hedges hedges;
};

}  // namespace sluice::proxy
