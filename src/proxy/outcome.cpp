#include <sluice/http/retry_after.hpp>
#include <sluice/proxy/outcome.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/trace.hpp>

#include <chrono>

namespace sluice::proxy {
namespace {

using observe::attempt_outcome;
using policy::cause;
using wire::error_kind;

// Of an answer by its status; 0 where there is none.
cause cause_of(unsigned status, error_kind kind) noexcept
{
    switch (kind) {
    case error_kind::quota:
        return status >= 500 ? cause::server_error : cause::quota;
    case error_kind::context_length:
        return cause::context_length;
    case error_kind::content_policy:
        return cause::content_policy;
    case error_kind::rate_limit:
    case error_kind::other:
        break;
    }
    switch (status) {
    case 401:
        return cause::refused;
    case 403:
        return cause::forbidden;
    case 402:
        return cause::quota;
    case 429:
        return cause::rate_limited;
    case 408:
    case 425:
        return cause::server_error;
    default:
        return status >= 500 ? cause::server_error : cause::rejected;
    }
}

attempt_outcome label_of(unsigned status, cause why) noexcept
{
    if (policy::consequences_of(why).trouble > policy::credential_trouble::rate_limited)
        return attempt_outcome::credential;
    if (status == 429)
        return attempt_outcome::status_429;
    return status >= 500 ? attempt_outcome::status_5xx : attempt_outcome::status_4xx;
}

errc errc_of(cause why) noexcept
{
    switch (why) {
    case cause::rate_limited:
        return errc::upstream_rate_limited;
    case cause::quota:
    case cause::refused:
    case cause::forbidden:
        return errc::upstream_credentials_exhausted;
    case cause::context_length:
        return errc::context_length_exceeded;
    case cause::content_policy:
        return errc::content_filter;
    default:
        return errc::upstream_error;
    }
}

}  // namespace

outcome outcome_of(errc failure) noexcept
{
    using enum attempt_outcome;
    switch (failure) {
    case errc::connect_failed:
    case errc::no_healthy_upstream:
        return {cause::unreachable, connect_failed, failure};
    case errc::tls_failed:
        return {cause::unreachable, tls_failed, failure};
    case errc::upstream_timeout:
    case errc::stream_idle:
        return {cause::late, timeout, failure};
    case errc::upstream_eof:
        return {cause::broken, eof, failure};
    case errc::upstream_invalid:
        return {cause::broken, invalid, failure};
    case errc::upstream_reset:
        return {cause::broken, reset, failure};
    default:
        return {cause::stopped, cancelled, failure};
    }
}

outcome outcome_of(unsigned status, std::string_view payload)
{
    if (status < 400)
        return {};
    const auto said = wire::read_error(payload, status);
    const auto why = cause_of(status, said.kind);
    return {why, label_of(status, why), errc_of(why)};
}

outcome in_band_outcome(const wire::reported_error& said) noexcept
{
    // A 4xx inside a 200 is an error of the provider's unless it says which.
    auto why = cause::server_error;
    if (said.kind == error_kind::rate_limit
        || (said.kind == error_kind::other && said.status == 429))
        why = cause::rate_limited;
    else if (said.kind != error_kind::other)
        why = cause_of(400, said.kind);
    return {why, attempt_outcome::in_band_error, errc_of(why)};
}

std::optional<holdings::refusal> try_limits(
    services& with, attempt& one, std::uint64_t tokens) noexcept
{
    const auto& provider = *one.provider;
    const auto refused =
        one.holds.take(provider.credential_quotas[one.credential], {}, tokens, one.now);
    if (!refused)
        return {};
    auto& cells = with.cells.provider(provider.metric);
    (provider.limits.shadow ? cells.limited_shadow : cells.limited).add();
    if (provider.limits.shadow)
        return {};
    return refused;
}

bool take_limits(services& with, attempt& one, std::uint64_t tokens) noexcept
{
    // When a place among concurrent requests will be free cannot be known.
    constexpr milliseconds until_a_place{50};
    const auto refused = try_limits(with, one, tokens);
    if (!refused)
        return true;
    const auto& provider = *one.provider;
    const bool place = refused->why == observe::limit_reason::concurrent;
    const auto rest = place ? nanoseconds(until_a_place) : refused->wait;
    provider.credentials[one.credential]->rest(
        policy::credential_trouble::rate_limited, one.now + rest);
    return false;
}

void begin(services& with, attempt& one) noexcept
{
    one.told = one.heard = false;
    auto& cells = with.cells.arm(one.target->arm);
    cells.in_flight.add();
    cells.attempts_begun.add();
    one.target->state->begun(one.began);
}

void tell_committed(attempt& one) noexcept
{
    auto& state = *one.target->state;
    state.answered(one.first_at - one.began, one.now);
    one.heard = true;
    if (one.given.as != policy::permission::kind::admitted)
        one.given = state.breaker.proven(one.model->breaker, one.given, one.now);
}

void tell(services& with, attempt& one, const outcome& what, time_point now) noexcept
{
    if (one.told)
        return;
    one.told = true;
    if (one.trace.of != nullptr)
        end_span(with, one, what, now);
    one.holds.settle(one.used, 0, now);
    auto& cells = with.cells.arm(one.target->arm);
    cells.in_flight.sub();
    cells.attempts[what.label].add();
    auto& state = *one.target->state;
    // Who refuses is not silent.
    if (!one.heard && one.refused()) {
        state.heard(now);
        one.heard = true;
    }
    state.ended(one.heard);

    using enum policy::consequences::health;
    const auto& then = policy::consequences_of(what.why);
    if (then.target == unknown)
        state.breaker.abandon(one.given);
    else
        state.breaker.report(one.model->breaker, then.target == bad, one.given, now);
    if (what.why == cause::late)
        state.latency.sample(now - one.began, now);

    auto& credential = *one.provider->credentials[one.credential];
    if (what.why == cause::success)
        credential.succeeded(now);
    if (then.trouble == policy::credential_trouble::none || what.why == cause::forbidden)
        return;
    // An only key is no worse for having been refused: whether it is dead or this one question was
    // not allowed, the provider knows best.
    const bool limited = then.trouble == policy::credential_trouble::rate_limited;
    if (!limited && one.provider->credentials.size() < 2)
        return;
    std::optional<nanoseconds> asked;
    if (limited && one.refused())
        asked = http::parse_retry_after(
            one.response.find(http::header::retry_after_ms),
            one.response.find(http::header::retry_after),
            std::chrono::system_clock::time_point(
                std::chrono::duration_cast<std::chrono::system_clock::duration>(
                    now.time_since_epoch() + with.system_ahead)));
    credential.rest(
        then.trouble, now + policy::rest_of(one.provider->credential_rules, then.trouble, asked));
}

}  // namespace sluice::proxy
