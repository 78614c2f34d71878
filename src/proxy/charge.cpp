#include <sluice/proxy/charge.hpp>
#include <sluice/proxy/exchange.hpp>

#include <algorithm>

namespace sluice::proxy {
namespace {

policy::reported_usage reported(const wire::usage& said) noexcept
{
    policy::reported_usage out;
    out.counts.input = said.input;
    out.counts.cached_input = said.cached_input;
    out.counts.cache_write = said.cache_write;
    out.counts.output = said.output;
    out.counts.reasoning = said.reasoning;
    out.total = said.total;
    out.input_audio = said.input_audio;
    out.absurd = said.absurd;
    out.early = said.early;
    return out;
}

// What was generated for the client, where nobody counted: an event holds a token at least, and of
// an answer that is no stream, or a compressed one, the octets tell.
std::uint64_t relayed_tokens(const exchange& x) noexcept
{
    constexpr std::uint64_t bytes_per_token = 4;
    if (x.facts->where == wire::endpoint::embeddings || x.status < 200 || x.status >= 300)
        return 0;
    return x.output_events.value_or((x.body_bytes + bytes_per_token - 1) / bytes_per_token);
}

bool answered(const exchange& x) noexcept
{
    return x.head_sent && x.status >= 200 && x.status < 300;
}

}  // namespace

std::chrono::sys_seconds date_of(nanoseconds system_time) noexcept
{
    return std::chrono::sys_seconds(std::chrono::floor<std::chrono::seconds>(system_time));
}

charge charge_of(
    const config::target& target,
    const wire::usage& said,
    const policy::token_estimate& ours,
    std::chrono::sys_seconds at) noexcept
{
    charge out;
    out.due = true;
    if (said.known || said.absurd) {
        const auto settled = policy::reconcile(reported(said), ours);
        out.tokens = settled.counts;
        out.odd = settled.found;
        out.estimated = settled.estimated;
    } else {
        out.estimated = true;
        out.tokens.input = ours.input;
        out.tokens.output = ours.output;
    }
    if (const auto* price = target.prices.at(at)) {
        out.priced = true;
        out.nanodollars = policy::cost(price->price, out.tokens);
        out.price_from = std::max<std::int64_t>(price->from.time_since_epoch().count(), 0);
    }
    return out;
}

charge charge_of(const exchange& x) noexcept
{
    if (!x.tried || x.target == nullptr || x.attempts == 0)
        return {};
    const bool left = x.error == errc::client_closed_request || x.out_of_time;
    const policy::token_estimate ours{.input = x.expected.input, .output = relayed_tokens(x)};
    const bool reached = left && !x.head_sent && x.tried->connected() && !x.tried->refused();
    const bool something = left || x.usage.known || ours.output > 0 || !x.error;
    if (!reached && !(answered(x) && something))
        return {};
    if (x.counted)
        return *x.counted;
    auto said = x.usage;
    if (x.stream_end && x.stream_end != observe::stream_end::done)
        said.early = true;
    return charge_of(*x.target, said, ours, date_of(x.system_time));
}

policy::token_estimate expected_of(const exchange& x) noexcept
{
    std::optional<std::uint64_t> most = x.facts->max_tokens;
    if (x.facts->where == wire::endpoint::embeddings)
        most = 0;
    auto tokens = x.model->estimator->estimate(x.body.size(), most);
    if (const auto window = x.model->context_window)
        tokens.output = std::min(tokens.output, *window);
    return policy::for_answers(tokens, x.facts->answers);
}

std::int64_t most_expensive(
    const config::target& target,
    const policy::token_estimate& tokens,
    std::chrono::sys_seconds at) noexcept
{
    const auto* price = target.prices.at(at);
    return price != nullptr ? policy::most_for(price->price, tokens.input, tokens.output) : 0;
}

std::int64_t most_expensive(
    const config::model& model,
    const policy::token_estimate& tokens,
    std::chrono::sys_seconds at) noexcept
{
    if (model.one_price)
        return most_expensive(model.targets.front(), tokens, at);
    std::int64_t most = 0;
    for (const auto& target : model.targets)
        most = std::max(most, most_expensive(target, tokens, at));
    return most;
}

void learn(const exchange& x) noexcept
{
    if (x.owed.estimated || x.owed.odd.any() || !x.owed.due)
        return;
    const bool free =
        !x.facts->max_tokens && !x.error && x.facts->where != wire::endpoint::embeddings;
    const auto of_one = x.usage.output / x.facts->answers;
    x.answered_by->estimator->learn(x.bytes_in, x.usage.input, of_one, free);
}

}  // namespace sluice::proxy
