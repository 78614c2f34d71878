#include <sluice/base/text.hpp>
#include <sluice/config/key.hpp>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <stdexcept>

namespace sluice::config {

std::string new_key()
{
    std::array<std::uint8_t, 32> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        throw std::runtime_error("the operating system gives no random bytes");
    return "sk-sluice-" + hex(bytes.data(), bytes.size());
}

digest sha256(std::string_view text)
{
    digest result{};
    if (EVP_Digest(text.data(), text.size(), result.data(), nullptr, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("SHA-256 is not available");
    return result;
}

std::string key_hash(std::string_view key)
{
    const auto hash = sha256(key);
    return "sha256:" + hex(hash.data(), hash.size());
}

std::string masked(std::string_view secret)
{
    if (secret.empty())
        return {};
    const auto hash = sha256(secret);
    return "sha256:" + hex(hash.data(), 4);
}

}  // namespace sluice::config
