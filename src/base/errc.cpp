#include <sluice/base/errc.hpp>

#include <array>
#include <cassert>
#include <string>

namespace sluice {
namespace {

using enum fault;

constexpr std::string_view request = "invalid_request_error";
constexpr std::string_view auth = "authentication_error";
constexpr std::string_view permission = "permission_error";
constexpr std::string_view rate = "rate_limit_error";
constexpr std::string_view quota = "insufficient_quota";
constexpr std::string_view timeout = "timeout_error";
constexpr std::string_view server = "server_error";

// clang-format off
constexpr std::array rows{
    //        errc                               label                          status  error.code                    type        whose     another? message
    error_row{errc::bad_request,                 "bad_request",                 400, "bad_request",                   request,    client,   false, "the request is not valid HTTP/1.1"},
    error_row{errc::head_too_large,              "head_too_large",              431, "head_too_large",                request,    client,   false, "the request head is too large"},
    error_row{errc::unsupported_version,         "unsupported_version",         505, "unsupported_version",           request,    client,   false, "only HTTP/1.0 and HTTP/1.1 are spoken here"},
    error_row{errc::unsupported_transfer_coding, "unsupported_transfer_coding", 501, "unsupported_transfer_coding",   request,    client,   false, "the only transfer coding understood is chunked"},
    error_row{errc::expectation_failed,          "expectation_failed",          417, "expectation_failed",            request,    client,   false, "the only expectation understood is 100-continue"},
    error_row{errc::request_timeout,             "request_timeout",             408, "request_timeout",               timeout,    client,   false, "the request took too long to arrive"},
    error_row{errc::request_too_large,           "request_too_large",           413, "request_too_large",             request,    client,   false, "the request body is too large"},
    error_row{errc::client_closed_request,       "client_closed_request",       499, "client_closed_request",         request,    client,   false, "the client closed the connection"},
    error_row{errc::unknown_path,                "unknown_path",                404, "unknown_path",                  request,    client,   false, "there is nothing at this path"},
    error_row{errc::method_not_allowed,          "method_not_allowed",          405, "method_not_allowed",            request,    client,   false, "this path does not take this method"},
    error_row{errc::unsupported_media_type,      "unsupported_media_type",      415, "unsupported_media_type",        request,    client,   false, "the body must be application/json without a content encoding"},
    error_row{errc::loop_detected,               "loop_detected",               508, "loop_detected",                 request,    client,   false, "the request passed through too many gateways: does a provider's base_url point back here?"},
    error_row{errc::invalid_json,                "invalid_json",                400, "invalid_json",                  request,    client,   false, "the body is not valid JSON"},
    error_row{errc::missing_required_parameter,  "missing_required_parameter",  400, "missing_required_parameter",    request,    client,   false, "a required parameter is missing"},
    error_row{errc::invalid_type,                "invalid_type",                400, "invalid_type",                  request,    client,   false, "a parameter has the wrong type"},
    error_row{errc::duplicate_parameter,         "duplicate_parameter",         400, "duplicate_parameter",           request,    client,   false, "a parameter is given more than once"},
    error_row{errc::invalid_api_key,             "invalid_api_key",             401, "invalid_api_key",               auth,       client,   false, "the API key is missing or not known here"},
    error_row{errc::token_keys_unknown,          "token_keys_unknown",          503, "token_keys_unknown",            server,     gateway,  false, "the keys that tokens are verified with have not been fetched yet"},
    error_row{errc::model_not_allowed,           "model_not_allowed",           403, "model_not_allowed",             permission, client,   false, "this key may not use this model"},
    error_row{errc::model_not_found,             "model_not_found",             404, "model_not_found",               request,    client,   false, "the model does not exist"},
    error_row{errc::target_not_found,            "target_not_found",            400, "target_not_found",              request,    client,   false, "the model has no target of this name"},
    error_row{errc::rate_limit_exceeded,         "rate_limit_exceeded",         429, "rate_limit_exceeded",           rate,       client,   false, "the key's rate limit is used up"},
    error_row{errc::insufficient_quota,          "insufficient_quota",          429, "insufficient_quota",            quota,      client,   false, "the budget is spent"},
    error_row{errc::bad_gateway,                 "bad_gateway",                 502, "bad_gateway",                   server,     upstream, true,  "the provider's answer could not be used"},
    error_row{errc::connect_failed,              "connect_failed",              502, "bad_gateway",                   server,     upstream, true,  "the provider could not be reached"},
    error_row{errc::tls_failed,                  "tls_failed",                  502, "bad_gateway",                   server,     upstream, true,  "the provider's TLS handshake or certificate failed"},
    error_row{errc::upstream_reset,              "upstream_reset",              502, "bad_gateway",                   server,     upstream, true,  "the provider reset the connection"},
    error_row{errc::upstream_eof,                "upstream_eof",                502, "bad_gateway",                   server,     upstream, true,  "the provider ended its answer early"},
    error_row{errc::upstream_invalid,            "upstream_invalid",            502, "bad_gateway",                   server,     upstream, true,  "the provider's answer is not valid HTTP/1.1"},
    error_row{errc::upstream_timeout,            "upstream_timeout",            504, "upstream_timeout",              timeout,    upstream, true,  "the provider did not answer in time"},
    error_row{errc::stream_idle,                 "stream_idle",                 504, "upstream_timeout",              timeout,    upstream, true,  "the provider's stream stalled"},
    error_row{errc::upstream_error,              "upstream_error",              502, "bad_gateway",                   server,     upstream, true,  "the provider reported an error in the place of an answer"},
    error_row{errc::upstream_rate_limited,       "upstream_rate_limited",       429, "rate_limit_exceeded",           rate,       upstream, true,  "the provider's rate limit is used up"},
    error_row{errc::upstream_credentials_exhausted, "upstream_credentials_exhausted", 502, "upstream_credentials_exhausted", server, upstream, true, "the provider accepts none of the gateway's credentials"},
    error_row{errc::context_length_exceeded,     "context_length_exceeded",     400, "context_length_exceeded",       request,    client,   false, "the request is longer than the model's context window"},
    error_row{errc::content_filter,              "content_filter",              400, "content_filter",                request,    client,   false, "the provider filtered the request or its answer"},
    error_row{errc::no_healthy_upstream,         "no_healthy_upstream",         503, "no_healthy_upstream",           server,     gateway,  false, "no target of this model can be used at the moment"},
    error_row{errc::overloaded,                  "overloaded",                  503, "overloaded",                    server,     gateway,  false, "the gateway is at its limit"},
    error_row{errc::draining,                    "draining",                    503, "draining",                      server,     gateway,  false, "the gateway is shutting down"},
    error_row{errc::internal_error,              "internal_error",              500, "internal_error",                server,     gateway,  false, "the gateway failed; this is a bug in it"},
};
// clang-format on

consteval bool rows_follow_the_enum()
{
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (static_cast<std::size_t>(rows[i].code) != i + 1)
            return false;
    return rows.size() == errc_count;
}
static_assert(rows_follow_the_enum());

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "sluice"; }
    std::string message(int value) const override
    {
        return std::string(describe(static_cast<errc>(value)).message);
    }
};

}  // namespace

const error_row& describe(errc code) noexcept
{
    const auto index = static_cast<std::size_t>(code) - 1;
    assert(index < rows.size());
    return rows[index];
}

const boost::system::error_category& gateway_category() noexcept
{
    static const category instance;
    return instance;
}

}  // namespace sluice
