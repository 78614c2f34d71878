#pragma once
// What this gateway and the others have changed, on disk, and written there before a change comes
// into force: after a crash in between, the start brings it into force.

#include <sluice/state/directory.hpp>
#include <sluice/state/kept_file.hpp>
#include <sluice/state/spread.hpp>
#include <sluice/state/spread_items.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sluice::state {

// Control thread.
class spread_book {
public:
    static constexpr std::string_view file_name = "spread.json";
    static constexpr std::size_t max_file_bytes = std::size_t{256} << 20U;

    // Reads the file; one that cannot be used is renamed to spread.json.corrupt, see complaint().
    spread_book(const directory& where, std::string gateway);

    [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }
    [[nodiscard]] spread_list& list() noexcept { return list_; }
    [[nodiscard]] const spread_list& list() const noexcept { return list_; }

    // Made here, now, and at once: they have one version, so who has changed one of them since
    // knew of the others. Known even when it cannot be written, which is answered.
    [[nodiscard]] std::error_code note(std::span<const live_change> changes);
    // What is here although nobody has noted it: from before there was a book. Not written.
    void seed(std::span<const live_change> changes);
    [[nodiscard]] std::error_code save();

    // Called by note() when there is something new.
    void on_change(std::function<void()> tell) { tell_ = std::move(tell); }
    // Whether the others hear of a change soon.
    void reachable(bool is) noexcept { reachable_ = is; }
    // What who makes a change is to be told of that; empty: they do.
    [[nodiscard]] std::string_view warning() const noexcept;

    [[nodiscard]] kept_file& file() noexcept { return file_; }

private:
    kept_file file_;
    std::string complaint_;
    spread_list list_;
    std::function<void()> tell_;
    bool reachable_ = false;
};

// The file's content.
[[nodiscard]] std::string to_json(const spread_list& list);
// Into a list that is empty. False: not what to_json writes. Any bytes.
[[nodiscard]] bool spread_from_json(std::string_view text, spread_list& into);

}  // namespace sluice::state
