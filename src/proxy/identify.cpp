#include <sluice/base/text.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/steps.hpp>
#include <sluice/proxy/trace.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace sluice::proxy {
namespace {

// A request that came through this many gateways is going in circles.
constexpr unsigned most_hops = 8;

bool is_request_id(std::string_view text) noexcept
{
    const auto fine = [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-'
               || c == '_' || c == '.' || c == ':';
    };
    return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), fine);
}

// Eight characters, one for each four bits, in any order.
std::uint64_t hex_digits(std::uint32_t bits) noexcept
{
    constexpr std::uint64_t ones = 0x0101010101010101U;
    std::uint64_t each = bits;
    each = (each | each << 16U) & 0x0000ffff0000ffffU;
    each = (each | each << 8U) & 0x00ff00ff00ff00ffU;
    each = (each | each << 4U) & (ones * 15);
    const std::uint64_t letters = (each + ones * 6) >> 4U & ones;
    return each + ones * '0' + letters * ('a' - '0' - 10);
}

void make_request_id(random_engine& random, short_text<128>& into) noexcept
{
    constexpr std::string_view prefix = "req_";
    std::array<char, prefix.size() + 32> text;
    prefix.copy(text.data(), prefix.size());
    for (std::size_t half = 0; half < 2; ++half) {
        const auto bits = random();
        for (std::size_t quarter = 0; quarter < 2; ++quarter) {
            const auto eight = hex_digits(static_cast<std::uint32_t>(bits >> (32 * quarter)));
            std::memcpy(&text[prefix.size() + 16 * half + 8 * quarter], &eight, sizeof eight);
        }
    }
    into.assign({text.data(), text.size()});
}

// "30", "1.5", "30s", "1500ms": seconds unless it says ms. Zero: not given or not usable (clients
// round 300 ms to "0", one sends "NOT_GIVEN").
milliseconds client_timeout(std::string_view text) noexcept
{
    if (text.empty())
        return milliseconds(0);
    double scale = 1000;
    if (text.ends_with("ms")) {
        scale = 1;
        text.remove_suffix(2);
    } else if (text.ends_with('s')) {
        text.remove_suffix(1);
    }
    const char* const behind = text.data() + text.size();
    std::uint32_t whole = 0;
    if (const auto [at, error] = std::from_chars(text.data(), behind, whole);
        error == std::errc{} && at == behind && whole < 1'000'000)
        return milliseconds(static_cast<milliseconds::rep>(whole * scale));
    double number = 0;
    const auto [end, ec] = std::from_chars(text.data(), behind, number);
    const bool usable = ec == std::errc{} && end == behind && number > 0 && number * scale < 1e12;
    return milliseconds(usable ? static_cast<milliseconds::rep>(number * scale) : 0);
}

void note_tags(exchange& x) noexcept
{
    const auto header = x.head.find(http::header::x_sluice_tags);
    if (header.empty())
        return;
    std::array<char, observe::most_tags_bytes> memory;
    x.tags.assign(observe::read_tags(header, memory));
}

}  // namespace

void name_request(services& with, exchange& x) noexcept
{
    if (const auto id = x.head.find(http::header::x_request_id); is_request_id(id))
        x.request_id.assign(id);
    else
        make_request_id(with.random, x.request_id);
    if (parent_of(x.head))
        x.trace_id.assign(x.head.find(http::header::traceparent).substr(3, 32));
}

result<void> identify(services& with, exchange& x)
{
    const auto& head = x.head;
    name_request(with, x);
    if (x.config->tracing)
        begin_trace(with, x);
    note_tags(x);

    x.due = x.began + x.config->timeouts.request;
    if (const auto limit = client_timeout(head.find(http::header::x_sluice_timeout));
        limit.count() > 0)
        x.due = std::min(x.due, x.began + limit);
    x.head_due = x.due;
    for (const auto name :
         {http::header::x_stainless_timeout, http::header::x_stainless_read_timeout})
        if (const auto limit = client_timeout(head.find(name)); limit.count() > 0)
            x.head_due = std::min(x.head_due, x.began + limit);

    const auto hops = head.find(http::header::x_sluice_hops);
    unsigned passed = 0;
    std::from_chars(hops.data(), hops.data() + hops.size(), passed);
    if (passed >= most_hops)
        return x.fail(errc::loop_detected);
    return {};
}

}  // namespace sluice::proxy
