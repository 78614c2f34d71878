#include "address.hpp"
#include "read.hpp"

#include <algorithm>

namespace sluice::config {
namespace {

using wire::jwt_algorithm;

constexpr std::size_t least_secret = 32;
constexpr std::size_t most_audiences = 100;

bool is_claim(std::string_view text)
{
    return !text.empty() && text.size() <= 256
           && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string read_claim(const place& at)
{
    auto name = at.text();
    if (at.given() && !is_claim(name))
        at.complain_value("does not fit");
    return name;
}

void read_url(const place& at, jwt_settings& jwt)
{
    auto [url, wrong] = parse_webhook(at.text());
    if (!url)
        at.complain(wrong + ", allowed: " + allowed(*find_row("jwt.keys")));
    else if (!url->tls && url->host != "localhost" && !is_loopback(url->host))
        at.complain("keys that come over http could be anybody's, use https");
    else
        jwt.url = std::move(url);
}

void read_verification(const place& at, const environment& environment, jwt_settings& jwt)
{
    const auto keys = at["keys"];
    const auto secret = at["secret"];
    if (keys.present() == secret.present())
        at["keys"].complain("one of `keys` and `secret` has to be there");
    if (secret.given()) {
        jwt.secret = secret.text();
        if (check_secret(secret, jwt.secret) && jwt.secret.size() < least_secret)
            secret.complain("is shorter than 32 characters and could be guessed");
        jwt.keys = jwt_keys::from_secret(jwt.secret);
    }
    if (!keys.given())
        return;
    const auto where = keys.text();
    if (where.starts_with("http://") || where.starts_with("https://"))
        return read_url(keys, jwt);
    jwt.file = read_path(keys, environment);
    if (const auto content = environment.file(jwt.file)) {
        auto [found, wrong] = jwt_keys::from_jwks(*content);
        if (!found)
            keys.complain_value(wrong);
        jwt.keys = std::move(found);
    }
}

void read_algorithms(const place& at, jwt_settings& jwt)
{
    const bool by_secret = !jwt.secret.empty();
    for (const auto& one : at.elements()) {
        const auto algorithm = wire::jwt_algorithm_named(one.text());
        if (!algorithm)
            one.complain(one.shown() + " is none of RS256, ES256 and HS256");
        else if ((*algorithm == jwt_algorithm::hs256) != by_secret)
            one.complain("HS256 is for `secret`, the others for `keys`");
        else
            jwt.algorithms.push_back(*algorithm);
    }
    if (at.given() && at.elements().empty())
        at.complain("without an algorithm no token could be good");
    if (!at.present() && by_secret)
        jwt.algorithms = {jwt_algorithm::hs256};
    else if (!at.present())
        jwt.algorithms = {jwt_algorithm::rs256, jwt_algorithm::es256};
}

}  // namespace

void read_jwt(const place& root, const environment& environment, snapshot& settings)
{
    const auto at = root["jwt"];
    if (!at.given())
        return;
    jwt_settings jwt;
    jwt.issuer = at["issuer"].text();
    if (at["issuer"].given() && !is_claim(jwt.issuer))
        at["issuer"].complain_value("does not fit");
    const auto audience = at["audience"].elements();
    if (at["audience"].given() && audience.empty())
        at["audience"].complain("without an audience a token for anybody would do, name ours");
    if (check_length(at["audience"], audience.size(), most_audiences))
        for (const auto& one : audience) {
            jwt.audience.push_back(one.text());
            if (one.given() && jwt.audience.back().empty())
                one.complain("the value is empty");
        }
    read_verification(at, environment, jwt);
    read_algorithms(at["algorithms"], jwt);
    jwt.refresh = at["refresh"].duration();
    jwt.key_claim = read_claim(at["key"]);
    jwt.tenant_claim = read_claim(at["tenant"]);
    jwt.models_claim = read_claim(at["models"]);
    jwt.leeway = std::chrono::duration_cast<seconds>(at["leeway"].duration());
    settings.jwt = std::move(jwt);
}

}  // namespace sluice::config
