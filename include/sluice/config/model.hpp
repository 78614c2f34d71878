#pragma once
// A model as the snapshot holds it: its targets and how requests are shared out, tried again,
// copied and rolled out.

#include <sluice/base/clock.hpp>
#include <sluice/config/quota.hpp>
#include <sluice/observe/shadow_numbers.hpp>
#include <sluice/policy/balance.hpp>
#include <sluice/policy/breaker.hpp>
#include <sluice/policy/ejection.hpp>
#include <sluice/policy/estimate.hpp>
#include <sluice/policy/hedge.hpp>
#include <sluice/policy/price.hpp>
#include <sluice/policy/retry_budget.hpp>
#include <sluice/policy/rollout.hpp>
#include <sluice/policy/shadow_state.hpp>
#include <sluice/policy/split.hpp>
#include <sluice/policy/target_state.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::config {

struct target {
    std::string name;
    std::size_t provider = 0;   // index into snapshot::providers
    std::string model;          // empty: the requested name is passed on
    std::string model_json;     // `model` as a JSON string, quotes included; empty like it
    double weight = 1;          // as configured or as overridden live
    policy::price_list prices;  // its own, else the model's, else the table's; may be empty
    // As ordered live; enforce() tells the state.
    policy::breaker::control forced = policy::breaker::control::automatic;
    std::size_t arm = 0;  // the catalogue's id of (model, target), stable over reloads
    // Shared by all workers. Carried over reloads by the names of model and target, as long as
    // provider and upstream model stay what they are. Null only before build().
    std::shared_ptr<policy::target_state> state;
};

enum class stickiness : std::uint8_t { none, key, user, header };

// One model of a chain.
struct fallback {
    std::size_t model = 0;   // index into snapshot::models
    std::string name;        // as the file names it; what its targets without `model` pass on
    std::string name_json;   // as a JSON string, quotes included
    std::size_t metric = 0;  // the catalogue's id
};

// By what went wrong; each in the order it is tried.
struct fallbacks {
    std::vector<fallback> any;
    std::vector<fallback> rate_limited;
    std::vector<fallback> context_length;
    std::vector<fallback> content_policy;
};

struct retry_settings {
    std::uint32_t attempts = 2;  // at one model of the chain, all its targets together; at least 1
    nanoseconds base = milliseconds{200};
    nanoseconds cap = seconds{10};  // at least base
    policy::retry_budget_settings budget;
};

// How long an answer is held back so that its failure can still be another target's chance.
struct precommit_settings {
    std::size_t bytes = std::size_t{64} << 10U;  // 0: nothing is held back
    std::optional<milliseconds> wait;            // none: until the first token
    bool heartbeat = false;                      // a stream's first heartbeat commits it
};

struct shadow_settings {
    std::size_t model = 0;               // index into snapshot::models; whose target it is
    std::size_t target = 0;              // index into that model's targets
    double share = 0;                    // of the requests that are copied; in (0, 1]
    std::optional<std::int64_t> budget;  // micro-dollars per day (UTC); none: no cap
    bool capture = false;                // keeps the texts of pairs
    // Shared by all workers, carried over like the target's own. Null only before build().
    std::shared_ptr<policy::shadow_state> state;
    std::shared_ptr<observe::shadow_numbers> numbers;
};

struct webhook {
    std::string url;  // may hold a secret
    bool tls = false;
    std::string host;
    std::uint16_t port = 0;
    std::string authority;
    std::string path;  // with the query; at least "/"
};

struct rollout_settings {
    policy::rollout_settings plan;
    std::optional<config::webhook> webhook;
};

struct model : quota {
    std::string name;  // "gpt-*" and "*" are wildcards
    std::vector<std::string> aliases;
    std::vector<target> targets;
    std::optional<std::size_t> canary;  // index into targets
    bool one_price = false;             // all targets have the same; made by build()
    stickiness sticky = stickiness::none;
    std::string sticky_header;  // lower case, with stickiness::header
    policy::split split;        // made of the targets' weights
    bool overridden = false;    // weights come from a live change, not from the file

    config::fallbacks fallbacks;
    retry_settings retry;
    policy::breaker_settings breaker;
    policy::balance balance = policy::balance::weighted;
    std::optional<nanoseconds> latency_ceiling;
    policy::ejection_settings ejection;
    policy::hedge_settings hedge;
    precommit_settings precommit;
    milliseconds first_token{60'000};  // the model's own or else timeouts::first_token
    std::optional<shadow_settings> shadow;
    std::optional<rollout_settings> rollout;
    std::optional<std::uint64_t> context_window;  // tokens
    std::optional<policy::price> price;

    // What its requests usually use. Shared by all workers, carried over reloads by the model's
    // name. Null only before build().
    std::shared_ptr<policy::estimator> estimator;
    std::size_t arm = 0;  // the catalogue's id of (model, none): no target was chosen
};

}  // namespace sluice::config
