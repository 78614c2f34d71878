#include "blocks.hpp"
#include "find_pair.hpp"
#include "json_text.hpp"
#include <sluice/wire/key_finder.hpp>

#include <algorithm>

namespace sluice::wire {

// From p on, for the whole name or its front at the end of the input.
bool key_finder::search(const char*& p, const char* end)
{
    const char* const begin = p;
    const auto opens = [&](const char* quote) {
        return (quote == begin ? before_ : quote[-1]) != '\\';
    };
    // The first letter and the quote behind the name: two quotes so far apart are more frequent.
    const auto gap = name_.size() + 1;
    const char* from = begin + 1;
    while (const char* const hit = find_pair(from, end, name_.front(), '"', name_.size())) {
        const char* const quote = hit - 1;
        if (*quote == '"' && std::string_view(hit, name_.size()) == name_ && opens(quote)) {
            p = quote + gap + 1;
            return true;
        }
        from = hit + 1;
    }
    p = end - std::min(end - begin, static_cast<std::ptrdiff_t>(gap));
    for (; p != end; ++p) {
        const std::string_view rest(p + 1, static_cast<std::size_t>(end - p - 1));
        if (*p != '"' || !name_.starts_with(rest) || !opens(p))
            continue;
        matched_ = static_cast<std::uint8_t>(rest.size());
        state_ = state::in_name;
        p = end;
        return false;
    }
    return false;
}

bool key_finder::next(const char*& p, const char* end)
{
    while (p != end) {
        switch (state_) {
        case state::searching:
            if (search(p, end))
                state_ = state::before_colon;
            else
                before_ = end[-1];
            break;
        case state::in_name:
            if (matched_ == name_.size() ? *p == '"' : *p == name_[matched_]) {
                state_ = matched_ == name_.size() ? state::before_colon : state::in_name;
                ++matched_;
                before_ = *p++;
            } else {
                state_ = state::searching;
            }
            break;
        case state::before_colon:
        case state::before_value:
            if (is_blank(*p)) {
                before_ = *p++;
            } else if (state_ == state::before_value) {
                state_ = state::searching;
                return true;
            } else if (*p == ':') {
                before_ = *p++;
                state_ = state::before_value;
            } else {
                before_ = '"';
                state_ = state::searching;
            }
            break;
        }
    }
    return false;
}

bool object_end::next(const char*& p, const char* end)
{
    while (p != end) {
        if (escaped_) {
            escaped_ = false;
            ++p;
        } else if (in_string_) {
            p = find_either(p, end, '"', '\\');
            if (p == end)
                break;
            escaped_ = *p == '\\';
            in_string_ = escaped_;
            ++p;
        } else {
            const char c = *p++;
            in_string_ = c == '"';
            if (c == '{' || c == '[')
                ++depth_;
            else if ((c == '}' || c == ']') && --depth_ == 0)
                return true;
        }
    }
    return false;
}

}  // namespace sluice::wire
