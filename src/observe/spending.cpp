#include <sluice/observe/catalogue.hpp>
#include <sluice/observe/spending.hpp>

namespace sluice::observe {

// The pair that everybody else falls back to is there from the beginning.
spending::spending()
{
    (void)find_or_make(other_id, other_id);
}

spending::pair* spending::find_or_make(std::size_t arm, std::size_t key)
{
    const auto id = (std::uint64_t{arm} << 32U) | key;
    if (const auto found = known_.find(id); found != known_.end())
        return found->second;
    const auto index = count_.load(std::memory_order_relaxed);
    if (index == most_pairs)
        return nullptr;
    auto& home = owned_[index / block];
    if (!home) {
        home = std::make_unique<pairs>();
        shared_[index / block].store(home.get(), std::memory_order_release);
    }
    auto& made = (*home)[index % block];
    made.arm = arm;
    made.key = key;
    known_.emplace(id, &made);
    count_.store(index + 1, std::memory_order_release);
    return &made;
}

void spending::add(std::size_t arm, std::size_t key, std::uint64_t nanodollars)
{
    if (last_ == nullptr || last_->arm != arm || last_->key != key)
        last_ = find_or_make(arm, key);
    if (last_ == nullptr)
        last_ = find_or_make(arm, other_id);
    if (last_ == nullptr)
        last_ = find_or_make(other_id, other_id);
    last_->nanodollars.add(nanodollars);
}

}  // namespace sluice::observe
