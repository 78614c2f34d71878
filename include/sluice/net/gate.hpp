#pragma once
// Knows every coroutine that nobody awaits. Spawning anything else is not possible, so a drain can
// wait for the last one.

#include <sluice/net/task.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <utility>

namespace sluice::net {

// One thread. Outlives everything spawned through it.
class gate {
public:
    // Called with what a spawned task threw: a bug, not an expected failure.
    using failure_handler = std::function<void(std::exception_ptr)>;

    explicit gate(failure_handler on_failure)
        : on_failure_(std::move(on_failure))
    {
    }
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;

    // Runs until its first wait, at once.
    void spawn(task<> work) { run(*this, std::move(work)); }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }

private:
    struct root {
        struct promise_type {
            static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
            static void operator delete(void* frame, std::size_t bytes) noexcept
            {
                free_frame(frame, bytes);
            }
            root get_return_object() const noexcept { return {}; }
            std::suspend_never initial_suspend() const noexcept { return {}; }
            std::suspend_never final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            void unhandled_exception() const noexcept { std::terminate(); }
        };
    };

    static root run(gate& self, task<> work)
    {
        ++self.count_;
        try {
            co_await work;
        } catch (...) {
            self.on_failure_(std::current_exception());
        }
        --self.count_;
    }

    failure_handler on_failure_;
    std::size_t count_ = 0;
};

}  // namespace sluice::net
