#include <sluice/base/random.hpp>
#include <sluice/wire/redact.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(redaction)

using namespace sluice::wire;

namespace {

// Sends a text in pieces as a relay would: what has to be held comes again before the next piece.
std::string relay(const std::vector<std::string>& secrets, const std::vector<std::string>& pieces)
{
    redactor redact_stream(secrets);
    std::string sent;
    std::string held;
    for (const auto& next : pieces) {
        auto piece = held + next;
        const auto keep = redact_stream.process(piece);
        BOOST_TEST_REQUIRE(keep <= piece.size());
        sent.append(piece, 0, piece.size() - keep);
        held = piece.substr(piece.size() - keep);
        const auto longer = [keep](const std::string& secret) { return secret.size() > keep; };
        BOOST_TEST_REQUIRE((keep == 0 || std::ranges::any_of(secrets, longer)));
    }
    return sent + held;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_occurrence_becomes_as_many_stars)
{
    const std::vector<std::string> secrets{"sk-upstream-SECRET", "short", "other-key-123"};
    std::string text =
        "sk-upstream-SECRETsk-upstream-SECRET short x other-key-123 sk-upstream-SECRE";
    BOOST_TEST(redact(text, secrets));
    BOOST_TEST(text == std::string(36, '*') + " short x ************* sk-upstream-SECRE");
    BOOST_TEST(!redact(text, secrets));
}

BOOST_AUTO_TEST_CASE(a_secret_cut_anywhere_loses_all_but_seven_bytes_at_most)
{
    const std::vector<std::string> secrets{"sk-upstream-SECRET"};
    const std::string text = "data: {\"k\":\"sk-sk-upstream-SECRET.\"}\n\n";
    for (std::size_t a = 0; a <= text.size(); ++a)
        for (std::size_t b = a; b <= text.size(); ++b) {
            const auto sent =
                relay(secrets, {text.substr(0, a), text.substr(a, b - a), text.substr(b)});
            BOOST_TEST_REQUIRE(sent.size() == text.size());
            std::size_t shown = 0;
            for (std::size_t i = 15; i < 33; ++i)
                shown += sent[i] != '*';
            BOOST_TEST(shown < 8U, sent);
            BOOST_TEST(sent.substr(33) == text.substr(33));
            BOOST_TEST(sent.substr(0, 15) == text.substr(0, 15));
        }
}

BOOST_AUTO_TEST_CASE(byte_by_byte_the_tail_is_masked_too)
{
    const std::vector<std::string> secrets{"sk-upstream-SECRET"};
    std::vector<std::string> bytes;
    for (const char c : std::string_view("x sk-upstream-SECRET y"))
        bytes.emplace_back(1, c);
    BOOST_TEST(relay(secrets, bytes) == "x sk-upst*********** y");
}

BOOST_AUTO_TEST_CASE(what_only_looked_like_a_secret_passes_unchanged)
{
    const std::vector<std::string> secrets{"sk-upstream-SECRET", "sk-upstairs"};
    BOOST_TEST(relay(secrets, {"x sk-upstr", "eet y"}) == "x sk-upstreet y");
    BOOST_TEST(relay(secrets, {"x sk-upstream-SECRE"}) == "x sk-upstream-SECRE");
    BOOST_TEST(relay(secrets, {"sk-upst", "airs"}) == "sk-upst****");
}

BOOST_AUTO_TEST_CASE(bytes_released_early_do_not_end_the_match)
{
    const std::vector<std::string> secrets{"sk-upstream-SECRET"};
    redactor redact_stream(secrets);
    std::string first = "x sk-upstream-S";
    const auto held = redact_stream.process(first);
    BOOST_TEST(held == 13U);
    redact_stream.released(held);
    std::string second = "ECRET y";
    BOOST_TEST(redact_stream.process(second) == 0U);
    BOOST_TEST(second == "***** y");
}

BOOST_AUTO_TEST_CASE(secrets_that_repeat_themselves_are_found_at_every_cut)
{
    const std::vector<std::string> secrets{"ababababac"};
    const std::string text = "abababababababac";
    sluice::random_engine draw(3);
    for (int round = 0; round < 500; ++round) {
        std::vector<std::string> pieces;
        for (std::size_t at = 0; at < text.size();) {
            const auto size = draw() % 6 + 1;
            pieces.push_back(text.substr(at, size));
            at += size;
        }
        const auto sent = relay(secrets, pieces);
        BOOST_TEST(sent.find("ababababac") == std::string::npos);
        BOOST_TEST(sent.ends_with("***"), sent);
    }
}

BOOST_AUTO_TEST_CASE(a_secret_is_found_wherever_it_stands_and_near_misses_are_not)
{
    const std::vector<std::string> secrets{"short", "sk-upstream-SECRET"};
    const std::string near_miss = "sk-upstXsk-upstream-SECREsssss-s";
    for (std::size_t size = 18; size < 400; size += 7)
        for (std::size_t at = 0; at + 18 <= size; ++at) {
            std::string text;
            while (text.size() < size)
                text += near_miss;
            text.resize(size);
            BOOST_TEST_REQUIRE(!contains_secret(text, secrets));
            text.replace(at, 18, secrets[1]);
            BOOST_TEST_REQUIRE(contains_secret(text, secrets), size << ' ' << at);
            BOOST_TEST_REQUIRE(redact(text, secrets));
            BOOST_TEST_REQUIRE(text.substr(at, 18) == std::string(18, '*'));
            BOOST_TEST_REQUIRE(!contains_secret(text, secrets));
        }
    BOOST_TEST(!contains_secret("a short one", secrets));
    BOOST_TEST(!contains_secret("", secrets));
}

BOOST_AUTO_TEST_CASE(a_redactor_remembers_that_it_masked_something)
{
    const std::vector<std::string> secrets{"sk-upstream-SECRET"};
    for (const std::string first : {"x sk-upst", "x sk-upstream-SECRET"}) {
        redactor redact_stream(secrets);
        auto piece = first;
        redact_stream.released(redact_stream.process(piece));
        std::string rest = first.size() == 9 ? "ream-SECRET" : "more";
        BOOST_TEST(redact_stream.masked() == (first.size() != 9));
        BOOST_TEST(redact_stream.process(rest) == 0U);
        BOOST_TEST(redact_stream.masked());
    }
}

BOOST_AUTO_TEST_CASE(without_secrets_nothing_happens)
{
    BOOST_TEST(relay({}, {"sk-upstream", "-SECRET"}) == "sk-upstream-SECRET");
    BOOST_TEST(relay({"", "1234567"}, {"12345678"}) == "12345678");
}

BOOST_AUTO_TEST_SUITE_END()
