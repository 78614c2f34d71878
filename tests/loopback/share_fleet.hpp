#pragma once
// Gateways that share one limit through a real redis-server, as far as sharing goes: each a loop, a
// client and what is shared. The test runs their loops by turns.

#include "needs_redis.hpp"
#include "redis_world.hpp"
#include <sluice/policy/limit.hpp>
#include <sluice/state/share_frame.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace loopback {

template <class Shares>
struct sharing {
    // One of `fleet`, which it knows once it has reached Redis.
    sharing(std::uint16_t port, std::string id, unsigned fleet)
        : world(redis_at(port)),
          shares(world.context, world.client, named(std::move(id)), [this, fleet] {
              counted = counted || world.client.up();
              return counted ? fleet : 0;
          })
    {
    }

    static sluice::state::share_settings named(std::string id)
    {
        sluice::state::share_settings settings;
        settings.gateway = std::move(id);
        settings.every = std::chrono::milliseconds(50);
        settings.gone = std::chrono::seconds(3);  // not a test that is held up
        return settings;
    }

    std::shared_ptr<sluice::policy::limit_state> state =
        std::make_shared<sluice::policy::limit_state>();
    bool counted = false;
    redis_world world;
    Shares shares;
};

// For so long each has its turn(now, since the last one) and then its loop; after each round
// `then` is called.
template <class Gateway, class Then>
void pass(std::vector<std::unique_ptr<Gateway>>& all, sluice::milliseconds time, const Then& then)
{
    auto last = sluice::steady::now();
    const auto end = last + time;
    while (last < end) {
        const auto now = sluice::steady::now();
        for (auto& one : all) {
            one->turn(now, now - last);
            one->world.context.restart();
            one->world.context.run_for(std::chrono::milliseconds(1));
        }
        last = now;
        then();
    }
}

// Whether it comes to be so in time, while everybody goes on.
template <class Gateway, class Holds>
bool comes(std::vector<std::unique_ptr<Gateway>>& all, const Holds& holds)
{
    const auto end = sluice::steady::now() + std::chrono::seconds(20);
    while (!holds() && sluice::steady::now() < end)
        pass(all, sluice::milliseconds(50), [] {});
    return holds();
}

}  // namespace loopback
