#pragma once
// An issuer of tokens, with a key of each kind, made by OpenSSL when the test runs.

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice {

inline std::string base64url(std::string_view octets)
{
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    for (std::size_t i = 0; i < octets.size(); i += 3) {
        unsigned bits = 0;
        const auto here = std::min<std::size_t>(3, octets.size() - i);
        for (std::size_t j = 0; j < 3; ++j)
            bits = (bits << 8U) | (j < here ? static_cast<unsigned char>(octets[i + j]) : 0U);
        for (std::size_t j = 0; j <= here; ++j)
            out += alphabet[(bits >> (18 - 6 * j)) & 63U];
    }
    return out;
}

class token_issuer {
public:
    token_issuer()
        : rsa_(EVP_RSA_gen(2048), EVP_PKEY_free),
          ec_(EVP_EC_gen("P-256"), EVP_PKEY_free)
    {
        if (!rsa_ || !ec_)
            throw std::runtime_error("no keys");
    }

    // Both public keys; `kid` "rsa" and "ec" with this in front.
    [[nodiscard]] std::string jwks(std::string_view prefix = "") const
    {
        const auto id = [&](std::string_view name) {
            return "\",\"kid\":\"" + std::string(prefix) + std::string(name) + "\"}";
        };
        return R"({"keys":[{"kty":"RSA","use":"sig","alg":"RS256","n":")"
               + number_of(rsa_.get(), OSSL_PKEY_PARAM_RSA_N, 256) + R"(","e":")"
               + number_of(rsa_.get(), OSSL_PKEY_PARAM_RSA_E, 3) + id("rsa")
               + R"(,{"kty":"EC","crv":"P-256","x":")"
               + number_of(ec_.get(), OSSL_PKEY_PARAM_EC_PUB_X, 32) + R"(","y":")"
               + number_of(ec_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, 32) + id("ec") + "]}";
    }

    [[nodiscard]] std::string rs256(
        std::string_view payload, std::string_view header = R"({"alg":"RS256","kid":"rsa"})") const
    {
        const auto text = base64url(header) + '.' + base64url(payload);
        return text + '.' + base64url(signature(rsa_.get(), text));
    }

    [[nodiscard]] std::string es256(
        std::string_view payload, std::string_view header = R"({"alg":"ES256","kid":"ec"})") const
    {
        const auto text = base64url(header) + '.' + base64url(payload);
        return text + '.' + base64url(both_numbers(signature(ec_.get(), text)));
    }

    [[nodiscard]] static std::string hs256(
        std::string_view payload,
        std::string_view secret,
        std::string_view header = R"({"alg":"HS256"})")
    {
        const auto text = base64url(header) + '.' + base64url(payload);
        std::array<unsigned char, EVP_MAX_MD_SIZE> tag{};
        unsigned size = 0;
        HMAC(
            EVP_sha256(),
            secret.data(),
            static_cast<int>(secret.size()),
            reinterpret_cast<const unsigned char*>(text.data()),
            text.size(),
            tag.data(),
            &size);
        return text + '.' + base64url({reinterpret_cast<const char*>(tag.data()), size});
    }

private:
    using key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

    static std::string number_of(EVP_PKEY* of, const char* name, int bytes)
    {
        BIGNUM* number = nullptr;
        if (EVP_PKEY_get_bn_param(of, name, &number) != 1)
            throw std::runtime_error(name);
        std::string octets(static_cast<std::size_t>(bytes), '\0');
        BN_bn2binpad(number, reinterpret_cast<unsigned char*>(octets.data()), bytes);
        BN_free(number);
        return base64url(octets);
    }

    static std::string signature(EVP_PKEY* by, std::string_view text)
    {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
            EVP_MD_CTX_new(), EVP_MD_CTX_free);
        const auto* octets = reinterpret_cast<const unsigned char*>(text.data());
        std::size_t size = 0;
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, by);
        EVP_DigestSign(context.get(), nullptr, &size, octets, text.size());
        std::string out(size, '\0');
        EVP_DigestSign(
            context.get(),
            reinterpret_cast<unsigned char*>(out.data()),
            &size,
            octets,
            text.size());
        out.resize(size);
        return out;
    }

    static std::string both_numbers(const std::string& der)
    {
        const auto* at = reinterpret_cast<const unsigned char*>(der.data());
        const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
            d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
        std::string out(64, '\0');
        auto* octets = reinterpret_cast<unsigned char*>(out.data());
        BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), octets, 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), octets + 32, 32);
        return out;
    }

    key rsa_;
    key ec_;
};

}  // namespace sluice
