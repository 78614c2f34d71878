#include <sluice/simulate/answer.hpp>
#include <sluice/simulate/ledger.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace sluice::simulate {
namespace {

// What a stranger can make grow is bounded; what is beyond is counted as "other".
constexpr std::size_t most_names = 1000;

behaviour parse_or_default(std::string_view text)
{
    const auto how = parse_behaviour(text);
    return how ? *how : behaviour{};
}

template <class Map>
std::uint64_t& counter_of(Map& map, std::string_view name)
{
    const auto at = map.find(name);
    if (at != map.end())
        return at->second;
    return map[map.size() < most_names ? std::string(name) : "other"];
}

template <class Map>
std::string object_of(const Map& map)
{
    std::string out = "{";
    for (const auto& [name, count] : map) {
        if (out.size() > 1)
            out += ',';
        if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(name)>>)
            out += '"' + std::to_string(name) + '"';
        else
            out += json_string(name);
        out += ':' + std::to_string(count);
    }
    return out + '}';
}

}  // namespace

ledger::ledger(std::uint64_t seed, std::string_view initial)
    : seed_(seed),
      initial_{std::string(initial), parse_or_default(initial)},
      default_(initial_)
{
}

boost::system::result<behaviour, std::string> ledger::behaviour_of(std::string_view model) const
{
    if (const auto own = models_.find(model); own != models_.end())
        return own->second.how;
    if (model.starts_with("sim-"))
        return parse_behaviour(model);
    return default_.how;
}

std::optional<duration> ledger::limited(
    std::string_view model, const behaviour& how, time_point now)
{
    if (how.limited_every == 0 || how.limited_for == milliseconds{0})
        return std::nullopt;
    auto at = windows_.find(model);
    if (at == windows_.end())
        at =
            windows_.try_emplace(windows_.size() < most_names ? std::string(model) : "other").first;
    window& state = at->second;
    if (!state.until || state.served >= how.limited_every) {
        state.until = now + how.limited_for;
        state.served = 0;
    }
    if (now < *state.until)
        return *state.until - now;
    ++state.served;
    return std::nullopt;
}

boost::system::result<turn, std::string> ledger::admit(std::string_view model, time_point now)
{
    const std::lock_guard lock{mutex_};
    auto how = behaviour_of(model);
    if (!how)
        return how.error();
    ++counter_of(counters_.models, model);
    const std::uint64_t number = ++sequence_;
    // One engine per request, so that what one answer draws does not shift the next one's words.
    random_engine draws{random_engine{seed_ + number * 0x9e3779b97f4a7c15U}()};
    turn decided{.how = *std::move(how), .number = number, .draws = draws, .latency = {}};
    decided.latency = decided.how.latency.at(decided.draws.uniform());
    if (decided.how.spike_every > 0 && number % decided.how.spike_every == 0)
        decided.latency += decided.how.spike;
    const bool fails = decided.draws.uniform() < decided.how.error_rate;
    if (const auto left = limited(model, decided.how, now)) {
        decided.refuse_with = 429;
        decided.retry_after = *left;
    } else if (fails) {
        decided.refuse_with = decided.how.error_status;
    }
    return decided;
}

boost::system::result<void, std::string> ledger::set(const behaviour_change& change)
{
    std::optional<named> of_default;
    if (change.of_default) {
        auto how = parse_behaviour(*change.of_default);
        if (!how)
            return how.error();
        of_default = {*change.of_default, *std::move(how)};
    }
    std::map<std::string, named, std::less<>> of_models;
    for (const auto& [model, text] : change.of_models) {
        auto how = parse_behaviour(text);
        if (!how)
            return how.error();
        of_models.try_emplace(model, named{text, *std::move(how)});
    }
    const std::lock_guard lock{mutex_};
    const auto is_new = [&](const auto& each) { return !models_.contains(each.first); };
    const auto more = static_cast<std::size_t>(std::ranges::count_if(of_models, is_new));
    if (more > most_names - models_.size())
        return "there are too many models with a behaviour of their own";
    for (auto& [model, set] : of_models) {
        windows_.erase(model);
        models_.insert_or_assign(model, std::move(set));
    }
    if (of_default) {
        default_ = *std::move(of_default);
        std::erase_if(windows_, [&](const auto& each) {
            return !each.first.starts_with("sim-") && !models_.contains(each.first);
        });
    }
    return boost::system::in_place_value;
}

void ledger::reset()
{
    const std::lock_guard lock{mutex_};
    default_ = initial_;
    models_.clear();
    windows_.clear();
    sequence_ = 0;
    const auto open_connections = counters_.open_connections;
    const auto streams_open = counters_.streams_open;
    counters_ = {};
    counters_.open_connections = open_connections;
    counters_.streams_open = streams_open;
}

counters ledger::read() const
{
    const std::lock_guard lock{mutex_};
    return counters_;
}

void ledger::count_key(std::string_view key)
{
    const std::string shown =
        key.empty()
            ? "none"
            : "..." + std::string(key.substr(key.size() - std::min<std::size_t>(4, key.size())));
    const std::lock_guard lock{mutex_};
    ++counter_of(counters_.keys, shown);
}

std::string ledger::stats_json() const
{
    const counters c = read();
    const auto n = [](std::uint64_t number) { return std::to_string(number); };
    return R"({"connections":{"accepted":)" + n(c.connections) + R"(,"open":)"
           + n(c.open_connections) + R"(},"requests":)" + n(c.requests) + R"(,"cancelled":)"
           + n(c.cancelled) + R"(,"streams":{"started":)" + n(c.streams_started) + R"(,"open":)"
           + n(c.streams_open) + R"(,"finished":)" + n(c.streams_finished) + R"(,"cancelled":)"
           + n(c.streams_cancelled) + R"(,"broken":)" + n(c.streams_broken) + R"(},"tokens":)"
           + n(c.tokens) + R"(,"last_cancel_ns":)" + std::to_string(c.last_cancel_ns)
           + R"(,"failures":)" + n(c.failures) + R"(,"statuses":)" + object_of(c.statuses)
           + R"(,"keys":)" + object_of(c.keys) + R"(,"models":)" + object_of(c.models) + '}';
}

std::string ledger::behaviour_json() const
{
    std::string out;
    {
        const std::lock_guard lock{mutex_};
        out = R"({"default":)" + json_string(default_.text) + R"(,"models":{)";
        for (bool first = true; const auto& [model, set] : models_) {
            out += (first ? "" : ",") + json_string(model) + ':' + json_string(set.text);
            first = false;
        }
    }
    out += R"(},"grammar":[)";
    for (bool first = true; const auto& clause : behaviour_grammar()) {
        out += (first ? R"({"clause":)" : R"(,{"clause":)") + json_string(clause.pattern)
               + R"(,"example":)" + json_string(clause.example) + R"(,"meaning":)"
               + json_string(clause.meaning) + '}';
        first = false;
    }
    return out + "]}";
}

}  // namespace sluice::simulate
