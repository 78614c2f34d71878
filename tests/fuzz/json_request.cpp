// Request bodies: the verdict has to be a full JSON parser's, the splice has to give JSON again.
#include <sluice/wire/splice.hpp>

#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace sluice;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

// simdjson refuses lone surrogates and numbers beyond its types, which the grammar allows, and
// allows deeper nesting.
bool may_differ(simdjson::error_code full, std::string_view body)
{
    if (full == simdjson::NUMBER_ERROR)
        return true;
    return full == simdjson::STRING_ERROR && body.find("\\u") != std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static wire::request_parser parser;
    static simdjson::dom::parser oracle;
    if (size == 0)
        return 0;
    const auto where = static_cast<wire::endpoint>(data[0] % 4);
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const simdjson::padded_string padded(body);
    const auto facts = parser.parse(where, body);
    const auto full = oracle.parse(padded);
    if (facts.has_error()) {
        require(!facts.error().message.empty());
        if (facts.error().code == errc::invalid_json && full.error() == simdjson::SUCCESS
            && full.value_unsafe().is_object())
            require(
                body.find("[[") != std::string_view::npos || body.size() > wire::max_json_depth);
        return 0;
    }
    require(full.error() == simdjson::SUCCESS || may_differ(full.error(), body));
    require(!facts->model.empty() && facts->model.size() <= wire::max_model_bytes);

    std::string joined;
    const auto parts = wire::splice(*facts, body, R"("another")", true);
    for (const auto piece : parts.pieces())
        joined += piece;
    require(joined.size() == parts.total_bytes);
    const auto again = parser.parse(where, joined);
    require(again.has_value() && again->model == "another");
    require(again->edit == wire::usage_edit::none);
    return 0;
}
