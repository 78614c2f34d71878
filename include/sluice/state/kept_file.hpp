#pragma once
// A file that is read and replaced whole and holds what is in force. What cannot be written, as
// when the disk is full, is kept until it can.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace sluice::state {

// The disk, or what this user may have of it, is full: there may be room again.
[[nodiscard]] bool is_want_of_room(const std::error_code& ec) noexcept;

// One thread. Blocks on the disk.
class kept_file {
public:
    // `max_bytes`: more is not written.
    kept_file(std::string path, std::size_t max_bytes);

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    // Its content, `max_bytes` + 1 at most: one too many tells that there was more. A file that is
    // not there is as good as one of `none`.
    [[nodiscard]] std::error_code read(std::string& text, std::string_view none);

    // On the disk, whole, when it returns without an error; with one, the old file is still there
    // and `text` is late, unless it is what that file holds. std::errc::file_too_large: more than
    // read() would read. Mode 0600.
    [[nodiscard]] std::error_code save(std::string text);

    // The last save() has not come to the disk.
    [[nodiscard]] bool late() const noexcept { return late_.has_value(); }
    // Tries it again.
    [[nodiscard]] std::error_code write_late();

    // Renames a file that is of no use, or cannot be read, to PATH.corrupt (then PATH.corrupt.2 and
    // so on): the next save() would replace it. Says what became of it.
    [[nodiscard]] std::string put_aside();

private:
    [[nodiscard]] std::error_code replace(std::string_view text);

    std::string path_;
    std::string directory_;
    std::size_t max_bytes_;
    std::optional<std::size_t> on_disk_;  // the hash of what is there; none: nobody knows
    std::optional<std::string> late_;
};

}  // namespace sluice::state
