#include <sluice/policy/estimate.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace sluice::policy {
namespace {

// Bytes and tokens are averaged apart: the quotient of the averages makes the sum of the estimates
// right, which the average of quotients does not.
struct means {
    float bytes = 4000.0F;
    float tokens = 1000.0F;
};

constexpr float weight = 1.0F / 16;
constexpr double least_bytes = 1;
constexpr double most_bytes = 16;

// A step of the quantile, as a part of itself: up 9 times as far as down, so that it comes to rest
// where 1 of 10 is greater (Robbins and Monro 1951, in the logarithm).
constexpr float step_down = 0.01F;
constexpr float step_up = 9 * step_down;
constexpr float most_output = 1e6F;

means unpack_sums(std::uint64_t word) noexcept
{
    if (word == 0)
        return {};
    return {
        .bytes = std::bit_cast<float>(static_cast<std::uint32_t>(word >> 32U)),
        .tokens = std::bit_cast<float>(static_cast<std::uint32_t>(word))};
}

std::uint64_t pack(const means& of) noexcept
{
    return (std::uint64_t{std::bit_cast<std::uint32_t>(of.bytes)} << 32U)
           | std::bit_cast<std::uint32_t>(of.tokens);
}

}  // namespace

bool certainly_longer(std::string_view body, std::uint64_t tokens) noexcept
{
    constexpr std::uint64_t longest_token = 128;
    const auto holds = [body](std::string_view word) {
        return body.find(word) != std::string_view::npos;
    };
    return body.size() / longest_token > tokens && !holds("base64") && !holds("\"data\"");
}

double estimator::bytes_per_token() const noexcept
{
    const auto learned = unpack_sums(means_.load(std::memory_order_relaxed));
    return std::clamp(double{learned.bytes} / double{learned.tokens}, least_bytes, most_bytes);
}

double estimator::usual_output() const noexcept
{
    return output_.load(std::memory_order_relaxed);
}

token_estimate estimator::estimate(
    std::uint64_t body_bytes, std::optional<std::uint64_t> max_output) const noexcept
{
    const double input = std::ceil(static_cast<double>(body_bytes) / bytes_per_token());
    return {
        .input = std::max<std::uint64_t>(static_cast<std::uint64_t>(std::min(input, 1e15)), 1),
        .output = max_output ? *max_output : static_cast<std::uint64_t>(std::ceil(usual_output()))};
}

void estimator::learn(
    std::uint64_t body_bytes,
    std::uint64_t input_tokens,
    std::uint64_t output_tokens,
    bool free_output) noexcept
{
    if (body_bytes != 0 && input_tokens != 0) {
        auto mean = unpack_sums(means_.load(std::memory_order_relaxed));
        // Beyond what is believed, so that an absurd count moves it no further than the bounds.
        const auto bytes = static_cast<double>(body_bytes);
        const double tokens =
            std::clamp(static_cast<double>(input_tokens), bytes / most_bytes, bytes / least_bytes);
        mean.bytes += weight * (static_cast<float>(bytes) - mean.bytes);
        mean.tokens += weight * (static_cast<float>(tokens) - mean.tokens);
        means_.store(pack(mean), std::memory_order_relaxed);
    }
    if (free_output) {
        const float usual = output_.load(std::memory_order_relaxed);
        const bool above = static_cast<float>(output_tokens) > usual;
        const float next = usual * (above ? 1 + step_up : 1 - step_down);
        output_.store(std::clamp(next, 1.0F, most_output), std::memory_order_relaxed);
    }
}

}  // namespace sluice::policy
