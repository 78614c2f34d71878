#pragma once
// The families of one scrape, filled row by row.

#include <sluice/observe/cells.hpp>
#include <sluice/observe/metric_table.hpp>
#include <sluice/policy/price.hpp>

#include <prometheus/metric_family.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::observe {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using label = std::pair<std::string_view, std::string_view>;
using labels = std::initializer_list<label>;

inline double in_dollars(auto nanodollars)
{
    return static_cast<double>(nanodollars) / policy::nanodollars_per_dollar;
}

inline constexpr prometheus::MetricType type_of(metric_type type)
{
    switch (type) {
    case metric_type::counter:
        return prometheus::MetricType::Counter;
    case metric_type::gauge:
        return prometheus::MetricType::Gauge;
    case metric_type::histogram:
        break;
    }
    return prometheus::MetricType::Histogram;
}

// One family per row of the metric table.
class families {
public:
    families()
    {
        for (const metric_row& row : metric_catalogue()) {
            MetricFamily& family = all_.emplace_back();
            family.name = row.name;
            family.help = row.help;
            family.type = type_of(row.type);
        }
    }

    void add(metric id, labels where, double value)
    {
        MetricFamily& family = all_[static_cast<std::size_t>(id)];
        ClientMetric& series = make(family, where);
        if (family.type == prometheus::MetricType::Counter)
            series.counter.value = value;
        else
            series.gauge.value = value;
    }
    void add(metric id, labels where, std::uint64_t value)
    {
        add(id, where, static_cast<double>(value));
    }
    void add(metric id, labels where, std::int64_t value)
    {
        add(id, where, static_cast<double>(value));
    }
    // Left out while it is zero.
    void add_some(metric id, labels where, std::uint64_t value)
    {
        if (value != 0)
            add(id, where, value);
    }

    void add(metric id, labels where, const histogram_totals& totals)
    {
        auto& out = make(all_[static_cast<std::size_t>(id)], where).histogram;
        out.bucket.reserve(totals.bounds_ns.size());
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < totals.bounds_ns.size(); ++i) {
            below += totals.buckets[i];
            out.bucket.push_back({below, static_cast<double>(totals.bounds_ns[i]) / 1e9});
        }
        out.sample_count = below + totals.buckets[totals.bounds_ns.size()];
        out.sample_sum = static_cast<double>(totals.sum_ns) / 1e9;
    }

    std::vector<MetricFamily> take()
    {
        std::erase_if(all_, [](const MetricFamily& family) { return family.metric.empty(); });
        return std::move(all_);
    }

private:
    static ClientMetric& make(MetricFamily& family, labels where)
    {
        ClientMetric& series = family.metric.emplace_back();
        series.label.reserve(where.size());
        for (const auto& [name, value] : where)
            series.label.push_back({std::string(name), std::string(value)});
        return series;
    }

    std::vector<MetricFamily> all_;
};

using workers = std::vector<const worker_cells*>;

// The sum over all workers of what `read` says about the cells `find` gives.
template <class Find, class Read>
std::uint64_t sum(const workers& all, Find find, Read read)
{
    std::uint64_t total = 0;
    for (const worker_cells* worker : all)
        if (const auto* cells = find(*worker))
            total += read(*cells);
    return total;
}

template <class Find, class Pick>
void add_histogram(families& out, metric id, labels where, const workers& all, Find find, Pick pick)
{
    histogram_totals totals;
    for (const worker_cells* worker : all)
        if (const auto* cells = find(*worker))
            pick(*cells).read(totals);
    if (totals.count() != 0)
        out.add(id, where, totals);
}

}  // namespace sluice::observe
