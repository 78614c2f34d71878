#pragma once
// Streams of chunks, fed in pieces of any size.

#include <sluice/http/chunked.hpp>

#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

inline std::ostream& operator<<(std::ostream& out, chunk_output::progress p)
{
    return out << "progress " << static_cast<int>(p);
}

namespace test {

struct chunk_result {
    std::string payload;
    std::string relayed;
    std::size_t consumed = 0;
    chunk_output::progress state = chunk_output::progress::more;
    std::string message;
    bool boundary = false;
    bool operator==(const chunk_result&) const = default;
};

// One read's worth, in memory of exactly that size.
inline void feed_part(chunked& body, std::string_view part, bool relay, chunk_result& out)
{
    const auto memory = std::make_unique<char[]>(part.size());
    std::copy(part.begin(), part.end(), memory.get());
    std::span<char> rest{memory.get(), part.size()};
    const auto on_payload = [&out](std::span<char> run) {
        out.payload.append(run.data(), run.size());
    };
    while (!rest.empty() && out.state == chunk_output::progress::more) {
        const chunk_output got =
            relay ? body.feed(rest, on_payload) : body.decode(rest, on_payload);
        for (std::size_t i = 0; i < got.count; ++i)
            out.relayed += got.pieces[i];
        out.consumed += got.consumed;
        out.state = got.state;
        out.message = got.message;
        rest = rest.subspan(got.consumed);
    }
    out.boundary = body.at_chunk_boundary();
}

inline chunk_result run_chunks(const std::vector<std::string_view>& parts, bool relay = true)
{
    chunked body;
    chunk_result out;
    for (const std::string_view part : parts)
        feed_part(body, part, relay, out);
    return out;
}

inline chunk_result run_chunks(std::string_view stream, bool relay = true)
{
    return run_chunks(std::vector{stream}, relay);
}

}  // namespace test

}  // namespace sluice::http
