#include <sluice/observe/cells.hpp>

#include <numeric>

namespace sluice::observe {
namespace {

// clang-format off
constexpr std::array<std::string_view, status_buckets> status_labels{
    "200", "201", "204", "400", "401", "403", "404", "405", "408", "409", "413", "415", "417",
    "422", "429", "431", "499", "500", "501", "502", "503", "504", "505", "508", "529",
    "2xx", "3xx", "4xx", "5xx", "other"};
// clang-format on

constexpr std::size_t first_class = counted_statuses.size();  // the bucket of 2xx

constexpr std::array<std::uint8_t, 600> make_buckets()
{
    std::array<std::uint8_t, 600> buckets{};
    for (std::size_t status = 0; status < buckets.size(); ++status)
        buckets[status] = static_cast<std::uint8_t>(
            status < 200 ? status_buckets - 1 : first_class + status / 100 - 2);
    for (std::size_t i = 0; i < counted_statuses.size(); ++i)
        buckets[counted_statuses[i]] = static_cast<std::uint8_t>(i);
    return buckets;
}

constexpr auto buckets_by_status = make_buckets();

}  // namespace

std::size_t status_bucket(unsigned status) noexcept
{
    return status < buckets_by_status.size() ? buckets_by_status[status] : status_buckets - 1;
}

std::string_view status_label(std::size_t bucket) noexcept
{
    return status_labels[bucket < status_buckets ? bucket : status_buckets - 1];
}

bool is_server_error(std::size_t bucket) noexcept
{
    return status_label(bucket).front() == '5';
}

std::uint64_t histogram_totals::count() const noexcept
{
    return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

}  // namespace sluice::observe
