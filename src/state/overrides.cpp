#include <sluice/base/text.hpp>
#include <sluice/state/overrides.hpp>

#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace sluice::state {
namespace {

std::string shortest(double value)
{
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return {digits.data(), end};
}

bool read_targets(simdjson::dom::element element, std::vector<config::target_weight>& out)
{
    simdjson::dom::object targets;
    if (element.get(targets) != simdjson::SUCCESS)
        return false;
    for (const auto [name, value] : targets) {
        double weight = 0;
        if (value.get(weight) != simdjson::SUCCESS || !std::isfinite(weight) || weight < 0)
            return false;
        out.push_back({std::string(name), weight});
    }
    return true;
}

using weights_by_model = decltype(config::overrides::weights);

std::string weights_json(const weights_by_model& models)
{
    std::string out = "{";
    const char* between = "";
    for (const auto& [model, targets] : models) {
        out += std::exchange(between, ",");
        out += '"' + json_escaped(model) + "\":" + to_json(targets);
    }
    return out + '}';
}

bool read_weights(simdjson::dom::element element, weights_by_model& out)
{
    simdjson::dom::object models;
    if (element.get(models) != simdjson::SUCCESS)
        return false;
    for (const auto [model, targets] : models)
        if (!read_targets(targets, out[std::string(model)]))
            return false;
    return true;
}

bool read_aside(simdjson::dom::element root, config::overrides& out)
{
    simdjson::dom::element all;
    if (root["aside"].get(all) == simdjson::NO_SUCH_FIELD)
        return true;  // written before there was any
    return read_weights(all, out.aside);
}

std::string breakers_json(const config::overrides& overrides)
{
    std::string out = "{";
    const char* between = "";
    for (const auto& [model, targets] : overrides.breakers) {
        out += std::exchange(between, ",");
        out += '"' + json_escaped(model) + "\":{";
        const char* comma = "";
        for (const auto& [target, forced] : targets) {
            out += std::exchange(comma, ",");
            out += '"' + json_escaped(target) + "\":";
            out += forced == policy::breaker::control::open ? "\"open\"" : "\"closed\"";
        }
        out += '}';
    }
    return out + '}';
}

bool read_breakers(simdjson::dom::element root, config::overrides& out)
{
    using policy::breaker;
    simdjson::dom::element all;
    if (root["breakers"].get(all) == simdjson::NO_SUCH_FIELD)
        return true;  // written before there were any
    simdjson::dom::object models;
    if (all.get(models) != simdjson::SUCCESS)
        return false;
    for (const auto [model, element] : models) {
        simdjson::dom::object targets;
        if (element.get(targets) != simdjson::SUCCESS)
            return false;
        for (const auto [target, value] : targets) {
            std::string_view word;
            if (value.get(word) != simdjson::SUCCESS || (word != "open" && word != "closed"))
                return false;
            out.breakers[std::string(model)][std::string(target)] =
                word == "open" ? breaker::control::open : breaker::control::closed;
        }
    }
    return true;
}

}  // namespace

std::string to_json(const saved_overrides& saved)
{
    return "{\"format\":1,\"version\":" + std::to_string(saved.version)
           + ",\"weights\":" + weights_json(saved.overrides.weights)
           + ",\"aside\":" + weights_json(saved.overrides.aside)
           + ",\"breakers\":" + breakers_json(saved.overrides) + "}\n";
}

std::string to_json(const std::vector<config::target_weight>& weights)
{
    std::string out = "{";
    const char* comma = "";
    for (const auto& [target, weight] : weights) {
        out += std::exchange(comma, ",");
        out += '"' + json_escaped(target) + "\":" + shortest(weight);
    }
    return out + '}';
}

std::optional<std::vector<config::target_weight>> weights_from_json(std::string_view text)
{
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::vector<config::target_weight> weights;
    if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS
        || !read_targets(root, weights))
        return std::nullopt;
    return weights;
}

std::optional<saved_overrides> overrides_from_json(std::string_view text)
{
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    simdjson::dom::element models;
    std::uint64_t format = 0;
    saved_overrides saved;
    if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS
        || root["format"].get(format) != simdjson::SUCCESS || format != 1
        || root["version"].get(saved.version) != simdjson::SUCCESS
        || root["weights"].get(models) != simdjson::SUCCESS)
        return std::nullopt;
    if (!read_weights(models, saved.overrides.weights) || !read_aside(root, saved.overrides)
        || !read_breakers(root, saved.overrides))
        return std::nullopt;
    return saved;
}

override_store::override_store(const directory& where)
    : file_(where.file(file_name), max_file_bytes)
{
}

override_store::load_result override_store::load()
{
    std::string text;
    if (const auto ec = file_.read(text, to_json(saved_overrides{})))
        return {{}, file_.path() + ": cannot be read: " + ec.message() + "; " + file_.put_aside()};
    if (text.size() <= max_file_bytes)
        if (auto saved = overrides_from_json(text))
            return {std::move(*saved), {}};
    return {{}, file_.path() + ": is not a list of live changes; " + file_.put_aside()};
}

std::error_code override_store::save(const config::overrides& overrides, std::uint64_t version)
{
    return file_.save(to_json({overrides, version}));
}

}  // namespace sluice::state
