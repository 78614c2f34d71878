#include "admin_api.hpp"

#include "console.hpp"
#include "own_page.hpp"
#include <sluice/base/text.hpp>

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

namespace sluice::server {
namespace {

namespace http = boost::beast::http;

// Equal digests of equal texts: the comparison's time tells nothing about either.
bool same_secret(std::string_view a, std::string_view b)
{
    const auto x = config::sha256(a);
    const auto y = config::sha256(b);
    return CRYPTO_memcmp(x.data(), y.data(), x.size()) == 0;
}

std::string_view bearer(std::string_view authorization)
{
    constexpr std::string_view scheme = "bearer ";
    if (!iequals(authorization.substr(0, scheme.size()), scheme))
        return {};
    return trim(authorization.substr(scheme.size()));
}

// The path with the model's name taken out: "/admin/v1/models/{m}/canary".
struct place {
    std::string pattern;
    // Decoded; none with a pattern that has one: not decodable.
    std::optional<std::string> model{};
    std::optional<std::string> target{};
    std::optional<std::string> key{};
};

// ".../targets/{t}/breaker"
std::optional<place> breaker_place(std::string_view models, std::string_view rest)
{
    constexpr std::string_view above = "/targets";
    constexpr std::string_view action = "/breaker";
    if (!rest.ends_with(action))
        return std::nullopt;
    rest.remove_suffix(action.size());
    const auto slash = rest.rfind('/');
    if (slash == std::string_view::npos || slash + 1 == rest.size())
        return std::nullopt;
    const auto model = rest.substr(0, slash);
    if (!model.ends_with(above) || model.size() == above.size())
        return std::nullopt;
    place found{.pattern = std::string(models) + "{m}/targets/{t}/breaker"};
    found.target = percent_decoded(rest.substr(slash + 1));
    if (found.target)
        found.model = percent_decoded(model.substr(0, model.size() - above.size()));
    return found;
}

// "/admin/v1/budgets/{m}/topup"
std::optional<place> budget_place(std::string_view path)
{
    constexpr std::string_view above = "/admin/v1/budgets/";
    constexpr std::string_view action = "/topup";
    if (!path.starts_with(above) || !path.ends_with(action)
        || path.size() <= above.size() + action.size())
        return std::nullopt;
    path.remove_prefix(above.size());
    path.remove_suffix(action.size());
    return place{
        .pattern = std::string(above) + "{m}" + std::string(action),
        .model = percent_decoded(path)};
}

place key_place(std::string_view keys, std::string_view rest)
{
    constexpr std::string_view rotate = "/rotate";
    place found{.pattern = std::string(keys) + "{k}"};
    if (rest.size() > rotate.size() && rest.ends_with(rotate)) {
        rest.remove_suffix(rotate.size());
        found.pattern += rotate;
    }
    found.key = percent_decoded(rest);
    return found;
}

place place_of(std::string_view path)
{
    if (auto budget = budget_place(path))
        return std::move(*budget);
    constexpr std::string_view keys = "/admin/v1/keys/";
    if (path.starts_with(keys) && path.size() > keys.size())
        return key_place(keys, path.substr(keys.size()));
    constexpr std::string_view models = "/admin/v1/models/";
    constexpr std::array<std::string_view, 9> actions{
        "/canary",
        "/shadow",
        "/weights",
        "/rollback",
        "/promote",
        "/freeze",
        "/resume",
        "/kill",
        "/rollout"};
    if (!path.starts_with(models) || path.size() == models.size())
        return {.pattern = std::string(path)};
    auto name = path.substr(models.size());
    if (auto breaker = breaker_place(models, name))
        return std::move(*breaker);
    const auto* action = std::ranges::find_if(
        actions, [&](auto one) { return name.size() > one.size() && name.ends_with(one); });
    std::string pattern = std::string(models) + "{m}";
    if (action != actions.end()) {
        name.remove_suffix(action->size());
        pattern += *action;
    }
    return {.pattern = std::move(pattern), .model = percent_decoded(name)};
}

}  // namespace

struct admin_api::route {
    std::string_view pattern;
    http::verb verb;
    admin_response (admin_api::*answer)(const admin_call&);
    std::array<std::string_view, 10> queries;  // names the query may have
};

// clang-format off
std::span<const admin_api::route> admin_api::routes()
{
    using enum http::verb;
    static constexpr std::array table{
        route{"/livez",                        get,  &admin_api::live,         {}},
        route{"/readyz",                       get,  &admin_api::ready,        {}},
        route{"/metrics",                      get,  &admin_api::metrics,      {}},
        route{"/admin/v1/models",              get,  &admin_api::all_models,   {}},
        route{"/admin/v1/models/{m}",          get,  &admin_api::one_model,    {}},
        route{"/admin/v1/models/{m}/canary",   put,  &admin_api::set_canary,   {}},
        route{"/admin/v1/models/{m}/shadow",   get,  &admin_api::show_shadow,  {}},
        route{"/admin/v1/models/{m}/weights",  put,  &admin_api::set_weights,  {}},
        route{"/admin/v1/models/{m}/rollback", post, &admin_api::roll_back,    {}},
        route{"/admin/v1/models/{m}/promote",  post, &admin_api::promote,      {}},
        route{"/admin/v1/models/{m}/freeze",   post, &admin_api::freeze,       {}},
        route{"/admin/v1/models/{m}/resume",   post, &admin_api::resume,       {}},
        route{"/admin/v1/models/{m}/kill",     post, &admin_api::kill,         {}},
        route{"/admin/v1/models/{m}/rollout",  put,  &admin_api::put_rollout,  {}},
        route{"/admin/v1/models/{m}/targets/{t}/breaker", put, &admin_api::set_breaker, {}},
        route{"/admin/v1/kill",                post, &admin_api::kill_all,     {}},
        route{"/admin/v1/keys",                get,     &admin_api::all_keys,   {}},
        route{"/admin/v1/keys",                post,    &admin_api::create_key, {}},
        route{"/admin/v1/keys/{k}",            get,     &admin_api::one_key,    {}},
        route{"/admin/v1/keys/{k}",            patch,   &admin_api::change_key, {}},
        route{"/admin/v1/keys/{k}",            delete_, &admin_api::revoke_key, {}},
        route{"/admin/v1/keys/{k}/rotate",     post,    &admin_api::rotate_key, {}},
        route{"/admin/v1/config",              get,  &admin_api::show_config,  {}},
        route{"/admin/v1/config",              put,  &admin_api::put_config,   {"dry_run"}},
        route{"/admin/v1/reload",              post, &admin_api::reload,       {}},
        route{"/admin/v1/explain",             post, &admin_api::explain,      {}},
        route{"/admin/v1/audit",               get,  &admin_api::audit,        {"limit"}},
        route{"/admin/v1/usage",               get,  &admin_api::usage,
              {"by", "since", "until", "tenant", "key", "model", "target", "arm", "outcome", "tag"}},
        route{"/admin/v1/budgets",             get,  &admin_api::budgets,      {}},
        route{"/admin/v1/budgets/{m}/topup",   post, &admin_api::top_up,       {}},
    };
    return table;
}
// clang-format on

admin_api::admin_api(admin_sources sources)
    : sources_(std::move(sources))
{
}

admin_response admin_api::answer(const admin_request& request, std::string_view remote)
{
    admin_response response;
    try {
        response = dispatch(request, remote);
    } catch (const std::exception& bug) {
        sources_.log.error("admin_failed", bug.what());
        response = error_answer(errc::internal_error);
    }
    response.content_length(response.body().size());
    response.set(http::field::date, http_date(std::chrono::system_clock::now()));
    return response;
}

admin_response admin_api::dispatch(const admin_request& request, std::string_view remote)
{
    const auto target = view(request.target());
    const auto path = target.substr(0, std::min(target.find('?'), target.size()));
    const auto query = target.substr(std::min(path.size() + 1, target.size()));
    if (auto stranger = refuse_stranger(request, path, remote))
        return std::move(*stranger);

    const auto verb = request.method() == http::verb::head ? http::verb::get : request.method();
    auto where = place_of(path);
    std::string allow;
    for (const auto& row : routes()) {
        if (row.pattern != where.pattern)
            continue;
        const auto name = view(http::to_string(row.verb));
        allow += (allow.empty() ? "" : ", ") + std::string(name);
        allow += row.verb == http::verb::get ? ", HEAD" : "";
        if (row.verb != verb)
            continue;
        if (verb != http::verb::get && sources_.frozen != nullptr && sources_.frozen->load())
            return error_answer(admin_error{
                .status = 503,
                .code = "upgrade_under_way",
                .message = "another process is taking over: ask again in a second"});
        if (where.pattern.find('{') != std::string::npos && !where.model && !where.key)
            return error_answer(
                errc::bad_request, "a name in the path is not percent-encoded as it should be");
        if (const auto odd = unknown_in_query(query, row.queries))
            return error_answer(admin_error{
                .code = "unknown_parameter",
                .message = "the query has an unknown parameter '" + *odd + "'",
                .param = *odd});
        admin_call call{
            .request = request,
            .query = query,
            .model = where.model.value_or(""),
            .target = where.target.value_or(""),
            .key = where.key.value_or(""),
            .by = {}};
        call.by = {.actor = "admin", .remote = std::string(remote), .path = std::string(path)};
        if (request.count(http::field::if_match) > 0)
            call.by.if_version = wanted_version(
                view(request[http::field::if_match]), sources_.control.current()->version);
        return (this->*row.answer)(call);
    }
    if (allow.empty()) {
        auto page = console_answer(path);
        if (page && verb == http::verb::get)
            return std::move(*page);
        if (!page)
            return error_answer(errc::unknown_path);
        allow = "GET, HEAD";
    }
    auto response = error_answer(errc::method_not_allowed);
    response.set(http::field::allow, allow);
    return response;
}

const std::string& admin_api::token()
{
    const auto& settings = sources_.control.current()->admin;
    if (settings && (loopback_ || !settings->token.empty()))
        last_token_ = settings->token;
    return last_token_;
}

std::optional<admin_response> admin_api::refuse_stranger(
    const admin_request& request, std::string_view path, std::string_view remote)
{
    auto refused = refusal_of(request, path);
    if (refused)
        sources_.log.warn(
            "admin_refused",
            "a call of the admin address was refused: no token, not its own, or from a web page",
            {{"remote", remote}, {"status", std::uint64_t{refused->result_int()}}});
    return refused;
}

std::optional<admin_response> admin_api::refusal_of(
    const admin_request& request, std::string_view path)
{
    const auto& wanted = token();
    const bool is_probe = path == "/livez" || path == "/readyz";  // which tell nothing else
    if (wanted.empty() && !is_probe)
        if (auto other = refuse_host(request))
            return other;
    if (!path.starts_with("/admin"))
        return std::nullopt;
    if (auto page = refuse_page(request, !wanted.empty()))
        return page;
    if (wanted.empty())
        return std::nullopt;
    const auto given = bearer(view(request[http::field::authorization]));
    if (!given.empty() && same_secret(given, wanted))
        return std::nullopt;
    const auto system_now = std::chrono::system_clock::now().time_since_epoch();
    if (!given.empty() && sources_.control.current()->find_key(config::sha256(given), system_now))
        return error_answer(admin_error{
            .status = 403,
            .code = "admin_token_required",
            .message = "a key of the data plane has no rights here"});
    return error_answer(
        errc::invalid_api_key, "the admin API wants `authorization: Bearer` with its token");
}

admin_response admin_api::tagged(admin_response response) const
{
    response.set(http::field::etag, etag_of(sources_.control.current()->version));
    return response;
}

admin_response admin_api::refused(const change_report& report) const
{
    admin_error why{
        .message = report.complaints.empty() ? "refused" : report.complaints.front(),
        .complaints = report.complaints};
    switch (report.refused) {
    case refusal::none:
    case refusal::invalid:
        why.code = "invalid_value";
        break;
    case refusal::unknown_model:
        why.status = 404;
        why.code = "model_not_found";
        break;
    case refusal::unknown_target:
        why.code = "target_not_found";
        break;
    case refusal::version:
        why.status = 412;
        why.code = "precondition_failed";
        break;
    case refusal::not_durable:
        why.status = 500;
        why.code = "not_durable";
        break;
    case refusal::no_rollout:
        why.status = 409;
        why.code = "no_rollout";
        break;
    case refusal::unknown_key:
        why.status = 404;
        why.code = "key_not_found";
        break;
    case refusal::key_exists:
        why.status = 409;
        why.code = "key_exists";
        break;
    case refusal::conflict:
        why.status = 409;
        why.code = "rollout_state";
        break;
    }
    return tagged(error_answer(why));
}

}  // namespace sluice::server
