#include <sluice/policy/price.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace sluice::policy {
namespace {

__extension__ using wide = unsigned __int128;

// Micro-dollars per million tokens are pico-dollars per token. The sum, and half a nano-dollar, so
// that what comes out is rounded.
template <class Sum>
Sum sum_of(
    const std::array<std::uint64_t, 5>& tokens, const std::array<std::uint64_t, 5>& prices) noexcept
{
    Sum sum = 500;
    for (std::size_t i = 0; i < tokens.size(); ++i)
        sum += Sum{tokens[i]} * prices[i];
    return sum;
}

std::uint64_t worth(std::int64_t price) noexcept
{
    return static_cast<std::uint64_t>(std::max<std::int64_t>(price, 0));
}

// Of a whole that includes the part, unless the part is greater.
std::uint64_t without(std::uint64_t whole, std::uint64_t part) noexcept
{
    return part > whole ? whole : whole - part;
}

}  // namespace

std::int64_t cost(const price& price, const token_counts& tokens) noexcept
{
    const std::uint64_t output =
        tokens.reasoning_apart ? tokens.output : without(tokens.output, tokens.reasoning);
    const std::uint64_t input =
        without(without(tokens.input, tokens.cached_input), tokens.cache_write);
    const std::array<std::uint64_t, 5> counts{
        input, tokens.cached_input, tokens.cache_write, output, tokens.reasoning};
    const std::array<std::uint64_t, 5> prices{
        worth(price.input),
        worth(price.cached_input.value_or(price.input)),
        worth(price.cache_write.value_or(price.input)),
        worth(price.output),
        worth(price.reasoning.value_or(price.output))};
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < counts.size(); ++i)
        bits |= counts[i] | prices[i];
    constexpr unsigned few = 30;  // bits: five products of such fit into 64
    if (bits >> few == 0)
        return static_cast<std::int64_t>(sum_of<std::uint64_t>(counts, prices) / 1000U);
    constexpr wide most = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::min(wide{sum_of<wide>(counts, prices) / 1000U}, most));
}

std::uint64_t total_of(const token_counts& tokens) noexcept
{
    const std::uint64_t output =
        tokens.reasoning_apart ? tokens.output : without(tokens.output, tokens.reasoning);
    return without(without(tokens.input, tokens.cached_input), tokens.cache_write)
           + tokens.cached_input + tokens.cache_write + output + tokens.reasoning;
}

const dated_price* price_list::at(std::chrono::sys_seconds now) const noexcept
{
    const auto next = std::ranges::upper_bound(versions, now, {}, &dated_price::from);
    return next == versions.begin() ? nullptr : &*std::prev(next);
}

}  // namespace sluice::policy
