#pragma once
// The schema's rows of tenants and keys.

#include "schema_units.hpp"

namespace sluice::config::schema_rows {

using namespace schema_units;

inline constexpr std::string_view claim_rule = "1 to 256 visible ASCII characters, a claim's name";

// clang-format off
inline constexpr schema_row of_keys[] = {
    {.path = "tenants.*.weight", .kind = value_kind::decimal, .fallback = "1", .max = 1'000'000, .above = true,
     .meaning = "Its part of the waiting at a model's limit that several tenants share."},
    {.path = "tenants.*.limits.requests", .kind = value_kind::rate,
     .meaning = "Requests of all its keys in a time, exact over all workers. Left out: unlimited."},
    {.path = "tenants.*.limits.burst", .kind = value_kind::count, .fallback = "one second of the rate, at least 1",
     .min = 1, .max = 1'000'000'000, .limit = "only with `requests`; refilled within 3650d",
     .meaning = "Requests admitted at once."},
    {.path = "tenants.*.limits.tokens", .kind = value_kind::rate,
     .meaning = "Tokens of all its keys in a time, input and output: an estimate is taken before a request is sent, what the "
                "provider counted at its end. Left out: unlimited."},
    {.path = "tenants.*.limits.token_burst", .kind = value_kind::count, .fallback = "0.5 % of the rate's count, at least 1",
     .min = 1, .max = 1'000'000'000, .limit = "only with `tokens`; refilled within 3650d",
     .meaning = "Tokens admitted at once; a request that needs more waits for all of them and goes into debt."},
    {.path = "tenants.*.limits.concurrent", .kind = value_kind::count, .min = 1, .max = 1'000'000'000,
     .meaning = "Requests of all its keys in flight. Left out: unlimited."},
    {.path = "tenants.*.limits.max_wait", .kind = value_kind::duration, .fallback = "0", .max = hour,
     .limit = "only with `requests` or `tokens`",
     .meaning = "How long a request may wait for its turn before it gets 429; shared fairly by its keys."},
    {.path = "tenants.*.limits.shadow", .kind = value_kind::boolean, .fallback = "false",
     .meaning = "Count what these limits would refuse, and refuse nothing."},
    {.path = "tenants.*.limits.on_store_failure", .kind = value_kind::choice, .fallback = "keep_share", .choices = store_failures,
     .meaning = "While `state.redis` cannot be asked: go on with the last part of each limit and a part of what was left of "
                "each budget; let nothing through a limit and spend only what is held of budgets; or count as if alone."},
    {.path = "tenants.*.budget.daily", .kind = value_kind::money, .max = most_budget,
     .meaning = "What all its keys may spend from midnight to midnight in `time_zone`; then 429 `insufficient_quota`."},
    {.path = "tenants.*.budget.monthly", .kind = value_kind::money, .max = most_budget,
     .meaning = "The same from the first of a month to its end."},
    {.path = "tenants.*.budget.soft", .kind = value_kind::percent, .fallback = "80%", .max = 100, .above = true,
     .meaning = "Told to `budget_webhook`, the log and a metric when so much of a budget is spent."},

    {.path = "jwt.issuer", .limit = "visible ASCII", .required = true,
     .meaning = "Whose tokens are credentials beside the keys: their `iss`."},
    {.path = "jwt.audience", .kind = value_kind::texts, .limit = "a list of at least one", .required = true,
     .meaning = "One of these has to be among a token's `aud`."},
    {.path = "jwt.keys", .limit = "a readable file, or an `https://` URL; `http://` to loopback only",
     .meaning = "JSON Web Key Set of the issuer, for RS256 and ES256."},
    {.path = "jwt.refresh", .kind = value_kind::duration, .fallback = "10m", .min = second, .max = day,
     .meaning = "How often the URL is asked again; what it said last stays when it cannot be reached. Asked within a "
                "second or two, and at most every 30 s, when a token names a key (`kid`) that was not there."},
    {.path = "jwt.secret", .kind = value_kind::secret, .limit = "at least 32 visible ASCII characters; instead of `keys`",
     .meaning = "What the issuer signs with, for HS256."},
    {.path = "jwt.algorithms", .kind = value_kind::texts, .fallback = "all that `keys` or `secret` is for",
     .limit = "a list of RS256, ES256 and HS256", .meaning = "Signatures with others are refused."},
    {.path = "jwt.key", .fallback = "sub", .limit = claim_rule,
     .meaning = "The claim that names one of `keys` by its id: its limits and rights are the token's."},
    {.path = "jwt.tenant", .limit = claim_rule, .meaning = "A claim that has to be that key's tenant."},
    {.path = "jwt.models", .limit = claim_rule,
     .meaning = "A claim with the models, `prefix*` or `*`, that a token may use of its key's."},
    {.path = "jwt.leeway", .kind = value_kind::duration, .fallback = "30s", .max = 10 * 60 * second, .zero = true,
     .meaning = "By how much the issuer's clock may be wrong."},
    {.path = "keys[].id", .limit = name_rule, .required = true,
     .meaning = "Unique; stands in metrics and logs."},
    {.path = "keys[].hash", .limit = "`sha256:` and 64 lower-case hex digits, unique; may be left out with `jwt`",
     .meaning = "SHA-256 of the whole key, as `sluice key new` prints it."},
    {.path = "keys[].expires", .limit = "a day as 2027-01-31, or a time as 2027-01-31T18:00:00Z",
     .meaning = "The key lets nobody in from then on. A day begins at 00:00 UTC."},
    {.path = "keys[].tenant", .fallback = "default", .limit = name_rule,
     .meaning = "Whom the key belongs to."},
    {.path = "keys[].models", .kind = value_kind::texts, .fallback = "[\"*\"]",
     .limit = "a list of models, aliases, `prefix*` or `*`", .meaning = "What the key may use."},
    {.path = "keys[].limits.requests", .kind = value_kind::rate,
     .meaning = "Requests of the key in a time, exact over all workers. Left out: unlimited."},
    {.path = "keys[].limits.burst", .kind = value_kind::count, .fallback = "one second of the rate, at least 1",
     .min = 1, .max = 1'000'000'000, .limit = "only with `requests`; refilled within 3650d",
     .meaning = "Requests admitted at once."},
    {.path = "keys[].limits.tokens", .kind = value_kind::rate,
     .meaning = "Tokens of the key in a time, input and output: an estimate is taken before a request is sent, what the "
                "provider counted at its end. Left out: unlimited."},
    {.path = "keys[].limits.token_burst", .kind = value_kind::count, .fallback = "0.5 % of the rate's count, at least 1",
     .min = 1, .max = 1'000'000'000, .limit = "only with `tokens`; refilled within 3650d",
     .meaning = "Tokens admitted at once; a request that needs more waits for all of them and goes into debt."},
    {.path = "keys[].limits.concurrent", .kind = value_kind::count, .min = 1, .max = 1'000'000'000,
     .meaning = "Requests of the key in flight. Left out: unlimited."},
    {.path = "keys[].limits.max_wait", .kind = value_kind::duration, .fallback = "0", .max = hour,
     .limit = "only with `requests` or `tokens`",
     .meaning = "How long a request may wait for its turn before it gets 429."},
    {.path = "keys[].limits.shadow", .kind = value_kind::boolean, .fallback = "false",
     .meaning = "Count what these limits would refuse, and refuse nothing."},
    {.path = "keys[].limits.on_store_failure", .kind = value_kind::choice, .fallback = "keep_share", .choices = store_failures,
     .meaning = "While `state.redis` cannot be asked: go on with the last part of each limit and a part of what was left of "
                "each budget; let nothing through a limit and spend only what is held of budgets; or count as if alone."},
    {.path = "keys[].budget.daily", .kind = value_kind::money, .max = most_budget,
     .meaning = "What the key may spend from midnight to midnight in `time_zone`; then 429 `insufficient_quota`."},
    {.path = "keys[].budget.monthly", .kind = value_kind::money, .max = most_budget,
     .meaning = "The same from the first of a month to its end."},
    {.path = "keys[].budget.models.*", .kind = value_kind::money, .max = most_budget,
     .limit = "named after one of `models`, whose targets have prices",
     .meaning = "What the key may spend a day on that model."},
    {.path = "keys[].budget.soft", .kind = value_kind::percent, .fallback = "80%", .max = 100, .above = true,
     .meaning = "Told to `budget_webhook`, the log and a metric when so much of a budget is spent."},
    {.path = "keys[].may_choose_target", .kind = value_kind::boolean, .fallback = "false",
     .meaning = "Whether `x-sluice-target` is honoured."},
};
// clang-format on

}  // namespace sluice::config::schema_rows
