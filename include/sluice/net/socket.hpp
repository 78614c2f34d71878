#pragma once
// One non-blocking socket on one worker: readiness with a deadline, and what recv and sendmsg said.

#include <sluice/base/prefetch.hpp>
#include <sluice/net/reactor.hpp>

#include <boost/asio/detail/scheduler_operation.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/uio.h>

namespace sluice::net {

// How a wait ended, or what an operation on the socket said.
enum class io : std::uint8_t {
    ok,
    again,        // would block
    eof,          // the peer ended its side in order
    failed,       // reset, or any other error of the socket
    timed_out,    // by the deadline given
    interrupted,  // by interrupt()
};

struct io_result {
    io status = io::ok;
    std::size_t bytes = 0;
};

class socket;

// Closes; frees the object at once or when the event loop has let go of it.
struct socket_release {
    void operator()(socket* s) const noexcept;
};
using socket_ptr = std::unique_ptr<socket, socket_release>;

class alignas(64) socket {
public:
    // Takes the descriptor, which must be non-blocking and the only one of its open file: closing
    // it has to end what epoll knows about it. Null, with the descriptor closed, when epoll refuses
    // it.
    [[nodiscard]] static socket_ptr adopt(reactor& loop, int descriptor);

    socket(const socket&) = delete;
    socket& operator=(const socket&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

    // One recv or sendmsg. A recv that filled less than `into` drained the socket: the next
    // readable() waits for the reactor without a probe, so an end that arrived together with the
    // data is not seen until probe() is called. Callers that are in the middle of a message probe.
    [[nodiscard]] io_result receive(std::span<char> into) noexcept;
    [[nodiscard]] io_result send(const iovec* pieces, std::size_t count) noexcept;
    void probe() noexcept { drained_ = false; }
    // For a caller that reads the descriptor by other means (TLS).
    void drained(bool so) noexcept { drained_ = so; }
    // It has taken octets that somebody else waits for: as if the reactor had news of them.
    void announce() noexcept;

    // Says `ok`, `timed_out`, `interrupted` or `failed`. At most one waiter for reading and one for
    // writing; time_point::max() means no deadline.
    class wait;
    [[nodiscard]] wait readable(time_point until) noexcept;
    // Also the end of a connect that is under way.
    [[nodiscard]] wait writable(time_point until) noexcept;

    // Ends the wait of whoever waits, with `interrupted`. Nobody waiting: nothing happens.
    void interrupt() noexcept;

    // Calls `notice(context)` once when the socket next becomes readable or fails, unless
    // readable() is awaited before; unwatch() takes it back. Costs no system call.
    using notice = void (*)(void* context);
    void watch(notice call, void* context) noexcept;
    void unwatch() noexcept;

    // Whoever waits for reading is about to use all that: it is fetched as soon as the reactor has
    // news. Null: nothing. `what` lives until it is replaced.
    void about_to_use(const prefetcher* what) noexcept { fetched_ = what; }

private:
    friend struct socket_release;
    using operation = boost::asio::detail::scheduler_operation;

    // What the event loop's queue holds of this socket.
    struct queued : operation {
        queued(socket& owner, func_type run) noexcept
            : operation(run),
              self(owner)
        {
        }
        // The epoll events it was queued with by the reactor; zero when it is not queued.
        [[nodiscard]] unsigned int& events() noexcept { return task_result_; }
        socket& self;
    };

    // Reading or writing.
    struct side {
        bool unheard = false;  // it became ready while nobody asked
        bool due = false;      // whoever asked is to be told
        io verdict = io::ok;
        std::coroutine_handle<> waiter;
        notice call = nullptr;
        void* context = nullptr;
    };

    socket(reactor& loop, int descriptor) noexcept;
    ~socket() = default;

    static void reported(
        void* loop, operation* base, const boost::system::error_code& ec, std::size_t events);
    static void had_its_turn(
        void* loop, operation* base, const boost::system::error_code& ec, std::size_t events);
    void fetch() const noexcept;
    static void became_ready(side& what) noexcept;
    void tell_later(side& what) noexcept;
    void tell_one();
    [[nodiscard]] bool ask_for_writing() noexcept;
    void cancel(side& what, io verdict) noexcept;
    static void expired(deadline& entry) noexcept;
    // Whether the event loop still has a pointer to this.
    [[nodiscard]] bool known_to_loop() noexcept
    {
        return report_.events() != 0 || turn_.events() != 0;
    }

    // In the order of use: what a report needs at once lies together.
    int descriptor_;
    bool drained_ = false;
    bool orphaned_ = false;
    bool writing_asked_ = false;  // epoll reports room for writing
    queued report_;               // by the reactor
    const prefetcher* fetched_ = nullptr;
    const void* frame_ = nullptr;  // of whoever waits for reading
    reactor& loop_;
    side read_;
    side write_;
    queued turn_;  // by ourselves
    struct timer : deadline {
        explicit timer(socket& owner) noexcept
            : deadline(&socket::expired),
              self(owner)
        {
        }
        socket& self;
    } timer_;
};

class [[nodiscard]] socket::wait {
public:
    wait(socket& self, side& what, time_point until, bool ready) noexcept
        : self_(self),
          what_(what),
          until_(until),
          ready_(ready)
    {
    }
    bool await_ready() const noexcept { return ready_; }
    bool await_suspend(std::coroutine_handle<> waiter) noexcept;
    io await_resume() const noexcept { return ready_ ? io::ok : what_.verdict; }

private:
    socket& self_;
    side& what_;
    time_point until_;
    bool ready_;
};

}  // namespace sluice::net
