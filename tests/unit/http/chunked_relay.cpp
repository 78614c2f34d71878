#include "chunked_support.hpp"
#include <sluice/base/random.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(http_chunked_relay)

using namespace sluice::http;
using progress = chunk_output::progress;
using test::chunk_result;
using test::run_chunks;

namespace {

struct sample {
    std::string raw;
    std::string canonical;
    std::string payload;
};

const std::vector<sample>& samples()
{
    static const std::vector<sample> all{
        {"0\r\n\r\n", "0\r\n\r\n", ""},
        {"5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"},
        {"1\r\na\r\n1\r\nb\r\n2\r\n\r\n\r\n0\r\n\r\n",
         "1\r\na\r\n1\r\nb\r\n2\r\n\r\n\r\n0\r\n\r\n",
         "ab\r\n"},
        {"05\r\nhello\r\n000\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello"},
        {"1;a\r\nx\r\n01;b=\"c\"\r\ny\r\n1\r\nz\r\n0;d\r\nT: u\r\n\r\n",
         "1\r\nx\r\n1\r\ny\r\n1\r\nz\r\n0\r\n\r\n",
         "xyz"},
        {"1\r\nx\r\n02\r\nyy\r\n003\r\nzzz\r\n0\r\n\r\n",
         "1\r\nx\r\n2\r\nyy\r\n3\r\nzzz\r\n0\r\n\r\n",
         "xyyzzz"},
        {"14\r\n0123456789abcdefghij\r\n0\r\nA:\r\n\r\n",
         "14\r\n0123456789abcdefghij\r\n0\r\n\r\n",
         "0123456789abcdefghij"}};
    return all;
}

void check_whole(const sample& expected, const chunk_result& got)
{
    BOOST_REQUIRE(got.state == progress::end);
    BOOST_REQUIRE_EQUAL(got.payload, expected.payload);
    BOOST_REQUIRE_EQUAL(got.relayed, expected.canonical);
    BOOST_REQUIRE_EQUAL(got.consumed, expected.raw.size());
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_sent_on_is_canonical_wherever_one_or_two_cuts_fall)
{
    for (const sample& s : samples()) {
        const std::string_view raw = s.raw;
        check_whole(s, run_chunks(raw));
        for (std::size_t a = 0; a <= raw.size(); ++a)
            for (std::size_t b = a; b <= raw.size(); ++b)
                check_whole(s, run_chunks({raw.substr(0, a), raw.substr(a, b - a), raw.substr(b)}));
    }
}

BOOST_AUTO_TEST_CASE(every_way_to_cut_a_short_stream_gives_the_same)
{
    const sample s{"01\r\nx\r\n0\r\nA:\r\n\r\n", "1\r\nx\r\n0\r\n\r\n", "x"};
    const std::string_view raw = s.raw;
    for (std::size_t mask = 0; mask < (std::size_t{1} << (raw.size() - 1)); ++mask) {
        std::vector<std::string_view> parts;
        std::size_t begin = 0;
        for (std::size_t at = 1; at <= raw.size(); ++at) {
            if (at == raw.size() || (mask >> (at - 1) & 1U) != 0) {
                parts.push_back(raw.substr(begin, at - begin));
                begin = at;
            }
        }
        check_whole(s, run_chunks(parts));
    }
}

BOOST_AUTO_TEST_CASE(long_streams_survive_random_cuts)
{
    sluice::random_engine random{42};
    const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    for (int round = 0; round < 300; ++round) {
        sample s;
        for (std::size_t chunk = 0; chunk < 20; ++chunk) {
            const std::string data(1 + below(60), static_cast<char>('a' + below(26)));
            char hex[20];
            const int digits = std::snprintf(hex, sizeof hex, "%zx", data.size());
            const std::string size(hex, static_cast<std::size_t>(digits));
            const std::string_view odd[] = {"", "", "", ";x", ";x=\"y\""};
            s.raw += (below(5) == 0 ? "0" : "") + size + std::string{odd[below(5)]} + "\r\n" + data
                     + "\r\n";
            s.canonical += size + "\r\n" + data + "\r\n";
            s.payload += data;
        }
        s.raw += "0\r\n\r\n";
        s.canonical += "0\r\n\r\n";
        std::vector<std::string_view> parts;
        for (std::string_view rest = s.raw; !rest.empty();) {
            const std::size_t size = std::min(rest.size(), 1 + below(100));
            parts.push_back(rest.substr(0, size));
            rest.remove_prefix(size);
        }
        check_whole(s, run_chunks(parts));
    }
}

BOOST_AUTO_TEST_CASE(a_canonical_stream_is_one_piece_of_the_input_itself)
{
    std::string raw = "5\r\nhello\r\nAb\r\n" + std::string(0xab, 'x') + "\r\n0\r\n\r\n";
    chunked body;
    const auto out = body.feed(std::span<char>{raw}, [](std::span<char>) {});
    BOOST_TEST(out.count == 1U);
    BOOST_TEST(out.pieces[0].data() == raw.data());
    BOOST_TEST(out.pieces[0].size() == raw.size());
}

BOOST_AUTO_TEST_CASE(only_one_literal_is_made_in_a_call)
{
    std::string raw = "1;a\r\nx\r\n1;a\r\ny\r\n0\r\n\r\n";
    chunked body;
    const auto out = body.feed(std::span<char>{raw}, [](std::span<char>) {});
    BOOST_TEST(out.state == progress::more);
    BOOST_TEST(out.consumed == 8U);
    BOOST_TEST(body.at_chunk_boundary());
}

BOOST_AUTO_TEST_CASE(payload_changed_in_place_is_what_is_sent_on)
{
    std::string raw = "5\r\nhello\r\n05\r\nhello\r\n0\r\n\r\n";
    chunked body;
    const auto out = body.feed(
        std::span<char>{raw}, [](std::span<char> run) { std::fill(run.begin(), run.end(), '*'); });
    std::string relayed;
    for (std::size_t i = 0; i < out.count; ++i)
        relayed += out.pieces[i];
    BOOST_TEST(relayed == "5\r\n*****\r\n5\r\n*****\r\n0\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_cut_stream_never_looks_whole)
{
    for (const sample& s : samples()) {
        for (std::size_t size = 0; size < s.raw.size(); ++size) {
            const auto got = run_chunks(std::string_view{s.raw}.substr(0, size));
            BOOST_TEST(got.state == progress::more);
            BOOST_TEST(got.relayed.size() < s.canonical.size());
            BOOST_TEST(s.canonical.starts_with(got.relayed));
            BOOST_TEST(run_chunks(got.relayed).state == progress::more);
        }
    }
}

BOOST_AUTO_TEST_CASE(our_own_chunk_fits_in_exactly_at_a_boundary)
{
    for (const sample& s : samples()) {
        for (std::size_t size = 0; size <= s.raw.size(); ++size) {
            const auto got = run_chunks(std::string_view{s.raw}.substr(0, size));
            if (got.boundary) {
                const auto with_own = run_chunks(got.relayed + "3\r\nown\r\n0\r\n\r\n");
                BOOST_TEST(with_own.state == progress::end);
                BOOST_TEST(with_own.payload == got.payload + "own");
            }
            BOOST_TEST(
                got.boundary
                == (size < s.raw.size()
                    && (got.relayed.empty() || run_chunks(got.relayed).boundary)));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
