#pragma once
// `sluice ctl`: the admin API from a shell.

#include "admin_client.hpp"
#include "ctl_usage.hpp"
#include <sluice/config/environment.hpp>

#include <iosfwd>
#include <string>
#include <vector>

namespace sluice {

struct ctl_options {
    enum class action {
        models,
        canary,
        weights,
        breaker,
        shadow,
        config,
        reload,
        explain,
        audit,
        rollout_start,
        rollout_status,
        promote,
        freeze,
        resume,
        roll_back,
        kill,
        usage,
        budgets,
        top_up,
        keys,
        key_create,
        key_set,
        key_revoke,
        key_rotate,
        ready,
    };

    std::string admin = "http://127.0.0.1:9090";
    std::string token_file;  // empty: the variable SLUICE_ADMIN_TOKEN, if there is one
    bool json = false;       // the API's answer as it is, instead of a table
    action what = action::models;
    std::string model;                 // of what is asked; may be empty: models, kill
    std::string percent;               // canary: "12.5" or "12.5%"
    std::vector<std::string> weights;  // weights: "stable=95"
    std::string target;                // breaker
    std::string state;                 // breaker: "open", "closed" or "auto"
    std::string if_version;            // any change: only over this version
    std::string file;                  // explain: the request; key: settings; "-" is standard input
    std::string try_file;              // config: what would it change
    std::string apply_file;            // config: make it the configuration
    std::string key_id;                // explain, and keys and all that is done to them
    std::string tenant;  // key create and set; this and those up to `grace` may be empty
    std::vector<std::string> rights;  // models
    std::string expires;
    std::vector<std::string> limits;   // "requests=50/s"; nothing behind the = takes it away
    std::vector<std::string> sums;     // of the budget: "daily=50 USD"; the same
    std::string disabled;              // key set: "true", "false" or empty
    std::string grace;                 // key rotate; may be empty
    std::vector<std::string> headers;  // explain: "name: value"
    std::size_t limit = 20;            // audit
    std::string steps;                 // rollout start: "5,25,100"; these three may be empty
    std::string every;                 // rollout start: "10m"
    std::string minimum;               // rollout start: "500"
    bool all = false;                  // kill: every model
    usage_options usage;
    std::string budget;     // topup
    std::string usd;        // topup
    std::string operation;  // topup: what tells it from others; empty: a new one
};

// Exit code: 0; 1 the gateway cannot be reached or failed; 2 it refused what was asked, or that
// cannot be asked.
[[nodiscard]] int run_ctl(
    const ctl_options& options,
    const config::environment& environment,
    std::ostream& out,
    std::ostream& err);

// The content of a file, or of standard input for "-".
[[nodiscard]] ctl_result<std::string> read_input(const std::string& path);

}  // namespace sluice
