#include "response_reader.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::bench {
namespace {

constexpr std::size_t head_bytes_max = 64U << 10U;

bool same_word(std::string_view a, std::string_view b) noexcept
{
    return std::ranges::equal(a, b, [](char x, char y) {
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        };
        return lower(x) == lower(y);
    });
}

std::string_view trimmed(std::string_view text) noexcept
{
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

int hex_value(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void response_reader::next()
{
    head_.clear();
    part_ = part::head;
    status_ = 0;
    keep_alive_ = true;
    body_bytes_ = 0;
}

response_reader::state response_reader::end() const noexcept
{
    return part_ == part::until_close ? state::done : state::bad;
}

response_reader::state response_reader::read(std::string_view& bytes)
{
    while (part_ != part::done && !bytes.empty()) {
        switch (part_) {
        case part::head:
            if (!take_head(bytes))
                return state::bad;
            break;
        case part::length:
        case part::until_close:
        case part::chunk_data:
            take_body(bytes);
            break;
        default:
            if (!take_chunk_framing(bytes.front()))
                return state::bad;
            bytes.remove_prefix(1);
        }
    }
    return part_ == part::done ? state::done : state::more;
}

bool response_reader::take_head(std::string_view& bytes)
{
    if (head_.empty()) {
        const std::size_t end = bytes.find("\r\n\r\n");
        if (end != std::string_view::npos) {
            const std::string_view head = bytes.substr(0, end + 2);
            bytes.remove_prefix(end + 4);
            return parse_head(head);
        }
    }
    const std::size_t before = head_.size();
    head_.append(bytes);
    const std::size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
    if (end == std::string::npos) {
        bytes = {};
        return head_.size() <= head_bytes_max;
    }
    bytes.remove_prefix(end + 4 - before);
    const std::string head = head_.substr(0, end + 2);
    head_.clear();
    return parse_head(head);
}

// `head` is every line with its CRLF, without the empty one.
bool response_reader::parse_head(std::string_view head)
{
    if (head.size() < 14 || !head.starts_with("HTTP/1.") || head[8] != ' ')
        return false;
    const auto [end, error] = std::from_chars(head.data() + 9, head.data() + 12, status_);
    if (error != std::errc{} || end != head.data() + 12 || status_ < 100)
        return false;
    keep_alive_ = head[7] == '1';
    chunked_ = has_length_ = false;
    left_ = 0;
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
        const std::size_t line_end = head.find("\r\n");
        const std::string_view line = head.substr(0, line_end);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos)
            return false;
        field(line.substr(0, colon), trimmed(line.substr(colon + 1)));
        head.remove_prefix(line_end + 2);
    }
    if (status_ < 200)
        part_ = part::head;
    else if (status_ == 204 || status_ == 304)
        part_ = part::done;
    else if (chunked_)
        part_ = part::chunk_size;
    else if (has_length_)
        part_ = left_ == 0 ? part::done : part::length;
    else
        part_ = part::until_close;
    size_digits_ = 0;
    return true;
}

void response_reader::field(std::string_view name, std::string_view value)
{
    if (same_word(name, "content-length")) {
        const char* const end = value.data() + value.size();
        const auto [stop, error] = std::from_chars(value.data(), end, left_);
        has_length_ = error == std::errc{} && stop == end;
    } else if (same_word(name, "transfer-encoding")) {
        chunked_ = same_word(value, "chunked");
    } else if (same_word(name, "connection") && same_word(value, "close")) {
        keep_alive_ = false;
    }
}

void response_reader::take_body(std::string_view& bytes)
{
    std::size_t n = bytes.size();
    if (part_ != part::until_close)
        n = static_cast<std::size_t>(std::min<std::uint64_t>(n, left_));
    if (sink_)
        sink_(bytes.substr(0, n));
    bytes.remove_prefix(n);
    body_bytes_ += n;
    if (part_ == part::until_close)
        return;
    left_ -= n;
    if (left_ == 0)
        part_ = part_ == part::length ? part::done : part::chunk_end;
}

bool response_reader::end_of_size_line() noexcept
{
    if (size_digits_ == 0)
        return false;
    part_ = left_ == 0 ? part::trailer : part::chunk_data;
    size_digits_ = 0;
    line_bytes_ = 0;
    return true;
}

bool response_reader::take_chunk_framing(char c)
{
    switch (part_) {
    case part::chunk_size:
        if (const int digit = hex_value(c); digit >= 0) {
            left_ = size_digits_ == 0 ? 0 : left_;
            left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
            return ++size_digits_ <= 15;
        }
        if (c == '\n')
            return end_of_size_line();
        part_ = c == '\r' ? part_ : part::chunk_extension;
        return c == '\r' || c == ';' || c == ' ';
    case part::chunk_extension:
        return c != '\n' || end_of_size_line();
    case part::chunk_end:
        if (c == '\n')
            part_ = part::chunk_size;
        return c == '\n' || c == '\r';
    default:  // trailer: lines until an empty one
        if (c == '\n') {
            part_ = line_bytes_ == 0 ? part::done : part_;
            line_bytes_ = 0;
        } else if (c != '\r') {
            ++line_bytes_;
        }
        return true;
    }
}

}  // namespace sluice::bench
