// The raw cases beside the repository, as far as heads and framing decide them.
#include "chunked_support.hpp"
#include "source_dir.hpp"
#include "support.hpp"

#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <set>

BOOST_AUTO_TEST_SUITE(http_cases)

using namespace sluice;
using namespace sluice::http;
using boost::property_tree::ptree;

namespace {

constexpr head_limits case_limits{.head_bytes = 65536, .line_bytes = 16384, .fields = 100};

constexpr std::uint64_t case_body_bytes = 10 << 20;

std::filesystem::path cases_folder()
{
    return shared_dir() / "cases";
}

// Calls use(case) for each; says so when there are none.
template <class Use>
void each_case(const char* file, Use use)
{
    const auto path = cases_folder() / file;
    if (!std::filesystem::exists(path)) {
        BOOST_TEST_MESSAGE("skipped: no cases at " << path);
        BOOST_TEST(true);
        return;
    }
    ptree cases;
    boost::property_tree::read_json(path.string(), cases);
    for (const auto& [unused, entry] : cases)
        use(entry);
    BOOST_TEST(!cases.empty());
}

// One character is one octet: UTF-8 back to Latin-1.
std::string octets_of(std::string_view utf8)
{
    std::string out;
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto c = static_cast<unsigned char>(utf8[i]);
        if (c >= 0x80 && i + 1 < utf8.size())
            out +=
                static_cast<char>((c & 3U) << 6U | (static_cast<unsigned char>(utf8[++i]) & 0x3fU));
        else
            out += utf8[i];
    }
    return out;
}

// \r \n \t \\ \xHH; anything else after a backslash is itself.
std::string unescape(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char c = text[++i];
        unsigned value = 0;
        if (c == 'x' && i + 2 < text.size()
            && std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16).ptr == &text[i + 1] + 2) {
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }
    }
    return out;
}

// @@REP(n,text)@@ and @A64K@.
std::string expand(std::string text)
{
    for (std::size_t at = 0; (at = text.find("@@REP(", at)) != std::string::npos;) {
        const std::size_t comma = text.find(',', at);
        const std::size_t end = text.find(")@@", comma);
        const auto count = std::stoul(text.substr(at + 6, comma - at - 6));
        const std::string unit = unescape(text.substr(comma + 1, end - comma - 1));
        std::string repeated;
        for (unsigned long i = 0; i < count; ++i)
            repeated += unit;
        text.replace(at, end + 3 - at, repeated);
        at += repeated.size();
    }
    for (std::size_t at = 0; (at = text.find("@A64K@", at)) != std::string::npos;)
        text.replace(at, 6, 65536, 'A');
    return text;
}

struct verdict {
    enum { accepted, incomplete, refused } how = accepted;
    unsigned status = 0;  // what a refusal is answered with
    std::size_t messages = 0;
};

// A body at the front of `rest`, which is shortened by it.
verdict read_body(framing how, std::uint64_t length, std::string_view& rest)
{
    if (how == framing::until_close) {
        rest = {};
    } else if (how == framing::length) {
        if (rest.size() < length)
            return {.how = verdict::incomplete};
        rest.remove_prefix(static_cast<std::size_t>(length));
    } else if (how == framing::chunked) {
        chunked body;
        test::chunk_result got;
        test::feed_part(body, rest, false, got);
        if (body.remaining() > case_body_bytes)
            return {.how = verdict::refused, .status = 413};
        if (got.state == chunk_output::progress::error)
            return {.how = verdict::refused, .status = 400};
        if (got.state == chunk_output::progress::more)
            return {.how = verdict::incomplete};
        rest.remove_prefix(got.consumed);
    }
    return {};
}

// What a server with this layer makes of the bytes of one connection.
verdict serve(std::string_view rest)
{
    verdict out;
    while (!rest.empty()) {
        head_scanner scanner{message_kind::request, case_limits};
        const auto found = scanner.scan(rest);
        if (found.state == head_scanner::progress::refused)
            return {verdict::refused, describe(found.why.code).status, out.messages};
        if (found.state == head_scanner::progress::incomplete)
            return {verdict::incomplete, 0, out.messages};
        request_head head;
        if (const auto why = parse(rest.substr(found.begin, found.size), case_limits, head))
            return {verdict::refused, describe(why->code).status, out.messages};
        rest.remove_prefix(found.begin + found.size);
        const verdict body = read_body(head.framing(), head.content_length(), rest);
        if (body.how != verdict::accepted)
            return {body.how, body.status, out.messages};
        ++out.messages;
        if (!head.keep_alive())
            break;
    }
    return out;
}

// What a client with this layer makes of the bytes an upstream answers with.
verdict receive(std::string_view rest)
{
    for (;;) {
        head_scanner scanner{message_kind::response, case_limits};
        const auto found = scanner.scan(rest);
        if (found.state == head_scanner::progress::refused)
            return {.how = verdict::refused};
        if (found.state == head_scanner::progress::incomplete)
            return {.how = verdict::incomplete};
        response_head head;
        if (parse(rest.substr(0, found.size), case_limits, method::post, head))
            return {.how = verdict::refused};
        rest.remove_prefix(found.size);
        if (head.status() < 200)
            continue;
        return read_body(head.framing(), head.content_length(), rest);
    }
}

// Refused by routing, authentication, JSON or policy: legal HTTP all the same.
bool is_for_higher_layers(const std::string& id, const std::string& category)
{
    static const std::set<std::string> ids{
        "field-auth-empty",
        "field-auth-key-plus",
        "field-auth-in-query",
        "reqline-method-mixed",
        "reqline-method-delete",
        "reqline-method-token-chars",
        "target-pct-nul",
        "target-double-slash",
        "target-absolute-evil-authority"};
    return category == "json" || category == "path" || ids.contains(id);
}

void check_request(const ptree& entry)
{
    const auto id = entry.get<std::string>("id");
    const auto expect = entry.get<std::string>("expect");
    const std::string bytes = expand(unescape(octets_of(entry.get<std::string>("raw_request"))));
    const verdict got = serve(bytes);
    if (expect == "accept") {
        // The one allowed alternative made use of: minor versions above 1 are refused.
        const bool other_version = id == "reqline-version-1.2" && got.status == 505;
        BOOST_TEST((got.messages != 0U || other_version), id << ": refused with " << got.status);
        return;
    }
    if (is_for_higher_layers(id, entry.get<std::string>("category")))
        return;
    BOOST_TEST(got.messages == 0U, id << ": accepted");
    // A client that stops in the middle is noticed by its end of stream, not here.
    if (entry.get<bool>("half_close", false) && got.how == verdict::incomplete)
        return;
    BOOST_TEST(got.how == verdict::refused, id << ": not refused");
    if (const auto statuses = entry.get_child_optional("statuses");
        statuses && !statuses->empty()) {
        const bool listed = std::ranges::any_of(*statuses, [&got](const auto& one) {
            return one.second.template get_value<unsigned>() == got.status;
        });
        BOOST_TEST(listed, id << ": refused with " << got.status);
    } else if (expect == "reject-400") {
        BOOST_TEST(got.status == 400U, id);
    }
}

void check_response(const ptree& entry)
{
    const auto id = entry.get<std::string>("id");
    const auto expect = entry.get<std::string>("expect");
    std::string bytes;
    for (const auto& [unused, segment] : entry.get_child("segments"))
        bytes += unescape(octets_of(segment.get<std::string>("data")));
    const verdict got = receive(bytes);
    if (expect == "pass")
        BOOST_TEST(got.how == verdict::accepted, id);
    else if (expect == "bad-gw" || expect == "abort")
        BOOST_TEST(got.how != verdict::accepted, id);
    else
        BOOST_TEST(expect == "either", id);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_request_case_is_decided_as_it_should_be)
{
    each_case("request_cases.json", check_request);
}

BOOST_AUTO_TEST_CASE(every_response_case_is_decided_as_it_should_be)
{
    each_case("response_cases.json", check_response);
}

BOOST_AUTO_TEST_SUITE_END()
