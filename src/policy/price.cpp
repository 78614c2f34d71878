#include <sluice/policy/price.hpp>

#include <algorithm>
#include <limits>

namespace sluice::policy {
namespace {

__extension__ using wide = unsigned __int128;

std::uint64_t of(std::int64_t price) noexcept
{
    return static_cast<std::uint64_t>(price);
}

// Of pico-dollars, to the nearest.
std::int64_t nanodollars(wide sum) noexcept
{
    sum += 500U;
    if (sum >> 64U == 0)
        return static_cast<std::int64_t>(static_cast<std::uint64_t>(sum) / 1000U);
    constexpr wide most = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::min(wide{sum / 1000U}, most));
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
    // Micro-dollars per million tokens are pico-dollars per token.
    wide sum = wide{input} * of(price.input);
    sum += wide{tokens.cached_input} * of(price.cached_input.value_or(price.input));
    sum += wide{tokens.cache_write} * of(price.cache_write.value_or(price.input));
    sum += wide{output} * of(price.output);
    sum += wide{tokens.reasoning} * of(price.reasoning.value_or(price.output));
    return nanodollars(sum);
}

std::int64_t most_for(const price& price, std::uint64_t input, std::uint64_t output) noexcept
{
    const auto cached =
        std::max(price.cached_input.value_or(price.input), price.cache_write.value_or(price.input));
    const auto in = std::max(price.input, cached);
    const auto out = std::max(price.output, price.reasoning.value_or(price.output));
    return nanodollars(wide{input} * of(in) + wide{output} * of(out));
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
    // Most have one that holds since ever.
    if (versions.size() == 1)
        return versions.front().from <= now ? versions.data() : nullptr;
    const auto next = std::ranges::upper_bound(versions, now, {}, &dated_price::from);
    return next == versions.begin() ? nullptr : &*std::prev(next);
}

}  // namespace sluice::policy
