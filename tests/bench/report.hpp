#pragma once
// One JSON object on one line, for a script to read.

#include "histogram.hpp"

#include <concepts>
#include <cstdio>
#include <string>
#include <string_view>

namespace sluice::bench {

class report {
public:
    template <std::integral Number>
    void add(std::string_view name, Number value)
    {
        member(name, std::to_string(value));
    }
    void add(std::string_view name, double value)
    {
        char text[32];
        std::snprintf(text, sizeof text, "%.3f", value);
        member(name, text);
    }
    void add(std::string_view name, const report& object) { member(name, object.text()); }

    // Nanoseconds in, microseconds out.
    void add_us(std::string_view name, const histogram& h)
    {
        const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1000.0; };
        report quantiles;
        quantiles.add("count", h.count());
        quantiles.add("mean", h.mean() / 1000.0);
        quantiles.add("p50", us(h.quantile(0.5)));
        quantiles.add("p90", us(h.quantile(0.9)));
        quantiles.add("p99", us(h.quantile(0.99)));
        quantiles.add("p99.9", us(h.quantile(0.999)));
        quantiles.add("max", us(h.max()));
        add(name, quantiles);
    }

    [[nodiscard]] std::string text() const { return "{" + members_ + "}"; }

    void print() const
    {
        std::puts(text().c_str());
        std::fflush(stdout);
    }

private:
    void member(std::string_view name, std::string_view value)
    {
        members_.append(members_.empty() ? "\"" : ",\"").append(name).append("\":").append(value);
    }

    std::string members_;
};

}  // namespace sluice::bench
