#pragma once
// A rollout's settings as JSON in the spelling of the configuration: the body of PUT .../rollout,
// what GET shows, and what rollouts.json keeps.

#include <sluice/policy/rollout.hpp>
#include <sluice/server/json_writer.hpp>

#include <simdjson.h>

#include <optional>
#include <string>

namespace sluice::server {

// {"steps": ["5%"], "every": "1h", "minimum": 500, "false_rollbacks": "0.5%", "guards": {...}}
void write_settings(json_writer& out, const policy::rollout_settings& settings);

struct settings_error {
    std::string member;
    std::string what;
};

// Members that are not there leave `into` as it is; null and "off" unset a guard; a share may be a
// number of percent. None: it holds.
[[nodiscard]] std::optional<settings_error> read_settings(
    simdjson::dom::object members, policy::rollout_settings& into);

// The first that the configuration would not take; read_settings() takes all that can be gone by,
// as it was once put.
[[nodiscard]] std::optional<settings_error> beyond_bounds(const policy::rollout_settings& settings);

}  // namespace sluice::server
