#include <sluice/net/socket.hpp>

#include <cassert>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace sluice::net {
namespace {

// Of a coroutine that goes on.
constexpr std::size_t frame_bytes = 512;

}  // namespace

socket::socket(reactor& loop, int descriptor) noexcept
    : descriptor_(descriptor),
      report_(*this, &socket::reported),
      loop_(loop),
      turn_(*this, &socket::had_its_turn),
      timer_(*this)
{
    // What came before epoll was asked is found by looking.
    read_.unheard = true;
}

socket_ptr socket::adopt(reactor& loop, int descriptor)
{
    socket_ptr made(new socket(loop, descriptor));
    if (!loop.add(descriptor, EPOLLIN, made->report_))
        return nullptr;
    return made;
}

void socket_release::operator()(socket* s) const noexcept
{
    assert(!s->read_.waiter && !s->write_.waiter);
    s->timer_.disarm();
    s->orphaned_ = true;
    s->fetched_ = nullptr;
    // Closing alone is not enough while a process that is just being started still has a copy.
    s->loop_.remove(s->descriptor_);
    ::close(s->descriptor_);
    if (!s->known_to_loop())
        delete s;
}

void socket::fetch() const noexcept
{
    prefetch(&read_, sizeof read_ + sizeof write_ + sizeof timer_);
    prefetch(frame_, frame_bytes);
    if (fetched_ != nullptr)
        fetched_->fetch(*fetched_);
}

// The reactor has seen events of the descriptor. Without a loop: it is being destroyed.
void socket::reported(
    void* loop, operation* base, const boost::system::error_code&, std::size_t events)
{
    auto& self = static_cast<queued*>(base)->self;
    self.fetch();
    self.report_.events() = 0;
    if (loop != nullptr)
        self.loop_.count_report();
    if (self.orphaned_ || loop == nullptr) {
        if (self.orphaned_ && !self.known_to_loop())
            delete &self;
        return;
    }
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
        became_ready(self.write_);
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
        became_ready(self.read_);
    self.tell_one();
}

void socket::had_its_turn(
    void* loop, operation* base, const boost::system::error_code&, std::size_t)
{
    auto& self = static_cast<queued*>(base)->self;
    self.turn_.events() = 0;
    if (self.orphaned_ || loop == nullptr) {
        if (self.orphaned_ && !self.known_to_loop())
            delete &self;
        return;
    }
    self.tell_one();
}

void socket::became_ready(side& what) noexcept
{
    const bool asked = what.waiter || what.call != nullptr;
    if (asked && !what.due)
        what.due = true;
    else
        what.unheard = true;
}

void socket::announce() noexcept
{
    if (read_.waiter || read_.call != nullptr)
        tell_later(read_);
    else
        read_.unheard = true;
}

void socket::tell_later(side& what) noexcept
{
    what.due = true;
    if (std::exchange(turn_.events(), 1U) == 0)
        loop_.post(turn_);
}

// Whoever is told may release this socket: the other one has a turn of its own.
void socket::tell_one()
{
    if (read_.due && write_.due)
        tell_later(read_);
    auto& what = write_.due ? write_ : read_;
    if (!std::exchange(what.due, false))
        return;
    if (&what == &read_)
        drained_ = false;
    if (what.waiter) {
        timer_.suspend();
        std::exchange(what.waiter, {}).resume();
    } else if (what.call != nullptr) {
        std::exchange(what.call, nullptr)(what.context);
    }
}

io_result socket::receive(std::span<char> into) noexcept
{
    for (;;) {
        const auto got = ::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT);
        if (got > 0) {
            const auto bytes = static_cast<std::size_t>(got);
            drained_ = bytes < into.size();
            return {io::ok, bytes};
        }
        if (got == 0)
            return {io::eof, 0};
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return {io::failed, 0};
        drained_ = true;
        return {io::again, 0};
    }
}

io_result socket::send(const iovec* pieces, std::size_t count) noexcept
{
    constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = count;
    for (;;) {
        const auto sent = count == 1 ? ::send(descriptor_, pieces->iov_base, pieces->iov_len, flags)
                                     : ::sendmsg(descriptor_, &message, flags);
        if (sent >= 0)
            return {io::ok, static_cast<std::size_t>(sent)};
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return {io::again, 0};
        return {io::failed, 0};
    }
}

bool socket::ask_for_writing() noexcept
{
    if (!writing_asked_)
        writing_asked_ = loop_.change(descriptor_, EPOLLIN | EPOLLOUT, report_);
    return writing_asked_;
}

void socket::cancel(side& what, io verdict) noexcept
{
    if (!what.waiter || what.verdict != io::ok)
        return;
    what.verdict = verdict;
    tell_later(what);
}

void socket::expired(deadline& entry) noexcept
{
    auto& self = static_cast<timer&>(entry).self;
    self.cancel(self.read_, io::timed_out);
    self.cancel(self.write_, io::timed_out);
}

void socket::interrupt() noexcept
{
    cancel(read_, io::interrupted);
    cancel(write_, io::interrupted);
}

void socket::watch(notice call, void* context) noexcept
{
    read_.call = call;
    read_.context = context;
    if (std::exchange(read_.unheard, false))
        tell_later(read_);
}

void socket::unwatch() noexcept
{
    read_.call = nullptr;
    if (std::exchange(read_.due, false))
        read_.unheard = true;
}

socket::wait socket::readable(time_point until) noexcept
{
    return {*this, read_, until, !drained_};
}

socket::wait socket::writable(time_point until) noexcept
{
    return {*this, write_, until, false};
}

// False: it need not wait.
bool socket::wait::await_suspend(std::coroutine_handle<> waiter) noexcept
{
    what_.verdict = io::ok;
    what_.call = nullptr;
    if (std::exchange(what_.unheard, false)) {
        if (&what_ == &self_.read_)
            self_.drained_ = false;
        return false;
    }
    what_.waiter = waiter;
    if (&what_ == &self_.read_)
        self_.frame_ = waiter.address();
    if (until_ != time_point::max())
        self_.loop_.deadlines().arm(self_.timer_, until_);
    if (&what_ == &self_.write_ && !self_.ask_for_writing())
        self_.cancel(what_, io::failed);
    return true;
}

}  // namespace sluice::net
