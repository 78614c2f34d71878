#include "support.hpp"
#include <sluice/http/names.hpp>
#include <sluice/http/octets.hpp>

#include <algorithm>
#include <cctype>

BOOST_AUTO_TEST_SUITE(http_names)

using namespace sluice::http;

BOOST_AUTO_TEST_CASE(every_known_header_is_recognised_in_any_case)
{
    for (std::size_t i = 0; i < header_count; ++i) {
        const auto id = static_cast<header>(i);
        const std::string lower_case{name_of(id)};
        std::string upper_case = lower_case;
        std::ranges::transform(upper_case, upper_case.begin(), [](unsigned char c) {
            return static_cast<char>(std::toupper(c));
        });
        BOOST_TEST(recognise_header(lower_case) == id);
        BOOST_TEST(recognise_header(upper_case) == id);
    }
    BOOST_TEST(name_of(header::other).empty());
}

BOOST_AUTO_TEST_CASE(a_name_one_octet_away_from_a_known_one_is_other)
{
    for (std::size_t i = 0; i < header_count; ++i) {
        const std::string name{name_of(static_cast<header>(i))};
        BOOST_TEST(recognise_header(name + "s") == header::other);
        BOOST_TEST(recognise_header("z" + name) == header::other);
        for (std::size_t at = 0; at < name.size(); ++at) {
            std::string near = name;
            near[at] = near[at] == 'q' ? 'z' : 'q';
            BOOST_TEST(recognise_header(near) == header::other);
            if (name[at] == '-') {
                near[at] = '_';
                BOOST_TEST(recognise_header(near) == header::other);
            }
        }
    }
    for (const auto* name : {"", "x", "a-name-that-is-longer-than-any-known-name"})
        BOOST_TEST(recognise_header(name) == header::other);
}

BOOST_AUTO_TEST_CASE(methods_are_recognised_exactly)
{
    BOOST_TEST(recognise_method("GET") == method::get);
    BOOST_TEST(recognise_method("HEAD") == method::head);
    BOOST_TEST(recognise_method("POST") == method::post);
    BOOST_TEST(recognise_method("PUT") == method::put);
    BOOST_TEST(recognise_method("PATCH") == method::patch);
    BOOST_TEST(recognise_method("DELETE") == method::del);
    BOOST_TEST(recognise_method("OPTIONS") == method::options);
    BOOST_TEST(recognise_method("CONNECT") == method::connect);
    BOOST_TEST(recognise_method("TRACE") == method::trace);
    for (const auto* text : {"", "get", "Get", "GETS", "POSt", "DELETED", "OPTION"})
        BOOST_TEST(recognise_method(text) == method::other);
}

BOOST_AUTO_TEST_CASE(fast_scans_agree_with_the_table_at_every_offset_and_length)
{
    for (unsigned octet = 0; octet < 256; ++octet) {
        for (const std::size_t size : {1U, 7U, 15U, 16U, 17U, 31U, 33U, 48U}) {
            for (std::size_t at = 0; at < size; ++at) {
                std::string text(size, 'a');
                text[at] = static_cast<char>(octet);
                const char* const end = text.data() + size;
                const bool control = !is(text[at], octets::in_value);
                const char* const expected = control ? text.data() + at : end;
                BOOST_REQUIRE(find_control(text.data(), end) == expected);
                BOOST_REQUIRE(has_control(text) == control);

                const bool common = std::isalnum(static_cast<int>(octet)) != 0 || octet == '-';
                const char* const stop = skip_common_name(text.data(), end);
                const char* const first_odd = common ? end : text.data() + at;
                BOOST_REQUIRE(stop <= first_odd);
                BOOST_REQUIRE((stop == first_odd || end - stop < 16));
            }
        }
    }
    BOOST_TEST(!has_control(""));
}

BOOST_AUTO_TEST_SUITE_END()
