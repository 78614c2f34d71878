#pragma once
// A coroutine that one caller awaits. It starts when awaited and resumes its caller when it is
// done.
//
// Why not asio::awaitable: its frames above 1 KB are not recycled, every operation costs a frame
// and an executor, and a stream's frames are most of its memory. This one is a handle. It needs no
// symmetric transfer (g++ 12 turns that into recursion without optimisation): a child that finishes
// without suspending is noticed by its caller, so loops do not grow the stack.
//
// Thread: a task stays on the thread that awaits it. Lifetime: references passed to a task must
// live until it is done, which they do when it is awaited in the expression that makes it.

#include <sluice/net/frame_pool.hpp>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

namespace sluice::net {

template <class T = void>
class task;

namespace detail {

class promise_base {
public:
    static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept
    {
        free_frame(frame, bytes);
    }

    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> self) const noexcept
        {
            promise_base& promise = self.promise();
            if (std::exchange(promise.phase_, phase::done) == phase::suspended)
                promise.caller_.resume();  // may destroy this frame: nothing may follow
        }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { failure_ = std::current_exception(); }

    // True when the caller has to suspend, false when the child is already done.
    bool start(std::coroutine_handle<> self, std::coroutine_handle<> caller)
    {
        caller_ = caller;
        self.resume();
        if (phase_ == phase::done)
            return false;
        phase_ = phase::suspended;
        return true;
    }

    void rethrow() const
    {
        if (failure_)
            std::rethrow_exception(failure_);
    }

private:
    enum class phase : std::uint8_t { starting, suspended, done };

    std::coroutine_handle<> caller_;
    std::exception_ptr failure_;
    phase phase_ = phase::starting;
};

template <class T>
class promise : public promise_base {
public:
    task<T> get_return_object() noexcept;
    template <class U>
    void return_value(U&& value)
    {
        value_.emplace(std::forward<U>(value));
    }
    T take()
    {
        rethrow();
        return std::move(*value_);
    }

private:
    std::optional<T> value_;
};

template <>
class promise<void> : public promise_base {
public:
    task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() const { rethrow(); }
};

}  // namespace detail

template <class T>
class [[nodiscard]] task {
public:
    using promise_type = detail::promise<T>;
    using handle = std::coroutine_handle<promise_type>;

    explicit task(handle coroutine) noexcept
        : coroutine_(coroutine)
    {
    }
    task(task&& other) noexcept
        : coroutine_(std::exchange(other.coroutine_, {}))
    {
    }
    task& operator=(task&&) = delete;
    ~task()
    {
        if (coroutine_)
            coroutine_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> caller)
    {
        return coroutine_.promise().start(coroutine_, caller);
    }
    T await_resume() { return coroutine_.promise().take(); }

private:
    handle coroutine_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept
{
    return task<T>{std::coroutine_handle<promise<T>>::from_promise(*this)};
}

inline task<void> promise<void>::get_return_object() noexcept
{
    return task<void>{std::coroutine_handle<promise<void>>::from_promise(*this)};
}

}  // namespace detail

}  // namespace sluice::net
