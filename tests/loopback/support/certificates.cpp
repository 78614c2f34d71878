#include "certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <fstream>

namespace loopback {
namespace {

constexpr long seconds_a_day = 86'400;

void require(bool fine, const char* what)
{
    if (!fine)
        throw failure(std::string("OpenSSL: ") + what);
}

template <typename Write>
std::string pem(Write&& write)
{
    const std::unique_ptr<BIO, int (*)(BIO*)> memory(BIO_new(BIO_s_mem()), &BIO_free);
    require(write(memory.get()) == 1, "PEM");
    char* data = nullptr;
    const auto size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

bool is_address(std::string_view name)
{
    in_addr four{};
    return inet_pton(AF_INET, std::string(name).c_str(), &four) == 1;
}

// A certificate for `name` and `key`, signed by `issuer`, or by itself when that is null.
X509* certify(
    std::string_view name,
    EVP_PKEY* key,
    X509* issuer,
    EVP_PKEY* signer,
    validity valid,
    bool signs = false)
{
    X509* made = X509_new();
    X509_set_version(made, X509_VERSION_3);
    static std::atomic<long> serial{1};
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made), valid.from_days * seconds_a_day);
    X509_gmtime_adj(X509_getm_notAfter(made), valid.to_days * seconds_a_day);
    X509_set_pubkey(made, key);
    const auto* text = reinterpret_cast<const unsigned char*>(name.data());
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(made),
        "CN",
        MBSTRING_UTF8,
        text,
        static_cast<int>(name.size()),
        -1,
        0);
    X509_set_issuer_name(made, X509_get_subject_name(issuer != nullptr ? issuer : made));
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer != nullptr ? issuer : made, made, nullptr, nullptr, 0);
    const auto extend = [&](int id, const std::string& value) {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
        require(extension != nullptr, "extension");
        X509_add_ext(made, extension, -1);
        X509_EXTENSION_free(extension);
    };
    extend(NID_basic_constraints, signs ? "critical,CA:TRUE" : "CA:FALSE");
    if (!signs)
        extend(NID_subject_alt_name, (is_address(name) ? "IP:" : "DNS:") + std::string(name));
    require(X509_sign(made, signer, EVP_sha256()) > 0, "signature");
    return made;
}

}  // namespace

authority::authority(std::string_view name, const authority* of)
    : key_(EVP_EC_gen("P-256")),
      self_(certify(
          name,
          key_.get(),
          of != nullptr ? of->self_.get() : nullptr,
          of != nullptr ? of->key_.get() : key_.get(),
          {-2, 2},
          true)),
      certificate_(pem([this](BIO* to) { return PEM_write_bio_X509(to, self_.get()); }))
{
}

identity authority::issue(std::string_view name, validity valid) const
{
    const std::unique_ptr<EVP_PKEY, deleter> key(EVP_EC_gen("P-256"));
    const std::unique_ptr<X509, deleter> made(
        certify(name, key.get(), self_.get(), key_.get(), valid));
    return {pem([&](BIO* to) { return PEM_write_bio_X509(to, made.get()); }), pem([&](BIO* to) {
                return PEM_write_bio_PrivateKey(
                    to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
}

std::string authority::revocations(const identity* revoked) const
{
    const std::unique_ptr<X509_CRL, void (*)(X509_CRL*)> made(X509_CRL_new(), &X509_CRL_free);
    const std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> now(
        X509_gmtime_adj(nullptr, 0), &ASN1_TIME_free);
    X509_CRL_set_version(made.get(), X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(made.get(), X509_get_subject_name(self_.get()));
    X509_CRL_set1_lastUpdate(made.get(), now.get());
    if (revoked != nullptr) {
        const std::unique_ptr<BIO, int (*)(BIO*)> memory(
            BIO_new_mem_buf(
                revoked->certificate.data(), static_cast<int>(revoked->certificate.size())),
            &BIO_free);
        const std::unique_ptr<X509, deleter> certificate(
            PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
        X509_REVOKED* entry = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate.get()));
        X509_REVOKED_set_revocationDate(entry, now.get());
        X509_CRL_add0_revoked(made.get(), entry);
    }
    require(X509_CRL_sign(made.get(), key_.get(), EVP_sha256()) > 0, "signature");
    return pem([&](BIO* to) { return PEM_write_bio_X509_CRL(to, made.get()); });
}

namespace {

void use(SSL_CTX* context, const identity& who)
{
    const std::unique_ptr<BIO, int (*)(BIO*)> certificate(
        BIO_new_mem_buf(who.certificate.data(), static_cast<int>(who.certificate.size())),
        &BIO_free);
    const std::unique_ptr<BIO, int (*)(BIO*)> key(
        BIO_new_mem_buf(who.key.data(), static_cast<int>(who.key.size())), &BIO_free);
    const std::unique_ptr<X509, void (*)(X509*)> leaf(
        PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr), &X509_free);
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> secret(
        PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    require(SSL_CTX_use_certificate(context, leaf.get()) == 1, "certificate");
    require(SSL_CTX_use_PrivateKey(context, secret.get()) == 1, "key");
}

}  // namespace

context_ptr server_context(const identity& who, int most)
{
    context_ptr made(SSL_CTX_new(TLS_server_method()));
    use(made.get(), who);
    if (most < TLS1_2_VERSION)
        SSL_CTX_set_cipher_list(made.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(made.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(made.get(), most);
    return made;
}

context_ptr client_context(const std::string& authorities, const identity& who)
{
    context_ptr made(SSL_CTX_new(TLS_client_method()));
    const std::unique_ptr<BIO, int (*)(BIO*)> text(
        BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size())), &BIO_free);
    const std::unique_ptr<X509, void (*)(X509*)> trusted(
        PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), &X509_free);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(made.get()), trusted.get());
    SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_CLIENT);
    if (!who.certificate.empty())
        use(made.get(), who);
    return made;
}

ssl_ptr server_side(const context_ptr& context)
{
    ssl_ptr made(SSL_new(context.get()));
    SSL_set_accept_state(made.get());
    return made;
}

ssl_ptr client_side(const context_ptr& context, const std::string& name)
{
    ssl_ptr made(SSL_new(context.get()));
    SSL_set_connect_state(made.get());
    SSL_set1_host(made.get(), name.c_str());
    SSL_ctrl(
        made.get(),
        SSL_CTRL_SET_TLSEXT_HOSTNAME,
        TLSEXT_NAMETYPE_host_name,
        const_cast<char*>(name.c_str()));
    constexpr std::array<unsigned char, 9> http{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_set_alpn_protos(made.get(), http.data(), http.size());
    return made;
}

std::string encrypted(const std::string& key)
{
    const std::unique_ptr<BIO, int (*)(BIO*)> memory(
        BIO_new_mem_buf(key.data(), static_cast<int>(key.size())), &BIO_free);
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> secret(
        PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    const auto* word = reinterpret_cast<const unsigned char*>("secret");
    return pem([&](BIO* to) {
        return PEM_write_bio_PrivateKey(
            to, secret.get(), EVP_aes_128_cbc(), word, 6, nullptr, nullptr);
    });
}

void write_file(const std::string& path, std::string_view content)
{
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

}  // namespace loopback
