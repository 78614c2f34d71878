#include "chunked_support.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(http_chunked)

using namespace sluice::http;
using progress = chunk_output::progress;
using test::run_chunks;

namespace {

bool accepts(std::string_view stream)
{
    const auto relayed = run_chunks(stream);
    const auto decoded = run_chunks(stream, false);
    BOOST_TEST(relayed.state == decoded.state);
    BOOST_TEST(relayed.payload == decoded.payload);
    return relayed.state == progress::end && relayed.consumed == stream.size();
}

bool refuses(std::string_view stream)
{
    const auto result = run_chunks(stream);
    return result.state == progress::error && !result.message.empty()
           && run_chunks(stream, false).state == progress::error;
}

}  // namespace

BOOST_AUTO_TEST_CASE(payload_is_taken_out_of_its_chunks)
{
    for (const bool relay : {true, false}) {
        const auto result = run_chunks("5\r\nhello\r\nA\r\n 0123\r\n789\r\n0\r\n\r\nGET /", relay);
        BOOST_TEST(result.payload == "hello 0123\r\n789");
        BOOST_TEST(result.state == progress::end);
        BOOST_TEST(result.consumed == 30U);
    }
    BOOST_TEST(accepts("0\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(one_whole_chunk_in_canonical_spelling_is_known_at_a_glance)
{
    const auto payload = [](std::string raw, std::string_view before = {}) {
        chunked body;
        std::string front(before);
        (void)body.decode(front, [](std::span<char>) {});
        const auto found = body.lone_chunk(raw);
        return std::string(found.data(), found.size());
    };
    BOOST_TEST(payload("5\r\nhello\r\n") == "hello");
    BOOST_TEST(payload("aB\r\n" + std::string(0xab, 'x') + "\r\n") == std::string(0xab, 'x'));
    BOOST_TEST(payload("5\r\nhello\r\n", "3\r\nabc\r\n") == "hello");
    for (const auto* raw :
         {"",
          "5",
          "5\r\n",
          "5\r\nhello",
          "5\r\nhello\r",
          "5\r\nhello\n\n",
          "5\r\nhello\r\n0",
          "5\r\nhell\r\n",
          "4\r\nhello\r\n",
          "05\r\nhello\r\n",
          "5;a=b\r\nhello\r\n",
          "5 \r\nhello\r\n",
          "5\nhello\r\n",
          "0\r\n\r\n",
          "-5\r\nhello\r\n",
          "ffffffffffffffff\r\nhello\r\n"})
        BOOST_TEST(payload(raw) == "", raw);
    // Only between two chunks.
    for (const auto* before :
         {"5", "5\r\n", "5\r\nhel", "5\r\nhello", "5\r\nhello\r", "0\r\n", "x"})
        BOOST_TEST(payload("5\r\nhello\r\n", before) == "", before);
}

BOOST_AUTO_TEST_CASE(a_size_is_1_to_16_hex_digits_below_2_to_the_63)
{
    BOOST_TEST(accepts("000000000000000a\r\n0123456789\r\n0\r\n\r\n"));
    BOOST_TEST(accepts("aB\r\n" + std::string(0xab, 'x') + "\r\n0000000000000000\r\n\r\n"));
    BOOST_TEST(run_chunks("7fffffffffffffff\r\nx").state == progress::more);
    for (const auto* stream :
         {"\r\n",
          "x\r\n",
          "g\r\n",
          "-1\r\n",
          "+1\r\n",
          " 1\r\n",
          "0x5\r\nhello\r\n",
          "5h\r\n",
          "5,\r\n",
          "8000000000000000\r\n",
          "8000000000000000;a\r\n",
          "ffffffffffffffc6\r\n",
          "00000000000000005\r\nhello\r\n",
          "10000000000000000\r\n",
          ";a\r\n"})
        BOOST_TEST(refuses(stream), stream);
}

BOOST_AUTO_TEST_CASE(lines_and_data_end_in_crlf)
{
    for (const auto* stream :
         {"5\nhello\r\n0\r\n\r\n",
          "5\rhello\r\n0\r\n\r\n",
          "5\r\r\nhello\r\n0\r\n\r\n",
          "5\r\nhello\n0\r\n\r\n",
          "5\r\nhello0\r\n\r\n",
          "5\r\nhello\rX0\r\n\r\n",
          "5\r\nhello!\r\n0\r\n\r\n",
          "0\n\r\n",
          "0\r\n\n",
          "0\r\n\rX",
          "5;a\nhello\r\n0\r\n\r\n",
          "5;\ra\r\nhello\r\n0\r\n\r\n"})
        BOOST_TEST(refuses(stream), stream);
}

BOOST_AUTO_TEST_CASE(extensions_follow_the_grammar)
{
    for (const auto* extension :
         {";a",
          ";a=b",
          ";a;b=c;d",
          " ; a = b",
          "\t;\ta\t=\tb",
          ";a=\"\"",
          ";a=\"x y;z\"",
          ";a=\"x\\\"y\"",
          ";a=\"\\\\\";b",
          ";a=\"x\" ;b",
          ";a ;b",
          ";a=b ;c",
          ";a=\"\xc3\xa9\t\""})
        BOOST_TEST(
            accepts("5" + std::string{extension} + "\r\nhello\r\n0" + extension + "\r\n\r\n"),
            extension);
    for (const auto* extension :
         {";",      ";;a",       " ",         "\t",       " x",          ";a=",
          ";a= ",   ";=b",       ";a b",      ";a ",      ";a=b ",       ";a=b c",
          ";a=\"x", ";a=\"x\"y", ";a=\"x\" ", ";a=\"x\\", ";a=\"\x01\"", ";a=\"\\\x01\"",
          ";\x01",  ";a=b=c",    ";\xc3\xa9"})
        BOOST_TEST(refuses("5" + std::string{extension} + "\r\nhello\r\n0\r\n\r\n"), extension);
}

BOOST_AUTO_TEST_CASE(trailers_are_fields_and_dropped)
{
    const auto result = run_chunks("5\r\nhello\r\n0\r\nX-A: b\r\nEvil:\r\nC: d\te\xff\r\n\r\n");
    BOOST_TEST(result.state == progress::end);
    BOOST_TEST(result.relayed == "5\r\nhello\r\n0\r\n\r\n");
    for (const auto* trailer :
         {": 1\r\n",
          " X: 1\r\n",
          "X\r\n",
          "X : 1\r\n",
          "X: a\n",
          "X: a\rb\r\n",
          "X: \x01\r\n",
          "X(: 1\r\n",
          "X: a\r\n b\r\n"})
        BOOST_TEST(refuses("0\r\n" + std::string{trailer} + "\r\n"), trailer);
}

BOOST_AUTO_TEST_CASE(lines_extensions_and_trailers_are_bounded)
{
    const auto with_extension = [](std::size_t bytes) {
        return "1;" + std::string(bytes - 1, 'a') + "\r\nx\r\n";
    };
    BOOST_TEST(accepts(with_extension(chunked::max_line_bytes - 1) + "0\r\n\r\n"));
    BOOST_TEST(refuses(with_extension(chunked::max_line_bytes) + "0\r\n\r\n"));

    std::string stream;
    for (int i = 0; i < 32; ++i)
        stream += with_extension(128);
    BOOST_TEST(accepts(stream + "0\r\n\r\n"));
    BOOST_TEST(refuses(stream + "0;a\r\n\r\n"));
    BOOST_TEST(refuses(stream + "0 ;a\r\n\r\n"));

    const auto with_trailer = [](std::size_t bytes) {
        return "0\r\nX:" + std::string(bytes - 4, 'a') + "\r\n\r\n";
    };
    BOOST_TEST(accepts(with_trailer(chunked::max_trailer_bytes)));
    BOOST_TEST(refuses(with_trailer(chunked::max_trailer_bytes + 1)));
}

BOOST_AUTO_TEST_CASE(remaining_tells_the_open_chunk_before_it_comes)
{
    chunked body;
    test::chunk_result out;
    test::feed_part(body, "10000003a\r\nabc", false, out);
    BOOST_TEST(body.remaining() == 0x10000003aU - 3);
    BOOST_TEST(!body.ended());
}

BOOST_AUTO_TEST_CASE(an_error_is_final_and_keeps_what_was_right_before_it)
{
    chunked body;
    test::chunk_result out;
    test::feed_part(body, "5\r\nhello\r\nzz\r\n", true, out);
    BOOST_TEST(out.state == progress::error);
    BOOST_TEST(out.relayed == "5\r\nhello\r\n");
    BOOST_TEST(out.boundary);
    out.state = progress::more;
    test::feed_part(body, "0\r\n\r\n", true, out);
    BOOST_TEST(out.state == progress::error);

    const auto inside = run_chunks("5\r\nhelloX");
    BOOST_TEST(inside.relayed == "5\r\nhello");
    BOOST_TEST(!inside.boundary);
}

BOOST_AUTO_TEST_CASE(nothing_is_consumed_after_the_end)
{
    chunked body;
    test::chunk_result out;
    test::feed_part(body, "0\r\n\r\n", true, out);
    BOOST_TEST(body.ended());
    std::string more = "5\r\nhello\r\n";
    const auto again =
        body.feed(std::span<char>{more}, [](std::span<char>) { BOOST_ERROR("payload"); });
    BOOST_TEST(again.consumed == 0U);
    BOOST_TEST(again.count == 0U);
    BOOST_TEST(again.state == progress::end);
}

BOOST_AUTO_TEST_CASE(a_body_can_be_decoded_in_place)
{
    std::string raw = "5\r\nhello\r\n1;x\r\n \r\n05\r\nworld\r\n0\r\n\r\n";
    chunked body;
    char* to = raw.data();
    const auto out = body.decode(std::span<char>{raw}, [&to](std::span<char> run) {
        to = std::copy(run.begin(), run.end(), to);
    });
    BOOST_TEST(out.state == progress::end);
    BOOST_TEST(raw.substr(0, 11) == "hello world");
    BOOST_TEST((to - raw.data()) == 11);
}

BOOST_AUTO_TEST_SUITE_END()
