#pragma once
// Live changes on disk, so that they survive a restart and a kill -9.

#include <sluice/config/build.hpp>
#include <sluice/state/directory.hpp>
#include <sluice/state/kept_file.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sluice::state {

struct saved_overrides {
    config::overrides overrides;
    std::uint64_t version = 0;  // of the snapshot they made; later versions begin above it
};

// Control thread.
class override_store {
public:
    static constexpr std::string_view file_name = "overrides.json";
    static constexpr std::size_t max_file_bytes = std::size_t{16} << 20U;

    // `where` outlives the store.
    explicit override_store(const directory& where);

    struct load_result {
        saved_overrides saved;  // empty where there is no file or it was of no use
        std::string
            complaint;  // not empty: what is wrong, with the file's name and where it is kept
    };

    // A file that cannot be used is renamed to overrides.json.corrupt and told about.
    [[nodiscard]] load_result load();

    // On the disk, whole, when it returns without an error; with one, the old file is still there.
    // std::errc::file_too_large: more than load() would read.
    [[nodiscard]] std::error_code save(const config::overrides& overrides, std::uint64_t version);

    [[nodiscard]] kept_file& file() noexcept { return file_; }

private:
    kept_file file_;
};

// The file's content; for save(), and for `ctl config` to show.
[[nodiscard]] std::string to_json(const saved_overrides& saved);

// {"TARGET": WEIGHT, ...} of one model.
[[nodiscard]] std::string to_json(const std::vector<config::target_weight>& weights);
[[nodiscard]] std::optional<std::vector<config::target_weight>> weights_from_json(
    std::string_view text);

// Nothing: not what to_json writes. Any bytes.
[[nodiscard]] std::optional<saved_overrides> overrides_from_json(std::string_view text);

}  // namespace sluice::state
