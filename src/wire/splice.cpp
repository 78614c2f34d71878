#include <sluice/base/text.hpp>
#include <sluice/wire/splice.hpp>

#include <cassert>
#include <utility>

namespace sluice::wire {
namespace {

constexpr std::string_view replacement(usage_edit edit) noexcept
{
    switch (edit) {
    case usage_edit::none:
        return {};
    case usage_edit::insert_member:
        return R"("stream_options":{"include_usage":true},)";
    case usage_edit::insert_option:
        return R"("include_usage":true,)";
    case usage_edit::insert_only_option:
        return R"("include_usage":true)";
    case usage_edit::replace_options:
        return R"({"include_usage":true})";
    case usage_edit::replace_include_usage:
        return "true";
    }
    return {};
}

struct change {
    byte_range where;
    std::string_view text;
};

}  // namespace

void gather::add(std::string_view bytes)
{
    if (bytes.empty())
        return;
    assert(count < capacity);
    piece[count++] = bytes;
    total_bytes += bytes.size();
}

gather splice(
    const request_facts& facts, std::string_view body, std::string_view model_json, bool ask_usage)
{
    std::array<change, 2> changes;
    std::size_t count = 0;
    if (!model_json.empty())
        changes[count++] = {facts.model_token, model_json};
    if (ask_usage && facts.edit != usage_edit::none)
        changes[count++] = {facts.edit_at, replacement(facts.edit)};
    if (count == 2 && changes[1].where.offset < changes[0].where.offset)
        std::swap(changes[0], changes[1]);

    gather out;
    std::size_t done = 0;
    for (std::size_t i = 0; i < count; ++i) {
        out.add(body.substr(done, changes[i].where.offset - done));
        out.add(changes[i].text);
        done = changes[i].where.offset + changes[i].where.length;
    }
    out.add(body.substr(done));
    return out;
}

std::string json_string(std::string_view text)
{
    return '"' + json_escaped(text) + '"';
}

}  // namespace sluice::wire
