#include "usage_sums.hpp"

#include <sluice/base/put.hpp>
#include <sluice/observe/catalogue.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace sluice::state {
namespace {

constexpr std::int64_t seconds_per_hour = 3600;
constexpr std::size_t most_name_bytes = 256;

constexpr std::size_t text_count = 6;
constexpr std::size_t tags_at = 5;  // the last text

// What bills are summed by, as bytes: this, and the texts in the order of their lengths.
struct place_head {
    std::int64_t hour;
    std::array<std::uint16_t, text_count> lengths;
    observe::bill_outcome outcome;
    std::array<std::uint8_t, 3> nothing;
};

// In front of a place.
struct counts_head {
    std::uint64_t input;
    std::uint64_t cached_input;
    std::uint64_t cache_write;
    std::uint64_t output;
    std::uint64_t reasoning;
    std::int64_t nanodollars;
    bool usage_known;
    bool estimated;
    bool priced;
};

struct packed_bill {
    counts_head counts;
    place_head where;
};
static_assert(std::has_unique_object_representations_v<place_head>);
static_assert(sizeof(packed_bill) + text_count * most_name_bytes <= most_packed_bytes);

// One more behind `at`, which moves on.
std::string_view next_text(std::string_view& at, std::size_t length) noexcept
{
    const auto text = at.substr(0, length);
    at.remove_prefix(text.size());
    return text;
}

std::int64_t hour_of(std::int64_t second) noexcept
{
    const auto into = second % seconds_per_hour;
    return second - (into < 0 ? into + seconds_per_hour : into);
}

place_head head_of(std::string_view place) noexcept
{
    place_head head;
    std::memcpy(&head, place.data(), sizeof head);
    return head;
}

usage_place read_place(std::string_view place)
{
    const auto head = head_of(place);
    place.remove_prefix(sizeof head);
    usage_place where{.hour = head.hour, .outcome = head.outcome};
    std::size_t i = 0;
    for (auto* text :
         {&where.tenant, &where.key, &where.model, &where.target, &where.arm, &where.tags})
        *text = next_text(place, head.lengths[i++]);
    return where;
}

// The same place with other tags.
void write_place(std::string_view place, std::string_view tags, std::string& to)
{
    auto head = head_of(place);
    to.assign(place.substr(0, place.size() - head.lengths[tags_at])).append(tags);
    head.lengths[tags_at] = static_cast<std::uint16_t>(tags.size());
    std::memcpy(to.data(), &head, sizeof head);
}

}  // namespace

std::string_view pack(const observe::bill& what, std::span<char, most_packed_bytes> memory) noexcept
{
    packed_bill head{};
    head.counts.input = what.input;
    head.counts.cached_input = what.cached_input;
    head.counts.cache_write = what.cache_write;
    head.counts.output = what.output;
    head.counts.reasoning = what.reasoning;
    head.counts.nanodollars = what.nanodollars;
    head.counts.usage_known = what.usage_known;
    head.counts.estimated = what.estimated;
    head.counts.priced = what.priced;
    head.where.hour = hour_of(std::chrono::duration_cast<seconds>(what.time).count());
    head.where.outcome = what.outcome;
    char* at = memory.data() + sizeof head;
    const auto put = [&](std::size_t which, std::string_view text) {
        const auto bytes = std::min(text.size(), most_name_bytes);
        head.where.lengths[which] = static_cast<std::uint16_t>(bytes);
        at = put_short(at, text.substr(0, bytes));
    };
    put(0, what.tenant);
    put(1, what.key);
    if (what.place != nullptr) {
        std::ranges::copy(what.place->lengths, head.where.lengths.begin() + 2);
        at = put_short(at, what.place->text);
    } else {
        put(2, what.model);
        put(3, what.target);
        put(4, what.arm);
    }
    put(tags_at, what.tags);
    std::memcpy(memory.data(), &head, sizeof head);
    return {memory.data(), static_cast<std::size_t>(at - memory.data())};
}

observe::packed_place pack_place(
    std::string_view model, std::string_view target, std::string_view arm)
{
    observe::packed_place made;
    std::size_t i = 0;
    for (const auto text : {model, target, arm}) {
        const auto part = text.substr(0, most_name_bytes);
        made.lengths[i++] = static_cast<std::uint16_t>(part.size());
        made.text += part;
    }
    return made;
}

bool well_packed(std::string_view bills) noexcept
{
    while (!bills.empty()) {
        if (bills.size() < sizeof(packed_bill))
            return false;
        // The flags and the outcome are looked at as the numbers they came as.
        const auto* counts = bills.data() + offsetof(packed_bill, counts);
        for (const auto at :
             {offsetof(counts_head, usage_known),
              offsetof(counts_head, estimated),
              offsetof(counts_head, priced)})
            if (static_cast<unsigned char>(counts[at]) > 1)
                return false;
        const auto outcome = static_cast<unsigned char>(
            bills[offsetof(packed_bill, where) + offsetof(place_head, outcome)]);
        if (outcome >= observe::bill_outcome_labels.size())
            return false;
        place_head where;
        std::memcpy(&where, bills.data() + offsetof(packed_bill, where), sizeof where);
        std::size_t bytes = sizeof(packed_bill);
        for (const auto length : where.lengths)
            bytes += length;
        if (bytes > most_packed_bytes || bytes > bills.size())
            return false;
        bills.remove_prefix(bytes);
    }
    return true;
}

void usage_sums::add(std::string_view packed)
{
    packed_bill head;
    while (packed.size() >= sizeof head) {
        std::memcpy(&head, packed.data(), sizeof head);
        const auto& counts = head.counts;
        packed.remove_prefix(sizeof counts);
        std::size_t bytes = sizeof head.where;
        for (const auto length : head.where.lengths)
            bytes += length;
        const auto place = packed.substr(0, bytes);
        packed.remove_prefix(place.size());
        auto* const to = sum_for(place, head.where.hour, head.where.lengths[tags_at]);
        if (to == nullptr) {
            ++lost_;
            continue;
        }
        to->bills += 1;
        to->estimated += counts.estimated ? 1U : 0U;
        to->unknown += counts.usage_known ? 0U : 1U;
        to->unpriced += counts.usage_known && !counts.priced ? 1U : 0U;
        to->input += counts.input;
        to->cached_input += counts.cached_input;
        to->cache_write += counts.cache_write;
        to->output += counts.output;
        to->reasoning += counts.reasoning;
        to->nanodollars += counts.nanodollars;
        ++bills_;
        ++taken_;
    }
}

bool usage_sums::may_have_tags(std::int64_t hour, std::string_view tags)
{
    auto& known = tags_of(hour);
    if (known.contains(tags))
        return true;
    if (known.size() >= most_tags)
        return false;
    known.emplace(tags);
    return true;
}

usage_sums::names& usage_sums::tags_of(std::int64_t hour)
{
    const auto found = std::ranges::find(tags_, hour, &hour_tags::hour);
    if (found != tags_.end()) {
        std::rotate(tags_.begin(), found, found + 1);
    } else {
        if (tags_.size() == most_hours)
            tags_.pop_back();
        tags_.insert(tags_.begin(), hour_tags{.hour = hour, .known = {}});
    }
    return tags_.front().known;
}

usage_totals* usage_sums::sum_for(std::string_view place, std::int64_t hour, std::size_t tags_bytes)
{
    if (tags_bytes > 0 && !may_have_tags(hour, place.substr(place.size() - tags_bytes))) {
        write_place(place, observe::other_name, other_);
        place = other_;
    }
    // Bills come in runs.
    if (last_ == nullptr || last_->first != place)
        last_ = find_or_make(place);
    return last_ != nullptr ? &last_->second : nullptr;
}

usage_sums::sum* usage_sums::find_or_make(std::string_view place)
{
    const auto found = sums_.find(place);
    if (found != sums_.end())
        return &*found;
    return sums_.size() < most_ ? &*sums_.try_emplace(std::string(place)).first : nullptr;
}

void usage_sums::each(
    const std::function<void(const usage_place&, const usage_totals&)>& what) const
{
    for (const auto& [place, totals] : sums_)
        what(read_place(place), totals);
}

void usage_sums::clear()
{
    sums_.clear();
    last_ = nullptr;
    bills_ = 0;
}

}  // namespace sluice::state
