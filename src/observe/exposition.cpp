#include <sluice/base/text.hpp>
#include <sluice/observe/exposition.hpp>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace sluice::observe {
namespace {

// RFC 9110, 12.4.2; one media range of Accept. What is no number counts as 1.
double quality(std::string_view range)
{
    for (auto at = range.find(';'); at != std::string_view::npos; at = range.find(';')) {
        range.remove_prefix(at + 1);
        const std::string_view part = trim(range.substr(0, range.find(';')));
        if (part.size() < 3 || lower(part[0]) != 'q' || part[1] != '=')
            continue;
        double q = 1;
        const auto ec = std::from_chars(part.data() + 2, part.data() + part.size(), q).ec;
        return ec == std::errc{} ? q : 1;
    }
    return 1;
}

}  // namespace

void control_values::installed(std::uint64_t version, std::vector<target_weight> weights)
{
    std::ranges::sort(weights, {}, &target_weight::arm);
    std::vector<target_weight> merged;
    for (const target_weight& each : weights) {
        if (merged.empty() || merged.back().arm != each.arm)
            merged.push_back(each);
        else
            merged.back().weight += each.weight;
    }
    const std::scoped_lock lock(mutex_);
    values_.config_version = version;
    values_.weights = std::move(merged);
}

void control_values::shared(
    std::vector<shared_target> targets, std::vector<shared_credential> credentials)
{
    std::set<std::size_t> arms;
    std::set<std::pair<std::size_t, std::size_t>> keys;
    std::erase_if(targets, [&](const auto& one) { return !arms.insert(one.arm).second; });
    std::erase_if(credentials, [&](const auto& one) {
        return !keys.insert({one.provider, one.number}).second;
    });
    const std::scoped_lock lock(mutex_);
    values_.targets = std::move(targets);
    values_.credentials = std::move(credentials);
}

void control_values::reload_failed()
{
    const std::scoped_lock lock(mutex_);
    ++values_.reload_failures;
}

void control_values::upgrade_failed()
{
    const std::scoped_lock lock(mutex_);
    ++values_.upgrade_failures;
}

void control_values::unwritten(std::size_t files)
{
    const std::scoped_lock lock(mutex_);
    values_.unwritten = files;
}

void control_values::rollouts(std::vector<rollout> all)
{
    const std::scoped_lock lock(mutex_);
    values_.rollouts = std::move(all);
}

void control_values::budgets(std::vector<budget> all)
{
    const std::scoped_lock lock(mutex_);
    values_.budgets = std::move(all);
}

void control_values::rolled_back(std::string_view model, std::string_view reason)
{
    const std::scoped_lock lock(mutex_);
    ++values_.rollbacks[{label_value(model), std::string(reason)}];
}

void control_values::webhook_failed()
{
    const std::scoped_lock lock(mutex_);
    ++values_.webhook_failures;
}

void control_values::shared_store(const store& now)
{
    const std::scoped_lock lock(mutex_);
    values_.shared_store = now;
}

void control_values::spread_state(const spread& now)
{
    const std::scoped_lock lock(mutex_);
    values_.spread_state = now;
}

void control_values::spans(const exported_spans& now)
{
    const std::scoped_lock lock(mutex_);
    values_.spans = now;
}

control_values::values control_values::read() const
{
    const std::scoped_lock lock(mutex_);
    return values_;
}

exposition::format exposition::format_for(std::string_view accept) noexcept
{
    double open_metrics = 0;
    double text = 0;
    while (!accept.empty()) {
        const auto comma = accept.find(',');
        const std::string_view range = accept.substr(0, comma);
        const std::string_view type = trim(range.substr(0, range.find(';')));
        if (iequals(type, "application/openmetrics-text"))
            open_metrics = quality(range);
        else if (iequals(type, "text/plain") || type == "text/*")
            text = quality(range);
        accept.remove_prefix(comma == std::string_view::npos ? accept.size() : comma + 1);
    }
    return open_metrics > 0 && open_metrics >= text ? format::open_metrics : format::prometheus;
}

std::string_view exposition::content_type(format how) noexcept
{
    return how == format::open_metrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace sluice::observe
