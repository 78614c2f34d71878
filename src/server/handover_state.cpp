#include <sluice/server/handover_state.hpp>
#include <sluice/server/json_writer.hpp>
#include <sluice/server/quotas.hpp>

#include <simdjson.h>

#include <array>
#include <functional>
#include <limits>
#include <unordered_map>

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;

constexpr std::uint64_t version = 1;
// No bucket takes longer to fill, and no key rests longer.
constexpr std::chrono::hours furthest{24 * 366};
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();

using credential_function = std::function<void(std::string, policy::credential_state&)>;

void each_credential(const config::snapshot& of, const credential_function& what)
{
    for (const auto& provider : of.providers)
        for (std::size_t i = 0; i < provider.credentials.size(); ++i)
            if (provider.credentials[i])
                what(credential_name(provider, i), *provider.credentials[i]);
}

void write_number(json_writer& out, std::int64_t value)
{
    out.raw(std::to_string(value));
}

bool believable(std::int64_t instant, time_point now)
{
    return instant == never
           || (instant >= 0 && nanoseconds(instant) < now.time_since_epoch() + furthest);
}

void restore_limits(
    const config::snapshot& into, dom::object from, time_point now, restored& result)
{
    std::unordered_map<std::string, policy::limit_state*> known;
    each_quota(into, [&](const std::string& name, const config::quota& quota) {
        known.emplace(name, quota.state.get());
    });
    for (const auto& [name, value] : from) {
        const auto found = known.find(std::string(name));
        if (found == known.end())
            continue;
        dom::array pair;
        std::array<std::int64_t, 2> at{};
        bool good = value.get(pair) == simdjson::SUCCESS && pair.size() == at.size();
        for (std::size_t i = 0; good && i < at.size(); ++i)
            good = pair.at(i).get(at[i]) == simdjson::SUCCESS && believable(at[i], now);
        ++(good ? result.parts : result.ignored);
        if (!good)
            continue;
        found->second->requests.full_at.store(at[0], std::memory_order_relaxed);
        found->second->tokens.full_at.store(at[1], std::memory_order_relaxed);
    }
}

void restore_credentials(
    const config::snapshot& into, dom::object from, time_point now, restored& result)
{
    std::unordered_map<std::string, policy::credential_state*> known;
    each_credential(into, [&](std::string name, policy::credential_state& state) {
        known.emplace(std::move(name), &state);
    });
    for (const auto& [name, value] : from) {
        const auto found = known.find(std::string(name));
        if (found == known.end())
            continue;
        std::int64_t word = 0;
        const bool good = value.get(word) == simdjson::SUCCESS && believable(word, now);
        ++(good ? result.parts : result.ignored);
        if (good)
            found->second->restore(word);
    }
}

void restore_breakers(const config::snapshot& into, dom::array from, restored& result)
{
    for (const auto one : from) {
        dom::array row;
        std::string_view model;
        std::string_view target;
        policy::breaker::image image;
        std::uint64_t in_a_row = 0;
        const bool good = one.get(row) == simdjson::SUCCESS && row.size() == 4
                          && row.at(0).get(model) == simdjson::SUCCESS
                          && row.at(1).get(target) == simdjson::SUCCESS
                          && row.at(2).get(image.word) == simdjson::SUCCESS
                          && row.at(3).get(in_a_row) == simdjson::SUCCESS
                          && in_a_row <= std::numeric_limits<std::uint32_t>::max();
        if (!good) {
            ++result.ignored;
            continue;
        }
        image.in_a_row = static_cast<std::uint32_t>(in_a_row);
        for (const auto& each : into.models)
            for (const auto& its : each.targets)
                if (each.name == model && its.name == target && its.state) {
                    its.state->breaker.restore(image);
                    ++result.parts;
                }
    }
}

}  // namespace

std::string state_of(
    const config::snapshot& from,
    const jwks_fetcher::answer& token_keys,
    std::string_view in_flight)
{
    json_writer out;
    out.begin_object().key("version").count(version);
    out.key("limits").begin_object();
    each_quota(from, [&](const std::string& name, const config::quota& quota) {
        out.key(name).begin_array();
        write_number(out, quota.state->requests.full_at.load(std::memory_order_relaxed));
        write_number(out, quota.state->tokens.full_at.load(std::memory_order_relaxed));
        out.end_array();
    });
    out.end_object().key("in_flight").raw(in_flight);
    out.key("credentials").begin_object();
    each_credential(from, [&](std::string name, policy::credential_state& state) {
        out.key(name);
        write_number(out, state.save());
    });
    out.end_object().key("breakers").begin_array();
    for (const auto& model : from.models)
        for (const auto& target : model.targets) {
            const auto image = target.state->breaker.save();
            out.begin_array().text(model.name).text(target.name);
            out.count(image.word).count(image.in_a_row).end_array();
        }
    out.end_array().key("token_keys").begin_object();
    out.key("url").text(token_keys.url).key("text").text(token_keys.text);
    return out.end_object().end_object().str();
}

restored restore_state(const config::snapshot& into, std::string_view state, time_point now)
{
    restored result;
    dom::parser parser;
    dom::element all;
    std::uint64_t written = 0;
    if (parser.parse(state.data(), state.size()).get(all) != simdjson::SUCCESS
        || all["version"].get(written) != simdjson::SUCCESS || written != version)
        return result;
    result.readable = true;
    dom::object object;
    dom::array array;
    if (all["limits"].get(object) == simdjson::SUCCESS)
        restore_limits(into, object, now, result);
    if (all["in_flight"].get(object) == simdjson::SUCCESS)
        result.in_flight = simdjson::to_string(object);
    if (all["credentials"].get(object) == simdjson::SUCCESS)
        restore_credentials(into, object, now, result);
    if (all["breakers"].get(array) == simdjson::SUCCESS)
        restore_breakers(into, array, result);
    std::string_view url;
    std::string_view text;
    if (all["token_keys"]["url"].get(url) == simdjson::SUCCESS
        && all["token_keys"]["text"].get(text) == simdjson::SUCCESS)
        result.token_keys = {std::string(url), std::string(text)};
    return result;
}

}  // namespace sluice::server
