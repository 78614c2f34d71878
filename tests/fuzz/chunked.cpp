// However a chunked body is cut, its payload, its verdict and what is sent on are the same; and
// what is sent on is canonical and holds the same payload. The first octet chooses the cuts.
#include <sluice/http/chunked.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

using namespace sluice::http;

namespace {

struct outcome {
    std::string payload;
    std::string relayed;
    std::size_t consumed = 0;
    chunk_output::progress state = chunk_output::progress::more;
    bool boundary = false;
    bool operator==(const outcome&) const = default;
};

void require(bool holds)
{
    if (!holds)
        std::abort();
}

std::string lower_hex(std::string text)
{
    // Sizes keep the case they came in unless they are written anew; compare without it.
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c;
    });
    return text;
}

outcome run(const std::string& bytes, std::size_t read_size, bool relay)
{
    chunked body;
    outcome out;
    const auto on_payload = [&out](std::span<char> run) {
        out.payload.append(run.data(), run.size());
    };
    for (std::size_t begin = 0; begin < bytes.size() && out.state == chunk_output::progress::more;
         begin += read_size) {
        const std::size_t size = std::min(read_size, bytes.size() - begin);
        const auto exact = std::make_unique<char[]>(size);
        std::copy_n(bytes.data() + begin, size, exact.get());
        std::span<char> rest{exact.get(), size};
        while (!rest.empty() && out.state == chunk_output::progress::more) {
            const auto got = relay ? body.feed(rest, on_payload) : body.decode(rest, on_payload);
            for (std::size_t i = 0; i < got.count; ++i)
                out.relayed += got.pieces[i];
            require(
                got.consumed != 0 || got.count != 0 || got.state != chunk_output::progress::more);
            require(relay || got.count == 0);
            out.consumed += got.consumed;
            out.state = got.state;
            rest = rest.subspan(got.consumed);
        }
    }
    out.boundary = body.at_chunk_boundary();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    const std::size_t read_size = data[0] % 32U + 1U;
    const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const outcome whole = run(bytes, bytes.size(), true);
    const outcome cut = run(bytes, read_size, true);
    const outcome decoded = run(bytes, bytes.size(), false);
    require(whole.state == cut.state && whole.payload == cut.payload);
    require(whole.state == decoded.state && whole.payload == decoded.payload);
    if (whole.state != chunk_output::progress::error) {
        require(whole.consumed == cut.consumed && whole.boundary == cut.boundary);
        require(lower_hex(whole.relayed) == lower_hex(cut.relayed));
    }
    const outcome again = run(cut.relayed, std::max<std::size_t>(cut.relayed.size(), 1), true);
    require(again.payload == cut.payload && again.relayed == cut.relayed);
    if (whole.state == chunk_output::progress::end)
        require(again.state == whole.state && cut.relayed.ends_with("0\r\n\r\n"));
    else
        require(again.state == chunk_output::progress::more);
    require(again.boundary == cut.boundary || cut.relayed.empty());
    return 0;
}
