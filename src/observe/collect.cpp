#include "collect_control.hpp"
#include "families.hpp"
#include "process_info.hpp"
#include <sluice/base/build_info.hpp>
#include <sluice/observe/exposition.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <utility>

namespace sluice::observe {
namespace {

// What names, keys and paths that clients invent are answered, and always shown of who has no name
// here: so nobody can add such a series, and the first one is seen as an increase.
constexpr std::array<unsigned, 3> invented{400, 401, 404};

bool always_shown(std::size_t id, std::size_t code) noexcept
{
    return code == status_bucket(200)
           || (id == other_id
               && std::ranges::find(invented, code, status_bucket) != invented.end());
}

void add_arm(families& out, const workers& all, std::size_t id, const catalogue::arm_name& name)
{
    const label model{"model", name.model};
    const label target{"target", name.target};
    const auto find = [id](const worker_cells& worker) { return worker.find_arm(id); };
    const auto each = [&](metric family, std::string_view by, const auto& words, auto member) {
        for (std::size_t i = 0; i < words.size(); ++i)
            out.add_some(
                family, {model, target, {by, words[i]}}, sum(all, find, [&](const arm_cells& c) {
                    return (c.*member).cells[i].read();
                }));
    };

    for (std::size_t stream = 0; stream < 2; ++stream) {
        for (std::size_t code = 0; code < status_buckets; ++code) {
            const auto count =
                sum(all, find, [&](const arm_cells& c) { return c.requests[stream][code].read(); });
            if (count != 0 || always_shown(id, code))
                out.add(
                    metric::requests,
                    {model,
                     target,
                     {"code", status_label(code)},
                     {"stream", stream != 0 ? "true" : "false"}},
                    count);
        }
    }
    const auto times = [&](metric family, auto member) {
        add_histogram(
            out, family, {model, target}, all, find, [&](const arm_cells& c) -> const auto& {
                return c.*member;
            });
    };
    times(metric::request_duration, &arm_cells::duration);
    times(metric::first_token, &arm_cells::first_token);
    times(metric::per_token, &arm_cells::per_token);
    each(metric::attempts, "outcome", attempt_outcome_labels, &arm_cells::attempts);
    each(metric::stream_ends, "cause", stream_end_labels, &arm_cells::stream_ends);
    each(metric::tokens, "kind", token_kind_labels, &arm_cells::tokens);
    each(metric::hedges, "outcome", hedge_outcome_labels, &arm_cells::hedges);
    const auto count = [&](auto member) {
        return sum(all, find, [&](const arm_cells& c) { return (c.*member).read(); });
    };
    const auto dollars = [&](metric family, auto member) {
        if (const auto nanos = count(member); nanos != 0)
            out.add(family, {model, target}, in_dollars(nanos));
    };
    out.add_some(metric::usage_unknown, {model, target}, count(&arm_cells::usage_unknown));
    out.add_some(metric::price_unknown, {model, target}, count(&arm_cells::price_unknown));
    dollars(metric::cost_estimated, &arm_cells::cost_estimated);
    for (std::size_t i = 0; i < policy::discrepancy_count; ++i)
        out.add_some(
            metric::usage_discrepancies,
            {model, target, {"kind", policy::label_of(static_cast<policy::discrepancy>(i))}},
            sum(all, find, [&](const arm_cells& c) { return c.discrepancies[i].read(); }));
    dollars(metric::hedge_cost, &arm_cells::hedge_cost);
}

void add_key(families& out, const workers& all, std::size_t id, std::string_view name)
{
    const auto find = [id](const worker_cells& worker) { return worker.find_key(id); };
    out.add_some(metric::key_requests, {{"key", name}}, sum(all, find, [](const key_cells& c) {
                     return c.requests.read();
                 }));
    const auto limits = [&](metric family, auto member) {
        for (std::size_t i = 0; i < limit_reason_labels.size(); ++i)
            out.add_some(
                family,
                {{"key", name}, {"reason", limit_reason_labels[i]}},
                sum(all, find, [&](const key_cells& c) { return (c.*member).cells[i].read(); }));
    };
    limits(metric::limited, &key_cells::limited);
    limits(metric::limited_shadow, &key_cells::shadow_limited);
    const auto reservations = [&](metric family, auto member, double unit) {
        for (std::size_t i = 0; i < reservation_labels.size(); ++i)
            if (const auto held =
                    sum(all, find, [&](const key_cells& c) { return (c.*member).cells[i].read(); }))
                out.add(
                    family,
                    {{"key", name}, {"what", reservation_labels[i]}},
                    static_cast<double>(held) / unit);
    };
    reservations(metric::reservation_tokens, &key_cells::tokens, 1);
    reservations(metric::reservation_money, &key_cells::money, policy::nanodollars_per_dollar);
}

// Of all workers together; a pair that cost nothing has no series.
void add_spending(families& out, const workers& all, const catalogue::names& names)
{
    std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> sums;
    for (const worker_cells* worker : all)
        worker->spent.read([&](std::size_t arm, std::size_t key, std::uint64_t nanodollars) {
            sums[{arm, key}] += nanodollars;
        });
    for (const auto& [pair, nanodollars] : sums) {
        const auto [arm, key] = pair;
        if (nanodollars == 0 || arm >= names.arms.size() || key >= names.keys.size())
            continue;
        out.add(
            metric::cost,
            {{"model", names.arms[arm].model},
             {"target", names.arms[arm].target},
             {"key", names.keys[key]}},
            in_dollars(nanodollars));
    }
}

void add_provider(families& out, const workers& all, std::size_t id, std::string_view name)
{
    const auto find = [id](const worker_cells& worker) { return worker.find_provider(id); };
    const auto limits = [&](std::string_view mode, auto member) {
        out.add_some(
            metric::provider_limited,
            {{"provider", name}, {"mode", mode}},
            sum(all, find, [&](const provider_cells& c) { return (c.*member).read(); }));
    };
    limits("enforced", &provider_cells::limited);
    limits("shadow", &provider_cells::limited_shadow);
    const auto connects = sum(all, find, [](const provider_cells& c) { return c.connects.read(); });
    if (connects == 0)
        return;
    out.add(metric::upstream_connects, {{"provider", name}}, connects);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string worker = std::to_string(i);
        if (const provider_cells* cells = find(*all[i])) {
            const auto add = [&](std::string_view state, const gauge& value) {
                out.add(
                    metric::upstream_connections,
                    {{"worker", worker}, {"provider", name}, {"state", state}},
                    value.read());
            };
            add("idle", cells->idle);
            add("busy", cells->busy);
        }
    }
}

void add_fallback(
    families& out, const workers& all, std::size_t id, const catalogue::fallback_name& name)
{
    const auto find = [id](const worker_cells& worker) { return worker.find_fallback(id); };
    for (std::size_t i = 0; i < fallback_cause_labels.size(); ++i)
        out.add_some(
            metric::fallbacks,
            {{"model", name.model}, {"to", name.to}, {"cause", fallback_cause_labels[i]}},
            sum(all, find, [&](const fallback_cells& c) { return c.taken.cells[i].read(); }));
}

void add_worker(families& out, const worker_cells& cells, std::size_t index)
{
    const std::string name = std::to_string(index);
    const labels where{{"worker", name}};
    out.add(metric::in_flight, where, cells.in_flight_requests.read());
    out.add(metric::open_streams, where, cells.open_streams.read());
    out.add(metric::client_connections, where, cells.client_connections.read());
    out.add(metric::buffered_bytes, where, cells.buffered_bytes.read());
    out.add(metric::accept_errors, where, cells.accept_errors.read());
    out.add(metric::client_tls_failures, where, cells.client_tls_failures.read());
    out.add(metric::handed_over, where, cells.handed_over.read());
    histogram_totals lag;
    cells.loop_lag.read(lag);
    out.add(metric::loop_lag, where, lag);
}

void add_all_workers(families& out, const workers& all)
{
    histogram_totals queue;
    std::uint64_t redactions = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        add_worker(out, *all[i], i);
        all[i]->queue.read(queue);
        redactions += all[i]->redactions.read();
    }
    for (std::size_t i = 0; i < phase_labels.size(); ++i) {
        histogram_totals totals;
        for (const worker_cells* worker : all)
            worker->overhead[i].read(totals);
        out.add(metric::overhead, {{"phase", phase_labels[i]}}, totals);
    }
    out.add(metric::queue, {}, queue);
    out.add(metric::redactions, {}, redactions);
}

void add_shadow(families& out, const shadow_numbers& of)
{
    const label model{"model", of.model};
    const label target{"target", of.target};
    for (std::size_t i = 0; i < shadow_outcome_labels.size(); ++i)
        out.add_some(
            metric::shadow_pairs,
            {model, target, {"outcome", shadow_outcome_labels[i]}},
            of.counted(static_cast<shadow_outcome>(i)));
    const auto ratios = [&](metric family, const auto& histogram) {
        histogram_totals totals;
        histogram.read(totals);
        if (totals.count() != 0)
            out.add(family, {model, target}, totals);
    };
    ratios(metric::shadow_duration, of.duration);
    ratios(metric::shadow_first_token, of.first_token);
    ratios(metric::shadow_cost_ratio, of.cost);
    ratios(metric::shadow_likeness, of.likeness);
    const auto calls = [&](std::string_view how, const counter& counted) {
        out.add_some(metric::shadow_calls, {model, target, {"calls", how}}, counted.read());
    };
    calls("equal", of.calls_equal);
    calls("different", of.calls_different);
    if (const auto spent = of.nanodollars.load(std::memory_order_relaxed); spent != 0)
        out.add(metric::shadow_cost, {model, target}, in_dollars(spent));
}

void add_process(families& out, double start_time)
{
    const build_info& build = this_build();
    out.add(
        metric::build_info,
        {{"version", build.version}, {"commit", build.commit}, {"compiler", build.compiler}},
        1.0);
    const process_info info = read_process_info();
    out.add(metric::resident_memory, {}, info.resident_bytes);
    out.add(metric::open_fds, {}, info.open_fds);
    out.add(metric::cpu_seconds, {}, info.cpu_seconds);
    out.add(metric::start_time, {}, start_time);
}

}  // namespace

exposition::exposition(sources from)
    : from_(std::move(from)),
      start_time_(process_start_time())
{
}

std::vector<MetricFamily> exposition::Collect() const
{
    families out;
    const catalogue::names names = from_.names->read();
    for (std::size_t id = 0; id < names.arms.size(); ++id)
        add_arm(out, from_.workers, id, names.arms[id]);
    for (std::size_t id = 0; id < names.keys.size(); ++id)
        add_key(out, from_.workers, id, names.keys[id]);
    add_spending(out, from_.workers, names);
    for (std::size_t id = 0; id < names.providers.size(); ++id)
        add_provider(out, from_.workers, id, names.providers[id]);
    for (std::size_t id = 0; id < names.fallbacks.size(); ++id)
        add_fallback(out, from_.workers, id, names.fallbacks[id]);
    add_all_workers(out, from_.workers);
    for (const auto& shadow : from_.names->shadows())
        add_shadow(out, *shadow);
    const auto control = from_.control->read();
    add_control(out, control, names);
    out.add(metric::access_log_dropped, {}, from_.log ? from_.log->dropped() : 0);
    add_ledger(out, from_.ledger ? from_.ledger() : ledger_numbers{});
    add_process(out, start_time_);
    return out.take();
}

}  // namespace sluice::observe
