#include "blocks.hpp"
#include "json_text.hpp"
#include <sluice/wire/json_watch.hpp>

#include <algorithm>

namespace sluice::wire {

void json_watch::follow() noexcept
{
    following_ = true;
    follow_depth_ = depth_;
    value_bytes_ = 0;
}

void json_watch::keep(char c) noexcept
{
    if (following_ && value_bytes_ < value_.size())
        value_[value_bytes_++] = c;
}

// A backslash, or the byte behind it.
void json_watch::keep_escape(char c) noexcept
{
    keep(c);
    if (!following_ && name_bytes_ < name_.size())
        name_[name_bytes_++] = c;
}

// One byte outside strings. True: it ended the value that is followed.
bool json_watch::ground(char c) noexcept
{
    if (is_blank(c))
        return false;
    keep(c);
    if (first_ == 0)
        first_ = c == 0 ? '?' : c;
    if (c == '"') {
        state_ = state::string;
        name_bytes_ = 0;
        name_too_long_ = false;
    } else if (c == '{' || c == '[') {
        ++depth_;
    } else if (c == '}' || c == ']') {
        bad_ = bad_ || depth_ == 0;
        depth_ -= depth_ != 0;
        return following_ && depth_ == follow_depth_;
    }
    return false;
}

// The bytes up to the next quote or backslash.
void json_watch::string_run(const char*& p, const char* end) noexcept
{
    const char* const stop = find_either(p, end, '"', '\\');
    const auto run = static_cast<std::size_t>(stop - p);
    if (following_) {
        const auto kept = std::min(run, value_.size() - value_bytes_);
        std::copy_n(p, kept, value_.data() + value_bytes_);
        value_bytes_ = static_cast<std::uint8_t>(value_bytes_ + kept);
    } else {
        const auto kept = std::min(run, name_.size() - name_bytes_);
        std::copy_n(p, kept, name_.data() + name_bytes_);
        name_bytes_ = static_cast<std::uint8_t>(name_bytes_ + kept);
        name_too_long_ = name_too_long_ || kept != run;
    }
    p = stop;
}

void json_watch::pass(std::string_view text)
{
    const char* p = text.data();
    while (next(p, text.data() + text.size()) != hit::none) {
    }
}

json_watch::hit json_watch::next(const char*& p, const char* end)
{
    while (p != end) {
        switch (state_) {
        case state::ground: {
            const char c = *p;
            // A number or literal ends with the byte behind it.
            if (following_ && depth_ == follow_depth_ && value_bytes_ != 0
                && (is_blank(c) || c == ',' || c == '}' || c == ']')) {
                following_ = false;
                return hit::value_end;
            }
            ++p;
            if (ground(c)) {
                following_ = false;
                return hit::value_end;
            }
            break;
        }
        case state::string: {
            string_run(p, end);
            if (p == end)
                break;
            const char c = *p++;
            if (c == '\\') {
                keep_escape(c);
                state_ = state::escape;
                break;
            }
            keep(c);
            state_ = following_ ? state::ground : state::after_string;
            if (following_ && depth_ == follow_depth_) {
                following_ = false;
                return hit::value_end;
            }
            break;
        }
        case state::escape:
            keep_escape(*p++);
            state_ = state::string;
            break;
        case state::after_string:
            if (is_blank(*p)) {
                ++p;
            } else if (*p == ':') {
                ++p;
                state_ = state::after_colon;
            } else {
                state_ = state::ground;
            }
            break;
        case state::after_colon:
            if (is_blank(*p)) {
                ++p;
                break;
            }
            state_ = state::ground;
            name_bytes_ = name_too_long_ ? std::uint8_t{0} : name_bytes_;
            return hit::member;
        }
    }
    return hit::none;
}

}  // namespace sluice::wire
