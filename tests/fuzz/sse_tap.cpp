// Event streams: what is seen and what is let through must not depend on where the bytes are cut.
#include "fuzz/events.hpp"
#include <sluice/wire/body_tap.hpp>
#include <sluice/wire/redact.hpp>
#include <sluice/wire/sse_tap.hpp>
#include <sluice/wire/usage_filter.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace sluice;
using namespace fuzz;

namespace {

struct outcome {
    std::uint64_t events = 0;
    wire::usage tokens;
    wire::usage body_tokens;
    wire::finish reason = wire::finish::none;
    bool done = false;
    bool error = false;
    std::string passed;

    friend bool operator==(const outcome&, const outcome&) = default;
};

outcome run(std::string_view text, wire::endpoint where, std::size_t step)
{
    outcome seen;
    wire::sse_tap tap(where);
    wire::body_tap body(where);
    wire::usage_filter filter;
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const auto piece = text.substr(0, step);
        text.remove_prefix(piece.size());
        tap.feed(piece, {});
        body.feed(piece);
        filter.process(piece, out);
        for (const auto bytes : out)
            seen.passed += bytes;
    }
    filter.finish(out);
    for (const auto bytes : out)
        seen.passed += bytes;
    seen.events = tap.events();
    seen.tokens = tap.tokens();
    seen.body_tokens = body.tokens();
    seen.reason = tap.finish_reason();
    seen.done = tap.done();
    seen.error = tap.in_band_error();
    return seen;
}

void redact_in_pieces(std::string_view text, std::size_t step)
{
    static const std::vector<std::string> secrets{"data: {\"cho", "ababababac"};
    wire::redactor redact_stream(secrets);
    std::string held;
    std::string sent;
    while (!text.empty()) {
        auto piece = held + std::string(text.substr(0, step));
        text.remove_prefix(std::min(step, text.size()));
        const auto keep = redact_stream.process(piece);
        require(keep < secrets[0].size() && keep <= piece.size());
        sent.append(piece, 0, piece.size() - keep);
        held = piece.substr(piece.size() - keep);
    }
    sent += held;
    for (const auto& secret : secrets)
        require(sent.find(secret) == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    const auto where = static_cast<wire::endpoint>(data[0] % 4);
    const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::size_t step = data[1] % 64U + 1U;
    const auto bytewise = run(text, where, 1);
    const bool json = data_lines_are_json(text);
    for (const auto size_of_piece : {step, text.size() + 1}) {
        const auto other = run(text, where, size_of_piece);
        require(other.events == bytewise.events && other.done == bytewise.done);
        require(other.body_tokens == bytewise.body_tokens && other.passed == bytewise.passed);
        require(!json || other == bytewise);
    }
    require(bytewise.passed.size() <= text.size());
    redact_in_pieces(text, step);
    return 0;
}
