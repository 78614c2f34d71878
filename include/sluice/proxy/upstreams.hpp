#pragma once
// The connection pools of one worker, by provider.

#include <sluice/config/snapshot.hpp>
#include <sluice/net/pool.hpp>
#include <sluice/observe/log.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace sluice::proxy {

class upstreams {
public:
    using pool_ptr = std::shared_ptr<net::pool>;

    upstreams(net::reactor& loop, observe::logger& log) noexcept
        : loop_(loop),
          log_(log),
          names_(loop)
    {
    }

    // Pools for the snapshot's providers. Those whose address did not change keep their connections;
    // the others are dropped and live on only in requests that hold them.
    void install(const config::snapshot& config);

    // By provider index of the installed snapshot; null: its TLS trust could not be loaded.
    [[nodiscard]] pool_ptr of(std::size_t provider) const { return pools_[provider]; }

    // The pool that serves this provider of any snapshot, or null if it is gone.
    [[nodiscard]] pool_ptr find(const config::provider& provider) const;

    void sweep(time_point now) noexcept;
    // Kept connections to this provider of the installed snapshot.
    [[nodiscard]] std::size_t idle(std::size_t provider) const noexcept
    {
        return pools_[provider] ? pools_[provider]->idle() : 0;
    }
    // Closes every kept connection.
    void clear() noexcept { pools_.clear(); }

private:
    [[nodiscard]] pool_ptr make(net::endpoint to);

    net::reactor& loop_;
    observe::logger& log_;
    net::resolver names_;
    std::vector<pool_ptr> pools_;
};

}  // namespace sluice::proxy
