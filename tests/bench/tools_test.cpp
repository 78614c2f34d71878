#include "histogram.hpp"
#include "mock_request.hpp"
#include "mock_responses.hpp"
#include "request.hpp"
#include "response_reader.hpp"
#include "sse_load.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace bench = sluice::bench;
using state = bench::response_reader::state;

namespace {

// Feeds `text` in pieces of `size`; the state after the last one taken.
state feed(bench::response_reader& reader, std::string_view text, std::size_t size)
{
    state result = state::more;
    while (!text.empty() && result == state::more) {
        std::string_view piece = text.substr(0, size);
        text.remove_prefix(piece.size());
        result = reader.read(piece);
        if (!piece.empty() && result == state::done)
            return state::bad;
    }
    return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bench_tools)

BOOST_AUTO_TEST_CASE(a_quantile_is_never_below_its_sample_and_at_most_two_percent_above)
{
    for (const std::uint64_t value :
         {0ULL, 1ULL, 127ULL, 128ULL, 129ULL, 1'000ULL, 999'999ULL, 123'456'789ULL, ~0ULL / 3}) {
        bench::histogram h;
        h.record(value);
        h.record(value * 3);
        const auto middle = h.quantile(0.5);
        BOOST_TEST(middle >= value);
        BOOST_TEST(static_cast<double>(middle) <= static_cast<double>(value) * 1.016 + 1);
        BOOST_TEST(h.quantile(1) == value * 3);
    }
}

BOOST_AUTO_TEST_CASE(quantiles_split_a_known_population)
{
    bench::histogram h;
    for (std::uint64_t i = 1; i <= 100'000; ++i)
        h.record(i);
    BOOST_TEST(
        static_cast<double>(h.quantile(0.5)) == 50'000.0, boost::test_tools::tolerance(0.016));
    BOOST_TEST(
        static_cast<double>(h.quantile(0.99)) == 99'000.0, boost::test_tools::tolerance(0.016));
    BOOST_TEST(h.max() == 100'000U);
    BOOST_TEST(h.mean() == 50'000.5, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(a_response_is_read_alike_whatever_the_pieces)
{
    const std::string_view fixed = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const std::string_view chunked =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nt: v\r\n\r\n";
    for (const std::string_view text : {fixed, chunked}) {
        for (std::size_t size = 1; size <= text.size(); ++size) {
            std::string body;
            bench::response_reader reader([&](std::string_view piece) { body += piece; });
            BOOST_TEST((feed(reader, text, size) == state::done));
            BOOST_TEST(body == "hello");
            BOOST_TEST(reader.status() == 200);
            BOOST_TEST(reader.body_bytes() == 5U);
        }
    }
}

BOOST_AUTO_TEST_CASE(broken_framing_is_not_taken_for_a_response)
{
    for (const std::string_view text :
         {"SSH-2.0-OpenSSH\r\n\r\n",
          "HTTP/1.1 2x0 OK\r\ncontent-length: 1\r\n\r\nx",
          "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
          "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n"}) {
        bench::response_reader reader;
        BOOST_TEST((feed(reader, text, 1000) == state::bad));
    }
    bench::response_reader cut;
    BOOST_TEST(
        (feed(cut, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", 1000) == state::more));
    BOOST_TEST((cut.end() == state::bad));
}

BOOST_AUTO_TEST_CASE(stamps_are_found_whatever_the_pieces)
{
    bench::mock_responses mock(1400, 250);
    std::string text(mock.event(12'345));
    text += mock.event(67'890);
    text += mock.stream_end(true);
    for (std::size_t size = 1; size <= text.size(); ++size) {
        bench::stamp_reader stamps;
        std::vector<std::uint64_t> seen;
        bench::response_reader reader([&](std::string_view piece) {
            stamps.read(piece, [&](std::uint64_t sent) { seen.push_back(sent); });
        });
        const std::string whole = std::string(mock.stream_head()) + text;
        BOOST_TEST((feed(reader, whole, size) == state::done));
        BOOST_TEST(
            seen == (std::vector<std::uint64_t>{12'345, 67'890}), boost::test_tools::per_element());
        BOOST_TEST(stamps.done());
    }
}

BOOST_AUTO_TEST_CASE(the_mock_keeps_to_the_sizes_it_is_given)
{
    bench::mock_responses mock(1400, 250);
    BOOST_TEST(mock.completion_body_bytes() == 1400U);
    BOOST_TEST(mock.completion().ends_with("}"));
    const std::string_view chunk = mock.event(1);
    BOOST_TEST(chunk.starts_with("fa\r\ndata: {"));
    BOOST_TEST(chunk.size() == 250U + 6U);
}

BOOST_AUTO_TEST_CASE(the_mock_tells_a_stream_from_a_completion_and_a_part_from_a_whole)
{
    bench::request_settings settings;
    settings.body_bytes = 32'768;
    using found = bench::mock_request::state;
    for (const bool stream : {false, true}) {
        const std::string text = bench::make_request(settings, stream);
        const bench::mock_request whole = bench::read_request(text + "GET ");
        BOOST_TEST((whole.found == found::whole));
        BOOST_TEST(whole.bytes == text.size());
        BOOST_TEST(whole.stream == stream);
        BOOST_TEST(!whole.usage);
        const bench::mock_request part = bench::read_request(text.substr(0, text.size() - 1));
        BOOST_TEST((part.found == found::partial));
        BOOST_TEST(part.bytes == text.size());
    }
    const bench::mock_request asked =
        bench::read_request("POST / HTTP/1.1\r\nContent-Length: 57\r\n\r\n"
                            R"({"stream": true, "stream_options":{"include_usage":true}})");
    BOOST_TEST(asked.stream);
    BOOST_TEST(asked.usage);
    const bench::mock_request chunked =
        bench::read_request("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    BOOST_TEST((chunked.found == found::refused));
}

BOOST_AUTO_TEST_CASE(a_made_request_has_the_size_it_is_given)
{
    bench::request_settings settings;
    for (const std::size_t size : {1024U, 10'240U, 32'768U}) {
        settings.body_bytes = size;
        const std::string request = bench::make_request(settings, false);
        const std::size_t end = request.find("\r\n\r\n");
        BOOST_TEST(request.size() - end - 4 == size);
        BOOST_TEST(request.find("content-length: " + std::to_string(size)) != std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
