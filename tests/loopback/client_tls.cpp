// Clients that speak TLS to the gateway.

#include "support/certificates.hpp"
#include "support/gateway.hpp"
#include "support/upstream.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <thread>

BOOST_AUTO_TEST_SUITE(client_tls)

using namespace loopback;

namespace {

struct world {
    explicit world(bool client_certificates = false)
        : files(
              std::filesystem::temp_directory_path()
              / ("sluice-tls-" + std::to_string(echo.port()))),
          how(make(client_certificates)),
          gate(how)
    {
    }
    ~world() { std::filesystem::remove_all(files); }

    config make(bool client_certificates)
    {
        std::filesystem::create_directories(files);
        install(ca.issue("gateway.test"));
        write_file(file("clients.pem"), clients_ca.certificate());
        config made(echo.port());
        made.set(
            "listen",
            "[{ address: '127.0.0.1:0', tls: { certificate: '" + file("cert.pem")
                + "', private_key: '" + file("key.pem") + "'"
                + (client_certificates ? ", client_ca: '" + file("clients.pem") + "'" : "")
                + " } }]");
        return made;
    }
    void install(const identity& who) const
    {
        write_file(file("cert.pem"), who.certificate);
        write_file(file("key.pem"), who.key);
    }
    [[nodiscard]] std::string file(const char* name) const { return (files / name).string(); }

    provider echo{[](connection& c) {
        for (;;)
            c.send(answer_text(c.request().body));
    }};
    authority ca;
    authority clients_ca{"authority of clients"};
    std::filesystem::path files;
    config how;
    gateway gate;
};

std::string serial_of(connection& c)
{
    X509* certificate = SSL_get1_peer_certificate(c.ssl());
    const auto serial = ASN1_INTEGER_get(X509_get_serialNumber(certificate));
    X509_free(certificate);
    return std::to_string(serial);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_client_is_served_over_http_1_1)
{
    world w;
    const auto context = client_context(w.ca.certificate());
    auto client = w.gate.connect();
    BOOST_TEST_REQUIRE(client.encrypt(client_side(context, "gateway.test")));
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.ssl(), &protocol, &size);
    BOOST_TEST(std::string(reinterpret_cast<const char*>(protocol), size) == "http/1.1");
    const auto filler = "\"filler\":\"" + std::string(300'000, 'x') + "\",";
    for (unsigned i = 0; i < 3; ++i) {
        client.send(chat_text(filler));
        const auto answer = client.answer();
        BOOST_TEST((answer.body == chat_body(filler, "upstream-m")));
    }
}

BOOST_AUTO_TEST_CASE(old_protocols_and_foreign_applications_are_refused)
{
    world w;
    const auto old = client_context(w.ca.certificate());
    SSL_CTX_set_cipher_list(old.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(old.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(old.get(), TLS1_1_VERSION);
    auto client = w.gate.connect();
    BOOST_TEST(!client.encrypt(client_side(old, "gateway.test")));

    const auto context = client_context(w.ca.certificate());
    auto foreign = client_side(context, "gateway.test");
    const unsigned char h2[] = {2, 'h', '2'};
    SSL_set_alpn_protos(foreign.get(), h2, sizeof h2);
    client = w.gate.connect();
    BOOST_TEST(!client.encrypt(std::move(foreign)));
}

BOOST_AUTO_TEST_CASE(a_client_of_http_1_0_may_say_so)
{
    world w;
    const auto context = client_context(w.ca.certificate());
    auto side = client_side(context, "gateway.test");
    const unsigned char old[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '0'};
    SSL_set_alpn_protos(side.get(), old, sizeof old);
    auto client = w.gate.connect();
    BOOST_TEST_REQUIRE(client.encrypt(std::move(side)));
    client.send("GET /healthz HTTP/1.0\r\n\r\n");
    BOOST_TEST(client.rest().find(" 200 ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_client_that_speaks_plainly_is_told_that_tls_is_spoken_here)
{
    world w;
    for (const auto& text :
         {get_text("/healthz"), chat_text("\"filler\":\"" + std::string(100'000, 'x') + "\",")}) {
        auto client = w.gate.connect();
        client.send(text);
        const auto answer = client.answer();
        BOOST_TEST(answer.status() == 400u);
        BOOST_TEST(answer.says("https"), answer.body);
        BOOST_TEST(client.rest().empty());
        BOOST_TEST((client.ended() == ending::fin));
    }
    BOOST_TEST(w.gate.becomes("sluice_requests_total", {"code=\"400\""}, 2));
}

// TLS 1.3 has none.
BOOST_AUTO_TEST_CASE(a_client_that_wants_to_negotiate_anew_is_refused)
{
    world w;
    const auto context = client_context(w.ca.certificate());
    SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
    auto client = w.gate.connect();
    BOOST_TEST_REQUIRE(client.encrypt(client_side(context, "gateway.test")));
    client.send(get_text("/healthz"));
    BOOST_TEST(client.answer().status() == 200u);
    BOOST_TEST(SSL_renegotiate(client.ssl()) == 1);
    (void)SSL_do_handshake(client.ssl());
    BOOST_TEST(client.ends());
}

BOOST_AUTO_TEST_CASE(each_of_several_addresses_speaks_as_it_is_told_to)
{
    world w;
    auto both = w.how;
    both.set(
        "listen",
        "[{ address: '127.0.0.1:0' }, { address: '127.0.0.1:0', tls: { certificate: '"
            + w.file("cert.pem") + "', private_key: '" + w.file("key.pem") + "' } }]");
    const gateway gate(both);
    auto plain = connection::to(gate.port(0));
    plain.send(get_text("/healthz"));
    BOOST_TEST(plain.answer().status() == 200u);
    const auto context = client_context(w.ca.certificate());
    auto client = connection::to(gate.port(1));
    BOOST_TEST_REQUIRE(client.encrypt(client_side(context, "gateway.test")));
    client.send(get_text("/healthz"));
    BOOST_TEST(client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(a_client_certificate_is_required_where_configured)
{
    world w(true);
    const auto ask = [&w](const identity& who) {
        const auto context = client_context(w.ca.certificate(), who);
        auto client = w.gate.connect();
        // With TLS 1.3 the refusal comes after the client's side is through.
        if (!client.encrypt(client_side(context, "gateway.test")))
            return std::string();
        client.send(get_text("/healthz", "connection: close\r\n"));
        return client.rest();
    };
    BOOST_TEST(ask({}).empty());
    BOOST_TEST(ask(w.ca.issue("client")).empty());
    BOOST_TEST(ask(w.clients_ca.issue("client", {-2, -1})).empty());
    BOOST_TEST(ask(w.clients_ca.issue("client")).starts_with("HTTP/1.1 200"));
}

// Whose root may have signed others that are not meant.
BOOST_AUTO_TEST_CASE(an_authority_of_clients_may_be_another_ones)
{
    world w(true);
    const authority ours("ours", &w.clients_ca);
    write_file(w.file("clients.pem"), ours.certificate());
    gateway gate(w.how);
    const auto ask = [&](const identity& who) {
        const auto context = client_context(w.ca.certificate(), who);
        auto client = gate.connect();
        if (!client.encrypt(client_side(context, "gateway.test")))
            return std::string();
        client.send(get_text("/healthz", "connection: close\r\n"));
        return client.rest();
    };
    BOOST_TEST(ask(ours.issue("client")).starts_with("HTTP/1.1 200"));
    BOOST_TEST(ask(w.clients_ca.issue("client")).empty());
}

BOOST_AUTO_TEST_CASE(who_stands_in_a_list_of_revocations_is_refused)
{
    world w(true);
    const authority without_list("another authority of clients");
    const auto lost = w.clients_ca.issue("client");
    write_file(
        w.file("clients.pem"),
        w.clients_ca.certificate() + w.clients_ca.revocations(&lost) + without_list.certificate());
    gateway gate(w.how);
    const auto ask = [&](const identity& who) {
        const auto context = client_context(w.ca.certificate(), who);
        auto client = gate.connect();
        if (!client.encrypt(client_side(context, "gateway.test")))
            return std::string();
        client.send(get_text("/healthz", "connection: close\r\n"));
        return client.rest();
    };
    BOOST_TEST(ask(lost).empty());
    BOOST_TEST(gate.logs("certificate revoked"));
    BOOST_TEST(ask(w.clients_ca.issue("client")).starts_with("HTTP/1.1 200"));
    BOOST_TEST(ask(without_list.issue("client")).starts_with("HTTP/1.1 200"));
}

BOOST_AUTO_TEST_CASE(a_session_is_resumed)
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        world w;
        const auto context = client_context(w.ca.certificate());
        SSL_CTX_set_max_proto_version(context.get(), version);
        auto client = w.gate.connect();
        BOOST_TEST_REQUIRE(client.encrypt(client_side(context, "gateway.test")));
        client.send(get_text("/healthz"));
        BOOST_TEST(client.answer().status() == 200u);
        const session_ptr session(SSL_get1_session(client.ssl()));
        // Also over a reload, if its files are the same.
        BOOST_TEST(w.gate.reload(w.how).status() == 200u);
        auto again = w.gate.connect();
        auto side = client_side(context, "gateway.test");
        SSL_set_session(side.get(), session.get());
        BOOST_TEST_REQUIRE(again.encrypt(std::move(side)));
        again.send(get_text("/healthz"));
        BOOST_TEST(again.answer().status() == 200u);
        BOOST_TEST(SSL_session_reused(again.ssl()) == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_reload_takes_up_new_certificates_and_leaves_connections_alone)
{
    world w;
    const auto context = client_context(w.ca.certificate());
    auto before = w.gate.connect();
    BOOST_TEST_REQUIRE(before.encrypt(client_side(context, "gateway.test")));
    const auto old = serial_of(before);
    w.install(w.ca.issue("gateway.test"));
    BOOST_TEST(w.gate.reload(w.how).status() == 200u);
    // A reload answers when it is published; each worker installs it in its own time.
    std::string serial = old;
    for (const auto until = clock::now() + patience; serial == old && clock::now() < until;) {
        auto after = w.gate.connect();
        BOOST_TEST_REQUIRE(after.encrypt(client_side(context, "gateway.test")));
        serial = serial_of(after);
    }
    BOOST_TEST(serial != old);
    before.send(get_text("/healthz"));
    BOOST_TEST(before.answer().status() == 200u);

    // Files that do not hold change nothing.
    write_file(w.file("cert.pem"), "nonsense");
    (void)w.gate.reload(w.how);
    auto still = w.gate.connect();
    BOOST_TEST_REQUIRE(still.encrypt(client_side(context, "gateway.test")));
    BOOST_TEST(serial_of(still) == serial);
}

BOOST_AUTO_TEST_CASE(a_reload_takes_up_what_the_file_says_of_tls_now)
{
    world w;
    const authority others{"another authority"};
    const auto who = others.issue("gateway.test");
    write_file(w.file("other.pem"), who.certificate);
    write_file(w.file("other-key.pem"), who.key);
    const auto becomes = [&w](const std::string& tls, auto holds) {
        auto next = w.how;
        next.set("listen", "[{ address: '127.0.0.1:0'" + tls + " }]");
        BOOST_TEST_REQUIRE(w.gate.reload(next).status() == 200u);
        bool seen = false;
        for (const auto until = clock::now() + patience; !seen && clock::now() < until;)
            seen = holds();
        return seen;
    };
    const auto asked = [&w](const authority& by, const identity& mine) {
        const auto context = client_context(by.certificate(), mine);
        auto client = w.gate.connect();
        if (!client.encrypt(client_side(context, "gateway.test")))
            return false;
        client.send(get_text("/healthz", "connection: close\r\n"));
        return client.rest().starts_with("HTTP/1.1 200");
    };
    const auto files = ", tls: { certificate: '" + w.file("other.pem") + "', private_key: '"
                       + w.file("other-key.pem") + "'";
    BOOST_TEST(asked(w.ca, {}));
    BOOST_TEST(becomes(files + " }", [&] { return asked(others, {}); }));
    BOOST_TEST(becomes(files + ", client_ca: '" + w.file("clients.pem") + "' }", [&] {
        return !asked(others, {});
    }));
    BOOST_TEST(asked(others, w.clients_ca.issue("client")));
    BOOST_TEST(becomes("", [&] {
        auto client = w.gate.connect();
        client.send(get_text("/healthz", "connection: close\r\n"));
        return client.rest().starts_with("HTTP/1.1 200");
    }));
}

BOOST_AUTO_TEST_CASE(a_reload_refuses_certificates_that_cannot_be_used_and_counts_it)
{
    world w(true);
    const auto refused_at = [&w](std::string_view key) {
        const auto answer = w.gate.reload(w.how);
        return answer.status() >= 400u && answer.says(key);
    };
    const auto good = w.ca.issue("gateway.test");
    w.install({.certificate = "nonsense", .key = good.key});
    BOOST_TEST(refused_at("listen[0].tls.certificate"));
    w.install({.certificate = good.certificate, .key = w.ca.issue("gateway.test").key});
    BOOST_TEST(refused_at("listen[0].tls.private_key"));
    w.install({.certificate = good.certificate, .key = "nonsense"});
    BOOST_TEST(refused_at("listen[0].tls.private_key"));
    w.install({.certificate = good.certificate, .key = encrypted(good.key)});
    BOOST_TEST(refused_at("a key with a passphrase"));
    w.install(good);
    write_file(w.file("clients.pem"), "nonsense");
    BOOST_TEST(refused_at("listen[0].tls.client_ca"));
    // Nothing in it signs anybody.
    write_file(w.file("clients.pem"), w.clients_ca.revocations());
    BOOST_TEST(refused_at("listen[0].tls.client_ca"));
    BOOST_TEST(w.gate.becomes("sluice_config_reload_failures_total", {}, 6));
    write_file(w.file("clients.pem"), w.clients_ca.certificate());
    BOOST_TEST(w.gate.reload(w.how).status() == 200u);
}

BOOST_AUTO_TEST_CASE(half_a_record_keeps_nobody_else_waiting)
{
    world w;
    const auto context = client_context(w.ca.certificate());
    auto slow = w.gate.connect();
    BOOST_TEST_REQUIRE(slow.encrypt(client_side(context, "gateway.test")));
    const auto filler = "\"filler\":\"" + std::string(100'000, 'x') + "\",";
    for (const std::size_t cut : {1UL, 5UL, 100UL, 16'000UL, 70'000UL}) {
        const auto records = slow.sealed(chat_text(filler));
        slow.send_as_is(records.substr(0, cut));
        auto another = w.gate.connect();
        BOOST_TEST_REQUIRE(another.encrypt(client_side(context, "gateway.test")));
        another.send(get_text("/healthz"));
        BOOST_TEST(another.answer().status() == 200u);
        std::jthread sending([&] { slow.send_as_is(records.substr(cut)); });
        BOOST_TEST((slow.answer().body == chat_body(filler, "upstream-m")));
    }
}

BOOST_AUTO_TEST_CASE(records_of_one_octet_are_understood)
{
    world w;
    const auto context = client_context(w.ca.certificate());
    auto client = w.gate.connect();
    BOOST_TEST_REQUIRE(client.encrypt(client_side(context, "gateway.test")));
    client.send_as_is(client.sealed(chat_text() + get_text("/healthz"), 1));
    BOOST_TEST(client.answer().body == chat_body("", "upstream-m"));
    BOOST_TEST(client.answer().body == "ok\n");
}

BOOST_AUTO_TEST_CASE(an_answer_that_ends_the_connection_is_followed_by_a_goodbye)
{
    world w;
    w.how.set("limits", "{ body_bytes: 1MiB }");
    gateway gate(w.how);
    const auto context = client_context(w.ca.certificate());
    auto client = gate.connect();
    BOOST_TEST_REQUIRE(client.encrypt(client_side(context, "gateway.test")));
    client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2000000\r\n\r\n");
    client.send(std::string(2000, 'x'));
    BOOST_TEST(client.answer().status() == 413u);
    BOOST_TEST(client.rest().empty());
    BOOST_TEST((client.ended() == ending::fin));
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_cancels_its_provider)
{
    listener slow;
    world w;
    w.how.set("providers", "{ one: { base_url: '" + base_url(slow.port()) + "' } }");
    gateway gate(w.how);
    const auto context = client_context(w.ca.certificate());
    for (const std::string_view more : {std::string_view(), streaming}) {
        auto client = gate.connect();
        BOOST_TEST_REQUIRE(client.encrypt(client_side(context, "gateway.test")));
        client.send(chat_text(more));
        auto upstream = slow.accept();
        (void)upstream.request();
        if (!more.empty()) {
            upstream.send(std::string(stream_head) + chunk(token_event("one")));
            (void)client.until("one");
        }
        client.close();
        BOOST_TEST(upstream.ends());
    }
    BOOST_TEST(gate.becomes("sluice_requests_total", {"code=\"499\""}, 2));
}

BOOST_AUTO_TEST_CASE(a_stream_that_breaks_is_not_ended_in_order)
{
    listener breaking;
    world w;
    w.how.set("providers", "{ one: { base_url: '" + base_url(breaking.port()) + "' } }");
    gateway gate(w.how);
    const auto context = client_context(w.ca.certificate());
    auto client = gate.connect();
    BOOST_TEST_REQUIRE(client.encrypt(client_side(context, "gateway.test")));
    client.send(chat_text(streaming));
    auto upstream = breaking.accept();
    (void)upstream.request();
    std::jthread breaks([&] {
        upstream.send(std::string(stream_head) + chunk(token_event(std::string(100'000, 'x'))));
        upstream.reset();
    });
    const auto rest = client.rest();
    BOOST_TEST(!rest.ends_with("\r\n0\r\n\r\n"));
    BOOST_TEST(rest.find("[DONE]") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_connection_too_many_is_closed_without_plain_text)
{
    world w;
    w.how.set("limits", "{ connections: 1 }");
    gateway gate(w.how);
    const auto context = client_context(w.ca.certificate());
    auto client = gate.connect();
    BOOST_TEST_REQUIRE(client.encrypt(client_side(context, "gateway.test")));
    auto another = gate.connect();
    BOOST_TEST(another.rest().empty());
    BOOST_TEST(gate.becomes("sluice_requests_total", {"code=\"503\""}, 1));
    const auto line = gate.access_lines(1).back();
    BOOST_TEST(line.find("\"error\":\"overloaded\"") != std::string::npos, line);
    BOOST_TEST(line.find("\"status\":503") != std::string::npos, line);
    BOOST_TEST(line.find("\"bytes_out\":0") != std::string::npos, line);
    client.send(get_text("/healthz"));
    BOOST_TEST(client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(a_handshake_that_stalls_is_given_up_and_counted)
{
    world w;
    w.how.set("timeouts", "{ head: 200ms }");
    gateway gate(w.how);
    auto client = connection::to(gate.port());
    BOOST_TEST(client.rest().empty());
    BOOST_TEST(gate.becomes("sluice_client_tls_failures_total", {}, 1));
    BOOST_TEST(gate.logs("was not through in time"));
}

BOOST_AUTO_TEST_CASE(a_handshake_that_fails_is_counted_and_told_with_its_reason)
{
    world w(true);
    const auto fails = [&w](const identity& who) {
        const auto context = client_context(w.ca.certificate(), who);
        auto client = w.gate.connect();
        if (client.encrypt(client_side(context, "gateway.test")))
            (void)client.ends();
    };
    fails(w.clients_ca.issue("client", {-2, -1}));
    BOOST_TEST(w.gate.logs("certificate has expired"));
    fails({});
    BOOST_TEST(w.gate.logs("peer did not return a certificate"));
    // Who does not believe the gateway.
    const auto context = client_context(authority("another").certificate());
    auto doubting = w.gate.connect();
    BOOST_TEST(!doubting.encrypt(client_side(context, "gateway.test")));
    BOOST_TEST(w.gate.logs("alert unknown ca"));
    // A balancer that only looks whether somebody is there.
    w.gate.connect().close();
    w.gate.connect().reset();
    fails({});
    BOOST_TEST(w.gate.becomes("sluice_client_tls_failures_total", {}, 4));
}

BOOST_AUTO_TEST_SUITE_END()
