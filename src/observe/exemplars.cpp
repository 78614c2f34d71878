#include <sluice/observe/cell.hpp>
#include <sluice/observe/exemplars.hpp>

#include <algorithm>

namespace sluice::observe {

void exemplars::note(const span& request)
{
    const auto& numbers = request.numbers;
    if (numbers.kind != span_kind::request)
        return;
    const std::scoped_lock lock(mutex_);
    if (all_.size() >= most_arms && !all_.contains(numbers.arm))
        return;
    auto& arm = all_[numbers.arm];
    const auto end = numbers.begin + numbers.duration;
    const auto took = std::max(numbers.duration, nanoseconds(0));
    arm.duration[bucket_of(bounds::duration, took.count())] = {
        numbers.trace_high, numbers.trace_low, took, end};
    // As it is counted: of streams whose head the client had.
    if (numbers.first_token.count() >= 0 && !request[span_text::end].empty())
        arm.first_token[bucket_of(bounds::first_token, numbers.first_token.count())] = {
            numbers.trace_high, numbers.trace_low, numbers.first_token, end};
}

exemplars::by_arm exemplars::read() const
{
    const std::scoped_lock lock(mutex_);
    return all_;
}

}  // namespace sluice::observe
