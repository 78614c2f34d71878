#include <sluice/policy/hedge.hpp>

#include <algorithm>
#include <bit>

namespace sluice::policy {
namespace {

constexpr unsigned hedge_unit_shift = 17;  // 131 us
constexpr std::uint32_t one_sample = 256;  // a fresh sample; it is gone after eight more halvings
constexpr std::uint32_t most_samples = 4096 * one_sample;
constexpr nanoseconds fade_every = seconds{120};
constexpr std::uint32_t find_every = 32;

// Eight buckets an octave: below 8 units a bucket is one_sample unit.
std::size_t bucket_of(nanoseconds took) noexcept
{
    const std::uint64_t units =
        static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)) >> hedge_unit_shift;
    if (units < 8)
        return units;
    const auto octave = static_cast<unsigned>(std::bit_width(units)) - 4U;
    return octave * 8U + (units >> octave);
}

nanoseconds upper_end(std::size_t bucket) noexcept
{
    const std::uint64_t units = bucket < 8 ? bucket + 1 : (bucket % 8 + 9) << (bucket / 8 - 1);
    return nanoseconds(static_cast<std::int64_t>(units << hedge_unit_shift));
}

}  // namespace

void first_token_times::sample(nanoseconds took, time_point now) noexcept
{
    if (fade_at_ == time_point::min())
        fade_at_ = now + fade_every;
    for (int halvings = 0; now >= fade_at_ && halvings < 9; ++halvings) {
        fade();
        fade_at_ += fade_every;
    }
    if (now >= fade_at_)
        fade_at_ = now + fade_every;
    if (total_ >= most_samples)
        fade();
    counts_[std::min(bucket_of(took), bucket_count - 1)] += one_sample;
    total_ += one_sample;
    ++since_found_;
}

std::optional<nanoseconds> first_token_times::delay(const hedge_settings& settings) noexcept
{
    if (!settings.enabled)
        return std::nullopt;
    if (settings.after)
        return settings.after;
    if (total_ < std::uint64_t{settings.minimum} * one_sample || total_ == 0)
        return std::nullopt;
    if (since_found_ >= find_every || found_for_ != settings.quantile) {
        found_ = quantile(settings.quantile);
        found_for_ = settings.quantile;
        since_found_ = 0;
    }
    return found_;
}

void first_token_times::fade() noexcept
{
    total_ = 0;
    for (std::uint32_t& count : counts_) {
        count /= 2;
        total_ += count;
    }
}

nanoseconds first_token_times::quantile(double share) const noexcept
{
    const double wanted = share * static_cast<double>(total_);
    double sum = 0;
    std::size_t bucket = 0;
    for (; bucket + 1 < bucket_count; ++bucket) {
        sum += counts_[bucket];
        if (sum >= wanted)
            break;
    }
    return upper_end(bucket);
}

}  // namespace sluice::policy
