#include <sluice/net/frame_pool.hpp>
#include <sluice/proxy/exchange.hpp>
#include <sluice/proxy/services.hpp>

#include <chrono>

namespace sluice::proxy {
namespace {

// A worker that is this late has more to do than it can.
constexpr milliseconds late_tick{50};

}  // namespace

services::services(
    net::reactor& reactor,
    net::buffer_pool& buffer_pool,
    observe::worker_cells& worker_cells,
    observe::access_log& access,
    observe::span_rings& rings,
    state::ledger& book,
    observe::logger& logger,
    const std::atomic<bool>& drains,
    pair_inbox& pairs,
    std::size_t number,
    std::uint64_t seed)
    : loop(reactor),
      buffers(buffer_pool),
      cells(worker_cells),
      access_log(access),
      spans(rings),
      ledger(book),
      log(logger),
      draining(drains),
      worker(number),
      snapshots(reactor, logger),
      random(seed),
      in(scratch_bytes),
      out(scratch_bytes),
      copies(
          pairs,
          [&logger](const std::exception_ptr&) {
              logger.error("shadow_failed", "a copy ended by an exception; this is a bug");
          }),
      hedges(reactor, logger)
{
    pieces.reserve(16);
    tick(steady::now());
}

void services::tick(time_point now, nanoseconds late)
{
    late_ticks = late > late_tick ? late_ticks + 1 : 0;
    coarse_now = now;
    const auto system = std::chrono::system_clock::now();
    system_ahead = system.time_since_epoch() - now.time_since_epoch();
    believed_ahead = clock.update(system, now).time_since_epoch() - now.time_since_epoch();
}

attempt_ptr services::borrow_attempt()
{
    return {attempts.take().release(), attempt_return{this}};
}

services::~services() = default;

void services::trim() noexcept
{
    net::trim_frames();
    buffers.trim();
    exchanges.trim();
    attempts.trim();
}

}  // namespace sluice::proxy
