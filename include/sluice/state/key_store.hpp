#pragma once
// Keys made, changed and revoked at run time, on disk. Of their secrets only the hashes are known.

#include <sluice/config/live_keys.hpp>
#include <sluice/state/directory.hpp>
#include <sluice/state/kept_file.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace sluice::state {

// Control thread.
class key_store {
public:
    static constexpr std::string_view file_name = "keys.json";
    static constexpr std::size_t max_file_bytes = std::size_t{64} << 20U;

    explicit key_store(const directory& where);

    struct load_result {
        config::live_keys keys;  // without `parsed`
        std::string complaint;   // as override_store's
    };

    // A file that cannot be used is renamed to keys.json.corrupt and told about; its copy stands in
    // for it, since without either keys of the file that were revoked let in again. The gateway is
    // closed then: whoever had keys is not to find it open. Without a file there are no keys,
    // whatever the copy says.
    [[nodiscard]] load_result load();

    // On the disk, whole, when it returns without an error; with one, the old file is still there.
    [[nodiscard]] std::error_code save(const config::live_keys& keys);

    // As of kept_file, with the copy.
    [[nodiscard]] bool late() const noexcept { return file_.late() || copy_.late(); }
    [[nodiscard]] std::error_code write_late();

private:
    void copy(const std::string& text);
    [[nodiscard]] std::string stand_in(load_result& lost);

    kept_file file_;
    kept_file copy_;  // keys.json.copy
};

[[nodiscard]] std::string to_json(const config::live_keys& keys);

// One of them, without `parsed`.
[[nodiscard]] std::string to_json(const config::live_key& key);
[[nodiscard]] std::optional<config::live_key> key_from_json(std::string_view text);

// Nothing: not what to_json writes. Any bytes.
[[nodiscard]] std::optional<config::live_keys> keys_from_json(std::string_view text);

}  // namespace sluice::state
