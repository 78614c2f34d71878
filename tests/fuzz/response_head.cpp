// An accepted answer's head, written again from what was understood of it, is understood the same.
// The first octet chooses the method that was asked with.
#include <sluice/http/head.hpp>
#include <sluice/http/scanner.hpp>
#include <sluice/http/writer.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

using namespace sluice::http;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

void check_again(const response_head& head, method asked, const head_limits& limits)
{
    static std::array<char, 40000> memory;
    head_writer writer{memory};
    writer.status_line(head.status(), head.reason(), head.minor_version());
    for (const field f : head.fields())
        writer.field(f.name, f.value);
    const std::string_view written = writer.finish();
    require(!written.empty());

    static response_head again;
    head_limits wider = limits;
    wider.head_bytes = memory.size();
    wider.line_bytes += 2;  // "name:value" became "name: value"
    require(!parse(written, wider, asked, again));
    require(again.status() == head.status() && again.reason() == head.reason());
    require(again.framing() == head.framing() && again.keep_alive() == head.keep_alive());
    require(again.content_length() == head.content_length());
    require(again.fields().size() == head.fields().size());
    for (std::size_t i = 0; i < head.fields().size(); ++i) {
        const field a = head.fields()[i];
        const field b = again.fields()[i];
        require(a.name == b.name && a.value == b.value && a.hop_by_hop == b.hop_by_hop);
    }
    require(head.status() >= 100 && head.status() <= 599);
    require(head.framing() != framing::until_close || !head.keep_alive());
    require(asked != method::head || head.framing() == framing::none);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const method asked = data[0] == 'H' ? method::head : method::post;
    // Exactly as large as the input, so that a read past it is seen.
    const auto exact = std::make_unique<char[]>(size - 1);
    std::memcpy(exact.get(), data + 1, size - 1);
    const std::string_view bytes{exact.get(), size - 1};
    const head_limits limits{.head_bytes = 32768, .line_bytes = 4096, .fields = 100};
    static response_head head;
    static_cast<void>(parse(bytes, limits, asked, head));

    head_scanner scanner{message_kind::response, limits};
    const auto answer = scanner.scan(bytes);
    if (answer.state != head_scanner::progress::complete)
        return 0;
    if (!parse(bytes.substr(answer.begin, answer.size), limits, asked, head))
        check_again(head, asked, limits);
    return 0;
}
