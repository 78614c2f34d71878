#include <charconv>
#include <optional>
#include <sluice/wire/json_watch.hpp>
#include <sluice/wire/usage.hpp>

namespace sluice::wire {
namespace {

std::optional<std::uint64_t> token_count(std::string_view value)
{
    std::uint64_t count = 0;
    const char* const end = value.data() + value.size();
    const auto [behind, error] = std::from_chars(value.data(), end, count);
    if (error != std::errc{} || behind != end || count > max_token_count)
        return std::nullopt;
    return count;
}

enum class inside { other, input_details, output_details };

inside details_named(std::string_view name)
{
    if (name == "prompt_tokens_details" || name == "input_tokens_details")
        return inside::input_details;
    if (name == "completion_tokens_details" || name == "output_tokens_details")
        return inside::output_details;
    return inside::other;
}

// Which count of `into` this member is, or null. Names at the top of the object, and in its
// details.
std::uint64_t* slot(usage& into, std::string_view name, std::uint32_t depth, inside where)
{
    if (depth == 2) {
        if (where == inside::input_details && name == "cached_tokens")
            return &into.cached_input;
        if (where == inside::output_details && name == "reasoning_tokens")
            return &into.reasoning;
        return nullptr;
    }
    if (depth != 1)
        return nullptr;
    if (name == "prompt_tokens" || name == "input_tokens")
        return &into.input;
    if (name == "completion_tokens" || name == "output_tokens")
        return &into.output;
    if (name == "prompt_cache_hit_tokens")
        return &into.cached_input;
    return nullptr;
}

}  // namespace

usage read_usage(std::string_view object)
{
    usage found;
    json_watch watch;
    auto where = inside::other;
    std::uint64_t* wanted = nullptr;
    const char* p = object.data();
    const char* const end = p + object.size();
    for (auto hit = watch.next(p, end); hit != json_watch::hit::none; hit = watch.next(p, end)) {
        if (hit == json_watch::hit::member) {
            if (watch.depth() == 1)
                where = details_named(watch.name());
            wanted = slot(found, watch.name(), watch.depth(), where);
            if (wanted != nullptr)
                watch.follow();
        } else if (const auto count = token_count(watch.value())) {
            *wanted = *count;
            found.known = found.known || wanted == &found.input || wanted == &found.output;
        }
    }
    if (!found.known || !watch.complete())
        return {};
    return found;
}

}  // namespace sluice::wire
