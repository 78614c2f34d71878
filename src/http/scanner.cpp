#include <sluice/http/octets.hpp>
#include <sluice/http/scanner.hpp>

#include <algorithm>
#include <cstring>

namespace sluice::http {

namespace {

constexpr std::string_view answer_start = "HTTP/1.";

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
    while (scanned_ < buffer.size()) {
        const void* const found = std::memchr(base + scanned_, '\n', buffer.size() - scanned_);
        if (found == nullptr)
            break;
        const auto lf = static_cast<std::size_t>(static_cast<const char*>(found) - base);
        if (lf == line_begin_ || base[lf - 1] != '\r')
            return refuse("a line ends in a bare LF", errc::bad_request);
        const std::size_t line_bytes = lf - 1 - line_begin_;
        scanned_ = lf + 1;
        if (scanned_ - begin_ > limits_.head_bytes)
            break;
        if (line_bytes == 0)
            return {progress::complete, begin_, scanned_ - begin_, {}};
        if (line_bytes > limits_.line_bytes)
            return refuse("a header line is longer than allowed", errc::head_too_large);
        if (++lines_ > limits_.fields + 1)
            return refuse("more header fields than allowed", errc::head_too_large);
        line_begin_ = scanned_;
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
