#include "rollout_file.hpp"

#include "rollout_text.hpp"

#include <utility>

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;

bool read_texts(dom::element value, std::vector<std::string>& out)
{
    dom::array list;
    if (value.get(list) != simdjson::SUCCESS)
        return false;
    for (const auto each : list) {
        std::string_view text;
        if (each.get(text) != simdjson::SUCCESS)
            return false;
        out.emplace_back(text);
    }
    return true;
}

std::optional<saved_rollout> one_of(std::string_view model, dom::element element)
{
    saved_rollout out{.model = std::string(model), .canary = {}};
    std::string_view canary;
    std::string_view phase;
    std::string_view reason;
    std::uint64_t step = 0;
    std::uint64_t on_step_ms = 0;
    dom::element targets;
    dom::object settings;
    if (element["canary"].get(canary) != simdjson::SUCCESS
        || element["phase"].get(phase) != simdjson::SUCCESS
        || element["reason"].get(reason) != simdjson::SUCCESS
        || element["step"].get(step) != simdjson::SUCCESS
        || element["on_step_ms"].get(on_step_ms) != simdjson::SUCCESS
        || element["applied"].get(out.applied) != simdjson::SUCCESS
        || element["targets"].get(targets) != simdjson::SUCCESS
        || element["settings"].get(settings) != simdjson::SUCCESS)
        return std::nullopt;
    const auto known = policy::phase_called(phase);
    if (!known || !read_texts(targets, out.targets) || read_settings(settings, out.settings)
        || step >= out.settings.steps.size() || on_step_ms > std::uint64_t{1} << 40U)
        return std::nullopt;
    out.canary = canary;
    out.phase = *known;
    out.reason = reason;
    out.step = static_cast<std::size_t>(step);
    out.on_step = milliseconds{static_cast<std::int64_t>(on_step_ms)};
    return out;
}

}  // namespace

std::string to_json(const std::vector<saved_rollout>& all)
{
    json_writer out;
    out.begin_object().key("format").count(1).key("rollouts").begin_object();
    for (const auto& one : all) {
        out.key(one.model).begin_object();
        out.key("canary").text(one.canary).key("targets").texts(one.targets);
        out.key("phase").text(name_of(one.phase)).key("step").count(one.step);
        out.key("on_step_ms")
            .count(static_cast<std::uint64_t>(
                std::chrono::duration_cast<milliseconds>(one.on_step).count()));
        out.key("reason").text(one.reason).key("applied").boolean(one.applied);
        out.key("settings");
        write_settings(out, one.settings);
        out.end_object();
    }
    return out.end_object().end_object().str() + '\n';
}

std::optional<std::vector<saved_rollout>> rollouts_from_json(std::string_view text)
{
    dom::parser parser;
    dom::element root;
    dom::object rollouts;
    std::uint64_t format = 0;
    if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS
        || root["format"].get(format) != simdjson::SUCCESS || format != 1
        || root["rollouts"].get(rollouts) != simdjson::SUCCESS)
        return std::nullopt;
    std::vector<saved_rollout> all;
    for (const auto [model, element] : rollouts) {
        auto one = one_of(model, element);
        if (!one)
            return std::nullopt;
        all.push_back(std::move(*one));
    }
    return all;
}

loaded_rollouts load_rollouts(state::kept_file& from)
{
    std::string text;
    if (const auto ec = from.read(text, to_json(std::vector<saved_rollout>{})))
        return {{}, from.path() + ": cannot be read: " + ec.message() + "; " + from.put_aside()};
    if (text.empty())  // made, and never filled
        return {};
    if (text.size() <= most_rollout_bytes)
        if (auto saved = rollouts_from_json(text))
            return {std::move(*saved), {}};
    return {{}, from.path() + ": is not a list of rollouts; " + from.put_aside()};
}

}  // namespace sluice::server
