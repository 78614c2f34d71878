#include "mock_server.hpp"

#include "mock_request.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <sys/socket.h>

namespace sluice::bench {
namespace {

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max() / 2;
constexpr std::uint64_t listener_token = ~std::uint64_t{0};
constexpr std::uint64_t signals_token = listener_token - 1;
constexpr std::size_t pending_bytes_max = std::size_t{8} << 20U;
constexpr std::size_t due_at_once = 1024;  // then the sockets get their turn

constexpr std::string_view empty_list =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n"
    "{\"object\":\"list\",\"data\":[]}";

}  // namespace

mock_server::mock_server(const mock_settings& settings)
    : settings_(settings),
      interval_ns_(static_cast<std::uint64_t>(1e9 / settings.events_per_second)),
      say_(settings.body_bytes, settings.event_bytes),
      listener_(listen_on(settings.port)),
      signals_(termination_signals()),
      buffer_(std::size_t{256} << 10U)
{
    poller_.add(listener_.get(), EPOLLIN, listener_token);
    poller_.add(signals_.get(), EPOLLIN, signals_token);
}

void mock_server::run()
{
    for (;;) {
        std::uint64_t deadline = never;
        for (const auto* queue : {&heads_, &events_})
            if (!queue->empty())
                deadline = std::min(deadline, queue->front().at_ns);
        for (const epoll_event& event : poller_.wait(deadline)) {
            if (event.data.u64 == signals_token)
                return;
            if (event.data.u64 == listener_token) {
                accept_all();
                continue;
            }
            const auto slot = static_cast<std::uint32_t>(event.data.u64);
            const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32U);
            if (current({0, slot, generation}))
                ready(slot, event.events);
        }
        const std::uint64_t now = monotonic_ns();
        run_due(heads_, now);
        run_due(events_, now);
    }
}

void mock_server::accept_all()
{
    while (unique_fd fd = accept_from(listener_)) {
        if (free_.empty()) {
            free_.push_back(static_cast<std::uint32_t>(connections_.size()));
            connections_.push_back(std::make_unique<connection>());
        }
        const std::uint32_t slot = free_.back();
        free_.pop_back();
        connection& c = *connections_[slot];
        const std::uint32_t generation = c.generation;
        c = connection{};
        c.generation = generation;
        c.fd = std::move(fd);
        ++counts_.connections;
        poller_.add(c.fd.get(), EPOLLIN, std::uint64_t{generation} << 32U | slot);
    }
}

bool mock_server::current(const due& event) const
{
    const connection& c = *connections_[event.slot];
    return c.fd && c.generation == event.generation;
}

void mock_server::ready(std::uint32_t slot, std::uint32_t events)
{
    const std::uint32_t generation = connections_[slot]->generation;
    if ((events & EPOLLOUT) != 0U) {
        flush(slot);
        if (connections_[slot]->answered)
            finish_response(slot);
    }
    if ((events & ~std::uint32_t{EPOLLOUT}) != 0U && current({0, slot, generation}))
        receive(slot);
}

void mock_server::receive(std::uint32_t slot)
{
    connection& c = *connections_[slot];
    const ssize_t n = recv(c.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            close(slot);
        return;
    }
    const std::string_view bytes{buffer_.data(), static_cast<std::size_t>(n)};
    if (c.in.empty() && !c.busy)
        return take_requests(slot, bytes);
    c.in.append(bytes);
    if (c.busy || c.in.size() < c.needed)
        return;
    const std::string whole = std::move(c.in);
    c.in.clear();
    take_requests(slot, whole);
}

// Stops at the first request whose response is not out yet; what follows waits in `in`.
void mock_server::take_requests(std::uint32_t slot, std::string_view bytes)
{
    connection& c = *connections_[slot];
    const std::uint32_t generation = c.generation;
    c.needed = 0;
    while (!bytes.empty() && !c.busy) {
        const std::size_t taken = take_request(c, bytes);
        if (taken == 0)
            break;
        bytes.remove_prefix(taken);
        if (c.close_after)
            bytes = {};
        begin_response(slot);
        if (!current({0, slot, generation}))
            return;
    }
    c.in.append(bytes);
}

// How many bytes the first request has; 0: not all of it is here.
std::size_t mock_server::take_request(connection& c, std::string_view bytes)
{
    const mock_request request = read_request(bytes);
    if (request.found == mock_request::state::partial) {
        c.needed = request.bytes;
        return 0;
    }
    if (request.found == mock_request::state::refused) {
        refuse(c);
        return bytes.size();
    }
    c.close_after = request.close;
    c.wants_stream = request.stream;
    c.wants_usage = request.usage;
    ++counts_.requests;
    if (!request.post) {
        c.busy = true;
        c.out = empty_list;
    }
    return request.bytes;
}

void mock_server::refuse(connection& c)
{
    ++counts_.refused;
    c.busy = true;
    c.close_after = true;
    c.out = "HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
}

void mock_server::begin_response(std::uint32_t slot)
{
    connection& c = *connections_[slot];
    if (c.busy)  // the answer is already in `out`
        return finish_response(slot);
    c.busy = true;
    if (settings_.delay_ns == 0)
        return respond(slot, monotonic_ns());
    heads_.push_back({monotonic_ns() + settings_.delay_ns, slot, c.generation});
}

void mock_server::respond(std::uint32_t slot, std::uint64_t now)
{
    connection& c = *connections_[slot];
    if (!c.wants_stream) {
        send(slot, say_.completion());
        return finish_response(slot);
    }
    ++counts_.streams;
    c.events_left = settings_.events;
    c.out.append(say_.stream_head());
    next_event({now, slot, c.generation}, now);
}

void mock_server::next_event(const due& event, std::uint64_t now)
{
    connection& c = *connections_[event.slot];
    if (c.events_left == 0) {
        send(event.slot, say_.stream_end(c.wants_usage));
        return finish_response(event.slot);
    }
    --c.events_left;
    ++counts_.events;
    counts_.late_ns_max = std::max(counts_.late_ns_max, now - event.at_ns);
    send(event.slot, say_.event(now));
    if (current(event))
        events_.push_back({event.at_ns + interval_ns_, event.slot, event.generation});
}

// The connection may be gone, or answering the next request, when this returns.
void mock_server::finish_response(std::uint32_t slot)
{
    connection& c = *connections_[slot];
    if (!c.fd)
        return;
    c.answered = true;
    if (!c.out.empty() && !c.waits_for_room)
        flush(slot);
    if (!c.fd || !c.out.empty())
        return;  // ready() comes back here once the rest is out
    if (c.close_after)
        return close(slot);
    c.busy = c.answered = false;
    if (c.in.empty())
        return;
    const std::string early = std::move(c.in);
    c.in.clear();
    take_requests(slot, early);
}

void mock_server::run_due(std::deque<due>& queue, std::uint64_t now)
{
    for (std::size_t i = 0; i < due_at_once && !queue.empty() && queue.front().at_ns <= now; ++i) {
        const due event = queue.front();
        queue.pop_front();
        if (!current(event))
            continue;
        if (&queue == &heads_)
            respond(event.slot, now);
        else
            next_event(event, monotonic_ns());
    }
}

void mock_server::send(std::uint32_t slot, std::string_view bytes)
{
    connection& c = *connections_[slot];
    if (!c.fd)
        return;
    if (!c.out.empty()) {
        c.out.append(bytes);
        if (!c.waits_for_room)
            flush(slot);
        else if (c.out.size() > pending_bytes_max)
            close(slot);
        return;
    }
    const ssize_t n = ::send(c.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        return close(slot);
    const std::size_t sent = n < 0 ? 0U : static_cast<std::size_t>(n);
    if (sent < bytes.size()) {
        c.out.assign(bytes.substr(sent));
        flush(slot);
    }
}

// Sends what is pending; what stays makes the poller watch for room.
void mock_server::flush(std::uint32_t slot)
{
    connection& c = *connections_[slot];
    const bool waited = c.waits_for_room;
    if (!c.out.empty()) {
        const ssize_t n = ::send(c.fd.get(), c.out.data(), c.out.size(), MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return close(slot);
        c.out.erase(0, n < 0 ? 0U : static_cast<std::size_t>(n));
    }
    c.waits_for_room = !c.out.empty();
    if (c.waits_for_room == waited)
        return;
    const std::uint32_t events = c.waits_for_room ? EPOLLIN | EPOLLOUT : std::uint32_t{EPOLLIN};
    poller_.change(c.fd.get(), events, std::uint64_t{c.generation} << 32U | slot);
}

void mock_server::close(std::uint32_t slot)
{
    connection& c = *connections_[slot];
    if (!c.fd)
        return;
    if (c.busy && !c.close_after)
        ++counts_.aborted;
    c.fd.reset();
    ++c.generation;
    c.in = {};
    c.out = {};
    free_.push_back(slot);
}

}  // namespace sluice::bench
