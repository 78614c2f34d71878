// One budget, four gateways, one redis-server: never spent above the limit, and nearly all of it
// can be spent, whatever Redis does meanwhile.

#include "needs_redis.hpp"
#include "server_parts.hpp"
#include <sluice/policy/time_zone.hpp>
#include <sluice/server/shared_store.hpp>
#include <sluice/state/grants.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

BOOST_AUTO_TEST_SUITE(redis_budgets, *loopback::needs_redis)

using namespace loopback;
using namespace sluice;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t cent = 10'000'000;
constexpr std::int64_t requests = 20'000;  // what the budget is for

// What of a gateway has to do with budgets, and clients that spend as fast as they are let.
class gateway {
public:
    gateway(std::uint16_t redis, std::atomic<std::int64_t>& spent)
        : spent_(spent),
          store_(address(redis), server::gateway_identity(directory_), values_, log_),
          book_(quick(where_.path), log_)
    {
        store_.start();
        state::grants::settings how;
        how.path = where_.path + "/budgets.db";
        grants_.emplace(how, book_, store_.authority(), log_);
        sluice::config::budget budget;
        budget.id = "key:k:daily";
        budget.limit = budget.soft = requests * cent;
        budget.purse = purse_;
        auto made = std::make_shared<sluice::config::snapshot>();
        made->budgets.push_back(budget);
        grants_->watch(made, policy::time_zone{});
        clients_ = std::jthread([this](const std::stop_token& stop) { spend(stop); });
    }

private:
    static sluice::config::redis_address address(std::uint16_t port)
    {
        sluice::config::redis_address where;
        where.host = "127.0.0.1";
        where.port = port;
        where.timeout = 300ms;
        return where;
    }
    static state::ledger::settings quick(const std::string& path)
    {
        state::ledger::settings how;
        how.path = path + "/usage.db";
        how.look_every = 20ms;
        return how;
    }
    void spend(const std::stop_token& stop)
    {
        while (!stop.stop_requested()) {
            if (purse_->take(cent).got == policy::purse::answer::taken)
                ++spent_;
            // exception: the pace of a client, not a wait for something
            std::this_thread::sleep_until(steady::now() + 1ms);
        }
    }

    std::atomic<std::int64_t>& spent_;
    temporary_directory where_;
    state::directory directory_{where_.path};
    observe::control_values values_;
    observe::logger log_{[](std::string_view) {}, [] { return time_point{}; }};
    server::shared_store store_;
    state::ledger book_;
    std::shared_ptr<policy::purse> purse_ = std::make_shared<policy::purse>();
    std::optional<state::grants> grants_;
    std::jthread clients_;
};

struct fleet {
    explicit fleet(std::uint16_t redis)
    {
        for (int i = 0; i < 4; ++i)
            all.push_back(std::make_unique<gateway>(redis, spent));
    }

    bool until(const std::function<bool()>& holds)
    {
        const auto end = steady::now() + 60s;
        while (!holds() && steady::now() < end)
            // exception: several threads spend; what is waited for is asked again and again
            std::this_thread::sleep_until(steady::now() + 5ms);
        return holds();
    }
    // Nobody has spent anything for a while.
    std::int64_t rests()
    {
        auto last = spent.load();
        auto since = steady::now();
        (void)until([&] {
            if (const auto now = spent.load(); now != last) {
                last = now;
                since = steady::now();
            }
            return steady::now() - since > 3s;
        });
        return last;
    }

    std::atomic<std::int64_t> spent{0};
    std::vector<std::unique_ptr<gateway>> all;
};

}  // namespace

BOOST_AUTO_TEST_CASE(four_gateways_spend_one_budget_never_more_and_nearly_all_of_it)
{
    const redis_server server;
    fleet gateways(server.port());
    (void)gateways.until([&] { return gateways.spent >= requests * 99 / 100; });
    const auto spent = gateways.rests();
    BOOST_TEST(spent <= requests);
    BOOST_TEST(spent >= requests * 99 / 100);
}

BOOST_AUTO_TEST_SUITE_END()
