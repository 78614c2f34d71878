#pragma once
// Certificates made for one test, and the two sides of TLS that use them.

#include "connection.hpp"

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

namespace loopback {

// A certificate and its key, in PEM.
struct identity {
    std::string certificate;
    std::string key;
};

struct validity {
    long from_days = -1;
    long to_days = 1;
};

// Signs for names under its own certificate, self-signed or another authority's.
class authority {
public:
    explicit authority(std::string_view name = "test authority", const authority* of = nullptr);

    [[nodiscard]] const std::string& certificate() const noexcept { return certificate_; }
    // A list of revoked certificates, with none in it, or one.
    [[nodiscard]] std::string revocations(const identity* revoked = nullptr) const;
    // `name` is a DNS name or an IP address.
    [[nodiscard]] identity issue(std::string_view name, validity valid = {}) const;

private:
    struct deleter {
        void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
        void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    };
    std::unique_ptr<EVP_PKEY, deleter> key_;
    std::unique_ptr<X509, deleter> self_;
    std::string certificate_;
};

// At most this version: TLS1_VERSION stands for an old server.
[[nodiscard]] context_ptr server_context(const identity& who, int most = TLS1_3_VERSION);
// Trusts `authorities`; shows `who` where that has a certificate.
[[nodiscard]] context_ptr client_context(const std::string& authorities, const identity& who = {});

[[nodiscard]] ssl_ptr server_side(const context_ptr& context);
// Asks for and expects this name; offers http/1.1.
[[nodiscard]] ssl_ptr client_side(const context_ptr& context, const std::string& name);

// The same key under a passphrase.
[[nodiscard]] std::string encrypted(const std::string& key);

void write_file(const std::string& path, std::string_view content);

}  // namespace loopback
