#include "support.hpp"
#include <sluice/http/writer.hpp>

#include <array>
#include <limits>

BOOST_AUTO_TEST_SUITE(http_writer)

using namespace sluice;
using namespace sluice::http;

BOOST_AUTO_TEST_CASE(a_request_is_written_as_it_is_read)
{
    std::array<char, 256> memory;
    head_writer writer{memory};
    writer.request_line("POST", "/v1/chat/completions?x");
    writer.field(header::host, "api.test");
    writer.field("X-Custom", "a \t b");
    writer.field(header::content_length, std::uint64_t{58});
    const std::string_view head = writer.finish();
    BOOST_TEST(
        head
        == "POST /v1/chat/completions?x HTTP/1.1\r\nhost: api.test\r\nX-Custom: a \t b\r\n"
           "content-length: 58\r\n\r\n");
    BOOST_TEST(writer.size() == head.size());
    request_head read;
    BOOST_TEST(test::judge(head, read) == errc{});
    BOOST_TEST(read.content_length() == 58U);
    BOOST_TEST(read.find("x-custom") == "a \t b");
}

BOOST_AUTO_TEST_CASE(the_fields_that_are_kept_are_copied_as_if_one_by_one)
{
    const std::string head = test::with_fields(
        "Host: a|X-One: b|X-Drop: c|X-Two:d|X-Three:  e |X-Four: f|X-Five:\tg|X-Six:|X-Seven: h|"
        "X-Drop: i|X-Drop: j|X-Eight: k");
    request_head in;
    BOOST_TEST(test::judge(head, in) == errc{});
    std::array<char, 256> memory;
    head_writer writer{memory};
    writer.copy_if(in.fields(), [](const field& each) { return each.name != "X-Drop"; });
    std::array<char, 256> other;
    head_writer singly{other};
    for (const field each : in.fields())
        if (each.name != "X-Drop")
            singly.copy(each);
    BOOST_TEST(writer.text() == singly.text());
    BOOST_TEST(
        writer.text()
        == "Host: a\r\nX-One: b\r\nX-Two: d\r\nX-Three: e\r\nX-Four: f\r\nX-Five: g\r\nX-Six: \r\n"
           "X-Seven: h\r\nX-Eight: k\r\n");

    for (std::size_t room = 0; room < writer.size(); ++room) {
        head_writer small{std::span(other).first(room)};
        small.copy_if(in.fields(), [](const field&) { return true; });
        BOOST_TEST(small.overflowed());
    }
}

BOOST_AUTO_TEST_CASE(what_is_trusted_is_written_as_it_is_and_only_where_it_fits)
{
    std::array<char, 128> memory;
    head_writer writer{memory};
    writer.trusted("x-text: ", "a value of more than thirty-two octets");
    writer.trusted("x-number: ", 18'446'744'073'709'551'615U);
    BOOST_TEST(
        writer.text()
        == "x-text: a value of more than thirty-two octets\r\nx-number: 18446744073709551615\r\n");
    for (std::size_t room = 0; room < 12; ++room) {
        head_writer small{std::span(memory).first(room)};
        small.trusted("x-t: ", "12345");
        BOOST_TEST(small.overflowed());
        BOOST_TEST(small.size() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(a_status_line_brings_its_phrase)
{
    std::array<char, 256> memory;
    head_writer writer{memory};
    writer.status_line(429);
    writer.field("x-n", std::numeric_limits<std::uint64_t>::max());
    BOOST_TEST(
        writer.finish() == "HTTP/1.1 429 Too Many Requests\r\nx-n: 18446744073709551615\r\n\r\n");
    head_writer other{memory};
    other.status_line(299, "Odd", 0);
    BOOST_TEST(other.finish() == "HTTP/1.0 299 Odd\r\n\r\n");
    BOOST_TEST(reason_phrase(200) == "OK");
    BOOST_TEST(reason_phrase(511) == "Network Authentication Required");
    BOOST_TEST(reason_phrase(100) == "Continue");
    BOOST_TEST(reason_phrase(299) == "Unknown");
    BOOST_TEST(reason_phrase(0) == "Unknown");
    BOOST_TEST(reason_phrase(600) == "Unknown");
}

BOOST_AUTO_TEST_CASE(parsed_fields_are_copied_and_parse_again_to_the_same)
{
    const std::string head =
        test::with_fields("Host: a|X-One:  b  |Accept:|X-Hop: 1|Connection: x-hop");
    request_head in;
    BOOST_TEST(test::judge(head, in) == errc{});
    std::array<char, 256> memory;
    head_writer writer{memory};
    writer.request_line(in.method_text(), in.target(), in.minor_version());
    for (const field f : in.fields())
        if (!f.hop_by_hop)
            writer.copy(f);
    BOOST_TEST(
        writer.finish() == "GET /v1/models HTTP/1.1\r\nHost: a\r\nX-One: b\r\nAccept: \r\n\r\n");
}

BOOST_AUTO_TEST_CASE(nothing_is_written_past_the_end)
{
    const std::string whole = "HTTP/1.1 200 OK\r\na: b\r\nc: 7\r\n\r\n";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        std::string memory(whole.size() + 8, '#');
        head_writer writer{std::span<char>{memory.data(), size}};
        writer.status_line(200);
        writer.field("a", "b");
        writer.field("c", std::uint64_t{7});
        const bool fits = size == whole.size();
        BOOST_TEST(writer.finish() == (fits ? whole : std::string{}));
        BOOST_TEST(writer.overflowed() == !fits);
        BOOST_TEST(!writer.refused());
        BOOST_TEST(memory.find_first_not_of('#', size) == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(an_overflow_is_final_even_when_a_shorter_field_would_fit)
{
    std::array<char, 40> memory;
    head_writer writer{memory};
    writer.status_line(200);
    writer.field("a", std::string(100, 'x'));
    writer.field("b", "y");
    BOOST_TEST(writer.finish() == "");
    BOOST_TEST(writer.size() == 17U);
}

BOOST_AUTO_TEST_CASE(lines_rendered_once_are_appended_as_they_are)
{
    std::array<char, 64> kept;
    head_writer render{kept};
    BOOST_TEST(render.text() == "");
    render.field(header::host, "api.test");
    render.field("x-n", std::uint64_t{7});
    BOOST_TEST(render.text() == "host: api.test\r\nx-n: 7\r\n");

    std::array<char, 128> memory;
    head_writer writer{memory};
    writer.request_line("GET", "/");
    writer.lines(render.text());
    writer.lines({});
    writer.field("a", "b");
    BOOST_TEST(writer.finish() == "GET / HTTP/1.1\r\nhost: api.test\r\nx-n: 7\r\na: b\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(rendered_lines_need_room_and_a_writer_that_did_not_fail)
{
    constexpr std::string_view rendered = "a: b\r\n";
    std::array<char, 6> exact;
    head_writer fits{exact};
    fits.lines(rendered);
    BOOST_TEST(fits.text() == rendered);
    fits.lines("c");
    BOOST_TEST(fits.overflowed());
    BOOST_TEST(fits.text() == "");

    std::array<char, 5> less;
    less.fill('#');
    head_writer overflows{less};
    overflows.lines(rendered);
    BOOST_TEST(overflows.overflowed());
    BOOST_TEST(less.front() == '#');

    std::array<char, 64> memory;
    head_writer refuses{memory};
    refuses.field("a", "\r");
    refuses.lines(rendered);
    BOOST_TEST(refuses.text() == "");
    BOOST_TEST(refuses.size() == 0U);
}

BOOST_AUTO_TEST_CASE(no_value_ends_a_line)
{
    std::array<char, 512> memory;
    for (unsigned octet = 0; octet < 256; ++octet) {
        const bool good = (octet >= 0x20 && octet != 0x7f) || octet == '\t';
        for (const std::size_t before : {0U, 9U, 40U}) {
            const std::string value = std::string(before, 'v') + static_cast<char>(octet);
            head_writer writer{memory};
            writer.status_line(200);
            writer.field(header::server, value);
            BOOST_TEST(writer.refused() == !good);
            BOOST_TEST(writer.finish().empty() == !good);
            head_writer reason{memory};
            reason.status_line(200, value, 1);
            BOOST_TEST(reason.refused() == !good);
        }
    }
}

BOOST_AUTO_TEST_CASE(names_methods_targets_and_statuses_are_checked)
{
    std::array<char, 256> memory;
    for (const auto* name : {"", "a b", "a:", "a\r\n", "\xc3\xa9"}) {
        head_writer writer{memory};
        writer.status_line(200);
        writer.field(name, "x");
        BOOST_TEST(writer.refused());
        BOOST_TEST(writer.finish() == "");
    }
    for (const auto* target : {"", "/a b", "/\r\n", "/\x7f", "/\xc3\xa9"}) {
        head_writer writer{memory};
        writer.request_line("GET", target);
        BOOST_TEST(writer.refused());
    }
    head_writer method{memory};
    method.request_line("GE T", "/");
    BOOST_TEST(method.refused());
    head_writer status{memory};
    status.status_line(99);
    BOOST_TEST(status.refused());
    head_writer other{memory};
    other.field(header::other, "x");
    BOOST_TEST(other.refused());
}

BOOST_AUTO_TEST_CASE(a_chunk_size_line_is_lower_case_hex)
{
    std::array<char, chunk_size_line_bytes> memory;
    BOOST_TEST(chunk_size_line(memory, 1) == "1\r\n");
    BOOST_TEST(chunk_size_line(memory, 0xabc) == "abc\r\n");
    BOOST_TEST(
        chunk_size_line(memory, std::numeric_limits<std::uint64_t>::max())
        == "ffffffffffffffff\r\n");
}

BOOST_AUTO_TEST_SUITE_END()
