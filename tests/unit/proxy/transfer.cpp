#include <sluice/proxy/transfer.hpp>

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(transfers)

namespace {

using namespace sluice;
using namespace sluice::proxy;

constexpr time_point now{};

const std::string delta =
    R"(data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]})"
    "\n\n";
const std::string last =
    R"(data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"
    "\n\n";
const std::string usage_event =
    R"(data: {"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})"
    "\n\n";
const std::string done = "data: [DONE]\n\n";

std::string chunk(const std::string& payload)
{
    std::array<char, http::chunk_size_line_bytes> line;
    return std::string(http::chunk_size_line(line, payload.size())) + payload + "\r\n";
}

std::string end_of_chunks()
{
    return std::string(http::last_chunk);
}

struct sent {
    std::string bytes;
    transfer::progress state = transfer::progress::more;
    std::size_t surplus = 0;
};

std::string text_of(const net::gather& out)
{
    std::string all;
    for (std::size_t i = 0; i < out.count(); ++i)
        all.append(static_cast<const char*>(out.data()[i].iov_base), out.data()[i].iov_len);
    return all;
}

// What a client gets when the provider's octets arrive in the given cuts.
sent run(transfer& body, const std::string& raw, const std::vector<std::size_t>& cuts)
{
    sent result;
    std::string carried;
    std::size_t at = 0;
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
        const auto end = i < cuts.size() ? cuts[i] : raw.size();
        std::string input = carried + raw.substr(at, end - at);
        at = end;
        std::span<char> left(input);
        for (bool again = !left.empty(); again;) {
            net::gather out;
            const auto step = body.feed(left, now, out, transfer::more_input::may_come);
            result.bytes += text_of(out);
            left = left.subspan(step.consumed);
            result.state = step.state;
            if (step.state != transfer::progress::more) {
                result.surplus = left.size() + raw.size() - at;
                return result;
            }
            again = !step.stuck;
        }
        carried.assign(left.begin(), left.end());
    }
    return result;
}

std::vector<std::size_t> random_cuts(std::mt19937& random, std::size_t size)
{
    std::vector<std::size_t> cuts;
    for (std::size_t at = random() % 40; at < size; at += 1 + random() % 90)
        cuts.push_back(at);
    return cuts;
}

std::string payload_of(const std::string& chunked)
{
    http::chunked decoder;
    std::string raw = chunked;
    std::string payload;
    const auto out = decoder.decode(
        raw, [&](std::span<char> part) { payload.append(part.data(), part.size()); });
    BOOST_TEST((out.state != http::chunk_output::progress::error));
    return payload;
}

struct fixture {
    std::vector<std::string_view> scratch;
    std::mt19937 random{20260101};
    std::vector<std::string> secrets{"sk-provider-0123456789abcdef"};

    transfer::settings chunked_stream() const
    {
        transfer::settings how;
        how.from = http::framing::chunked;
        how.events = true;
        how.secrets = secrets;
        return how;
    }
};

BOOST_FIXTURE_TEST_SUITE(transfer_, fixture)

BOOST_AUTO_TEST_CASE(a_canonical_chunked_stream_goes_out_as_it_came_at_every_cut)
{
    const auto raw = chunk(delta) + chunk(delta + last) + chunk(done) + end_of_chunks();
    for (std::size_t cut = 1; cut < raw.size(); ++cut) {
        transfer body(chunked_stream(), scratch);
        const auto out = run(body, raw, {cut});
        BOOST_TEST(out.bytes == raw);
        BOOST_TEST((out.state == transfer::progress::end));
        BOOST_TEST(body.legal_end());
    }
}

BOOST_AUTO_TEST_CASE(the_usage_event_the_gateway_asked_for_is_taken_out_and_counted)
{
    const auto raw =
        chunk(delta) + chunk(last) + chunk(usage_event) + chunk(done) + end_of_chunks();
    for (std::size_t cut = 1; cut < raw.size(); ++cut) {
        auto how = chunked_stream();
        how.remove_usage = true;
        transfer body(how, scratch);
        const auto out = run(body, raw, {cut});
        BOOST_TEST(payload_of(out.bytes) == delta + last + done);
        BOOST_TEST(body.usage().known);
        BOOST_TEST(body.usage().output == 2U);
        BOOST_TEST((out.state == transfer::progress::end));
    }
}

BOOST_AUTO_TEST_CASE(whole_chunks_keep_their_framing_while_the_usage_event_is_waited_for)
{
    auto how = chunked_stream();
    how.remove_usage = true;
    transfer body(how, scratch);
    for (const auto& each :
         {chunk(delta), "00" + chunk(delta), chunk(delta + delta), chunk(last)}) {
        std::string raw = each;
        net::gather out;
        const auto step = body.feed(raw, now, out, transfer::more_input::may_come);
        BOOST_TEST(step.stuck);
        BOOST_TEST(step.consumed == raw.size());
        BOOST_TEST(text_of(out) == each.substr(each.find_first_not_of('0')));
        BOOST_TEST(body.between_events());
    }
    std::string raw = chunk(usage_event);
    net::gather out;
    BOOST_TEST(body.feed(raw, now, out, transfer::more_input::may_come).consumed == raw.size());
    BOOST_TEST(out.bytes() == 0U);
    BOOST_TEST(body.usage().known);
    raw = chunk(done) + end_of_chunks();
    (void)body.feed(raw, now, out, transfer::more_input::may_come);
    BOOST_TEST(text_of(out) == chunk(done) + end_of_chunks());
}

BOOST_AUTO_TEST_CASE(a_secret_in_whole_chunks_is_masked_and_one_cut_by_them_is_not_sent_whole)
{
    const auto& secret = secrets.front();
    for (const bool remove_usage : {false, true}) {
        for (std::size_t at = 1; at < secret.size(); ++at) {
            auto how = chunked_stream();
            how.remove_usage = remove_usage;
            transfer body(how, scratch);
            const auto front = chunk("data: " + secret + "\ndata: " + secret.substr(0, at));
            const auto back = chunk(secret.substr(at) + "\n\n");
            const auto out = run(body, front + back, {front.size()});
            BOOST_TEST(payload_of(out.bytes).find(secret) == std::string::npos);
            BOOST_TEST(payload_of(out.bytes).find(secret.substr(0, 8)) == std::string::npos);
            BOOST_TEST(payload_of(out.bytes).ends_with("*\n\n"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_stream_without_its_end_is_known_and_its_mark_of_an_end_can_be_taken_off)
{
    transfer body(chunked_stream(), scratch);
    std::string raw = chunk(delta) + end_of_chunks();
    net::gather out;
    const auto step = body.feed(raw, now, out, transfer::more_input::may_come);
    BOOST_TEST((step.state == transfer::progress::end));
    BOOST_TEST(!body.legal_end());
    body.without_end(out);
    BOOST_TEST(text_of(out) == chunk(delta));
    body.error_event(out, "data: {\"error\":{}}\n\n");
    BOOST_TEST(payload_of(text_of(out)) == delta + "data: {\"error\":{}}\n\n");
}

BOOST_AUTO_TEST_CASE(an_error_event_fits_itself_into_a_chunk_that_is_still_open)
{
    const std::string event = "data: {\"error\":{}}\n\n";
    const auto raw = chunk(delta);
    for (std::size_t cut = 1; cut < raw.size(); ++cut) {
        transfer body(chunked_stream(), scratch);
        std::string front = raw.substr(0, cut);
        net::gather out;
        (void)body.feed(front, now, out, transfer::more_input::may_come);
        auto bytes = text_of(out);
        net::gather more;
        body.error_event(more, event);
        bytes += text_of(more);
        BOOST_TEST(payload_of(bytes).ends_with(event));
    }
}

BOOST_AUTO_TEST_CASE(a_heartbeat_goes_only_between_events_and_leaves_the_framing_whole)
{
    const auto raw = chunk(delta) + chunk(last) + chunk(done) + end_of_chunks();
    for (std::size_t cut = 1; cut < raw.size(); ++cut) {
        transfer body(chunked_stream(), scratch);
        std::string front = raw.substr(0, cut);
        std::string back = raw.substr(cut);
        net::gather out;
        (void)body.feed(front, now, out, transfer::more_input::may_come);
        auto bytes = text_of(out);
        if (body.between_events()) {
            BOOST_TEST((bytes.empty() || payload_of(bytes).ends_with("\n\n")));
            net::gather beat;
            body.heartbeat(beat);
            bytes += text_of(beat);
        }
        net::gather rest;
        const auto step = body.feed(back, now, rest, transfer::more_input::may_come);
        BOOST_TEST((step.state == transfer::progress::end));
        auto payload = payload_of(bytes + text_of(rest));
        if (const auto at = payload.find(": heartbeat\n\n"); at != std::string::npos)
            payload.erase(at, 13);
        BOOST_TEST(payload == delta + last + done);
    }
}

BOOST_AUTO_TEST_CASE(a_secret_never_gets_out_however_it_is_cut)
{
    const std::string said = "data: {\"key\":\"" + secrets.front() + "\"}\n\n";
    const std::string masked =
        "data: {\"key\":\"" + std::string(secrets.front().size(), '*') + "\"}\n\n";
    const auto raw = chunk(said) + chunk(done) + end_of_chunks();
    for (std::size_t cut = 1; cut < raw.size(); ++cut) {
        transfer body(chunked_stream(), scratch);
        const auto out = run(body, raw, {cut});
        // Fewer than eight octets of it may have gone before the rest came.
        BOOST_TEST(out.bytes.find(secrets.front().substr(0, 8)) == std::string::npos);
        BOOST_TEST(out.bytes.size() == raw.size());
        if (cut < raw.find("sk-provider") || cut > raw.find("sk-provider") + 8)
            BOOST_TEST(payload_of(out.bytes) == masked + done);
    }
}

BOOST_AUTO_TEST_CASE(a_secret_in_small_chunks_of_odd_spelling_never_gets_out)
{
    const std::string said = "data: {\"key\":\"" + secrets.front() + "\"}\n\n";
    for (std::size_t size = 1; size < 7; ++size) {
        std::string raw;
        for (std::size_t at = 0; at < said.size(); at += size)
            raw += "0" + chunk(said.substr(at, size));
        raw += chunk(done) + end_of_chunks();
        for (std::size_t cut = 1; cut <= raw.size(); ++cut) {
            transfer body(chunked_stream(), scratch);
            const auto out = run(body, raw, {cut});
            const auto payload = payload_of(out.bytes);
            BOOST_TEST(payload.size() == said.size() + done.size());
            BOOST_TEST(payload.find(secrets.front().substr(0, 8)) == std::string::npos);
            BOOST_TEST(payload.find(secrets.front().substr(8, 8)) == std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(chunk_extensions_and_trailers_do_not_reach_the_client)
{
    const auto raw = std::string("5;evil=1\r\nhello\r\n005\r\nworld\r\n0\r\nx-trailer: 1\r\n\r\n");
    for (std::size_t cut = 1; cut < raw.size(); ++cut) {
        transfer::settings how;
        how.from = http::framing::chunked;
        transfer body(how, scratch);
        const auto out = run(body, raw, {cut});
        BOOST_TEST(out.bytes == "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n");
    }
}

BOOST_AUTO_TEST_CASE(what_comes_after_the_end_is_not_passed_on)
{
    transfer::settings how;
    how.from = http::framing::length;
    how.length = 5;
    transfer body(how, scratch);
    const auto out = run(body, "helloHTTP/1.1 200 OK\r\n\r\n", {});
    BOOST_TEST(out.bytes == "hello");
    BOOST_TEST(out.surplus == 19U);
    BOOST_TEST((out.state == transfer::progress::end));
}

BOOST_AUTO_TEST_CASE(a_body_that_ends_with_its_connection_gets_chunks_of_ours)
{
    transfer::settings how;
    how.from = http::framing::until_close;
    transfer body(how, scratch);
    auto out = run(body, "hello world", {5});
    net::gather end;
    BOOST_TEST((body.closed(end) == transfer::progress::end));
    BOOST_TEST(payload_of(out.bytes + text_of(end)) == "hello world");
    BOOST_TEST(text_of(end) == "0\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(an_old_client_gets_no_chunks)
{
    auto how = chunked_stream();
    how.client_is_old = true;
    transfer body(how, scratch);
    const auto out =
        run(body, chunk(delta) + chunk(last) + chunk(done) + end_of_chunks(), {30, 60});
    BOOST_TEST(out.bytes == delta + last + done);
    BOOST_TEST((body.to() == transfer::framing::until_close));
}

BOOST_AUTO_TEST_CASE(a_message_cut_short_is_broken)
{
    for (const auto from : {http::framing::chunked, http::framing::length}) {
        transfer::settings how;
        how.from = from;
        how.length = 100;
        transfer body(how, scratch);
        net::gather out;
        BOOST_TEST((body.closed(out) == transfer::progress::broken));
        BOOST_TEST(out.bytes() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(random_cuts_of_a_long_stream_change_nothing)
{
    std::string raw;
    for (int i = 0; i < 200; ++i)
        raw += chunk(delta);
    raw += chunk(last) + chunk(done) + end_of_chunks();
    for (int round = 0; round < 100; ++round) {
        transfer body(chunked_stream(), scratch);
        BOOST_TEST(run(body, raw, random_cuts(random, raw.size())).bytes == raw);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace

BOOST_AUTO_TEST_SUITE_END()
