#include "json_text.hpp"
#include "sse_glance.hpp"
#include <sluice/wire/sse_tap.hpp>

#include <algorithm>
#include <array>

namespace sluice::wire {
namespace {

constexpr std::string_view done_mark = "[DONE]";
constexpr std::string_view error_name = "error";
constexpr std::size_t max_usage_bytes = 4 * 1024;
constexpr std::uint8_t no_match = 0xff;

// How many bytes of `mark` are matched after `bytes`, when `matched` were before.
std::uint8_t match_on(std::string_view mark, std::uint8_t matched, std::string_view bytes)
{
    if (matched >= mark.size())
        return matched;
    const auto rest = mark.substr(matched);
    const auto common = std::min(rest.size(), bytes.size());
    return rest.substr(0, common) == bytes.substr(0, common)
               ? static_cast<std::uint8_t>(matched + common)
               : no_match;
}

// The same for text that has to end where `mark` ends.
std::uint8_t match_all(std::string_view mark, std::uint8_t matched, std::string_view bytes)
{
    return matched <= mark.size() && mark.substr(matched).starts_with(bytes)
               ? static_cast<std::uint8_t>(matched + bytes.size())
               : no_match;
}

// How deep an answer's own usage stands in this member of the outermost object.
std::uint8_t depth_of_usage(endpoint where, std::string_view member)
{
    if (where == endpoint::responses)
        return member == "response" ? 2 : 0;
    if (member == "choices")
        return 3;  // Moonshot
    if (member == "x_groq")
        return 2;
    return member == "usage" ? 1 : 0;
}

}  // namespace

std::string_view label_of(finish reason) noexcept
{
    constexpr std::array<std::string_view, 9> labels{
        "none",
        "stop",
        "length",
        "tool_calls",
        "content_filter",
        "other",
        "completed",
        "incomplete",
        "failed"};
    return labels[static_cast<std::size_t>(reason)];
}

bool sse_tap::legal_end() const noexcept
{
    if (where_ == endpoint::responses)
        return finish_ != finish::none;
    return (done_ || finish_ != finish::none) && !in_band_error_;
}

bool sse_tap::said_all() const noexcept
{
    const bool last_word = where_ == endpoint::responses ? finish_ != finish::none : done_;
    return (last_word || in_band_error_) && at_event_boundary();
}

std::optional<time_point> sse_tap::first_token_at() const noexcept
{
    return content_events_ != 0 ? std::optional(first_token_at_) : std::nullopt;
}

std::optional<time_point> sse_tap::last_token_at() const noexcept
{
    return content_events_ != 0 ? std::optional(last_token_at_) : std::nullopt;
}

void sse_tap::feed(std::span<const char> payload, time_point now)
{
    const char* p = payload.data();
    const char* const end = p + payload.size();
    while (p != end) {
        if (const auto event = framer_.whole_event(p, end)) {
            on_event(*event, now);
            continue;
        }
        std::string_view bytes;
        const auto part = framer_.next(p, end, bytes);
        const auto field = framer_.current();
        if (part == sse_framer::part::event_end) {
            on_event_end();
        } else if (field == sse_framer::field::data && part != sse_framer::part::none) {
            if (!in_data_)
                on_data_start();
            if (part == sse_framer::part::value) {
                if (in_cut_line_ || p == end)
                    on_cut(bytes);
                on_data(bytes, now);
            } else {
                second_line_ = true;
                in_cut_line_ = false;
            }
        } else if (field == sse_framer::field::event) {
            if (part == sse_framer::part::value)
                name_matched_ = match_all(error_name, name_matched_, bytes);
            if (part == sse_framer::part::line_end)
                on_name_end();
        } else if (field == sse_framer::field::error) {
            in_band_error_ = true;
        }
    }
}

void sse_tap::on_event(const sse_framer::event& event, time_point now)
{
    if (event.name == error_name)
        in_band_error_ = true;
    const auto seen = glance(where_, event.data);
    if (seen == glimpse::unclear) {
        on_data_start();
        on_data(event.data, now);
        on_event_end();
        return;
    }
    ++events_;
    event_has_content_ = event_has_usage_ = false;
    reasoning_shown_ = reasoning_shown_ || seen == glimpse::reasoning;
    if (seen != glimpse::nothing)
        on_content(now);
}

void sse_tap::on_data_start()
{
    in_data_ = true;
    in_cut_line_ = second_line_ = false;
    ++events_;
    event_has_content_ = event_has_usage_ = false;
    done_matched_ = 0;
    watch_.reset();
    usage_depth_ = 0;
    wanted_ = wanted::nothing;
}

// A line's first piece, which ends with the piece at hand, or one after it.
void sse_tap::on_cut(std::string_view bytes)
{
    if (!in_cut_line_)
        cut_ = {};
    in_cut_line_ = true;
    cut_.feed(bytes);
}

void sse_tap::append_last_event(std::string& out, std::string_view error) const
{
    if (in_cut_line_ && !second_line_ && cut_.close_with(out, error)) {
        out += "\n\n";
        return;
    }
    if (!framer_.at_line_start())
        out += '\n';
    // An event that has data is ended, one that has none goes on. An LF behind a CR ends nothing.
    if (in_data_)
        out += framer_.lf_may_follow() ? "\n\n" : "\n";
    out += "data: {";
    out += error;
    out += "}\n\n";
}

void sse_tap::on_name_end()
{
    in_band_error_ = in_band_error_ || name_matched_ == error_name.size();
    name_matched_ = 0;
}

void sse_tap::on_event_end()
{
    if (in_data_ && done_matched_ != done_mark.size() && !watch_.complete())
        ++malformed_events_;
    in_data_ = false;
    spill_.reset();
}

void sse_tap::on_data(std::string_view bytes, time_point now)
{
    done_matched_ = match_on(done_mark, done_matched_, bytes);
    done_ = done_ || done_matched_ == done_mark.size();

    const char* p = bytes.data();
    const char* const end = p + bytes.size();
    const char* value = p;
    for (auto hit = watch_.next(p, end); hit != json_watch::hit::none; hit = watch_.next(p, end)) {
        if (hit == json_watch::hit::member) {
            value = p;
            if (watch_.depth() == 1)
                usage_depth_ = depth_of_usage(where_, watch_.name());
            wanted_ = wants(*p);
            if (wanted_ != wanted::nothing)
                watch_.follow();
        } else {
            on_value({value, static_cast<std::size_t>(p - value)}, now);
            wanted_ = wanted::nothing;
        }
    }
    if (wanted_ == wanted::usage)
        keep_usage({value, static_cast<std::size_t>(end - value)});
}

// What the member that the watch stands at is good for.
sse_tap::wanted sse_tap::wants(char first) const
{
    const auto name = watch_.name();
    if (name == "usage")
        return first == '{' && watch_.depth() == usage_depth_ ? wanted::usage : wanted::nothing;
    if (name == "error")
        return watch_.depth() == 1 ? wanted::error : wanted::nothing;
    if (where_ == endpoint::responses)
        return name == "type" && watch_.depth() == 1 ? wanted::type : wanted::nothing;
    if (name == "finish_reason")
        return first == '"' ? wanted::finish : wanted::nothing;
    if (!is_content_name(where_, name))
        return wanted::nothing;
    return is_reasoning_name(name) ? wanted::reasoning : wanted::content;
}

void sse_tap::keep_usage(std::string_view bytes)
{
    if (!spill_)
        spill_ = std::make_unique<std::string>();
    // One byte more than allowed marks the object as too large.
    spill_->append(bytes.substr(0, max_usage_bytes + 1 - spill_->size()));
}

// `rest`: the value, or what of it is in the piece at hand.
void sse_tap::on_value(std::string_view rest, time_point now)
{
    const auto value = watch_.value();
    switch (wanted_) {
    case wanted::nothing:
        break;
    case wanted::usage: {
        if (spill_)
            keep_usage(rest);
        const auto object = spill_ ? std::string_view(*spill_) : rest;
        if (object.size() <= max_usage_bytes)
            if (const auto found = read_usage(object); found.known) {
                usage_ = found;
                event_has_usage_ = true;
            }
        spill_.reset();
        break;
    }
    case wanted::finish:
        on_finish(value);
        break;
    case wanted::error:
        in_band_error_ = in_band_error_ || is_truthy(value);
        break;
    case wanted::type:
        on_type(value, now);
        break;
    case wanted::reasoning:
        reasoning_shown_ = reasoning_shown_ || is_truthy(value);
        [[fallthrough]];
    case wanted::content:
        if (is_truthy(value))
            on_content(now);
        break;
    }
}

void sse_tap::on_finish(std::string_view value)
{
    if (value == R"("stop")")
        finish_ = finish::stop;
    else if (value == R"("length")")
        finish_ = finish::length;
    else if (value == R"("tool_calls")" || value == R"("function_call")")
        finish_ = finish::tool_calls;
    else if (value == R"("content_filter")")
        finish_ = finish::content_filter;
    else if (value != R"("")")
        finish_ = finish::other;
}

void sse_tap::on_type(std::string_view value, time_point now)
{
    if (is_content_type(value)) {
        reasoning_shown_ = reasoning_shown_ || is_reasoning_type(value);
        on_content(now);
    } else if (value == R"("response.completed")")
        finish_ = finish::completed;
    else if (value == R"("response.incomplete")")
        finish_ = finish::incomplete;
    else if (value == R"("response.failed")")
        finish_ = finish::failed;
    in_band_error_ = in_band_error_ || finish_ == finish::failed || value == R"("error")";
}

void sse_tap::on_content(time_point now)
{
    if (event_has_content_)
        return;
    event_has_content_ = true;
    if (usage_.known && !event_has_usage_)
        usage_.early = true;
    if (content_events_++ == 0)
        first_token_at_ = now;
    last_token_at_ = now;
}

}  // namespace sluice::wire
