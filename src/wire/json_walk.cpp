#include "json_walk.hpp"

#include "json_text.hpp"
#include <sluice/wire/request.hpp>

#include <array>

namespace sluice::wire {

std::string_view json_walk::token() const noexcept
{
    return without_blanks_behind(text_.substr(*at_, at_[1] - *at_));
}

bool json_walk::skip_scalar() noexcept
{
    const char c = peek();
    bool fine = c == '"';
    if (c == 't')
        fine = token() == "true";
    else if (c == 'f')
        fine = token() == "false";
    else if (c == 'n')
        fine = token() == "null";
    else if (c == '-' || (c >= '0' && c <= '9'))
        fine = is_number(token());
    at_ += fine;
    return fine;
}

bool json_walk::skip_value(std::size_t depth) noexcept
{
    std::array<char, max_json_depth + 1> closing;
    const auto outside = depth;
    for (;;) {
        const char c = peek();
        if (c == '{' || c == '[') {
            if (depth == max_json_depth)
                return false;
            const char close = c == '{' ? '}' : ']';
            closing[++depth] = close;
            ++at_;
            if (peek() != close) {
                if (c == '{' && !skip_name())
                    return false;
                continue;
            }
        } else if (!skip_scalar()) {
            return false;
        }
        // behind a value, or before the end of an empty container
        for (;;) {
            if (depth == outside)
                return true;
            if (take(',')) {
                if (closing[depth] == '}' && !skip_name())
                    return false;
                break;
            }
            if (!take(closing[depth]))
                return false;
            --depth;
        }
    }
}

}  // namespace sluice::wire
