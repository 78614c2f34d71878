#include <sluice/base/put.hpp>
#include <sluice/base/text.hpp>
#include <sluice/proxy/answer.hpp>
#include <sluice/proxy/client.hpp>
#include <sluice/proxy/routes.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/steps.hpp>
#include <sluice/wire/error_body.hpp>

#include <array>
#include <charconv>

namespace sluice::proxy {
namespace {

std::uint64_t rounded_up(nanoseconds time, nanoseconds unit) noexcept
{
    return static_cast<std::uint64_t>((time + unit - nanoseconds(1)) / unit);
}

// As OpenAI spells it: "17ms", "6.2s", "1m30s".
struct spelled_duration {
    explicit spelled_duration(nanoseconds time) noexcept
    {
        const auto ms = rounded_up(time, milliseconds(1));
        if (ms < 1000) {
            number(ms);
            text("ms");
            return;
        }
        if (ms >= 60'000) {
            number(ms / 60'000);
            text("m");
        }
        number(ms % 60'000 / 1000);
        if (const auto tenth = ms % 1000 / 100; tenth != 0) {
            text(".");
            number(tenth);
        }
        text("s");
    }
    [[nodiscard]] std::string_view view() const noexcept
    {
        return {bytes_.data(), static_cast<std::size_t>(at_ - bytes_.data())};
    }

private:
    void number(std::uint64_t value) noexcept
    {
        at_ = std::to_chars(at_, bytes_.data() + bytes_.size(), value).ptr;
    }
    void text(std::string_view word) noexcept { at_ += word.copy(at_, word.size()); }

    std::array<char, 48> bytes_;
    char* at_ = bytes_.data();
};

void write_allowance(http::head_writer& to, const exchange& x) noexcept
{
    if (x.key == nullptr || !x.key->state)
        return;
    const auto& limits = x.key->limits;
    const auto& state = *x.key->state;
    if (limits.shadow)
        return;
    if (!x.key->untouched_requests.empty() && policy::untouched(state.requests, x.now)) {
        to.lines(x.key->untouched_requests);
    } else if (limits.requests) {
        const auto left = policy::allowance_of(state, limits, x.now);
        to.trusted("x-ratelimit-limit-requests: ", left.limit);
        to.trusted("x-ratelimit-remaining-requests: ", left.remaining);
        to.trusted("x-ratelimit-reset-requests: ", spelled_duration(left.until_full).view());
    }
    if (!x.key->untouched_tokens.empty() && policy::untouched(state.tokens, x.now)) {
        to.lines(x.key->untouched_tokens);
    } else if (limits.tokens) {
        const auto left = policy::token_allowance_of(state, limits, x.now);
        to.trusted("x-ratelimit-limit-tokens: ", left.limit);
        to.trusted("x-ratelimit-remaining-tokens: ", left.remaining);
        to.trusted("x-ratelimit-reset-tokens: ", spelled_duration(left.until_full).view());
    }
}

void write_error_fields(http::head_writer& to, const exchange& x) noexcept
{
    if (x.error == errc::invalid_api_key)
        to.field("www-authenticate", "Bearer realm=\"sluice\"");
    if (x.error == errc::method_not_allowed && x.where != nullptr)
        to.field("allow", x.where->allow);
    const auto row = describe(*x.error);
    if (row.status == 429 || row.status == 503) {
        const auto wait = x.retry_after.value_or(seconds(1));
        to.field(http::header::retry_after, rounded_up(wait, seconds(1)));
        to.field(http::header::retry_after_ms, rounded_up(wait, milliseconds(1)));
    }
}

void append_model(std::string& to, const config::model& model, std::string_view id)
{
    to += R"({"id":")";
    to += json_escaped(id);
    to += R"(","object":"model","created":0,"owned_by":"sluice")";
    if (id != model.name)
        to += R"(,"alias_of":")" + json_escaped(model.name) + '"';
    to += '}';
}

bool is_wildcard(std::string_view name) noexcept
{
    return name.ends_with('*');
}

}  // namespace

void write_cost(http::head_writer& to, const charge& owed, std::string_view dollars) noexcept
{
    if (!owed.due)
        return;
    if (!owed.priced) {
        to.lines("x-sluice-cost: unknown\r\n");
        return;
    }
    // Without the zeros at the end.
    while (dollars.ends_with('0'))
        dollars.remove_suffix(1);
    if (dollars.ends_with('.'))
        dollars.remove_suffix(1);
    to.trusted("x-sluice-cost: ", dollars);
}

void write_own_fields(http::head_writer& to, const exchange& x) noexcept
{
    to.trusted("x-request-id: ", x.request_id.view());
    if (x.target != nullptr) {
        to.lines(x.served_by->texts_of(*x.answered_by, *x.target).lines);
        if (x.tried && x.answered_by->name.ends_with('*'))
            to.field("x-sluice-model", x.tried->called);
    } else {
        to.field("x-sluice-config", x.config->version);
        to.field(http::header::via, "1.1 sluice");
    }
    if (x.attempts == 1)
        to.lines("x-sluice-attempts: 1\r\n");
    else if (x.attempts > 1)
        to.field("x-sluice-attempts", x.attempts);
    if (x.exhausted)
        to.lines("x-should-retry: false\r\n");
    write_allowance(to, x);
}

net::task<bool> answer(
    services& with,
    client& to,
    exchange& x,
    unsigned status,
    std::string_view type,
    std::string_view body)
{
    x.status = status;
    // What is left of the request is not read any more.
    if (!to.request_complete() || with.draining.load(std::memory_order_relaxed))
        x.keep_alive = false;
    http::head_writer head(with.out);
    head.status_line(status);
    head.field(http::header::content_type, type);
    head.field(http::header::content_length, body.size());
    x.now = steady::now();
    const std::chrono::system_clock::time_point time(x.now.time_since_epoch() + with.system_ahead);
    head.field(http::header::date, http_date(time));
    write_own_fields(head, x);
    if (x.error)
        write_error_fields(head, x);
    if (!x.keep_alive)
        head.field(http::header::connection, "close");
    else if (x.head.minor_version() == 0)
        head.field(http::header::connection, "keep-alive");
    net::gather pieces;
    pieces.add(head.finish());
    if (x.method_label != "HEAD")
        pieces.add(body);
    x.head_sent = true;
    x.bytes_out += body.size();
    const auto patience = x.config->timeouts.write;
    const net::io sent = co_await net::send_all(to.connection(), with.buffers, pieces, patience);
    co_return sent == net::io::ok;
}

net::task<bool> answer_error(services& with, client& to, exchange& x)
{
    const auto& row = describe(x.error.value_or(errc::internal_error));
    x.status = row.status;
    if (row.code == errc::client_closed_request)
        co_return false;
    const auto body = wire::error_body(row.code, x.error_message, x.error_param);
    co_return co_await answer(with, to, x, row.status, "application/json", body);
}

std::string list_models(const exchange& x)
{
    std::string body = R"({"object":"list","data":[)";
    const auto before = body.size();
    const auto add = [&](const config::model& model, std::string_view id) {
        if (is_wildcard(id) || !may_use(x, model, id))
            return;
        if (body.size() > before)
            body += ',';
        append_model(body, model, id);
    };
    for (const auto& model : x.config->models) {
        add(model, model.name);
        for (const auto& alias : model.aliases)
            add(model, alias);
    }
    body += "]}";
    return body;
}

result<std::string> describe_model(std::string_view id, exchange& x)
{
    const auto* model = x.config->find_model(id);
    if (model == nullptr || !may_use(x, *model, id))
        return x.fail(
            errc::model_not_found, "the model `" + std::string(id) + "` does not exist", "model");
    std::string body;
    append_model(body, *model, id);
    return body;
}

}  // namespace sluice::proxy
