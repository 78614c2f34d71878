#include <sluice/base/random.hpp>
#include <sluice/policy/split.hpp>

#include <algorithm>
#include <numeric>

namespace sluice::policy {
namespace {

// FNV-1a, 64 bits.
std::uint64_t fold(std::uint64_t hash, std::string_view text) noexcept
{
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
}

}  // namespace

position position_of(std::string_view model, std::string_view identity) noexcept
{
    std::uint64_t hash = fold(0xcbf29ce484222325U, model);
    hash = fold(hash, std::string_view("\0", 1));  // so that ("a", "bc") is not ("ab", "c")
    random_engine draw(fold(hash, identity));
    const double canary = draw.uniform();
    return {.canary = canary, .others = draw.uniform()};
}

split::split(std::span<const double> weights, std::optional<std::size_t> canary)
    : canary_(canary.value_or(0)),
      has_canary_(canary.has_value()),
      shares_(weights.begin(), weights.end())
{
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& share : shares_)
        share /= total;
    if (has_canary_)
        canary_share_ = shares_[canary_];

    // Of the others' weights, not of what the canary leaves: their bounds stay when it moves.
    const auto weight_among_others = [&](std::size_t i) {
        return has_canary_ && i == canary_ ? 0.0 : weights[i];
    };
    std::size_t last = 0;
    double sum = 0;
    upper_.resize(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        sum += weight_among_others(i);
        upper_[i] = sum;
        if (weight_among_others(i) > 0)
            last = i;
    }
    for (std::size_t i = 0; i < weights.size(); ++i)
        upper_[i] = i >= last ? 1.0 : upper_[i] / sum;
    if (sum == 0)
        canary_share_ = 1;
}

std::size_t split::pick(position where) const noexcept
{
    if (has_canary_ && where.canary < canary_share_)
        return canary_;
    const auto found = std::upper_bound(upper_.begin(), upper_.end(), where.others);
    return std::min<std::size_t>(
        static_cast<std::size_t>(found - upper_.begin()), upper_.empty() ? 0 : upper_.size() - 1);
}

double split::share(std::size_t target) const noexcept
{
    return shares_[target];
}

std::vector<double> with_canary_percent(
    std::span<const double> weights, std::size_t canary, double percent)
{
    std::vector<double> moved(weights.begin(), weights.end());
    if (moved.size() == 1)
        return {100.0};
    moved[canary] = 0;
    const double others = std::accumulate(moved.begin(), moved.end(), 0.0);
    const double rest = 100.0 - percent;
    for (double& weight : moved)
        weight =
            others > 0 ? rest * (weight / others) : rest / static_cast<double>(moved.size() - 1);
    moved[canary] = percent;
    return moved;
}

}  // namespace sluice::policy
