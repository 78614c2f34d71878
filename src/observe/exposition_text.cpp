#include <sluice/http/traceparent.hpp>
#include <sluice/observe/exposition.hpp>
#include <sluice/observe/metric_table.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string_view type_name(MetricType type, bool open)
{
    switch (type) {
    case MetricType::Counter:
        return "counter";
    case MetricType::Gauge:
        return "gauge";
    case MetricType::Histogram:
        return "histogram";
    case MetricType::Summary:
        return "summary";
    case MetricType::Untyped:
        break;
    }
    return open ? "unknown" : "untyped";
}

// `quotes` as labels want it; the help of the older format keeps them as they are.
void add_escaped(std::string& out, std::string_view text, bool quotes)
{
    for (const char c : text) {
        if (c == '\\' || (c == '"' && quotes))
            out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
}

// `how` is what std::to_chars takes besides.
template <class Number, class... How>
void add_digits(std::string& out, Number value, How... how)
{
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, how...).ptr;
    out.append(digits.data(), end);
}

void add_number(std::string& out, double value)
{
    constexpr double exact = 1e15;  // whole numbers below it are written as such
    if (std::isinf(value))
        out += value > 0 ? "+Inf" : "-Inf";
    else if (std::isnan(value))
        out += "NaN";
    else if (std::abs(value) < exact && value == std::trunc(value))
        add_digits(out, static_cast<std::int64_t>(value));
    else
        add_digits(out, value, std::chars_format::general);  // 0.0001, not 1e-04
}

// Of one series, by bucket; empty: it has none.
using exemplars_of_series = std::span<const exemplar>;

// By the values of its labels `model` and `target`.
struct exemplar_book {
    std::map<std::pair<std::string_view, std::string_view>, const arm_exemplars*> arms;

    [[nodiscard]] exemplars_of_series find(
        std::string_view family, const ClientMetric& series) const
    {
        const bool duration = family == describe(metric::request_duration).name;
        if (!duration && family != describe(metric::first_token).name)
            return {};
        const auto found = arms.find({series.label[0].value, series.label[1].value});
        if (found == arms.end())
            return {};
        if (duration)
            return found->second->duration;
        return found->second->first_token;
    }
};

// What is the same for the samples of a series, or of a family, is put together once: a fleet's
// scrape has a hundred thousand of them.
class writer {
public:
    explicit writer(bool open_metrics, const exemplar_book* examples = nullptr)
        : open_(open_metrics),
          examples_(examples)
    {
    }

    void add(const MetricFamily& family)
    {
        name_ = family.name;
        describe(family);
        for (const ClientMetric& series : family.metric) {
            take_labels(series);
            if (family.type == MetricType::Histogram)
                add_histogram(series);
            else
                add_value(
                    family.type == MetricType::Counter ? series.counter.value : series.gauge.value);
        }
    }

    void reserve(std::size_t bytes) { out_.reserve(bytes); }

    std::string take()
    {
        if (open_)
            out_ += "# EOF\n";
        return std::move(out_);
    }

private:
    // OpenMetrics describes a counter by its name without _total.
    void describe(const MetricFamily& family)
    {
        std::string_view name = name_;
        if (open_ && family.type == MetricType::Counter && name.ends_with("_total"))
            name.remove_suffix(6);
        out_.append("# HELP ").append(name).append(" ");
        add_escaped(out_, family.help, open_);
        out_.append("\n# TYPE ").append(name).append(" ").append(type_name(family.type, open_));
        out_ += '\n';
    }

    void take_labels(const ClientMetric& series)
    {
        labels_.clear();
        for (const auto& each : series.label) {
            if (!labels_.empty())
                labels_ += ',';
            labels_.append(each.name).append("=\"");
            add_escaped(labels_, each.value, true);
            labels_ += '"';
        }
    }

    // Up to the value.
    void begin(std::string_view suffix, std::string_view bound = {})
    {
        out_.append(name_).append(suffix);
        if (!labels_.empty() || !bound.empty()) {
            out_.append("{").append(labels_);
            if (!bound.empty())
                out_.append(labels_.empty() ? "le=\"" : ",le=\"").append(bound).append("\"");
            out_ += '}';
        }
        out_ += ' ';
    }

    void add_value(double value)
    {
        begin({});
        add_number(out_, value);
        out_ += '\n';
    }

    void add_count(std::string_view suffix, std::string_view bound, std::uint64_t count)
    {
        begin(suffix, bound);
        add_digits(out_, count);
        out_ += '\n';
    }

    // Behind a bucket, in place of its line feed.
    void add_example(const exemplar& one)
    {
        out_.back() = ' ';
        out_ += "# {trace_id=\"";
        std::array<char, 16> half{};
        for (const auto id : {one.trace_high, one.trace_low}) {
            http::write_hex(id, half);
            out_.append(half.data(), half.size());
        }
        out_ += "\"} ";
        add_number(out_, static_cast<double>(one.value.count()) / 1e9);
        out_ += ' ';
        const auto millis = std::chrono::duration_cast<milliseconds>(one.time).count();
        add_digits(out_, millis / 1000);
        const auto rest = std::to_string(1000 + millis % 1000);
        out_.append(".").append(rest, 1);
        out_ += '\n';
    }

    void add_histogram(const ClientMetric& series)
    {
        const auto& histogram = series.histogram;
        take_bounds(histogram);
        const auto examples =
            examples_ != nullptr ? examples_->find(name_, series) : exemplars_of_series{};
        const auto bucket = [&](std::size_t i, std::string_view bound, std::uint64_t count) {
            add_count("_bucket", bound, count);
            if (i < examples.size() && examples[i].there())
                add_example(examples[i]);
        };
        for (std::size_t i = 0; i < histogram.bucket.size(); ++i)
            bucket(i, bounds_[i], histogram.bucket[i].cumulative_count);
        bucket(histogram.bucket.size(), "+Inf", histogram.sample_count);
        add_count("_count", {}, histogram.sample_count);
        begin("_sum");
        add_number(out_, histogram.sample_sum);
        out_ += '\n';
    }

    // All series of a family have the same, so they are written once.
    void take_bounds(const ClientMetric::Histogram& histogram)
    {
        const auto same = [&] {
            if (values_.size() != histogram.bucket.size())
                return false;
            for (std::size_t i = 0; i < values_.size(); ++i)
                if (values_[i] != histogram.bucket[i].upper_bound)
                    return false;
            return true;
        };
        if (same())
            return;
        values_.clear();
        bounds_.clear();
        for (const auto& bucket : histogram.bucket) {
            values_.push_back(bucket.upper_bound);
            std::string& text = bounds_.emplace_back();
            add_number(text, bucket.upper_bound);
            // OpenMetrics' bounds always look like floats: 1.0, not 1.
            if (open_ && text.find_first_of(".eIN") == std::string::npos)
                text += ".0";
        }
    }

    bool open_;
    const exemplar_book* examples_;  // null: none
    std::string out_;
    std::string_view name_;            // of the family at hand
    std::string labels_;               // of the series at hand, without braces
    std::vector<double> values_;       // the bounds of the last histogram ...
    std::vector<std::string> bounds_;  // ... and as they are written
};

// About what comes out: growing by doubling touches three times the memory.
std::size_t bytes_of(const std::vector<MetricFamily>& families)
{
    constexpr std::size_t labels_and_value = 64;
    std::size_t bytes = 0;
    for (const MetricFamily& family : families)
        if (!family.metric.empty()) {
            const auto& first = family.metric.front();
            std::size_t each = family.name.size() + labels_and_value;
            for (const auto& label : first.label)
                each += label.name.size() + label.value.size();
            const auto buckets = first.histogram.bucket.size();
            bytes += family.metric.size() * each * (buckets > 0 ? buckets + 3 : 1);
        }
    return bytes;
}

std::string text_of(const std::vector<MetricFamily>& families, writer out)
{
    out.reserve(bytes_of(families));
    for (const MetricFamily& family : families)
        out.add(family);
    return out.take();
}

}  // namespace

std::string exposition::render(format how) const
{
    if (how == format::prometheus)
        return text_of(Collect(), writer(false));
    const auto names = from_.names->read();
    const auto all = from_.control->exemplars.read();
    exemplar_book book;
    for (const auto& [arm, examples] : all)
        if (arm < names.arms.size())
            book.arms[{names.arms[arm].model, names.arms[arm].target}] = &examples;
    return text_of(Collect(), writer(true, &book));
}

std::string open_metrics_text(const std::vector<MetricFamily>& families)
{
    return text_of(families, writer(true));
}

}  // namespace sluice::observe
