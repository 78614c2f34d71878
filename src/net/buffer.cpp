#include <sluice/net/buffer.hpp>

#include <new>

namespace sluice::net {

void buffer::reset() noexcept
{
    if (data_ != nullptr)
        pool_->give_back(data_, capacity_);
    pool_ = nullptr;
    data_ = nullptr;
    capacity_ = 0;
}

buffer_pool::~buffer_pool()
{
    for (auto& list : free_)
        for (auto* data : list)
            ::operator delete(data);
}

buffer buffer_pool::take(std::size_t at_least)
{
    std::size_t capacity = at_least;
    char* data = nullptr;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        if (at_least > sizes[i])
            continue;
        capacity = sizes[i];
        if (!free_[i].empty()) {
            data = free_[i].back();
            free_[i].pop_back();
        }
        break;
    }
    if (data == nullptr)
        data = static_cast<char*>(::operator new(capacity));
    held_ += capacity;
    ledger_.add(capacity);
    return {*this, data, capacity};
}

void buffer_pool::give_back(char* data, std::size_t capacity) noexcept
{
    held_ -= capacity;
    ledger_.remove(capacity);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        if (capacity != sizes[i] || free_[i].size() * capacity >= kept_bytes)
            continue;
        try {
            free_[i].push_back(data);
            return;
        } catch (const std::bad_alloc&) {
            break;
        }
    }
    ::operator delete(data);
}

}  // namespace sluice::net
