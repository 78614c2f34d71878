#include "json_walk.hpp"

#include "json_text.hpp"
#include <sluice/wire/request.hpp>

#include <array>

namespace sluice::wire {
namespace {

// By value, so that the walk that asks can stay in registers.
bool is_number_or_literal(json_walk at) noexcept
{
    const char c = at.peek();
    if (c == 't')
        return at.token() == "true";
    if (c == 'f')
        return at.token() == "false";
    if (c == 'n')
        return at.token() == "null";
    return (c == '-' || (c >= '0' && c <= '9')) && is_number(at.token());
}

// What closes each container that is open.
using closing_brackets = std::array<char, max_json_depth + 1>;

// Passes over one value. The brackets stand outside of it, so that all else stays in registers.
class value_skipper {
public:
    value_skipper(json_walk walk, std::size_t depth, closing_brackets& closing) noexcept
        : walk_(walk),
          closing_(closing),
          outside_(depth),
          depth_(depth)
    {
    }

    [[nodiscard]] bool skip() noexcept
    {
        auto next = coming::value;
        while (next != coming::nothing) {
            if (next == coming::value)
                next = begin_value();
            else if (depth_ == outside_)
                return true;
            else
                next = pass_behind_value();
        }
        return false;
    }
    [[nodiscard]] const json_walk& walk() const noexcept { return walk_; }

private:
    enum class coming { nothing, value, behind_value };  // nothing: it is no JSON

    coming begin_value() noexcept
    {
        const char c = walk_.peek();
        if (c != '{' && c != '[') {
            if (c != '"' && !is_number_or_literal(walk_))
                return coming::nothing;
            walk_.pass(1);
            return coming::behind_value;
        }
        if (depth_ == max_json_depth)
            return coming::nothing;
        walk_.pass(1);
        closing_[++depth_] = c == '{' ? '}' : ']';
        if (walk_.peek() == closing_[depth_])
            return pass_end(1);
        return c == '{' ? pass_name() : coming::value;
    }

    // And over members that are texts, as most are, four tokens at once.
    coming pass_name() noexcept
    {
        auto four = walk_.peek_four();
        for (; four == json_walk::packed('"', ':', '"', ','); four = walk_.peek_four())
            walk_.pass(4);
        if (four == json_walk::packed('"', ':', '"', '}'))
            return pass_end(4);
        return walk_.take('"') && walk_.take(':') ? coming::value : coming::nothing;
    }

    coming pass_behind_value() noexcept
    {
        if (walk_.take(','))
            return closing_[depth_] == '}' ? pass_name() : coming::value;
        return walk_.peek() == closing_[depth_] ? pass_end(1) : coming::nothing;
    }

    coming pass_end(std::size_t tokens) noexcept
    {
        walk_.pass(tokens);
        --depth_;
        return coming::behind_value;
    }

    json_walk walk_;
    closing_brackets& closing_;
    std::size_t outside_;
    std::size_t depth_;
};

}  // namespace

std::string_view json_walk::token() const noexcept
{
    return without_blanks_behind(text_.substr(*at_, at_[1] - *at_));
}

bool json_walk::skip_value(std::size_t depth) noexcept
{
    closing_brackets closing;
    value_skipper skipper(*this, depth, closing);
    const bool fine = skipper.skip();
    *this = skipper.walk();
    return fine;
}

}  // namespace sluice::wire
