#pragma once
// Where lines go: stderr or a file, never waiting for a reader.

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::observe {

// One thread at a time. The process ignores SIGPIPE.
class line_sink {
public:
    // "stderr", or a file that is appended to and created with mode 0640. Throws std::system_error.
    explicit line_sink(const std::string& path);
    // Takes over an open descriptor, which may block: it is asked before it is written to.
    explicit line_sink(int fd);
    ~line_sink();
    line_sink(const line_sink&) = delete;
    line_sink& operator=(const line_sink&) = delete;

    struct outcome {
        std::size_t bytes = 0;
        int error = 0;  // errno; EAGAIN: the reader does not keep up
    };

    // Whole lines, each of at most 4 KiB. Writes a part of them; into a pipe only whole lines, so
    // that those of several writers do not mix.
    [[nodiscard]] outcome write(std::string_view lines) noexcept;

    [[nodiscard]] int fd() const noexcept { return fd_; }  // to wait for the reader

    // Whether somebody who wrote to this file before ended within a line.
    [[nodiscard]] bool ends_within_a_line() const noexcept;

private:
    [[nodiscard]] bool ready() const noexcept;

    int fd_ = -1;
    bool file_ = false;  // regular: writing may be slow but does not wait for anybody
    bool socket_ = false;
};

}  // namespace sluice::observe
