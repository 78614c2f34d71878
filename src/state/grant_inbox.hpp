#pragma once
// What waits for the thread that tends the purses: answers of the authority, which may come on any
// thread and after the end of whoever asked, and what the control thread wants done.

#include <sluice/state/authority.hpp>
#include <sluice/state/grants.hpp>

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::state {

struct grant_reply {
    enum class kind : std::uint8_t { taken, returned, topped_up } what = kind::taken;
    std::string budget;
    std::int64_t period = 0;
    std::int64_t amount = 0;  // what was owed, or returned
    grant answer = {};
    extra more = {};  // of a top-up, as the next
    grants::on_top_up then = {};
};

class grant_inbox {
public:
    explicit grant_inbox(ledger& on)
        : on_(&on)
    {
    }

    void put(grant_reply reply)
    {
        const std::scoped_lock lock(mutex_);
        replies_.push_back(std::move(reply));
        if (on_ != nullptr)
            on_->hurry();
    }

    void put(std::function<void()> command)
    {
        const std::scoped_lock lock(mutex_);
        commands_.push_back(std::move(command));
        if (on_ != nullptr)
            on_->hurry();
    }

    [[nodiscard]] std::vector<grant_reply> replies()
    {
        const std::scoped_lock lock(mutex_);
        return std::exchange(replies_, {});
    }
    [[nodiscard]] std::vector<std::function<void()>> commands()
    {
        const std::scoped_lock lock(mutex_);
        return std::exchange(commands_, {});
    }

    // Nobody takes anything out any more.
    void close()
    {
        const std::scoped_lock lock(mutex_);
        on_ = nullptr;
    }

private:
    std::mutex mutex_;
    ledger* on_;
    std::vector<grant_reply> replies_;
    std::vector<std::function<void()>> commands_;
};

}  // namespace sluice::state
