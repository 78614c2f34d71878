#include <sluice/observe/recent_rates.hpp>

#include <algorithm>

namespace sluice::observe {
namespace {

constexpr std::array broken_ends{
    stream_end::upstream_eof,
    stream_end::upstream_reset,
    stream_end::idle,
    stream_end::in_band_error};

// Counters only grow; a reader between two writes may see less than before all the same.
std::uint64_t grown(std::uint64_t now, std::uint64_t before)
{
    return now > before ? now - before : 0;
}

double quantile(
    const std::array<std::uint64_t, bounds::duration.size() + 1>& buckets,
    std::uint64_t count,
    double q)
{
    const double wanted = q * static_cast<double>(count);
    double below = 0;
    for (std::size_t i = 0; i < bounds::duration.size(); ++i) {
        const auto here = static_cast<double>(buckets[i]);
        if (below + here >= wanted && here > 0) {
            const double low = i == 0 ? 0 : static_cast<double>(bounds::duration[i - 1]);
            const double high = static_cast<double>(bounds::duration[i]);
            return (low + (high - low) * (wanted - below) / here) / 1e9;
        }
        below += here;
    }
    return static_cast<double>(bounds::duration.back()) / 1e9;
}

}  // namespace

arm_totals totals_of(std::span<const worker_cells* const> workers, std::size_t arm)
{
    arm_totals sum;
    for (const worker_cells* worker : workers) {
        const arm_cells* cells = worker->find_arm(arm);
        if (!cells)
            continue;
        for (const auto& by_status : cells->requests) {
            for (std::size_t i = 0; i < by_status.size(); ++i) {
                const std::uint64_t count = by_status[i].read();
                sum.requests += count;
                sum.errors += is_server_error(i) ? count : 0;
            }
        }
        for (const stream_end end : broken_ends)
            sum.errors += cells->stream_ends[end].read();
        sum.in_flight += cells->in_flight.read();
        cells->duration.read(sum.duration);
        cells->first_token.read(sum.first_token);
    }
    return sum;
}

void recent_rates::sample(
    time_point now, std::span<const worker_cells* const> workers, std::size_t arms)
{
    if (arms > arms_.size())
        arms_.resize(arms);
    for (std::size_t arm = 0; arm < arms_.size(); ++arm) {
        arm_history& history = arms_[arm];
        const arm_totals totals = totals_of(workers, arm);
        slot& into = history.slots[next_];
        for (std::size_t i = 0; i < into.buckets.size(); ++i)
            into.buckets[i] = static_cast<std::uint32_t>(
                grown(totals.duration.buckets[i], history.last.duration.buckets[i]));
        into.errors = static_cast<std::uint32_t>(grown(totals.errors, history.last.errors));
        into.sum_ns = grown(totals.duration.sum_ns, history.last.duration.sum_ns);
        history.last = totals;
    }
    if (started_) {
        took_[next_] = now - last_;
        next_ = (next_ + 1) % samples;
        filled_ = std::min(filled_ + 1, samples);
    }
    started_ = true;
    last_ = now;
}

recent_rates::window recent_rates::over(std::size_t arm, seconds span) const
{
    window out;
    if (arm >= arms_.size())
        return out;
    std::array<std::uint64_t, bounds::duration.size() + 1> buckets{};
    std::uint64_t sum_ns = 0;
    duration covered{0};
    for (std::size_t back = 1; back <= filled_ && covered < span; ++back) {
        const std::size_t at = (next_ + samples - back) % samples;
        const slot& from = arms_[arm].slots[at];
        for (std::size_t i = 0; i < buckets.size(); ++i)
            buckets[i] += from.buckets[i];
        out.errors += from.errors;
        sum_ns += from.sum_ns;
        covered += took_[at];
    }
    for (const std::uint64_t bucket : buckets)
        out.requests += bucket;
    if (covered.count() > 0)
        out.requests_per_second = static_cast<double>(out.requests) / in_seconds(covered);
    if (out.requests > 0) {
        const auto count = static_cast<double>(out.requests);
        out.error_rate = static_cast<double>(out.errors) / count;
        out.mean_seconds = static_cast<double>(sum_ns) / 1e9 / count;
        out.p99_seconds = quantile(buckets, out.requests, 0.99);
    }
    return out;
}

}  // namespace sluice::observe
