#pragma once
// Answers the gateway gives by itself: errors, the models, its health.

#include <sluice/http/writer.hpp>
#include <sluice/proxy/exchange.hpp>

#include <string_view>

namespace sluice::proxy {

// The fields every answer carries: request id, snapshot, target, attempts, the key's allowance.
void write_own_fields(http::head_writer& to, const exchange& x) noexcept;

// x-sluice-cost: US dollars, or `unknown` where there is no price. Nothing for what is not due.
void write_cost(http::head_writer& to, const charge& owed, std::string_view dollars) noexcept;

// One whole answer; `type` is the body's media type. False: the client is gone.
net::task<bool> answer(
    services& with,
    client& to,
    exchange& x,
    unsigned status,
    std::string_view type,
    std::string_view body);

// The error the exchange has noted, as OpenAI's error object. Nothing is sent to a client that has
// left.
net::task<bool> answer_error(services& with, client& to, exchange& x);

// GET /v1/models and /v1/models/{id}: what this key may use.
[[nodiscard]] std::string list_models(const exchange& x);
[[nodiscard]] result<std::string> describe_model(std::string_view id, exchange& x);

}  // namespace sluice::proxy
