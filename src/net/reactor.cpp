#include <sluice/net/reactor.hpp>

#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/asio/detail/scheduler.hpp>

#include <sys/epoll.h>

namespace sluice::net {
namespace {

namespace asio_detail = boost::asio::detail;

// The name of a private member may be written in an explicit instantiation, and nowhere else.
template <int asio_detail::epoll_reactor::* Member>
struct opened {
    friend int epoll_of(asio_detail::epoll_reactor& owner) { return owner.*Member; }
};
int epoll_of(asio_detail::epoll_reactor& owner);
template struct opened<&asio_detail::epoll_reactor::epoll_fd_>;

// The reactor takes every data pointer but its own two for a descriptor_state, and uses of it what
// it inherits from its base: the operation that it queues and the events that it notes in it.
bool control(int epoll, int command, int descriptor, std::uint32_t events, reactor::operation& told)
{
    epoll_event wanted{};
    wanted.events = events | EPOLLERR | EPOLLHUP | EPOLLET;
    wanted.data.ptr = &told;
    return ::epoll_ctl(epoll, command, descriptor, &wanted) == 0;
}

}  // namespace

reactor::reactor(boost::asio::io_context& context)
    : context_(context),
      scheduler_(boost::asio::use_service<asio_detail::scheduler>(context)),
      epoll_(epoll_of(boost::asio::use_service<asio_detail::epoll_reactor>(context))),
      deadlines_(steady::now())
{
    scheduler_.init_task();
}

bool reactor::add(int descriptor, std::uint32_t events, operation& told) noexcept
{
    return control(epoll_, EPOLL_CTL_ADD, descriptor, events, told);
}

bool reactor::change(int descriptor, std::uint32_t events, operation& told) noexcept
{
    return control(epoll_, EPOLL_CTL_MOD, descriptor, events, told);
}

void reactor::remove(int descriptor) noexcept
{
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
}

void reactor::count_report() noexcept
{
    scheduler_.compensating_work_started();
}

void reactor::post(operation& what) noexcept
{
    scheduler_.post_immediate_completion(&what, false);
}

}  // namespace sluice::net
