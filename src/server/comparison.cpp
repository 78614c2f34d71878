#include <sluice/policy/likeness.hpp>
#include <sluice/server/comparison.hpp>

#include <chrono>

namespace sluice::server {
namespace {

std::optional<double> ratio(double shadow, double primary)
{
    return primary > 0 ? std::optional(shadow / primary) : std::nullopt;
}

wire::said said_by(const proxy::shadow_side& side, wire::endpoint where)
{
    return wire::read_said(where, side.stream, side.payload.text());
}

void compare_words(const proxy::shadow_pair& pair, comparison& out)
{
    out.primary = said_by(pair.primary, pair.where);
    out.shadow = said_by(pair.shadow, pair.where);
    out.likeness = policy::likeness(out.primary.text, out.shadow.text);
    out.same_finish = out.primary.finish == out.shadow.finish;
    if (!out.primary.calls.empty() || !out.shadow.calls.empty())
        out.same_calls = wire::same_calls(out.primary.calls, out.shadow.calls);
    out.distance = 1 - *out.likeness + (out.same_calls.value_or(true) ? 0.0 : 1.0)
                   + (*out.same_finish ? 0.0 : 0.5);
}

}  // namespace

comparison compare(const proxy::shadow_pair& pair)
{
    constexpr double failed = 3;
    comparison out;
    if (pair.outcome != observe::shadow_outcome::compared) {
        out.distance = failed;
        return out;
    }
    const auto& primary = pair.primary;
    const auto& shadow = pair.shadow;
    out.duration = ratio(in_seconds(shadow.duration), in_seconds(primary.duration));
    if (primary.first_token && shadow.first_token)
        out.first_token = ratio(in_seconds(*shadow.first_token), in_seconds(*primary.first_token));
    if (primary.cost && shadow.cost)
        out.cost = ratio(static_cast<double>(*shadow.cost), static_cast<double>(*primary.cost));
    const bool kept = !primary.payload.cut() && !shadow.payload.cut();
    if (kept && pair.where != wire::endpoint::embeddings)
        compare_words(pair, out);
    return out;
}

}  // namespace sluice::server
