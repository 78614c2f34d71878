#include <sluice/proxy/exchange.hpp>
#include <sluice/proxy/services.hpp>

#include <chrono>

namespace sluice::proxy {

services::services(
    net::reactor& reactor,
    net::buffer_pool& buffer_pool,
    observe::worker_cells& worker_cells,
    observe::access_log& access,
    observe::logger& logger,
    const std::atomic<bool>& drains,
    std::size_t number,
    std::uint64_t seed)
    : loop(reactor),
      buffers(buffer_pool),
      cells(worker_cells),
      access_log(access),
      log(logger),
      draining(drains),
      worker(number),
      snapshots(reactor, logger),
      random(seed),
      in(scratch_bytes),
      out(scratch_bytes)
{
    pieces.reserve(16);
    tick(steady::now());
}

void services::tick(time_point now)
{
    coarse_now = now;
    system_ahead = std::chrono::system_clock::now().time_since_epoch() - now.time_since_epoch();
}

services::~services() = default;

}  // namespace sluice::proxy
