#pragma once
// Keys that were made, changed or revoked while the gateway ran, and how they lie over the file's.

#include <sluice/config/snapshot.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

inline constexpr std::size_t max_live_keys = 10'000;
inline constexpr std::size_t max_secrets = 8;  // that let in at the same time

struct live_key {
    // Laid over the key that the file has of this id: its settings are the file's.
    bool of_file = false;
    std::string settings = "{}";  // JSON: what a key of the file may have besides `id` and `hash`
    std::vector<key_secret> secrets;  // made here, newest first
    std::vector<key_secret> retired;  // of the file's own secrets: when they end
    bool disabled = false;
    std::chrono::sys_seconds created{};
    key parsed;  // what `settings` say; see parse_settings()

    friend bool operator==(const live_key& a, const live_key& b)
    {
        return a.of_file == b.of_file && a.settings == b.settings && a.secrets == b.secrets
               && a.retired == b.retired && a.disabled == b.disabled && a.created == b.created;
    }
};

struct live_keys {
    std::map<std::string, live_key, std::less<>> by_id;
    // Since the first one there has to be a key, also when the last one is gone again.
    bool closed = false;

    friend bool operator==(const live_keys&, const live_keys&) = default;
};

// Reads a JSON object as the file's reader would read a key's members, without ${...}, and answers
// its complaints: "limits.burst: means nothing ...". Models have to be among those of `file`.
[[nodiscard]] std::vector<std::string> read_key_settings(
    std::string_view json, const snapshot& file, key& into);

// `changes` over `settings`, both JSON objects, as by RFC 7396: member by member, null takes one
// away. Empty: one of them is no object.
[[nodiscard]] std::string with_changes(std::string_view settings, std::string_view changes);

// `more` over `changes`, for something that has neither yet: what is null in one of them still
// takes away. Empty: as above.
[[nodiscard]] std::string changes_together(std::string_view changes, std::string_view more);

// Fills in `parsed`. A right to a model that the file does not have gives nothing and is fine; a
// key whose settings do not hold otherwise lets nobody in. Answers what is wrong with which.
[[nodiscard]] std::vector<std::string> parse_settings(live_keys& keys, const snapshot& file);

// Adds them to the keys of the file. Answers those that are passed over because the file has the
// same id now.
[[nodiscard]] std::vector<std::string> lay_over(const live_keys& keys, snapshot& settings);

}  // namespace sluice::config
