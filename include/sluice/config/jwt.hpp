#pragma once
// JSON Web Tokens as credentials: whose they may be, and whether one holds.

#include <sluice/base/clock.hpp>
#include <sluice/config/model.hpp>
#include <sluice/wire/jwt.hpp>

#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

inline constexpr std::size_t max_jwks_bytes = std::size_t{256} << 10U;
inline constexpr std::size_t max_jwks_keys = 32;

// What signatures are verified with. Does not change; any thread.
class jwt_keys {
public:
    // None, and why: not a JWK Set (RFC 7517) or none of its keys is of use. Keys for something
    // else than RS256 and ES256 signatures are passed over. Any octets.
    struct result {
        std::shared_ptr<const jwt_keys> keys;
        std::string wrong;
    };
    [[nodiscard]] static result from_jwks(std::string_view text);
    [[nodiscard]] static std::shared_ptr<const jwt_keys> from_secret(std::string secret);

    jwt_keys() = default;
    ~jwt_keys();
    jwt_keys(const jwt_keys&) = delete;
    jwt_keys& operator=(const jwt_keys&) = delete;

    // By a key of the token's id and of its algorithm's kind; by any of that kind when the token
    // names none.
    [[nodiscard]] bool verify(const wire::jwt& token) const;
    [[nodiscard]] bool has(std::string_view id) const noexcept;

    [[nodiscard]] const std::string& source() const noexcept { return source_; }

private:
    struct key {
        std::string id;
        wire::jwt_algorithm algorithm;
        EVP_PKEY* public_key;
    };

    std::vector<key> keys_;
    std::string secret_;  // of HS256; empty: none
    std::string source_;  // the JWK Set's text
};

struct jwt_settings {
    std::string issuer;
    std::vector<std::string> audience;  // one of these
    std::vector<wire::jwt_algorithm> algorithms;
    std::string file;            // the JWK Set's; empty: none
    std::optional<webhook> url;  // where the JWK Set is fetched
    milliseconds refresh{0};     // how often
    std::string key_claim;       // whose value is a key's id
    std::string tenant_claim;    // empty: not looked at
    std::string models_claim;    // empty: not looked at
    seconds leeway{0};
    std::string secret;                    // of HS256; empty: none
    std::shared_ptr<const jwt_keys> keys;  // null: not fetched yet
};

// Whom a token that holds is for.
struct jwt_identity {
    std::string key;
    std::optional<std::string> tenant;               // has to be the key's
    std::optional<std::vector<std::string>> models;  // of those the key may use, only these
    nanoseconds begins{0};                           // since the Unix epoch, with the leeway
    nanoseconds ends{0};
};

// None: forged, for somebody else, not at this time, or without a claim that has to be there. Costs
// a signature's verification.
[[nodiscard]] std::optional<jwt_identity> verify_jwt(
    std::string_view token, const jwt_settings& settings, nanoseconds system_now);

// It names a key that was not there when keys were fetched: its issuer may have a new one. Nothing
// of it is verified.
[[nodiscard]] bool names_new_key(std::string_view token, const jwt_settings& settings);

}  // namespace sluice::config
