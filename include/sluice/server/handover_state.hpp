#pragma once
// What is known of limits, breakers and credentials and stands on no disk, for the process that
// goes on with them. Instants are those of the machine's steady clock, which both processes have.

#include <sluice/base/clock.hpp>
#include <sluice/config/snapshot.hpp>
#include <sluice/server/jwks_fetcher.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::server {

// JSON. Everything goes by names: {"version": 1, "limits": {"key:ID": [requests, tokens], ...},
// "in_flight": {"key:ID": count, ...} (see handover_places.hpp),
// "credentials": {"PROVIDER:DIGEST": word}, "breakers": [[model, target, word, in a row], ...],
// "token_keys": {"url", "text"}}
[[nodiscard]] std::string state_of(
    const config::snapshot& from,
    const jwks_fetcher::answer& token_keys = {},
    std::string_view in_flight = "{}");

struct restored {
    std::size_t parts = 0;    // that have a place in the configuration and were taken
    std::size_t ignored = 0;  // that mean nothing, or are out of all bounds
    bool readable = false;    // it is such a text, of a version that is known
    jwks_fetcher::answer token_keys = {};
    std::string in_flight = {};  // of the old one, for lent_places
};
// Before anybody asks for any of it. What the configuration does not have any more is left out.
restored restore_state(const config::snapshot& into, std::string_view state, time_point now);

}  // namespace sluice::server
