// Providers behind TLS: whom the gateway believes, and that nobody else ever gets the key.

#include "support/certificates.hpp"
#include "support/scripted.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <sys/socket.h>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(upstream_tls)

using namespace loopback;

namespace {

const authority& trusted()
{
    static const authority made;
    return made;
}

struct world {
    explicit world(std::string_view host = "localhost", std::string_view timeouts = "{}")
        : gate(make(host).set("timeouts", timeouts)),
          client(gate.connect())
    {
    }
    ~world() { std::filesystem::remove(ca_file); }

    config make(std::string_view host)
    {
        write_file(ca_file, trusted().certificate());
        return config(provider.port()).set("providers", providers(host));
    }
    [[nodiscard]] std::string providers(std::string_view host, std::string_view more = {}) const
    {
        return "{ one: { base_url: 'https://" + std::string(host) + ":"
               + std::to_string(provider.port()) + "/v1', api_key: " + std::string(provider_key)
               + ", ca_file: '" + ca_file + "' }" + std::string(more) + " }";
    }

    listener provider;
    std::string ca_file = (std::filesystem::temp_directory_path()
                           / ("sluice-ca-" + std::to_string(provider.port()) + ".pem"))
                              .string();
    gateway gate;
    connection client;
};

// The gateway must turn away from this server before it says anything, and whoever stands in
// answers.
void expect_refused(
    const identity& who, std::string_view why, int most, std::string_view more, bool fallback)
{
    world w;
    scripted spare({answers()});
    auto how = w.make("localhost");
    if (fallback)
        how.set(
            "models",
            "{ m: { targets: [{ provider: one }], retry: { attempts: 1 }, fallbacks: [spare] }, "
            "spare: { targets: [{ provider: two }] } }");
    how.set(
        "providers",
        w.providers("localhost", ", two: { base_url: '" + base_url(spare.port()) + "' }"));
    gateway gate(how);
    auto client = gate.connect();
    client.send(question("n", more));
    auto upstream = w.provider.accept();
    const auto context = server_context(who, most);
    // With TLS 1.3 the client turns away after the server's side is through.
    if (upstream.encrypt(server_side(context)))
        (void)upstream.ends();
    BOOST_TEST(upstream.input().empty(), "not an octet of a request came");
    const auto answer = client.answer();
    if (fallback) {
        BOOST_TEST(answered(answer, "n"));
    } else {
        BOOST_TEST(answer.status() == 502u);
        BOOST_TEST(answer.says("bad_gateway"));
    }
    BOOST_TEST(spare.calls() == (fallback ? 1u : 0u));
    BOOST_TEST(gate.becomes("sluice_attempts_total", {"outcome=\"tls_failed\""}, 1));
    BOOST_TEST(gate.logs(why));
}

void expect_refused(const identity& who, std::string_view why, int most = TLS1_3_VERSION)
{
    for (const auto more : {std::string_view{}, streaming})
        for (const bool fallback : {false, true})
            expect_refused(who, why, most, more, fallback);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_provider_with_a_good_certificate_is_asked)
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        world w;
        w.client.send(chat_text());
        auto upstream = w.provider.accept();
        const auto context = server_context(trusted().issue("localhost"), version);
        BOOST_TEST_REQUIRE(upstream.encrypt(server_side(context)));
        const auto* name = SSL_get_servername(upstream.ssl(), TLSEXT_NAMETYPE_host_name);
        BOOST_TEST_REQUIRE((name != nullptr));
        BOOST_TEST(std::string(name) == "localhost");
        BOOST_TEST(
            upstream.request().header("authorization") == "Bearer " + std::string(provider_key));
        upstream.send(answer_text("{}"));
        BOOST_TEST(w.client.answer().body == "{}");
        // The connection is kept, and streams over TLS are whole.
        std::string events;
        for (unsigned i = 0; i < 500; ++i)
            events += token_event(std::string(200, 'x'));
        events += done_event;
        w.client.send(chat_text(streaming));
        (void)upstream.request();
        std::jthread sending([&] {
            upstream.send(std::string(stream_head) + chunk(events) + std::string(last_chunk));
        });
        const auto streamed = w.client.answer();
        BOOST_TEST(streamed.whole);
        BOOST_TEST((streamed.body == events));
    }
}

// Tickets come while the body is under way: they are no answer.
BOOST_AUTO_TEST_CASE(a_large_body_goes_out_whole)
{
    world w;
    const std::string filler(20U << 20U, 'x');
    const auto text = chat_text("\"filler\":\"" + filler + "\",");
    std::jthread sending([&] { w.client.send(text); });
    auto upstream = w.provider.accept();
    const auto context = server_context(trusted().issue("localhost"), TLS1_3_VERSION);
    BOOST_TEST_REQUIRE(upstream.encrypt(server_side(context)));
    BOOST_TEST(upstream.request().says(filler));
    upstream.send(answer_text("{}"));
    sending.join();
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 200u);
    BOOST_TEST(answer.header("x-sluice-attempts") == "1");
}

BOOST_AUTO_TEST_CASE(half_a_record_of_a_provider_keeps_nobody_else_waiting)
{
    world w;
    w.client.send(chat_text(streaming));
    auto upstream = w.provider.accept();
    const auto context = server_context(trusted().issue("localhost"));
    BOOST_TEST_REQUIRE(upstream.encrypt(server_side(context)));
    (void)upstream.request();
    const auto head = upstream.sealed(stream_head);
    const auto event = upstream.sealed(chunk(token_event("one")));
    const auto end = upstream.sealed(chunk(done_event) + std::string(last_chunk));
    for (const auto& records : {head, event, end}) {
        upstream.send_as_is(records.substr(0, 10));
        auto another = w.gate.connect();
        another.send(get_text("/healthz"));
        BOOST_TEST(another.answer().status() == 200u);
        upstream.send_as_is(records.substr(10));
    }
    const auto answer = w.client.answer();
    BOOST_TEST(answer.whole);
    BOOST_TEST(answer.body == token_event("one") + std::string(done_event));
}

// Its records come together and are announced once.
BOOST_AUTO_TEST_CASE(an_early_answer_is_seen_however_it_is_cut_into_records)
{
    const std::string filler(8U << 20U, 'x');
    const auto text = chat_text("\"filler\":\"" + filler + "\",");
    const auto no = answer_text("{\"error\":{\"message\":\"no\"}}", 413);
    const std::vector<std::vector<std::string>> cuts{
        {no}, {no.substr(0, 12), no.substr(12)}, {"HTTP/1.1 100 Continue\r\n\r\n", no}};
    for (const auto& parts : cuts) {
        world w;
        const int small = 4096;
        ::setsockopt(w.provider.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        std::jthread sending([&] { w.client.send(text); });
        auto upstream = w.provider.accept();
        const auto context = server_context(trusted().issue("localhost"));
        BOOST_TEST_REQUIRE(upstream.encrypt(server_side(context)));
        (void)upstream.head();
        std::string records;
        for (const auto& part : parts)
            records += upstream.sealed(part);
        upstream.send_as_is(records);
        BOOST_TEST(w.client.answer().status() == 413u);
    }
}

BOOST_AUTO_TEST_CASE(a_provider_may_be_an_address)
{
    world w("127.0.0.1");
    w.client.send(chat_text());
    auto upstream = w.provider.accept();
    const auto context = server_context(trusted().issue("127.0.0.1"));
    BOOST_TEST_REQUIRE(upstream.encrypt(server_side(context)));
    (void)upstream.request();
    upstream.send(answer_text("{}"));
    BOOST_TEST(w.client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(a_certificate_nobody_trusts_is_refused)
{
    const authority unknown("another authority");
    expect_refused(unknown.issue("localhost"), "unable to get local issuer certificate");
}

BOOST_AUTO_TEST_CASE(a_certificate_for_another_name_is_refused)
{
    expect_refused(trusted().issue("elsewhere.example"), "hostname mismatch");
}

BOOST_AUTO_TEST_CASE(a_certificate_out_of_its_time_is_refused)
{
    expect_refused(trusted().issue("localhost", {-2, -1}), "certificate has expired");
    expect_refused(trusted().issue("localhost", {1, 2}), "certificate is not yet valid");
}

BOOST_AUTO_TEST_CASE(a_certificate_that_was_revoked_is_refused)
{
    world w;
    const auto how = w.make("localhost");
    const auto lost = trusted().issue("localhost");
    write_file(w.ca_file, trusted().certificate() + trusted().revocations(&lost));
    gateway gate(how);
    auto client = gate.connect();
    client.send(chat_text());
    auto upstream = w.provider.accept();
    const auto context = server_context(lost);
    if (upstream.encrypt(server_side(context)))
        (void)upstream.ends();
    BOOST_TEST(upstream.input().empty(), "not an octet of a request came");
    BOOST_TEST(client.answer().status() == 502u);
}

BOOST_AUTO_TEST_CASE(an_old_protocol_is_refused)
{
    expect_refused(trusted().issue("localhost"), "protocol version", TLS1_VERSION);
    expect_refused(trusted().issue("localhost"), "protocol version", TLS1_1_VERSION);
}

BOOST_AUTO_TEST_CASE(a_provider_that_speaks_no_tls_is_refused)
{
    world w;
    w.client.send(chat_text());
    auto upstream = w.provider.accept();
    upstream.send(answer_text("{}"));
    BOOST_TEST(w.client.answer().status() == 502u);
    BOOST_TEST(upstream.ends());
    BOOST_TEST(upstream.input().find("sk-") == std::string::npos);
    BOOST_TEST(w.gate.logs("wrong version number"));
}

BOOST_AUTO_TEST_CASE(a_handshake_that_stalls_is_a_504)
{
    world w("localhost", "{ connect: 200ms }");
    w.client.send(chat_text());
    auto upstream = w.provider.accept();
    BOOST_TEST(upstream.stirs(patience), "the ClientHello");
    const auto answer = w.client.answer();
    BOOST_TEST(answer.status() == 504u);
    BOOST_TEST(upstream.ends());
    BOOST_TEST(upstream.input().find("sk-") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_stream_over_tls_that_is_cut_is_not_whole)
{
    world w;
    w.client.send(chat_text(streaming));
    auto upstream = w.provider.accept();
    const auto context = server_context(trusted().issue("localhost"));
    BOOST_TEST_REQUIRE(upstream.encrypt(server_side(context)));
    (void)upstream.request();
    upstream.send(std::string(stream_head) + chunk(token_event("one")));
    (void)w.client.until("one");
    upstream.reset();
    const auto rest = w.client.rest();
    BOOST_TEST(rest.find("\"error\"") != std::string::npos, rest);
    BOOST_TEST(!rest.ends_with("\r\n0\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(an_authority_to_trust_may_be_another_ones)
{
    world w;
    const authority root("root");
    const authority ours("ours", &root);
    const auto how = w.make("localhost");
    write_file(w.ca_file, ours.certificate());
    gateway gate(how);
    for (const bool fits : {true, false}) {
        auto client = gate.connect();
        client.send(chat_text());
        auto upstream = w.provider.accept();
        const auto context = server_context((fits ? ours : root).issue("localhost"));
        if (upstream.encrypt(server_side(context)) && fits) {
            (void)upstream.request();
            upstream.send(answer_text("{}", 200, "connection: close\r\n"));
        }
        BOOST_TEST(client.answer().status() == (fits ? 200u : 502u));
    }
}

BOOST_AUTO_TEST_CASE(a_reload_takes_up_authorities_that_stand_in_the_same_file)
{
    world w;
    const auto how = w.make("localhost");
    const authority next("the next authority");
    const auto asked = [&w](const identity& who) {
        w.client.send(chat_text());
        auto upstream = w.provider.accept();
        const auto context = server_context(who);
        if (upstream.encrypt(server_side(context)) && upstream.read(clock::now() + patience)) {
            (void)upstream.request();
            upstream.send(answer_text("{}"));
        }
        const auto status = w.client.answer().status();
        return std::pair(std::move(upstream), status);
    };
    const auto before = asked(trusted().issue("localhost"));
    BOOST_TEST(before.second == 200u);
    write_file(w.ca_file, next.certificate());
    BOOST_TEST(w.gate.reload(how).status() == 200u);
    // The connection that is kept is the old authority's too.
    BOOST_TEST(asked(trusted().issue("localhost")).second == 502u);
    auto after = asked(next.issue("localhost"));
    BOOST_TEST(after.second == 200u);
    // What did not change keeps its connections.
    BOOST_TEST(w.gate.reload(how).status() == 200u);
    w.client.send(chat_text());
    (void)after.first.request();
    after.first.send(answer_text("{}"));
    BOOST_TEST(w.client.answer().status() == 200u);
}

BOOST_AUTO_TEST_CASE(a_reload_refuses_authorities_that_cannot_be_used)
{
    world w;
    const auto how = w.make("localhost");
    write_file(w.ca_file, "nonsense");
    const auto refused = w.gate.reload(how);
    BOOST_TEST(refused.status() >= 400u);
    BOOST_TEST(refused.says("providers.one.ca_file"), refused.body);
    write_file(w.ca_file, trusted().revocations());
    BOOST_TEST(w.gate.reload(how).says("providers.one.ca_file"));
    BOOST_TEST(w.gate.becomes("sluice_config_reload_failures_total", {}, 2));
}

BOOST_AUTO_TEST_SUITE_END()
