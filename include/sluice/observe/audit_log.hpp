#pragma once
// Who changed what, when, from what to what: JSON lines in the state directory, only ever appended
// to. Bounded: a full file becomes NAME.1, in place of the one that was called so.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace sluice::observe {

struct audit_entry {
    std::string_view
        actor;  // how the caller was authenticated: "admin", "signal", ...; not a token
    std::string_view remote;  // address, empty for a signal
    std::string_view action;  // "set_weights", "reload", ...
    std::string_view path;    // the admin API's path
    std::string_view from;    // as text; each of the two is cut at 16 KiB
    std::string_view to;
    std::uint64_t version = 0;  // of the snapshot that came of it
    std::string_view reason{};  // left out where it is empty
};

// Any thread; blocks on the disk, so not a worker's.
class audit_log {
public:
    // `path` is created with mode 0600. A last line that a crash tore is closed off and stays as it
    // is. Throws std::system_error.
    explicit audit_log(std::string path, std::size_t max_bytes = std::size_t{16} << 20U);
    ~audit_log();
    audit_log(const audit_log&) = delete;
    audit_log& operator=(const audit_log&) = delete;

    // On the disk when it returns without an error. With one, the file is as it was before.
    [[nodiscard]] std::error_code append(const audit_entry& entry);

    // The same for what happens all the same: with an error the entry is late, unless there are a
    // MiB of such.
    [[nodiscard]] std::error_code enter(const audit_entry& entry);
    // Whether there are entries that are not in the file.
    [[nodiscard]] bool late() const;
    // Tries to write them; so does append().
    [[nodiscard]] std::error_code write_late();

    // The last `count` entries, newest first, each one JSON object, late ones included. Reads at
    // most the last MiB of each file; torn lines are passed over.
    [[nodiscard]] std::vector<std::string> recent(std::size_t count) const;

    // Of the last entry; 0 when there is none.
    [[nodiscard]] std::uint64_t last_version() const;

private:
    [[nodiscard]] std::error_code begin_new_file();
    [[nodiscard]] std::error_code write(std::string_view lines);
    [[nodiscard]] std::error_code put(const audit_entry& entry, bool firmly);

    mutable std::mutex mutex_;
    std::string path_;
    std::string older_;
    std::size_t max_bytes_;
    int file_ = -1;
    std::string late_;  // whole lines
};

}  // namespace sluice::observe
