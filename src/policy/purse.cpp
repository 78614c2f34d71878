#include <sluice/policy/purse.hpp>

#include <algorithm>

namespace sluice::policy {
namespace {

constexpr unsigned money_shift = 13;

purse::contents unpack_contents(std::uint64_t word) noexcept
{
    return {
        .left = static_cast<std::int64_t>(word) >> money_shift,
        .tag = static_cast<period_tag>((word >> 1U) & 0xfffU),
        .closed = (word & 1U) != 0};
}

std::uint64_t pack(const purse::contents& in) noexcept
{
    return (static_cast<std::uint64_t>(in.left) << money_shift)
           | (static_cast<std::uint64_t>(in.tag) << 1U) | (in.closed ? 1U : 0U);
}

std::int64_t amount_of(std::int64_t asked) noexcept
{
    return std::clamp<std::int64_t>(asked, 0, purse::most);
}

std::int64_t money(std::int64_t value) noexcept
{
    return std::clamp<std::int64_t>(value, -purse::most, purse::most);
}

// Changes the word while it is in the period: change(contents&). False: it is not.
template <typename Change>
bool update(std::atomic<std::uint64_t>& word, period_tag tag, const Change& change) noexcept
{
    std::uint64_t seen = word.load(std::memory_order_relaxed);
    while (true) {
        auto in = unpack_contents(seen);
        if (in.tag != tag)
            return false;
        change(in);
        if (word.compare_exchange_weak(seen, pack(in), std::memory_order_acq_rel))
            return true;
    }
}

// A greater one that comes between is lost; the next one tells again.
void note(std::atomic<std::int64_t>& greatest, std::int64_t amount) noexcept
{
    if (amount > greatest.load(std::memory_order_relaxed))
        greatest.store(amount_of(amount), std::memory_order_relaxed);
}

}  // namespace

purse::outcome purse::take(std::int64_t amount) noexcept
{
    const std::int64_t wanted = std::max<std::int64_t>(amount, 0);
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    while (true) {
        const auto in = unpack_contents(seen);
        if (in.left < wanted)
            return {.got = miss(in, wanted), .tag = in.tag};
        // There is enough: nothing but the money changes.
        const auto less = seen - (static_cast<std::uint64_t>(wanted) << money_shift);
        if (word_.compare_exchange_weak(seen, less, std::memory_order_acq_rel)) {
            note(largest_, wanted);
            return {.got = answer::taken, .tag = in.tag};
        }
    }
}

// What cannot be had moves nobody to grant more.
purse::answer purse::miss(const contents& in, std::int64_t wanted) noexcept
{
    const auto more = in.closed ? 0 : grantable_.load(std::memory_order_relaxed);
    if (amount_of(wanted) > in.left + more) {
        note(beyond_, std::max<std::int64_t>(wanted, 1));
        return in.left + more > 0 ? answer::beyond : answer::spent;
    }
    note(largest_, wanted);
    missed_.fetch_add(amount_of(wanted), std::memory_order_relaxed);
    return answer::dry;
}

void purse::give_back(period_tag tag, std::int64_t amount) noexcept
{
    const auto more = amount_of(amount);
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    while (true) {
        auto in = unpack_contents(seen);
        if (in.tag != tag)
            return;
        // Nothing but the money changes.
        const auto added = money(in.left + more) - in.left;
        const auto next = seen + (static_cast<std::uint64_t>(added) << money_shift);
        if (word_.compare_exchange_weak(seen, next, std::memory_order_acq_rel))
            return;
    }
}

void purse::charge(period_tag tag, std::int64_t amount) noexcept
{
    update(word_, tag, [&](contents& in) { in.left = money(in.left - amount_of(amount)); });
}

void purse::open(period_tag tag, std::int64_t granted) noexcept
{
    grantable_.store(most, std::memory_order_relaxed);
    word_.store(pack({.left = amount_of(granted), .tag = tag}), std::memory_order_release);
}

bool purse::grant(period_tag tag, std::int64_t amount) noexcept
{
    return update(word_, tag, [&](contents& in) {
        in.left = money(in.left + amount_of(amount));
        in.closed = false;
    });
}

bool purse::close(period_tag tag) noexcept
{
    return update(word_, tag, [](contents& in) { in.closed = true; });
}

std::int64_t purse::withdraw(period_tag tag, std::int64_t amount) noexcept
{
    std::int64_t got = 0;
    update(word_, tag, [&](contents& in) {
        got = std::clamp<std::int64_t>(in.left, 0, amount_of(amount));
        in.left -= got;
    });
    return got;
}

void purse::tell(std::int64_t grantable, std::chrono::sys_seconds ends) noexcept
{
    grantable_.store(amount_of(grantable), std::memory_order_relaxed);
    ends_.store(ends.time_since_epoch().count(), std::memory_order_relaxed);
}

std::chrono::sys_seconds purse::ends() const noexcept
{
    return std::chrono::sys_seconds(std::chrono::seconds(ends_.load(std::memory_order_relaxed)));
}

purse::contents purse::look() const noexcept
{
    return unpack_contents(word_.load(std::memory_order_acquire));
}

purse::demand purse::asked() noexcept
{
    const std::int64_t sum = missed_.exchange(0, std::memory_order_relaxed);
    return {
        .missed = sum < 0 ? most : std::min(sum, most),  // below 0: it went round
        .largest = largest_.exchange(0, std::memory_order_relaxed),
        .beyond = beyond_.exchange(0, std::memory_order_relaxed)};
}

}  // namespace sluice::policy
