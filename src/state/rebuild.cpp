#include "usage_store.hpp"
#include "usage_sums.hpp"
#include <sluice/state/rebuild.hpp>

#include <simdjson.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>
#include <stdexcept>

namespace sluice::state {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t most_sums = 50'000;
constexpr std::size_t sums_to_write = 20'000;

std::string_view text_at(const dom::object& from, std::string_view name)
{
    std::string_view text;
    return from[name].get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

// More than any request has; what is summed of them is still a number.
constexpr std::uint64_t most_tokens = std::uint64_t{1} << 40U;
constexpr double most_usd = 1e6;

// Whether there is a count; `broken`: what there is is none.
bool count_at(const dom::object& from, std::string_view name, std::uint64_t& into, bool& broken)
{
    dom::element value;
    if (from[name].get(value) != simdjson::SUCCESS || value.is_null())
        return false;
    if (value.get(into) == simdjson::SUCCESS && into <= most_tokens)
        return true;
    broken = true;
    return false;
}

// "2026-11-21T03:09:54.123Z", as the access log writes it.
std::optional<seconds> time_of(std::string_view text)
{
    using namespace std::chrono;
    std::array<int, 6> part{};
    constexpr std::array<std::size_t, 6> places{0, 5, 8, 11, 14, 17};
    if (text.size() < 20 || text[10] != 'T' || text.back() != 'Z')
        return std::nullopt;
    for (std::size_t i = 0; i < part.size(); ++i) {
        const char* from = text.data() + places[i];
        const char* end = from + (i == 0 ? 4 : 2);
        if (std::from_chars(from, end, part[i]).ptr != end || part[i] < 0)
            return std::nullopt;
    }
    const auto date =
        year(part[0]) / month(static_cast<unsigned>(part[1])) / day(static_cast<unsigned>(part[2]));
    // Nanoseconds since 1970 are counted for two centuries and a half.
    if (!date.ok() || part[0] < 1970 || part[0] > 2200)
        return std::nullopt;
    if (part[3] > 23 || part[4] > 59 || part[5] > 60)
        return std::nullopt;
    return sys_seconds(sys_days(date)).time_since_epoch() + hours(part[3]) + minutes(part[4])
           + seconds(part[5]);
}

// Exactly what was written: nine decimals, and far fewer digits than a double has.
bool cost_at(const dom::object& from, std::int64_t& nanodollars, bool& broken)
{
    dom::element value;
    double usd = 0;
    if (from["cost_usd"].get(value) != simdjson::SUCCESS || value.is_null())
        return false;
    if (value.get(usd) != simdjson::SUCCESS || !(usd >= 0 && usd <= most_usd)) {
        broken = true;
        return false;
    }
    nanodollars = static_cast<std::int64_t>(std::llround(usd * 1e9));
    return true;
}

// None: the line is whole, and tells of no bill. `broken`: it is not whole.
std::optional<observe::bill> bill_of(const dom::object& line, bool& broken)
{
    const auto time = time_of(text_at(line, "time"));
    broken = !time;
    const auto outcome = observe::bill_outcome_of(text_at(line, "outcome"));
    if (broken || !outcome)
        return std::nullopt;
    observe::bill bill;
    bill.time = *time;
    bill.outcome = *outcome;
    bill.key = text_at(line, "key");
    bill.tenant = text_at(line, "tenant");
    bill.model = text_at(line, "answered_by");
    if (bill.model.empty())
        bill.model = text_at(line, "model");
    bill.target = text_at(line, "target");
    bill.arm = text_at(line, "arm");
    bill.tags = text_at(line, "tags");
    bill.priced = cost_at(line, bill.nanodollars, broken);
    bill.usage_known = count_at(line, "input_tokens", bill.input, broken);
    count_at(line, "cached_input_tokens", bill.cached_input, broken);
    count_at(line, "cache_write_tokens", bill.cache_write, broken);
    count_at(line, "output_tokens", bill.output, broken);
    count_at(line, "reasoning_tokens", bill.reasoning, broken);
    bool estimated = false;
    bill.estimated = line["estimated"].get(estimated) == simdjson::SUCCESS && estimated;
    if (broken)
        return std::nullopt;
    return bill;
}

}  // namespace

class usage_rebuilder::parts {
public:
    explicit parts(const std::string& path)
        : store(path, {}, complaint)
    {
    }

    std::string complaint;
    usage_store store;
    usage_sums sums{most_sums};
    std::size_t since_written = 0;
    dom::parser parser;
    std::string padded;
};

usage_rebuilder::usage_rebuilder(const std::string& path)
{
    if (std::filesystem::exists(path))
        throw std::runtime_error(path + " is there already");
    parts_ = std::make_unique<parts>(path);
}

usage_rebuilder::~usage_rebuilder() = default;

void usage_rebuilder::take(std::string_view line)
{
    if (line.empty())
        return;
    auto& with = *parts_;
    with.padded.reserve(line.size() + simdjson::SIMDJSON_PADDING);
    with.padded.assign(line);
    dom::object members;
    bool broken = true;
    std::optional<observe::bill> bill;
    if (with.parser.parse(with.padded).get(members) == simdjson::SUCCESS)
        bill = bill_of(members, broken);
    if (!bill) {
        ++(broken ? numbers_.broken : numbers_.others);
        return;
    }
    std::array<char, most_packed_bytes> memory;
    with.sums.add(pack(*bill, memory));
    ++numbers_.bills;
    if (++with.since_written >= sums_to_write)
        write();
}

void usage_rebuilder::write()
{
    parts_->store.write(parts_->sums);
    parts_->sums.clear();
    parts_->since_written = 0;
}

void usage_rebuilder::finish()
{
    write();
    // Its log of writes does not go where it goes.
    parts_->store.settle();
}

}  // namespace sluice::state
