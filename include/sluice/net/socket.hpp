#pragma once
// One non-blocking socket on one worker: readiness with a deadline, and what recv and sendmsg said.

#include <sluice/net/reactor.hpp>

#include <boost/asio/detail/epoll_reactor.hpp>

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

// Closes; frees the object at once or when the reactor has let go of it.
struct socket_release {
    void operator()(socket* s) const noexcept;
};
using socket_ptr = std::unique_ptr<socket, socket_release>;

class socket {
public:
    // Takes the descriptor, which must be non-blocking. Null, with the descriptor closed, when
    // epoll refuses it.
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

    // Says `ok`, `timed_out`, `interrupted` or `failed`. At most one waiter for reading and one for
    // writing; time_point::max() means no deadline.
    class wait;
    [[nodiscard]] wait readable(time_point until) noexcept;
    [[nodiscard]] wait writable(time_point until) noexcept;
    // For a connect that is under way.
    [[nodiscard]] wait connected(time_point until) noexcept;

    // Ends the wait of whoever waits, with `interrupted`. Nobody waiting: nothing happens.
    void interrupt() noexcept;

    // Calls `notice(context)` once when the socket next becomes readable or fails, unless
    // readable() is awaited before; unwatch() takes it back. Costs no system call.
    using notice = void (*)(void* context);
    void watch(notice call, void* context) noexcept;
    void unwatch() noexcept { read_.call = nullptr; }

private:
    friend struct socket_release;
    using asio_op = boost::asio::detail::reactor_op;

    struct op : asio_op {
        op(socket& owner, int type) noexcept;
        static status perform(asio_op* base);
        static void complete(
            void* owner,
            boost::asio::detail::scheduler_operation* base,
            const boost::system::error_code& ec,
            std::size_t bytes);

        socket& self;
        int type;
        bool pending = false;  // queued in the reactor, or its completion is on the way
        io verdict = io::ok;
        std::coroutine_handle<> waiter;
        notice call = nullptr;
        void* context = nullptr;
    };

    socket(reactor& loop, int descriptor) noexcept;
    ~socket() = default;

    void start(op& what, bool speculative) noexcept;
    void cancel(op& what, io verdict) noexcept;
    static void expired(deadline& entry) noexcept;

    reactor& loop_;
    int descriptor_;
    bool drained_ = false;
    bool orphaned_ = false;
    boost::asio::detail::epoll_reactor::per_descriptor_data data_ = nullptr;
    op read_;
    op write_;
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
    wait(socket& self, op& what, time_point until, bool ready, bool speculative) noexcept
        : self_(self),
          what_(what),
          until_(until),
          ready_(ready),
          speculative_(speculative)
    {
    }
    bool await_ready() const noexcept { return ready_; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept;
    io await_resume() const noexcept { return ready_ ? io::ok : what_.verdict; }

private:
    socket& self_;
    op& what_;
    time_point until_;
    bool ready_;
    bool speculative_;
};

}  // namespace sluice::net
