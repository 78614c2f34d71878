#include <sluice/base/text.hpp>
#include <sluice/simulate/behaviour.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace sluice::simulate {
namespace {

// Values in the order of the pattern: times in milliseconds, sizes in bytes, shares in 0..1.
using values = std::array<double, 3>;

milliseconds time_of(double value)
{
    return milliseconds{static_cast<std::int64_t>(value)};
}

std::uint32_t count_of(double value)
{
    return static_cast<std::uint32_t>(value);
}

void set_break(behaviour& how, break_kind kind, double after)
{
    how.breaks = kind;
    how.break_after = count_of(after);
}

void set_window(behaviour& how, double length, double every)
{
    how.limited_for = time_of(length);
    how.limited_every = count_of(every);
}

void set_error(behaviour& how, double status, double rate)
{
    how.error_status = count_of(status);
    how.error_rate = rate;
}

struct rule {
    clause_help help;
    void (*apply)(behaviour&, const values&);
};

// clang-format off
constexpr std::array rules{
    rule{{"ok", "ok", "answers at once and without fault"}, [](behaviour&, const values&) {}},
    rule{{"latency-<time>", "latency-250ms", "so long until the first token"},
        [](behaviour& b, const values& v) { b.latency = {time_of(v[0]), time_of(v[0]), time_of(v[0]), time_of(v[0])}; }},
    rule{{"latency-<time>-<time>-<time>", "latency-50ms-200ms-2s", "p50, p90 and p99 of the time until the first token"},
        [](behaviour& b, const values& v) { b.latency = {time_of(v[0] / 2), time_of(v[0]), time_of(v[1]), time_of(v[2])}; }},
    rule{{"spike-<n>-<time>", "spike-100-2s", "every n-th request of the simulator waits so much longer"},
        [](behaviour& b, const values& v) { b.spike_every = count_of(v[0]); b.spike = time_of(v[1]); }},
    rule{{"tps-<rate>", "tps-50", "tokens per second; 0: as fast as they can be written"},
        [](behaviour& b, const values& v) { b.tokens_per_second = v[0]; }},
    rule{{"tokens-<n>", "tokens-200", "tokens per answer"},
        [](behaviour& b, const values& v) { b.tokens = count_of(v[0]); }},
    rule{{"error-<n>", "error-503", "every request gets this status, 400 to 599"},
        [](behaviour& b, const values& v) { set_error(b, v[0], 1); }},
    rule{{"error-<n>-<percent>", "error-500-5%", "so many of the requests get this status"},
        [](behaviour& b, const values& v) { set_error(b, v[0], v[1]); }},
    rule{{"429-<time>", "429-2s", "429 for so long from the first request on, and again after every 10 served"},
        [](behaviour& b, const values& v) { set_window(b, v[0], 10); }},
    rule{{"429-<time>-every-<n>", "429-2s-every-100", "the same, again after every n served"},
        [](behaviour& b, const values& v) { set_window(b, v[0], v[1]); }},
    rule{{"retry-after-date", "retry-after-date", "429 names an HTTP date instead of seconds"},
        [](behaviour& b, const values&) { b.retry_after = retry_after_form::date; }},
    rule{{"retry-after-junk", "retry-after-junk", "429 has a retry-after that means nothing"},
        [](behaviour& b, const values&) { b.retry_after = retry_after_form::junk; }},
    rule{{"retry-after-none", "retry-after-none", "429 without retry-after"},
        [](behaviour& b, const values&) { b.retry_after = retry_after_form::none; }},
    rule{{"echo-key", "echo-key", "401 that quotes the Authorization header"},
        [](behaviour& b, const values&) { b.echo_key = true; }},
    rule{{"cut-<n>", "cut-10", "closed after n tokens without the last chunk; a plain answer in its middle"},
        [](behaviour& b, const values& v) { set_break(b, break_kind::fin, v[0]); }},
    rule{{"cut-clean-<n>", "cut-clean-10", "ended after n tokens with the last chunk, but without finish reason or [DONE]"},
        [](behaviour& b, const values& v) { set_break(b, break_kind::clean_fin, v[0]); }},
    rule{{"cut-inside-<n>", "cut-inside-10", "closed in the middle of the event after n tokens"},
        [](behaviour& b, const values& v) { set_break(b, break_kind::fin_inside, v[0]); }},
    rule{{"reset-<n>", "reset-5", "RST after n tokens; a plain answer in its middle"},
        [](behaviour& b, const values& v) { set_break(b, break_kind::reset, v[0]); }},
    rule{{"reset-head", "reset-head", "RST instead of an answer"},
        [](behaviour& b, const values&) { b.head = head_fault::reset; }},
    rule{{"stall-<n>", "stall-3", "silence after n tokens; a plain answer in its middle"},
        [](behaviour& b, const values& v) { set_break(b, break_kind::stall, v[0]); }},
    rule{{"stall-head", "stall-head", "silence instead of an answer"},
        [](behaviour& b, const values&) { b.head = head_fault::stall; }},
    rule{{"error-in-200", "error-in-200", "the first event, or the whole plain answer, is an error object"},
        [](behaviour& b, const values&) { set_break(b, break_kind::error_event, 0); }},
    rule{{"error-in-200-<n>", "error-in-200-5", "an error object after n tokens"},
        [](behaviour& b, const values& v) { set_break(b, break_kind::error_event, v[0]); }},
    rule{{"half-utf8", "half-utf8", "every token has a multi-byte character, split over two chunks"},
        [](behaviour& b, const values&) { b.half_utf8 = true; }},
    rule{{"big-event-<size>", "big-event-2MiB", "one token has so many bytes"},
        [](behaviour& b, const values& v) { b.big_event_bytes = static_cast<std::size_t>(v[0]); }},
    rule{{"bad-event", "bad-event", "one event after the first token is not JSON"},
        [](behaviour& b, const values&) { b.bad_event = true; }},
    rule{{"no-done", "no-done", "streams end without [DONE]"},
        [](behaviour& b, const values&) { b.done = false; }},
    rule{{"no-usage", "no-usage", "usage is never told, not even when asked for"},
        [](behaviour& b, const values&) { b.usage = usage_place::nowhere; }},
    rule{{"usage-last", "usage-last", "usage stands on the last chunk with choices"},
        [](behaviour& b, const values&) { b.usage = usage_place::last_choice; }},
    rule{{"usage-separate", "usage-separate", "usage has a chunk of its own, asked for or not"},
        [](behaviour& b, const values&) { b.usage = usage_place::separate; }},
    rule{{"usage-several", "usage-several", "usage grows from chunk to chunk"},
        [](behaviour& b, const values&) { b.usage = usage_place::several; }},
    rule{{"keep-alive-<time>", "keep-alive-1s", "streams: a comment line after so much silence, the head at once"},
        [](behaviour& b, const values& v) { b.keep_alive = time_of(v[0]); }},
    rule{{"slow-head-<time>", "slow-head-50ms", "a pause of so long after every octet of the head"},
        [](behaviour& b, const values& v) { b.head_octet = time_of(v[0]); }},
    rule{{"interim-<n>", "interim-5", "n responses 103 before the answer"},
        [](behaviour& b, const values& v) { b.interim = count_of(v[0]); }},
    rule{{"redirect", "redirect", "302 to another host instead of an answer"},
        [](behaviour& b, const values&) { b.redirect = true; }},
    rule{{"html", "html", "200 with an HTML page instead of an answer"},
        [](behaviour& b, const values&) { b.html = true; }},
    rule{{"close", "close", "connection: close after every answer"},
        [](behaviour& b, const values&) { b.close = true; }},
    rule{{"hang-up", "hang-up", "closed after every answer without saying so"},
        [](behaviour& b, const values&) { b.hang_up = true; }},
    rule{{"extra-bytes", "extra-bytes", "a second, unasked response right behind the answer"},
        [](behaviour& b, const values&) { b.extra_bytes = true; }},
    rule{{"extra-bytes-<time>", "extra-bytes-100ms", "the same, so long after the answer"},
        [](behaviour& b, const values& v) { b.extra_bytes = true; b.extra_bytes_after = time_of(v[0]); }},
};

struct unit {
    std::string_view kind;
    std::string_view suffix;
    double factor;
    double most;  // in base units
};

constexpr std::array units{
    unit{"<n>", "", 1, 1e6},
    unit{"<rate>", "", 1, 1e6},
    unit{"<percent>", "%", 0.01, 1},
    unit{"<time>", "ms", 1, 3.6e6},
    unit{"<time>", "s", 1e3, 3.6e6},
    unit{"<time>", "m", 6e4, 3.6e6},
    unit{"<size>", "KiB", 1024, 64.0 * (1U << 20U)},
    unit{"<size>", "MiB", 1U << 20U, 64.0 * (1U << 20U)},
    unit{"<size>", "B", 1, 64.0 * (1U << 20U)},
};
// clang-format on

std::optional<double> read_value(std::string_view kind, std::string_view text)
{
    double number = 0;
    const auto [end, ec] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (ec != std::errc{} || number < 0 || (kind == "<n>" && number != std::floor(number)))
        return std::nullopt;
    const std::string_view suffix{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    for (const unit& u : units)
        if (u.kind == kind && u.suffix == suffix && number * u.factor <= u.most)
            return number * u.factor;
    return std::nullopt;
}

std::string_view take_word(std::string_view& text)
{
    const auto dash = text.find('-');
    const auto word = text.substr(0, dash);
    text = dash == std::string_view::npos ? std::string_view{} : text.substr(dash + 1);
    return word;
}

// Word by word between the dashes.
std::optional<values> match(std::string_view pattern, std::string_view clause)
{
    values found{};
    std::size_t count = 0;
    while (!pattern.empty() && !clause.empty()) {
        const auto wanted = take_word(pattern);
        const auto word = take_word(clause);
        if (wanted.starts_with('<')) {
            const auto value = read_value(wanted, word);
            if (!value)
                return std::nullopt;
            found[count++] = *value;
        } else if (wanted != word) {
            return std::nullopt;
        }
    }
    if (!pattern.empty() || !clause.empty())
        return std::nullopt;
    return found;
}

bool apply(behaviour& how, std::string_view clause)
{
    for (const rule& r : rules) {
        if (const auto found = match(r.help.pattern, clause)) {
            r.apply(how, *found);
            return true;
        }
    }
    return false;
}

bool sane(const behaviour& how)
{
    const auto& l = how.latency;
    return how.tokens > 0 && how.error_status >= 400 && how.error_status <= 599 && l.p50 <= l.p90
           && l.p90 <= l.p99;
}

}  // namespace

duration latency_table::at(double draw) const noexcept
{
    struct point {
        double quantile;
        milliseconds value;
    };
    const std::array<point, 5> points{{{0, p0}, {0.5, p50}, {0.9, p90}, {0.99, p99}, {1, p99}}};
    for (std::size_t i = 1; i < points.size(); ++i) {
        const auto& [from, low] = points[i - 1];
        const auto& [to, high] = points[i];
        if (draw <= to) {
            const auto span = static_cast<double>(nanoseconds{high - low}.count());
            const auto part = span * (draw - from) / (to - from);
            return low + nanoseconds{static_cast<std::int64_t>(part)};
        }
    }
    return p99;
}

std::vector<clause_help> behaviour_grammar()
{
    std::vector<clause_help> all;
    for (const rule& r : rules)
        all.push_back(r.help);
    return all;
}

boost::system::result<behaviour, std::string> parse_behaviour(std::string_view text)
{
    behaviour how;
    for (bool more = !text.empty(); more;) {
        const auto plus = text.find('+');
        auto clause = text.substr(0, plus);
        more = plus != std::string_view::npos;
        if (more)
            text.remove_prefix(plus + 1);
        if (clause.starts_with("sim-"))
            clause.remove_prefix(4);
        if (clause.ends_with('-') || !apply(how, clause) || !sane(how))
            return "the simulator does not understand '" + std::string(clause.substr(0, 100))
                   + "'; GET /sim/behaviour lists what it does";
    }
    return how;
}

}  // namespace sluice::simulate
