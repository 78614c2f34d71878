#pragma once
// What a configuration may ask of the machine. Everything else in the program is told; only this
// looks.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace sluice::config {

// The functions are called on the thread that loads, do not throw and may be replaced by a test.
struct environment {
    // Value of a variable; none: not set.
    std::function<std::optional<std::string>(const std::string& name)> variable;

    // Content of a regular file of at most 1 MiB; none: missing, unreadable, larger or not a file.
    std::function<std::optional<std::string>(const std::string& path)> file;

    // What keeps PEM files from being used, in words; empty: nothing. Left out: all of them are
    // taken as they are.
    std::function<std::string(const std::string& path)> certificate_fault;
    std::function<std::string(const std::string& path, const std::string& certificate)>
        private_key_fault;
    std::function<std::string(const std::string& path)> authorities_fault;

    // What keeps lines from being appended to a file, which need not be there yet; empty: nothing.
    // Left out: nothing ever does.
    std::function<std::string(const std::string& path)> append_fault;

    // What `workers: auto` means: the cores this process may use, at least 1.
    std::size_t cores = 1;
};

// The real one: getenv, the file system, OpenSSL, and cores by affinity and cgroup quota.
[[nodiscard]] environment process_environment();

// Content of a regular file of at most `max_bytes`; none: it is not that, or cannot be read.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path, std::size_t max_bytes);
// Where there is none, `why` says why.
[[nodiscard]] std::optional<std::string> read_file(
    const std::string& path, std::size_t max_bytes, std::string& why);

}  // namespace sluice::config
