// An accepted request head, written again from what was understood of it, is understood the same.
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

bool same(const field& a, const field& b)
{
    return a.name == b.name && a.value == b.value && a.id == b.id && a.hop_by_hop == b.hop_by_hop;
}

void check_again(const request_head& head, const head_limits& limits)
{
    static std::array<char, 40000> memory;
    head_writer writer{memory};
    writer.request_line(head.method_text(), head.target(), head.minor_version());
    for (const field f : head.fields())
        writer.field(f.name, f.value);
    const std::string_view written = writer.finish();
    require(!written.empty());

    static request_head again;
    head_limits wider = limits;
    wider.head_bytes = memory.size();
    wider.line_bytes += 2;  // "name:value" became "name: value"
    require(!parse(written, wider, again));
    require(again.method() == head.method() && again.target() == head.target());
    require(again.path() == head.path() && again.query() == head.query());
    require(again.host() == head.host() && again.framing() == head.framing());
    require(again.content_length() == head.content_length());
    require(again.keep_alive() == head.keep_alive());
    require(again.expect_continue() == head.expect_continue());
    require(again.fields().size() == head.fields().size());
    for (std::size_t i = 0; i < head.fields().size(); ++i)
        require(same(head.fields()[i], again.fields()[i]));
    require(head.minor_version() == 0 || !head.host().empty());
    require(head.framing() != framing::until_close);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // Exactly as large as the input, so that a read past it is seen.
    const auto exact = std::make_unique<char[]>(size);
    if (size != 0)
        std::memcpy(exact.get(), data, size);
    const std::string_view bytes{exact.get(), size};
    const head_limits limits{.head_bytes = 32768, .line_bytes = 4096, .fields = 100};
    static request_head head;
    static_cast<void>(parse(bytes, limits, head));

    head_scanner whole{message_kind::request, limits};
    const auto answer = whole.scan(bytes);
    head_scanner stepwise{message_kind::request, limits};
    auto last = stepwise.scan(bytes.substr(0, 0));
    for (std::size_t at = 1; at <= size && last.state == head_scanner::progress::incomplete; ++at)
        last = stepwise.scan(bytes.substr(0, at));
    require(last.state == answer.state && last.begin == answer.begin && last.size == answer.size);
    if (answer.state != head_scanner::progress::complete)
        return 0;
    if (!parse(bytes.substr(answer.begin, answer.size), limits, head))
        check_again(head, limits);
    return 0;
}
