#include <sluice/base/text.hpp>
#include <sluice/config/key.hpp>
#include <sluice/proxy/client.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/steps.hpp>

namespace sluice::proxy {
namespace {

constexpr std::string_view bearer_scheme = "bearer ";

struct credential {
    std::string_view text;
    bool ambiguous = false;
};

// A field's value has none behind. Nothing here may branch on what the credential is made of, not
// even on whether its last character is a digit, which trim() does: how well that is foreseen
// depends on the credentials of others.
std::string_view without_blanks_in_front(std::string_view value) noexcept
{
    while (value.starts_with(' ') || value.starts_with('\t'))
        value.remove_prefix(1);
    return value;
}

credential credential_of(const http::request_head& head) noexcept
{
    using enum http::header;
    for (const auto name : {authorization, x_api_key, x_goog_api_key}) {
        if (!head.has(name))
            continue;
        if (head.repeated(name))
            return {{}, true};
        auto value = head.find(name);
        if (name == authorization) {
            if (value.size() <= bearer_scheme.size()
                || !iequals(value.substr(0, bearer_scheme.size()), bearer_scheme))
                continue;
            value = without_blanks_in_front(value.substr(bearer_scheme.size()));
        }
        if (!value.empty())
            return {value, false};
    }
    return {};
}

}  // namespace

result<void> authenticate(services& with, client& from, exchange& x)
{
    if (x.config->open()) {
        x.key = &x.config->anonymous;
        return {};
    }
    const auto presented = credential_of(x.head);
    if (presented.ambiguous)
        return x.fail(errc::invalid_api_key, "the API key is given more than once");
    if (presented.text.empty())
        return x.fail(
            errc::invalid_api_key, "no API key was given: send it as `Authorization: Bearer KEY`");
    const auto& digest = from.digest_of(presented.text);
    const auto believed = x.began.time_since_epoch() + with.believed_ahead;
    x.key = x.config->find_key(digest, believed);
    if (x.key == nullptr && x.config->jwt && wire::looks_like_jwt(presented.text)) {
        // Nobody knows whether it is good; 401 would tell its client to give up.
        if (!x.config->jwt->keys)
            return x.fail(errc::token_keys_unknown);
        x.bearer = with.tokens.find(*x.config, digest, presented.text, x.system_time, believed);
        if (x.bearer)
            x.key = x.bearer->key;
    }
    // The same words whether it never was a key or is one no more.
    if (x.key == nullptr)
        return x.fail(errc::invalid_api_key, "this API key is not known here or no longer valid");
    return {};
}

bool may_use(const exchange& x, const config::model& model, std::string_view asked) noexcept
{
    return config::snapshot::may_use(*x.key, model, asked)
           && (!x.bearer || !x.bearer->is.models
               || config::snapshot::may_use(*x.bearer->is.models, model, asked));
}

}  // namespace sluice::proxy
