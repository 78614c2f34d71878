// Any token: what is taken apart is what was there, written again it is the same text, and nothing
// that was not signed is ever taken for good. A text that begins with '{' is a key set instead, and
// what is understood of it verifies nothing by itself.
#include <sluice/config/jwt.hpp>
#include <sluice/wire/jwt.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace sluice;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

std::string encoded(std::string_view octets)
{
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : octets) {
        bits = ((bits << 8U) | static_cast<unsigned char>(c)) & 0xFFFFU;
        for (held += 8; held >= 6;) {
            held -= 6;
            out += alphabet[(bits >> held) & 63U];
        }
    }
    if (held > 0)
        out += alphabet[(bits << (6 - held)) & 63U];
    return out;
}

// Of the issuer and for the audience of most seeds, so that only the signature stands in the way.
config::jwt_settings settings_with(std::shared_ptr<const config::jwt_keys> keys)
{
    config::jwt_settings settings;
    settings.issuer = "i";
    settings.audience = {"a"};
    settings.algorithms = {
        wire::jwt_algorithm::rs256, wire::jwt_algorithm::es256, wire::jwt_algorithm::hs256};
    settings.key_claim = "sub";
    settings.tenant_claim = "org";
    settings.models_claim = "models";
    settings.keys = std::move(keys);
    return settings;
}

void look_at_token(std::string_view token)
{
    const auto parsed = wire::parse_jwt(token);
    if (parsed) {
        require(wire::looks_like_jwt(token));
        require(token.starts_with(parsed->signed_part));
        const auto rest = token.substr(parsed->signed_part.size() + 1);
        require(encoded(parsed->signature) == rest);
        require(parsed->signed_part.ends_with('.' + encoded(parsed->payload)));
        (void)wire::read_claims(parsed->payload, {"sub", "org", "models"});
    }
    // The secret is known to nobody who writes seeds.
    const auto settings =
        settings_with(config::jwt_keys::from_secret("f6c1b83a0d5e49728bd3c6a19e0f7752"));
    require(!config::verify_jwt(token, settings, seconds(1'000)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (!text.starts_with('{')) {
        look_at_token(text);
        (void)wire::read_claims(text, {"sub"});
        return 0;
    }
    const auto claims = wire::read_claims(text, {"sub", "aud"});
    require(!claims || claims->asked.size() == 2);
    const auto set = config::jwt_keys::from_jwks(text);
    require(static_cast<bool>(set.keys) == set.wrong.empty());
    if (!set.keys)
        return 0;
    wire::jwt token;
    token.signed_part = "a.b";
    for (const auto algorithm :
         {wire::jwt_algorithm::rs256, wire::jwt_algorithm::es256, wire::jwt_algorithm::hs256}) {
        token.algorithm = algorithm;
        token.signature.assign(algorithm == wire::jwt_algorithm::rs256 ? 256 : 64, '\x55');
        require(!set.keys->verify(token));
    }
    return 0;
}
