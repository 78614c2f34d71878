#include <sluice/policy/believed_clock.hpp>

namespace sluice::policy {
namespace {

bool in_step(believed_clock::system_time a, believed_clock::system_time b) noexcept
{
    return std::chrono::abs(a - b) <= believed_clock::tolerance;
}

}  // namespace

believed_clock::believed_clock(system_time system, time_point steady) noexcept
    : anchor_{.system = system, .steady = steady}
{
}

believed_clock::system_time believed_clock::update(system_time system, time_point steady) noexcept
{
    const sample seen{.system = system, .steady = steady};
    const auto reckoned = anchor_.at(seen.steady);
    if (in_step(seen.system, reckoned)) {
        candidate_.reset();
        // Kept for an hour, so that many small steps do not add up to a jump.
        if (seen.steady - anchor_.steady >= trial)
            anchor_ = seen;
        return seen.system;
    }
    if (!candidate_ || !in_step(seen.system, candidate_->at(seen.steady)))
        candidate_ = seen;
    if (seen.steady - candidate_->steady < trial)
        return reckoned;
    anchor_ = seen;
    candidate_.reset();
    return seen.system;
}

}  // namespace sluice::policy
