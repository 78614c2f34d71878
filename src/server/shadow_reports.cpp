#include <sluice/observe/json_line.hpp>
#include <sluice/server/json_writer.hpp>
#include <sluice/server/shadow_reports.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace sluice::server {
namespace {

constexpr double dollars_per_nano = 1e-9;

// Not within a character.
std::string front_of(std::string_view text)
{
    auto bytes = std::min(text.size(), shadow_reports::most_text_bytes);
    while (bytes > 0 && bytes < text.size() && (static_cast<unsigned char>(text[bytes]) >> 6U) == 2)
        --bytes;
    return std::string(text.substr(0, bytes));
}

void write_ratio(json_writer& out, std::string_view name, const std::optional<double>& value)
{
    out.key(name);
    if (value)
        out.number(*value);
    else
        out.null();
}

void write_flag(json_writer& out, std::string_view name, const std::optional<bool>& value)
{
    out.key(name);
    if (value)
        out.boolean(*value);
    else
        out.null();
}

template <class Histogram>
void write_spread(json_writer& out, std::string_view name, const Histogram& histogram)
{
    observe::histogram_totals totals;
    histogram.read(totals);
    const auto count = totals.count();
    out.key(name).begin_object();
    out.key("count").count(count);
    if (count > 0) {
        out.key("mean").number(
            static_cast<double>(totals.sum_ns) / 1e9 / static_cast<double>(count));
        out.key("p50").number(observe::quantile_of(totals, 0.5));
        out.key("p95").number(observe::quantile_of(totals, 0.95));
    }
    out.end_object();
}

std::string_view position_name(const policy::breaker& breaker, const policy::breaker_settings& by)
{
    switch (breaker.at(by, steady::now())) {
    case policy::breaker::position::closed:
        return "closed";
    case policy::breaker::position::half_open:
        return "half_open";
    case policy::breaker::position::open:
        break;
    }
    return "open";
}

}  // namespace

shadow_reports::side shadow_reports::summary_of(
    const proxy::shadow_side& of, const wire::said& said, bool capture)
{
    side one;
    one.target = of.target;
    one.status = of.status;
    one.error = of.error;
    one.first_token = of.first_token;
    one.duration = of.duration;
    one.usage = of.usage;
    one.cost = of.cost;
    one.finish = front_of(said.finish);
    if (!capture)
        return one;
    auto& kept = one.captured.emplace();
    kept.text = front_of(said.text);
    for (std::size_t i = 0; i < std::min<std::size_t>(said.calls.size(), 16); ++i)
        kept.calls.push_back({front_of(said.calls[i].name), front_of(said.calls[i].arguments)});
    return one;
}

void shadow_reports::count(const comparison& found, observe::shadow_numbers& into) noexcept
{
    if (found.duration)
        into.duration.observe(observe::billionths(*found.duration));
    if (found.first_token)
        into.first_token.observe(observe::billionths(*found.first_token));
    if (found.cost)
        into.cost.observe(observe::billionths(*found.cost));
    if (found.likeness)
        into.likeness.observe(observe::billionths(*found.likeness));
    if (found.same_calls)
        (*found.same_calls ? into.calls_equal : into.calls_different).add();
    if (!found.same_finish.value_or(true))
        into.finish_different.add();
}

void shadow_reports::add(const proxy::shadow_pair& pair)
{
    auto found = compare(pair);
    count(found, *pair.numbers);
    listed one;
    one.request_id = pair.request_id;
    one.system_time = pair.system_time;
    one.outcome = pair.outcome;
    one.primary = summary_of(pair.primary, found.primary, pair.capture);
    one.shadow = summary_of(pair.shadow, found.shadow, pair.capture);
    found.primary = found.shadow = {};
    one.found = std::move(found);
    list(pair, std::move(one));
}

void shadow_reports::list(const proxy::shadow_pair& pair, listed one)
{
    auto& worst = worst_[pair.model];
    std::erase_if(
        worst, [&](const listed& old) { return old.system_time + listed_for < one.system_time; });
    // Who turns capturing off wants the texts gone.
    if (!pair.capture)
        take_texts(worst);
    const auto at = std::ranges::find_if(
        worst, [&](const listed& each) { return each.found.distance < one.found.distance; });
    worst.insert(at, std::move(one));
    if (worst.size() > most_listed)
        worst.pop_back();
}

void shadow_reports::take_texts(std::vector<listed>& from) noexcept
{
    for (auto& each : from)
        each.primary.captured = each.shadow.captured = std::nullopt;
}

void shadow_reports::forget(const config::snapshot& config, nanoseconds system_now)
{
    for (auto at = worst_.begin(); at != worst_.end();) {
        auto& [name, worst] = *at;
        std::erase_if(
            worst, [&](const listed& old) { return old.system_time + listed_for < system_now; });
        const auto model = std::ranges::find(config.models, name, &config::model::name);
        if (model == config.models.end() || !model->shadow || !model->shadow->capture)
            take_texts(worst);
        at = worst.empty() ? worst_.erase(at) : std::next(at);
    }
}

void shadow_reports::write_side(json_writer& out, const side& one, bool texts)
{
    out.begin_object();
    out.key("target").text(one.target);
    out.key("status").count(one.status);
    if (!one.error.empty())
        out.key("error").text(one.error);
    if (one.first_token)
        out.key("first_token_seconds").number(in_seconds(*one.first_token));
    out.key("duration_seconds").number(in_seconds(one.duration));
    if (one.usage.known) {
        out.key("input_tokens").count(one.usage.input);
        out.key("output_tokens").count(one.usage.output);
    }
    if (one.cost)
        out.key("cost_usd").number(static_cast<double>(*one.cost) * dollars_per_nano);
    if (!one.finish.empty())
        out.key("finish").text(one.finish);
    if (texts && one.captured) {
        out.key("text").text(one.captured->text);
        out.key("calls").begin_array();
        for (const auto& call : one.captured->calls) {
            out.begin_object().key("name").text(call.name);
            out.key("arguments").text(call.arguments).end_object();
        }
        out.end_array();
    }
    out.end_object();
}

void shadow_reports::write_listed(json_writer& out, const listed& one, bool texts)
{
    observe::timestamp_text time;
    out.begin_object();
    out.key("request_id").text(one.request_id);
    out.key("time").text(time.of(one.system_time));
    out.key("outcome").text(observe::shadow_outcome_labels[static_cast<std::size_t>(one.outcome)]);
    out.key("distance").number(one.found.distance);
    write_ratio(out, "likeness", one.found.likeness);
    write_flag(out, "same_calls", one.found.same_calls);
    write_flag(out, "same_finish", one.found.same_finish);
    write_ratio(out, "duration_ratio", one.found.duration);
    write_ratio(out, "first_token_ratio", one.found.first_token);
    write_ratio(out, "cost_ratio", one.found.cost);
    out.key("primary");
    write_side(out, one.primary, texts);
    out.key("shadow");
    write_side(out, one.shadow, texts);
    out.end_object();
}

void shadow_reports::write_summary(json_writer& out, const observe::shadow_numbers& numbers)
{
    out.key("pairs").begin_object();
    for (std::size_t i = 0; i < observe::shadow_outcome_labels.size(); ++i)
        out.key(observe::shadow_outcome_labels[i])
            .count(numbers.counted(static_cast<observe::shadow_outcome>(i)));
    out.end_object();
    write_spread(out, "duration_ratio", numbers.duration);
    write_spread(out, "first_token_ratio", numbers.first_token);
    write_spread(out, "cost_ratio", numbers.cost);
    write_spread(out, "likeness", numbers.likeness);
    out.key("calls").begin_object();
    out.key("equal").count(numbers.calls_equal.read());
    out.key("different").count(numbers.calls_different.read()).end_object();
    out.key("finish_different").count(numbers.finish_different.read());
    const auto spent = numbers.nanodollars.load(std::memory_order_relaxed);
    out.key("cost_usd").number(static_cast<double>(spent) * dollars_per_nano);
}

void shadow_reports::write(
    json_writer& out,
    const config::snapshot& config,
    const config::model& model,
    nanoseconds system_now) const
{
    out.key("model").text(model.name);
    if (!model.shadow) {
        out.key("shadow").null();
        return;
    }
    const auto& how = *model.shadow;
    const auto& to = config.models[how.model];
    out.key("shadow").begin_object();
    out.key("target").text(to.name + '/' + to.targets[how.target].name);
    out.key("percent").number(how.share * 100);
    out.key("capture").boolean(how.capture);
    out.key("breaker").text(position_name(how.state->breaker, to.breaker));
    out.key("spent_today_usd")
        .number(static_cast<double>(how.state->spent.today(system_now)) * dollars_per_nano);
    if (how.budget)
        out.key("budget_usd").number(static_cast<double>(*how.budget) / 1e6);
    out.end_object();
    write_summary(out, *how.numbers);
    out.key("worst").begin_array();
    if (const auto found = worst_.find(model.name); found != worst_.end())
        for (const auto& each : found->second)
            if (each.system_time + listed_for >= system_now)
                write_listed(out, each, how.capture);
    out.end_array();
}

}  // namespace sluice::server
