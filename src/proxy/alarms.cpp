#include <sluice/proxy/alarms.hpp>

namespace sluice::proxy {

alarms::alarms(boost::asio::io_context& context)
    : timer_(context)
{
    head_.next_ = head_.previous_ = &head_;
}

void alarms::set(alarm& one, time_point when)
{
    one.take_back();
    one.due_ = when;
    one.next_ = &head_;
    one.previous_ = head_.previous_;
    head_.previous_->next_ = &one;
    head_.previous_ = &one;
    if (when < armed_for_)
        arm(when);
}

void alarms::arm(time_point when)
{
    armed_for_ = when;
    timer_.expires_at(when);  // calls back an earlier wait as aborted
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            ring();
    });
}

void alarms::ring()
{
    armed_for_ = time_point::max();
    const auto now = steady::now();
    alarm* first = earliest();
    for (; first != &head_ && first->due_ <= now; first = earliest()) {
        first->take_back();
        first->ring_(*first, now);
    }
    if (first != &head_ && first->due_ < armed_for_)
        arm(first->due_);
}

alarm* alarms::earliest() noexcept
{
    alarm* first = head_.next_;
    for (alarm* one = first; one != &head_; one = one->next_)
        if (one->due_ < first->due_)
            first = one;
    return first;
}

}  // namespace sluice::proxy
