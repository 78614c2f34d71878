#include <sluice/simulate/answer.hpp>
#include <sluice/simulate/schema.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace sluice::simulate {
namespace {

namespace dom = simdjson::dom;

class example_writer {
public:
    explicit example_writer(dom::element root)
        : root_(root)
    {
    }

    std::string value(dom::element schema, int depth)
    {
        dom::element found;
        if (depth > 32 || room_ == 0 || !schema.is_object())
            return "null";
        take(1);
        if (!schema["const"].get(found) || !schema["enum"].at(0).get(found))
            return taken(simdjson::minify(found));
        if (!schema["$ref"].get(found))
            return referenced(found, depth);
        for (const char* choice : {"anyOf", "oneOf", "allOf"})
            if (!schema[choice].at(0).get(found))
                return value(found, depth + 1);
        return typed(type_of(schema), schema, depth);
    }

private:
    void take(std::size_t octets) { room_ -= std::min(room_, octets); }

    std::string taken(std::string written)
    {
        take(written.size());
        return written;
    }

    static std::string_view type_of(dom::element schema)
    {
        std::string_view type;
        if (!schema["type"].get(type) || !schema["type"].at(0).get(type))
            return type;
        return schema["properties"].error() ? "string" : "object";
    }

    std::string referenced(dom::element reference, int depth)
    {
        std::string_view path;
        dom::element target;
        if (reference.get(path) || !path.starts_with('#')
            || root_.at_pointer(path.substr(1)).get(target))
            return "null";
        return value(target, depth + 1);
    }

    std::string typed(std::string_view type, dom::element schema, int depth)
    {
        if (type == "object")
            return object(schema, depth);
        if (type == "array")
            return array(schema, depth);
        return taken(scalar(type, schema));
    }

    static std::string scalar(std::string_view type, dom::element schema)
    {
        if (type == "integer")
            return std::to_string(std::llround(number(schema)));
        if (type == "number") {
            const double n = number(schema);
            return n == std::floor(n) ? std::to_string(std::llround(n)) + ".0" : std::to_string(n);
        }
        if (type == "boolean")
            return "true";
        if (type == "null")
            return "null";
        return text(schema);
    }

    static double number(dom::element schema)
    {
        double low = 1;
        double high = 0;
        const bool has_low = !schema["minimum"].get(low);
        const bool has_high = !schema["maximum"].get(high);
        if (has_high && (!has_low && high < low))
            return high;
        return low;
    }

    static std::string text(dom::element schema)
    {
        std::string said = "plausible";
        std::uint64_t least = 0;
        if (!schema["minLength"].get(least))
            said.resize(
                std::max<std::size_t>(said.size(), std::min<std::uint64_t>(least, 10000)), 'e');
        std::uint64_t most = 0;
        if (!schema["maxLength"].get(most) && most < said.size())
            said.resize(most);
        return json_string(said);
    }

    std::string array(dom::element schema, int depth)
    {
        std::uint64_t count = 1;
        dom::element items;
        if (schema["minItems"].get(count))
            count = 1;
        if (schema["items"].get(items))
            return "[]";
        std::string out = "[";
        for (std::uint64_t i = 0; room_ > 0 && i < std::clamp<std::uint64_t>(count, 1, 100); ++i)
            out += (i == 0 ? "" : ",") + value(items, depth + 1);
        return out + "]";
    }

    std::string object(dom::element schema, int depth)
    {
        dom::object properties;
        if (schema["properties"].get(properties))
            return "{}";
        dom::array required;
        const bool all =
            schema["required"].get(required) != simdjson::SUCCESS || required.size() == 0;
        std::string out = "{";
        for (const auto [name, property] : properties) {
            if (room_ == 0)
                break;
            if (!all && !has(required, name))
                continue;
            if (out.size() > 1)
                out += ',';
            out += taken(json_string(name)) + ':' + value(property, depth + 1);
        }
        return out + "}";
    }

    static bool has(dom::array names, std::string_view name)
    {
        for (const dom::element each : names)
            if (std::string_view text; !each.get(text) && text == name)
                return true;
        return false;
    }

    dom::element root_;
    // Octets and values yet to be written. A schema of some lines may stand for more than there are
    // atoms: by members that refer to itself, by lists of lists.
    std::size_t room_ = 64U << 10U;
};

}  // namespace

std::string example_of(dom::element schema)
{
    return example_writer{schema}.value(schema, 0);
}

}  // namespace sluice::simulate
