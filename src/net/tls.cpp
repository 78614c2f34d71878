#include <sluice/net/tls.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <string_view>
#include <system_error>
#include <utility>

namespace sluice::net {
namespace {

constexpr std::array<unsigned char, 9> alpn{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr std::array<unsigned char, 18> served{
    8, 'h', 't', 't', 'p', '/', '1', '.', '1', 8, 'h', 't', 't', 'p', '/', '1', '.', '0'};

int choose_alpn(
    SSL*,
    const unsigned char** out,
    unsigned char* out_size,
    const unsigned char* in,
    unsigned int in_size,
    void*)
{
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, served.data(), served.size(), in, in_size)
        != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

tls_context fresh(const SSL_METHOD* method)
{
    tls_context context(SSL_CTX_new(method), ssl_ctx_free{});
    if (!context)
        return nullptr;
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(
        context.get(),
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
            | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context.get(), 1);
    // An encrypted key is one that cannot be used: nobody is asked for its passphrase.
    SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) {
        ERR_raise(ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ);
        return -1;
    });
    return context;
}

bool is_address(const std::string& host)
{
    in6_addr six{};
    in_addr four{};
    return inet_pton(AF_INET, host.c_str(), &four) == 1
           || inet_pton(AF_INET6, host.c_str(), &six) == 1;
}

// SSL_set_tlsext_host_name without its C cast.
bool send_server_name(SSL* ssl, const std::string& host)
{
    auto* name = const_cast<char*>(host.c_str());
    return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) == 1;
}

tls_context_result failed(std::string_view what, const std::string& file)
{
    return {nullptr, std::string(what) + " " + file + ": " + tls_error()};
}

// Whose issuer has no list there is not looked for in any.
int allow_without_list(int fine, X509_STORE_CTX* at)
{
    if (fine == 0 && X509_STORE_CTX_get_error(at) == X509_V_ERR_UNABLE_TO_GET_CRL) {
        X509_STORE_CTX_set_error(at, X509_V_OK);
        return 1;
    }
    return fine;
}

// Certificates to trust, and lists of those that were revoked. A file of nothing but lists is taken
// by OpenSSL, and useless.
bool load_authorities(SSL_CTX* into, const std::string& file)
{
    if (SSL_CTX_load_verify_locations(into, file.c_str(), nullptr) != 1)
        return false;
    bool trusts = false;
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
    const auto* all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(into));
    for (int i = 0; i < sk_X509_OBJECT_num(all); ++i)
        if (X509_OBJECT_get_type(sk_X509_OBJECT_value(all, i)) == X509_LU_X509)
            trusts = true;
        else
            flags |= X509_V_FLAG_CRL_CHECK;
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(into), flags);
    if (trusts)
        return true;
    ERR_raise(ERR_LIB_X509, X509_R_NO_CERTIFICATE_FOUND);
    return false;
}

// What went wrong first, in a few words; what came of it says less. The queue is emptied.
std::string first_reason()
{
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return reason != nullptr ? reason : "unknown error";
}

}  // namespace

std::string tls_error()
{
    std::string text = "unknown error";
    while (const auto code = ERR_get_error()) {
        std::array<char, 256> line{};
        ERR_error_string_n(code, line.data(), line.size());
        text = line.data();
    }
    return text;
}

std::string certificate_words(const SSL* ssl, std::string otherwise)
{
    const auto verdict = SSL_get_verify_result(ssl);
    return verdict == X509_V_OK ? otherwise : X509_verify_cert_error_string(verdict);
}

tls_refusal refusal_of(const SSL* ssl)
{
    const int system = errno;
    const auto code = ERR_peek_error();
    tls_refusal out;
    out.heard = BIO_number_read(SSL_get_rbio(ssl)) > 0;
    out.http = ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST;
    if (code != 0)
        out.why = first_reason();
    else if (system != 0)
        out.why = std::generic_category().message(system);
    else
        out.why = "the connection ended";
    out.why = certificate_words(ssl, std::move(out.why));
    ERR_clear_error();
    return out;
}

tls_context_result make_server_context(
    const std::string& certificate, const std::string& private_key, const std::string& client_ca)
{
    ERR_clear_error();
    auto context = fresh(TLS_server_method());
    if (!context)
        return failed("cannot make a TLS context", "");
    auto* raw = context.get();
    if (SSL_CTX_use_certificate_chain_file(raw, certificate.c_str()) != 1)
        return failed("cannot use the certificate chain", certificate);
    if (SSL_CTX_use_PrivateKey_file(raw, private_key.c_str(), SSL_FILETYPE_PEM) != 1)
        return failed("cannot use the private key", private_key);
    if (SSL_CTX_check_private_key(raw) != 1)
        return failed("the private key does not belong to the certificate", certificate);
    SSL_CTX_set_alpn_select_cb(raw, choose_alpn, nullptr);
    constexpr std::array<unsigned char, 6> session_context{'s', 'l', 'u', 'i', 'c', 'e'};
    SSL_CTX_set_session_id_context(raw, session_context.data(), session_context.size());
    SSL_CTX_set_options(raw, SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (client_ca.empty())
        return {std::move(context), {}};
    auto* names =
        load_authorities(raw, client_ca) ? SSL_load_client_CA_file(client_ca.c_str()) : nullptr;
    if (names == nullptr)
        return failed("cannot use the client CA", client_ca);
    SSL_CTX_set_client_CA_list(raw, names);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, allow_without_list);
    return {std::move(context), {}};
}

tls_context_result make_client_context(const std::string& ca_file)
{
    ERR_clear_error();
    auto context = fresh(TLS_client_method());
    if (!context)
        return failed("cannot make a TLS context", "");
    auto* raw = context.get();
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, allow_without_list);
    if (ca_file.empty()) {
        if (SSL_CTX_set_default_verify_paths(raw) != 1)
            return failed("cannot load the system's trust store", "");
    } else if (!load_authorities(raw, ca_file)) {
        return failed("cannot use the CA file", ca_file);
    }
    if (SSL_CTX_set_alpn_protos(raw, alpn.data(), alpn.size()) != 0)
        return failed("cannot set ALPN", "");
    return {std::move(context), {}};
}

std::string certificate_fault(const std::string& file)
{
    ERR_clear_error();
    const auto context = fresh(TLS_server_method());
    if (context && SSL_CTX_use_certificate_chain_file(context.get(), file.c_str()) == 1)
        return {};
    return "no certificate chain is in it: " + first_reason();
}

std::string private_key_fault(const std::string& file, const std::string& certificate)
{
    ERR_clear_error();
    const auto use = [&file](const tls_context& context) {
        return context
               && SSL_CTX_use_PrivateKey_file(context.get(), file.c_str(), SSL_FILETYPE_PEM) == 1;
    };
    if (!use(fresh(TLS_server_method()))) {
        const auto first = ERR_peek_error();
        if (ERR_GET_LIB(first) == ERR_LIB_PEM && ERR_GET_REASON(first) == PEM_R_BAD_PASSWORD_READ) {
            ERR_clear_error();
            return "a key with a passphrase cannot be read, it has to be stored without";
        }
        return "no private key is in it: " + first_reason();
    }
    const auto both = fresh(TLS_server_method());
    const bool fits = both
                      && (SSL_CTX_use_certificate_chain_file(both.get(), certificate.c_str()) != 1
                          || (use(both) && SSL_CTX_check_private_key(both.get()) == 1));
    ERR_clear_error();
    return fits ? "" : "it does not belong to the certificate";
}

std::string authorities_fault(const std::string& file)
{
    ERR_clear_error();
    const auto context = fresh(TLS_server_method());
    if (context && load_authorities(context.get(), file))
        return {};
    return first_reason();
}

bool expect_peer(SSL* ssl, const std::string& host)
{
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (is_address(host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    return SSL_set1_host(ssl, host.c_str()) == 1 && send_server_name(ssl, host);
}

ssl_ptr make_client_ssl(const tls_context& context, int descriptor, const std::string& host)
{
    ssl_ptr ssl(SSL_new(context.get()));
    if (!ssl || SSL_set_fd(ssl.get(), descriptor) != 1 || !expect_peer(ssl.get(), host))
        return nullptr;
    SSL_set_connect_state(ssl.get());
    return ssl;
}

ssl_ptr make_server_ssl(const tls_context& context, int descriptor)
{
    ssl_ptr ssl(SSL_new(context.get()));
    if (!ssl || SSL_set_fd(ssl.get(), descriptor) != 1)
        return nullptr;
    SSL_set_accept_state(ssl.get());
    return ssl;
}

}  // namespace sluice::net
