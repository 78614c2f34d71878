#pragma once
// JSON Web Tokens taken apart (RFC 7515, 7519): what is claimed, not whether it is true.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::wire {

inline constexpr std::size_t max_jwt_bytes = 16'384;

enum class jwt_algorithm : std::uint8_t { rs256, es256, hs256 };

// "RS256"
[[nodiscard]] std::string_view name_of(jwt_algorithm algorithm) noexcept;
[[nodiscard]] std::optional<jwt_algorithm> jwt_algorithm_named(std::string_view name) noexcept;

struct jwt {
    jwt_algorithm algorithm = jwt_algorithm::rs256;
    std::string key_id;            // of the header's `kid`; empty: none
    std::string_view signed_part;  // of the token: header, dot, payload
    std::string payload;           // JSON, not yet looked at
    std::string signature;         // octets
};

// Whether it is worth a look: three parts of base64url, the first beginning as JSON does.
[[nodiscard]] bool looks_like_jwt(std::string_view text) noexcept;

// None: no compact JWS with one of these algorithms, a repeated member of the header, or a header
// that says its meaning depends on what we do not know (`crit`). Any octets.
[[nodiscard]] std::optional<jwt> parse_jwt(std::string_view token);

struct jwt_claims {
    std::string issuer;
    std::vector<std::string> audience;
    // Seconds since the Unix epoch, from -10^15 to 10^15; fractions go.
    std::optional<std::int64_t> expires;
    std::optional<std::int64_t> not_before;
    std::optional<std::int64_t> issued;
    // Of the members that were asked for; in the same order. A text, or the texts of a list; a text
    // is not taken apart. None: not there.
    std::vector<std::optional<std::vector<std::string>>> asked;
};

// None: not a JSON object, a member twice, or one of another type than it has to be. Any octets.
[[nodiscard]] std::optional<jwt_claims> read_claims(
    std::string_view payload, const std::vector<std::string>& asked);

// Without padding, in the one spelling that an encoder gives (RFC 4648 5). None: something else.
[[nodiscard]] std::optional<std::string> base64url_decoded(std::string_view text);

}  // namespace sluice::wire
