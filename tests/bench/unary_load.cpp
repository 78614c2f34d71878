#include "unary_load.hpp"

#include <algorithm>

namespace sluice::bench {

unary_load::unary_load(const unary_settings& settings)
    : settings_(settings),
      clients_(settings.connections),
      buffer_(std::size_t{256} << 10U)
{
    for (std::size_t i = 0; i < clients_.size(); ++i) {
        if (!clients_[i].socket.connect(settings_.port, poller_, i))
            ++failures_.refused;
        free_.push_back(i);
    }
}

std::uint64_t unary_load::due_at(std::uint64_t request) const
{
    return start_ns_
           + static_cast<std::uint64_t>(static_cast<double>(request) * 1e9 / settings_.rate);
}

void unary_load::run()
{
    start_ns_ = monotonic_ns();
    std::uint64_t give_up = start_ns_ + settings_.patience_ns;
    while (finished_ < settings_.count) {
        const std::uint64_t now = monotonic_ns();
        if (now >= give_up)
            break;
        const std::uint64_t issued_before = issued_;
        make_due(now);
        assign(now);
        if (issued_ != issued_before)
            give_up = now + settings_.patience_ns;
        const bool scheduled = settings_.rate > 0 && issued_ < settings_.count;
        const std::uint64_t deadline = scheduled ? std::min(due_at(issued_), give_up) : give_up;
        for (const epoll_event& event : poller_.wait(finished_ < settings_.count ? deadline : 0)) {
            const std::size_t index = event.data.u64;
            client& c = clients_[index];
            if (!c.socket.open())
                continue;
            if ((event.events & EPOLLOUT) != 0U && !c.socket.proceed(poller_))
                fail(index, failures_.transport);
            else if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0U)
                receive(index);
        }
    }
    end_ns_ = monotonic_ns();
    failures_.unfinished += settings_.count - finished_;
}

void unary_load::make_due(std::uint64_t now)
{
    if (settings_.rate > 0) {
        while (issued_ < settings_.count && due_at(issued_) <= now)
            waiting_.push_back(due_at(issued_++));
    } else {
        while (issued_ < settings_.count && waiting_.size() < free_.size()) {
            waiting_.push_back(now);
            ++issued_;
        }
    }
    waiting_max_ = std::max<std::uint64_t>(waiting_max_, waiting_.size());
}

void unary_load::assign(std::uint64_t now)
{
    while (!waiting_.empty() && !free_.empty()) {
        const std::size_t index = free_.front();
        free_.pop_front();
        const std::uint64_t due = waiting_.front();
        waiting_.pop_front();
        begin(index, due, now);
    }
}

void unary_load::begin(std::size_t index, std::uint64_t due, std::uint64_t now)
{
    client& c = clients_[index];
    c.busy = true;
    c.answered = false;
    c.due_ns = due;
    c.sent_ns = now;
    c.reader.next();
    if (!c.socket.open()) {
        ++reconnects_;
        if (!c.socket.connect(settings_.port, poller_, index))
            return fail(index, failures_.refused);
    }
    if (!c.socket.send(settings_.request, poller_))
        fail(index, failures_.transport);
}

void unary_load::receive(std::size_t index)
{
    client& c = clients_[index];
    std::string_view bytes;
    const requester::got got = c.socket.receive(buffer_.data(), buffer_.size(), bytes);
    if (got == requester::got::nothing)
        return;
    if (!c.busy)  // an idle connection was closed, or spoke out of turn
        return c.socket.close();
    const std::uint64_t now = monotonic_ns();
    if (!c.answered) {
        c.answered = true;
        first_byte_.record(now - c.due_ns);
    }
    response_reader::state state = response_reader::state::bad;
    if (got == requester::got::bytes)
        state = c.reader.read(bytes);
    else if (got == requester::got::closed)
        state = c.reader.end();
    if (state == response_reader::state::bad
        || (state == response_reader::state::done && !bytes.empty()))
        return fail(index, failures_.transport);
    if (state == response_reader::state::done)
        complete(index, now);
}

void unary_load::complete(std::size_t index, std::uint64_t now)
{
    client& c = clients_[index];
    latency_.record(now - c.due_ns);
    service_.record(now - c.sent_ns);
    const int status = c.reader.status();
    if (status < 200 || status > 299)
        ++failures_.statuses[status];
    else if (settings_.expect_bytes != 0 && c.reader.body_bytes() != settings_.expect_bytes)
        ++failures_.lengths;
    else
        ++answered_;
    if (!c.reader.keep_alive())
        c.socket.close();
    release(index);
}

void unary_load::fail(std::size_t index, std::uint64_t& counter)
{
    ++counter;
    clients_[index].socket.close();
    release(index);
}

void unary_load::release(std::size_t index)
{
    ++finished_;
    clients_[index].busy = false;
    free_.push_back(index);
}

report unary_load::result() const
{
    const double elapsed = static_cast<double>(end_ns_ - start_ns_) / 1e9;
    report out;
    out.add("requests", settings_.count);
    out.add("answered", answered_);
    out.add("seconds", elapsed);
    out.add("per_second", elapsed > 0 ? static_cast<double>(finished_) / elapsed : 0.0);
    out.add("reconnects", reconnects_);
    out.add("waiting_max", waiting_max_);
    out.add_us("latency_us", latency_);
    out.add_us("first_byte_us", first_byte_);
    out.add_us("service_us", service_);
    failures_.write(out);
    return out;
}

}  // namespace sluice::bench
