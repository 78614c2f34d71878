#include <sluice/http/octets.hpp>
#include <sluice/http/scanner.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice::http {

namespace {

constexpr std::string_view answer_start = "HTTP/1.";

// Where the LFs from `from` on stand, one after the other: 64 octets are looked at together.
class line_feeds {
public:
    line_feeds(std::string_view text, std::size_t from) noexcept
        : begin_(text.data()),
          next_(begin_ + from),
          end_(begin_ + text.size())
    {
    }

    // Null: there is none left.
    [[nodiscard]] const char* next() noexcept
    {
        while (found_ == 0) {
            if (next_ == end_)
                return nullptr;
            look();
        }
        const char* const at = block_ + std::countr_zero(found_);
        found_ &= found_ - 1;
        return at;
    }

private:
    static constexpr std::ptrdiff_t most = 64;

    void look() noexcept
    {
        block_ = next_;
        const auto left = end_ - next_;
#if defined(__SSE2__)
        if (left >= most) {
            found_ = sixteen(block_) | sixteen(block_ + 16) << 16U | sixteen(block_ + 32) << 32U
                     | sixteen(block_ + 48) << 48U;
            next_ += most;
            return;
        }
        // What is left, in pieces of which the last one overlaps what was looked at before.
        unsigned at = 0;
        for (; left - at >= 16; at += 16)
            found_ |= sixteen(block_ + at) << at;
        if (at < left && end_ - begin_ >= 16) {
            const auto seen = static_cast<unsigned>(16 - (left - at));
            found_ |= sixteen(end_ - 16) >> seen << at;
            next_ = end_;
            return;
        }
#else
        unsigned at = 0;
#endif
        for (; at < std::min(left, most); ++at)
            found_ |= std::uint64_t{block_[at] == '\n'} << at;
        next_ += at;
    }

#if defined(__SSE2__)
    [[nodiscard]] static std::uint64_t sixteen(const char* from) noexcept
    {
        const auto octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        return static_cast<unsigned>(
            _mm_movemask_epi8(_mm_cmpeq_epi8(octets, _mm_set1_epi8('\n'))));
    }
#endif

    const char* begin_;
    const char* next_;  // behind what has been looked at
    const char* end_;
    const char* block_ = nullptr;
    std::uint64_t found_ = 0;  // in the block; those not told yet
};

}  // namespace

void head_scanner::reset() noexcept
{
    *this = head_scanner{kind_, limits_};
}

head_scanner::answer head_scanner::refuse(std::string_view message, errc code) const noexcept
{
    const errc whose = kind_ == message_kind::request ? code : errc::upstream_invalid;
    return {progress::refused, 0, 0, {whose, message}};
}

bool head_scanner::starts_wrong(std::string_view buffer) noexcept
{
    if (kind_ == message_kind::response) {
        const std::size_t size = std::min(buffer.size(), answer_start.size());
        started_ = size == answer_start.size();
        return buffer.substr(0, size) != answer_start.substr(0, size);
    }
    if (buffer.starts_with('\r')) {
        if (buffer.size() < 3)
            return buffer.size() == 2 && buffer[1] != '\n';
        if (buffer[1] != '\n')
            return true;
        begin_ = 2;
        line_begin_ = 2;
        scanned_ = 2;
    }
    started_ = true;
    return !is(buffer[begin_], octets::token);
}

head_scanner::answer head_scanner::scan(std::string_view buffer) noexcept
{
    if (!started_) {
        if (!buffer.empty() && starts_wrong(buffer))
            return refuse("this is not HTTP/1.1", errc::bad_request);
        if (!started_)
            return {progress::incomplete, 0, 0, {}};
    }

    const char* const base = buffer.data();
    line_feeds feeds(buffer, std::min(scanned_, buffer.size()));
    while (const char* const feed = feeds.next()) {
        const auto lf = static_cast<std::size_t>(feed - base);
        if (lf == line_begin_ || feed[-1] != '\r')
            return refuse("a line ends in a bare LF", errc::bad_request);
        const std::size_t line_bytes = lf - 1 - line_begin_;
        if (lf + 1 - begin_ > limits_.head_bytes)
            break;
        if (line_bytes == 0)
            return {progress::complete, begin_, lf + 1 - begin_, {}};
        if (line_bytes > limits_.line_bytes)
            return refuse("a header line is longer than allowed", errc::head_too_large);
        if (++lines_ > limits_.fields + 1)
            return refuse("more header fields than allowed", errc::head_too_large);
        line_begin_ = lf + 1;
    }

    // What is here holds no end, so the whole head is at least one octet longer.
    scanned_ = buffer.size();
    if (scanned_ - line_begin_ > limits_.line_bytes + 1)
        return refuse("a header line is longer than allowed", errc::head_too_large);
    if (scanned_ - begin_ >= limits_.head_bytes)
        return refuse("the head is larger than allowed", errc::head_too_large);
    return {progress::incomplete, 0, 0, {}};
}

}  // namespace sluice::http
