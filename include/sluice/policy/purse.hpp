#pragma once
// What may still be spent of one budget, in one period, before its authority grants more. Exact
// over all workers: the money left, the period and whether more may come are one atomic word,
// changed by one compare-and-swap.
//
// Workers take before they spend and settle afterwards; the authority's thread opens periods and
// grants. Money is nano-dollars, amounts are 0 or more (less counts as 0).

#include <atomic>
#include <chrono>
#include <cstdint>

namespace sluice::policy {

// Which period a purse is in: the number of the day or month, of which the purse keeps 12 bits.
enum class period_tag : std::uint16_t {};
[[nodiscard]] constexpr period_tag tag_of(std::int64_t period) noexcept
{
    return static_cast<period_tag>(static_cast<std::uint64_t>(period) & 0xfffU);
}

class purse {
public:
    // More than this is not held at once, in either direction: 1.1 million dollars.
    static constexpr std::int64_t most = (std::int64_t{1} << 50U) - 1;

    enum class answer : std::uint8_t {
        taken,
        dry,     // more may be granted
        beyond,  // something is left for this period, but not so much
        spent,   // nothing is
    };
    struct outcome {
        answer got = answer::dry;
        period_tag tag{};  // of the period that it was asked of; settle with it
    };

    // All of it or nothing; any thread. Of a purse that is in debt nothing is taken, not even 0.
    [[nodiscard]] outcome take(std::int64_t amount) noexcept;

    // Settling, any thread: of what was taken less was used, or more (into debt if need be). Of a
    // period that is over nothing changes.
    void give_back(period_tag tag, std::int64_t amount) noexcept;
    void charge(period_tag tag, std::int64_t amount) noexcept;

    // What the authority does. open() begins a period, whatever was left; the others do nothing and
    // say false when the purse is in another period.
    void open(period_tag tag, std::int64_t granted) noexcept;
    bool grant(period_tag tag, std::int64_t amount) noexcept;  // what was spent is open again
    bool close(period_tag tag) noexcept;
    // Takes back up to `amount` of what is left; how much it was.
    std::int64_t withdraw(period_tag tag, std::int64_t amount) noexcept;
    // What it could still grant in this period, not known, as after open(): anything; and when that
    // ends.
    void tell(std::int64_t grantable, std::chrono::sys_seconds ends) noexcept;

    struct contents {
        std::int64_t left = 0;  // below 0: debt
        period_tag tag{};
        bool closed = false;
    };
    [[nodiscard]] contents look() const noexcept;

    // When there is more again at the latest; 1970: not known.
    [[nodiscard]] std::chrono::sys_seconds ends() const noexcept;

    // What was asked of it since the last call, for the authority to judge how much it needs.
    struct demand {
        std::int64_t missed = 0;   // sum of what was asked while it was dry, repetitions included
        std::int64_t largest = 0;  // of all that was asked at once and could be had
        std::int64_t beyond = 0;   // the same of what could not
    };
    [[nodiscard]] demand asked() noexcept;

private:
    [[nodiscard]] answer miss(const contents& in, std::int64_t wanted) noexcept;

    // From the top: 51 bits of money, two's complement; 12 of period; 1 for closed.
    std::atomic<std::uint64_t> word_{0};
    std::atomic<std::int64_t> missed_{0};
    std::atomic<std::int64_t> largest_{0};
    std::atomic<std::int64_t> beyond_{0};
    std::atomic<std::int64_t> grantable_{most};
    std::atomic<std::int64_t> ends_{0};  // Unix seconds
};

}  // namespace sluice::policy
