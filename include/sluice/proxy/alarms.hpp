#pragma once
// Instants finer than the deadline wheel's tick, most of which are taken back before they come: one
// timer for all of a worker, so that setting and taking back is no system call.

#include <sluice/base/clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace sluice::proxy {

class alarms;

// Embedded in what waits; taken back when it goes. `ring` is called on the worker's thread with the
// alarm already taken back; it may set or take back any.
class alarm {
public:
    using function = void (*)(alarm&, time_point now);

    explicit alarm(function ring) noexcept
        : ring_(ring)
    {
    }
    alarm(const alarm&) = delete;
    alarm& operator=(const alarm&) = delete;
    ~alarm() { take_back(); }

    void take_back() noexcept
    {
        if (next_ == nullptr)
            return;
        previous_->next_ = next_;
        next_->previous_ = previous_;
        next_ = previous_ = nullptr;
    }

private:
    friend class alarms;

    alarm* next_ = nullptr;
    alarm* previous_ = nullptr;
    time_point due_{};
    function ring_;
};

// Outlives the alarms that are set. Those that are due ring in the order of their times; each looks
// at every one that is set.
class alarms {
public:
    explicit alarms(boost::asio::io_context& context);
    alarms(const alarms&) = delete;
    alarms& operator=(const alarms&) = delete;

    // Rings once, at `when` or when the loop comes round after it.
    void set(alarm& one, time_point when);

private:
    void arm(time_point when);
    void ring();
    // The ring's head if none is set.
    [[nodiscard]] alarm* earliest() noexcept;

    boost::asio::steady_timer timer_;
    time_point armed_for_ = time_point::max();
    alarm head_{nullptr};  // of the ring of those that are set
};

}  // namespace sluice::proxy
