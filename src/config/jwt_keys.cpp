// What tokens are verified with, by OpenSSL.
#include <sluice/config/jwt.hpp>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::config {
namespace {

namespace dom = simdjson::dom;
using wire::jwt_algorithm;

constexpr int least_rsa_bits = 2048;
constexpr int most_rsa_bits = 8192;
constexpr std::size_t coordinate_bytes = 32;  // of P-256

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const noexcept
    {
        Free(object);
    }
};
using big_number = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using builder = std::unique_ptr<OSSL_PARAM_BLD, freed_by<OSSL_PARAM_BLD_free>>;
using parameters = std::unique_ptr<OSSL_PARAM, freed_by<OSSL_PARAM_free>>;
using key_context = std::unique_ptr<EVP_PKEY_CTX, freed_by<EVP_PKEY_CTX_free>>;
using key_pointer = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using digest_context = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;
using ec_signature = std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>>;

// Nothing of a failure stays in the thread's queue, where TLS would take it for its own.
struct quiet {
    quiet() = default;
    ~quiet() { ERR_clear_error(); }
    quiet(const quiet&) = delete;
    quiet& operator=(const quiet&) = delete;
};

const unsigned char* octets(std::string_view text)
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string text_member(dom::element of, std::string_view name)
{
    std::string_view text;
    return of[name].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::string decoded(dom::element of, std::string_view name)
{
    return wire::base64url_decoded(text_member(of, name)).value_or(std::string());
}

key_pointer made(const char* type, OSSL_PARAM_BLD* from)
{
    const parameters values(OSSL_PARAM_BLD_to_param(from));
    const key_context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    if (!values || !context || EVP_PKEY_fromdata_init(context.get()) != 1
        || EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, values.get()) != 1)
        return {};
    key_pointer result(key);
    const key_context check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    return check && EVP_PKEY_public_check(check.get()) == 1 ? std::move(result) : nullptr;
}

key_pointer rsa_key(dom::element jwk)
{
    const auto modulus = decoded(jwk, "n");
    const auto exponent = decoded(jwk, "e");
    if (modulus.empty() || modulus.size() > most_rsa_bits / 8 || exponent.empty()
        || exponent.size() > sizeof(std::uint64_t))
        return {};
    const big_number n(BN_bin2bn(octets(modulus), static_cast<int>(modulus.size()), nullptr));
    const big_number e(BN_bin2bn(octets(exponent), static_cast<int>(exponent.size()), nullptr));
    const builder build(OSSL_PARAM_BLD_new());
    if (!n || !e || !build || BN_num_bits(n.get()) < least_rsa_bits
        || OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1
        || OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return {};
    return made("RSA", build.get());
}

key_pointer ec_key(dom::element jwk)
{
    const auto x = decoded(jwk, "x");
    const auto y = decoded(jwk, "y");
    if (text_member(jwk, "crv") != "P-256" || x.size() != coordinate_bytes
        || y.size() != coordinate_bytes)
        return {};
    const std::string point = '\x04' + x + y;
    const builder build(OSSL_PARAM_BLD_new());
    if (!build
        || OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0)
               != 1
        || OSSL_PARAM_BLD_push_octet_string(
               build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size())
               != 1)
        return {};
    return made("EC", build.get());
}

// As far as its maker has said what it is for: RFC 7517 4.2 to 4.4.
bool is_to_verify(dom::element jwk, jwt_algorithm algorithm)
{
    const auto use = text_member(jwk, "use");
    const auto meant = text_member(jwk, "alg");
    if ((!use.empty() && use != "sig") || (!meant.empty() && meant != name_of(algorithm)))
        return false;
    dom::array operations;
    if (jwk["key_ops"].get(operations) != simdjson::SUCCESS)
        return true;
    return std::any_of(operations.begin(), operations.end(), [](dom::element one) {
        std::string_view name;
        return one.get(name) == simdjson::SUCCESS && name == "verify";
    });
}

// r and s, one behind the other, as OpenSSL wants them. Empty: not of the right length.
std::string der_of(std::string_view signature)
{
    if (signature.size() != 2 * coordinate_bytes)
        return {};
    constexpr int size = coordinate_bytes;
    big_number r(BN_bin2bn(octets(signature), size, nullptr));
    big_number s(BN_bin2bn(octets(signature.substr(coordinate_bytes)), size, nullptr));
    const ec_signature both(ECDSA_SIG_new());
    if (!r || !s || !both || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1)
        return {};
    (void)r.release();
    (void)s.release();
    unsigned char* der = nullptr;
    const int length = i2d_ECDSA_SIG(both.get(), &der);
    std::string result;
    if (length > 0)
        result.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
    OPENSSL_free(der);
    return result;
}

bool signed_by(EVP_PKEY* key, std::string_view text, std::string_view signature)
{
    const digest_context context(EVP_MD_CTX_new());
    return context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1
           && EVP_DigestVerify(
                  context.get(), octets(signature), signature.size(), octets(text), text.size())
                  == 1;
}

bool tagged_by(std::string_view secret, std::string_view text, std::string_view tag)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> wanted{};
    unsigned size = 0;
    const auto length = static_cast<int>(secret.size());
    return HMAC(
               EVP_sha256(), secret.data(), length, octets(text), text.size(), wanted.data(), &size)
               != nullptr
           && tag.size() == size && CRYPTO_memcmp(tag.data(), wanted.data(), size) == 0;
}

}  // namespace

jwt_keys::result jwt_keys::from_jwks(std::string_view text)
{
    const quiet errors;
    dom::parser parser;
    dom::array all;
    if (text.size() > max_jwks_bytes
        || parser.parse(text.data(), text.size())["keys"].get(all) != simdjson::SUCCESS)
        return {{}, "is no JSON Web Key Set"};
    if (all.size() > max_jwks_keys)
        return {{}, "has more than " + std::to_string(max_jwks_keys) + " keys"};
    auto keys = std::make_shared<jwt_keys>();
    for (const auto jwk : all) {
        const auto type = text_member(jwk, "kty");
        const auto algorithm = type == "EC" ? jwt_algorithm::es256 : jwt_algorithm::rs256;
        if ((type != "EC" && type != "RSA") || !is_to_verify(jwk, algorithm))
            continue;
        if (auto key = type == "EC" ? ec_key(jwk) : rsa_key(jwk))
            keys->keys_.push_back({text_member(jwk, "kid"), algorithm, key.release()});
    }
    if (keys->keys_.empty())
        return {{}, "has no key for RS256 (2048 to 8192 bits) or ES256"};
    keys->source_ = text;
    return {std::move(keys), {}};
}

std::shared_ptr<const jwt_keys> jwt_keys::from_secret(std::string secret)
{
    auto keys = std::make_shared<jwt_keys>();
    keys->secret_ = std::move(secret);
    return keys;
}

jwt_keys::~jwt_keys()
{
    for (const auto& one : keys_)
        EVP_PKEY_free(one.public_key);
    OPENSSL_cleanse(secret_.data(), secret_.size());
}

bool jwt_keys::has(std::string_view id) const noexcept
{
    return std::ranges::any_of(keys_, [&](const key& one) { return one.id == id; });
}

bool jwt_keys::verify(const wire::jwt& token) const
{
    const quiet errors;
    // A secret is for HS256 alone and a public key never for it: who knows the public key is not to
    // sign with it.
    if (token.algorithm == jwt_algorithm::hs256)
        return !secret_.empty() && tagged_by(secret_, token.signed_part, token.signature);
    const auto signature =
        token.algorithm == jwt_algorithm::es256 ? der_of(token.signature) : token.signature;
    if (signature.empty())
        return false;
    for (const auto& one : keys_)
        if (one.algorithm == token.algorithm && (token.key_id.empty() || one.id == token.key_id)
            && signed_by(one.public_key, token.signed_part, signature))
            return true;
    return false;
}

}  // namespace sluice::config
