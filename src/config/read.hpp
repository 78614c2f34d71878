#pragma once
// The sections of the file. Each reads its part into the settings and complains about the rest.

#include "place.hpp"
#include <sluice/config/environment.hpp>
#include <sluice/config/snapshot.hpp>

namespace sluice::config {

// listen, admin, workers, state, limits, timeouts, heartbeat, access_log.
void read_process(const place& root, const environment& environment, snapshot& settings);

void read_providers(const place& root, const environment& environment, snapshot& settings);

// The table of prices, a file of its own.
void read_prices(
    const place& at, const environment& environment, complaints& complaints, snapshot& settings);

// After the providers and the prices.
void read_models(const place& root, snapshot& settings);

// What models say of each other. After the models and index().
void read_links(const place& root, snapshot& settings);

void read_tenants(const place& root, snapshot& settings);

void read_jwt(const place& root, const environment& environment, snapshot& settings);

void read_tracing(const place& root, snapshot& settings);

// After the models and jwt.
void read_keys(const place& root, snapshot& settings);

// What one key has besides its id and its secrets.
void read_key(const place& at, const snapshot& settings, key& key);

// Parts of a model; its targets, canary and stickiness are known.
void read_resilience(const place& at, const snapshot& settings, model& model);
void read_rollout(const place& at, model& model);

[[nodiscard]] std::optional<policy::price> read_price(const place& at);

// Parts of what has limits or budgets. Rates are limits without a wait.
void read_rates(const place& at, policy::limit_settings& limits);
void read_limits(const place& at, quota& of);
void read_budget(const place& at, budget_settings& budget);
void read_model_budgets(const place& at, const snapshot& settings, key& key);

// Complains where a budget of this model could not be kept to.
void check_priced(const place& at, const model& model);

[[nodiscard]] std::optional<webhook> read_webhook(const place& at);

// Shared checks; they complain and answer whether the text may be used.

// 1 to 64 of A-Z a-z 0-9 . _ -
bool check_name(const place& at, std::string_view text);

// 1 to 256 visible ASCII characters without quotes and backslash.
bool check_model_name(const place& at, std::string_view text);

// Visible ASCII, not empty: what may stand in a header.
bool check_secret(const place& at, std::string_view text);

// At most so many elements.
bool check_length(const place& at, std::size_t length, std::size_t most);

// A file this process can read, and in which `fault`, if there is one, finds nothing; "" (not
// given) is fine.
std::string read_path(
    const place& at,
    const environment& environment,
    const std::function<std::string(const std::string& path)>& fault = {});

}  // namespace sluice::config
