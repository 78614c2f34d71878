// Prints what answers cost, as the gateway finds it: for cost.py, which knows it from elsewhere.
//
// Each line of the input: PATH KIND ENDPOINT INPUT CACHED CACHE_WRITE OUTPUT REASONING, the kind
// `stream` or `response`, the prices in micro-dollars per million tokens or `-`. Each line of the
// output: nano-dollars, or `unknown` where the answer tells no usage.

#include <sluice/policy/reconcile.hpp>
#include <sluice/wire/body_tap.hpp>
#include <sluice/wire/sse_tap.hpp>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>

using namespace sluice;

namespace {

// Pieces of a size that cuts objects, as a network does.
constexpr std::size_t piece_bytes = 1000;

wire::usage usage_in(const std::string& body, bool streamed, wire::endpoint where)
{
    wire::sse_tap events(where);
    wire::body_tap object(where);
    for (std::size_t at = 0; at < body.size(); at += piece_bytes) {
        const auto piece = std::string_view(body).substr(at, piece_bytes);
        if (streamed)
            events.feed(piece, time_point{});
        else
            object.feed(piece);
    }
    return streamed ? events.tokens() : object.tokens();
}

wire::endpoint endpoint_named(std::string_view label)
{
    const auto found = std::ranges::find(wire::endpoint_labels, label);
    if (found == wire::endpoint_labels.end())
        throw std::invalid_argument("no endpoint: " + std::string(label));
    return static_cast<wire::endpoint>(found - wire::endpoint_labels.begin());
}

policy::reported_usage reported(const wire::usage& from)
{
    return {
        .counts =
            {.input = from.input,
             .cached_input = from.cached_input,
             .cache_write = from.cache_write,
             .output = from.output,
             .reasoning = from.reasoning},
        .total = from.total,
        .input_audio = from.input_audio,
        .absurd = from.absurd};
}

std::optional<std::int64_t> optional_price(std::istream& in)
{
    std::string word;
    in >> word;
    return word == "-" ? std::nullopt : std::optional(std::stoll(word));
}

}  // namespace

int main()
{
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string path;
        std::string kind;
        std::string endpoint;
        policy::price price;
        words >> path >> kind >> endpoint >> price.input;
        price.cached_input = optional_price(words);
        price.cache_write = optional_price(words);
        words >> price.output;
        price.reasoning = optional_price(words);
        std::ifstream file(path, std::ios::binary);
        if (!words || !file) {
            std::cerr << "not understood, or no such file: " << line << '\n';
            return 1;
        }
        const std::string body{std::istreambuf_iterator<char>(file), {}};
        const auto used = usage_in(body, kind == "stream", endpoint_named(endpoint));
        if (used.known)
            std::cout << policy::cost(price, policy::reconcile(reported(used), {}).counts) << '\n';
        else
            std::cout << "unknown\n";
    }
}
