#pragma once
// One HTTP/1.1 response at a time, from bytes in pieces: status, framing and the body's length are
// checked, so that a proxy that answers wrongly is found out instead of being measured.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sluice::bench {

class response_reader {
public:
    enum class state : std::uint8_t {
        more,  // needs more bytes
        done,  // one whole response has been read
        bad,   // not HTTP, or the framing is broken
    };

    // Body bytes without chunk framing, in order, in pieces as they came.
    using body_sink = std::function<void(std::string_view)>;

    explicit response_reader(body_sink sink = {})
        : sink_(std::move(sink))
    {
    }

    // Takes what belongs to the current response off the front of `bytes`. 1xx heads are skipped.
    // After `done` call next() before reading on.
    [[nodiscard]] state read(std::string_view& bytes);

    // The peer closed: whole only where closing is what ends the body.
    [[nodiscard]] state end() const noexcept;

    void next();

    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

private:
    enum class part : std::uint8_t {
        head,
        length,
        until_close,
        chunk_size,
        chunk_extension,
        chunk_data,
        chunk_end,
        trailer,
        done,
    };

    bool take_head(std::string_view& bytes);
    bool parse_head(std::string_view head);
    void field(std::string_view name, std::string_view value);
    void take_body(std::string_view& bytes);
    bool take_chunk_framing(char c);
    bool end_of_size_line() noexcept;

    body_sink sink_;
    std::string head_;
    part part_ = part::head;
    int status_ = 0;
    bool keep_alive_ = true;
    bool chunked_ = false;
    bool has_length_ = false;
    std::uint64_t left_ = 0;      // of the body or of the chunk
    unsigned size_digits_ = 0;    // of the chunk size being read
    std::size_t line_bytes_ = 0;  // of the trailer line being read
    std::uint64_t body_bytes_ = 0;
};

}  // namespace sluice::bench
