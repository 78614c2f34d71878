#pragma once
// OpenSSL contexts for both sides. TLS 1.2 and 1.3 only, no renegotiation, ALPN http/1.1.

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace sluice::net {

struct ssl_ctx_free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
struct ssl_free {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};
using ssl_ptr = std::unique_ptr<SSL, ssl_free>;

// Any thread once made: OpenSSL contexts are reference counted and locked inside.
using tls_context = std::shared_ptr<SSL_CTX>;

struct tls_context_result {
    tls_context context;
    std::string error;  // empty exactly when there is a context
};

// For a listener. `client_ca` empty: no client certificate is asked for; otherwise one signed by it
// is required. Session tickets are on. All that stands in a file of authorities is trusted as it
// is, though another one should have signed it; lists of revoked certificates there are obeyed.
[[nodiscard]] tls_context_result make_server_context(
    const std::string& certificate, const std::string& private_key, const std::string& client_ca);

// For providers: the peer's chain and name are verified. `ca_file` empty: the system's trust store.
[[nodiscard]] tls_context_result make_client_context(const std::string& ca_file);

// Why a handshake that has just failed on this thread did. The error queue is emptied.
struct tls_refusal {
    std::string why;     // in words
    bool heard = false;  // at least an octet
    bool http = false;   // it was a request without TLS
};
[[nodiscard]] tls_refusal refusal_of(const SSL* ssl);
// Why the peer's certificate was refused; if it was not, what else there is to say.
[[nodiscard]] std::string certificate_words(const SSL* ssl, std::string otherwise);

// What is wrong with PEM files in words; empty: a context can be made of them. The key has to be
// the certificate's, if that can be used itself.
[[nodiscard]] std::string certificate_fault(const std::string& file);
[[nodiscard]] std::string private_key_fault(
    const std::string& file, const std::string& certificate);
[[nodiscard]] std::string authorities_fault(const std::string& file);

// A client side sends `host` as SNI and accepts only a certificate for it; IP literals are matched
// as addresses and send no SNI (RFC 6066 section 3).
[[nodiscard]] bool expect_peer(SSL* ssl, const std::string& host);
[[nodiscard]] ssl_ptr make_client_ssl(
    const tls_context& context, int descriptor, const std::string& host);
[[nodiscard]] ssl_ptr make_server_ssl(const tls_context& context, int descriptor);

// The newest entry of this thread's OpenSSL error queue in words; the queue is emptied.
[[nodiscard]] std::string tls_error();

}  // namespace sluice::net
