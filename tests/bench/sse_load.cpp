#include "sse_load.hpp"

#include "mock_responses.hpp"

#include <algorithm>

namespace sluice::bench {

bool stamp_reader::next_stamp(std::string_view& rest, std::uint64_t& sent_ns)
{
    const std::size_t at = rest.find(stamp_mark);
    if (at == std::string_view::npos || rest.size() < at + stamp_mark.size() + stamp_digits)
        return false;
    const std::string_view digits = rest.substr(at + stamp_mark.size(), stamp_digits);
    sent_ns = 0;
    for (const char c : digits)
        sent_ns = sent_ns * 10 + static_cast<std::uint64_t>(c - '0');
    rest.remove_prefix(at + stamp_mark.size() + stamp_digits);
    return true;
}

void stamp_reader::keep_tail(std::string_view rest)
{
    constexpr std::size_t tail = stamp_mark.size() + stamp_digits - 1;
    const std::size_t at = rest.find(stamp_mark);
    if (at != std::string_view::npos)
        rest.remove_prefix(at);
    else if (rest.size() > tail)
        rest.remove_prefix(rest.size() - tail);
    pending_.erase(0, pending_.size() - rest.size());
}

sse_load::sse_load(const sse_settings& settings)
    : settings_(settings),
      streams_(settings.streams),
      buffer_(std::size_t{256} << 10U)
{
    for (stream& s : streams_)
        s.reader = response_reader([this, &s](std::string_view piece) { read_events(s, piece); });
}

std::uint64_t sse_load::due_at(std::size_t index) const
{
    return start_ns_ + settings_.ramp_ns * index / streams_.size();
}

void sse_load::run()
{
    loop([this] { return started_ == streams_.size() && open_ == 0; });
    failures_.unfinished += open_;
}

void sse_load::run_to_first_event()
{
    loop([this] { return with_events_ == streams_.size(); });
    failures_.unfinished += streams_.size() - with_events_;
}

template <class Finished>
void sse_load::loop(Finished finished)
{
    start_ns_ = progress_ns_ = monotonic_ns();
    while (!finished()) {
        const std::uint64_t now = monotonic_ns();
        if (now > progress_ns_ + settings_.patience_ns)
            break;
        while (started_ < streams_.size() && due_at(started_) <= now) {
            const std::size_t index = started_++;
            begin(index, due_at(index));
        }
        const std::uint64_t patience = progress_ns_ + settings_.patience_ns;
        const bool starting = started_ < streams_.size();
        const std::uint64_t deadline = starting ? std::min(due_at(started_), patience) : patience;
        for (const epoll_event& event : poller_.wait(finished() ? 0 : deadline)) {
            const std::size_t index = event.data.u64;
            stream& s = streams_[index];
            if (!s.socket.open())
                continue;
            if ((event.events & EPOLLOUT) != 0U && !s.socket.proceed(poller_))
                finish(index, response_reader::state::bad);
            else if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0U)
                receive(index);
        }
    }
    end_ns_ = monotonic_ns();
}

void sse_load::begin(std::size_t index, std::uint64_t due)
{
    stream& s = streams_[index];
    s.busy = true;
    s.answered = false;
    s.due_ns = due;
    s.events = 0;
    s.reader.next();
    s.stamps.next();
    ++begun_;
    ++open_;
    if (!s.socket.open() && !s.socket.connect(settings_.port, poller_, index)) {
        ++failures_.refused;
        s.busy = false;
        --open_;
        return;
    }
    if (!s.socket.send(settings_.request, poller_))
        finish(index, response_reader::state::bad);
}

void sse_load::receive(std::size_t index)
{
    stream& s = streams_[index];
    std::string_view bytes;
    const requester::got got = s.socket.receive(buffer_.data(), buffer_.size(), bytes);
    if (got == requester::got::nothing)
        return;
    if (!s.busy)
        return s.socket.close();
    read_ns_ = progress_ns_ = monotonic_ns();
    response_reader::state state = response_reader::state::bad;
    if (got == requester::got::bytes) {
        ++reads_;
        if (!s.answered) {
            s.answered = true;
            first_byte_.record(read_ns_ - s.due_ns);
        }
        state = s.reader.read(bytes);
    } else if (got == requester::got::closed) {
        state = s.reader.end();
    }
    if (state != response_reader::state::more)
        finish(index, state);
}

void sse_load::read_events(stream& s, std::string_view piece)
{
    s.stamps.read(piece, [this, &s](std::uint64_t sent_ns) {
        event_latency_.record(read_ns_ > sent_ns ? read_ns_ - sent_ns : 0);
        if (s.events != 0 && read_ns_ - s.last_event_ns > settings_.stall_ns)
            ++stalls_;
        s.last_event_ns = read_ns_;
        with_events_ += s.events == 0 ? 1U : 0U;
        ++s.events;
        ++events_;
    });
}

void sse_load::finish(std::size_t index, response_reader::state state)
{
    stream& s = streams_[index];
    s.busy = false;
    --open_;
    const int status = s.reader.status();
    if (status != 0 && (status < 200 || status > 299))
        ++failures_.statuses[status];
    else if (s.events == 0 && state == response_reader::state::bad)
        ++failures_.transport;
    else if (state == response_reader::state::bad || !s.stamps.done())
        ++truncated_;
    else if (settings_.expect_events != 0 && s.events != settings_.expect_events)
        ++miscounted_;
    else
        ++completed_;
    if (state == response_reader::state::bad || !s.reader.keep_alive())
        s.socket.close();
    const std::uint64_t now = monotonic_ns();
    if (now < start_ns_ + settings_.restart_until_ns && state == response_reader::state::done)
        begin(index, now);
}

report sse_load::result() const
{
    const double elapsed = static_cast<double>(end_ns_ - start_ns_) / 1e9;
    report out;
    out.add("streams", begun_);
    out.add("completed", completed_);
    out.add("truncated", truncated_);
    out.add("miscounted", miscounted_);
    out.add("events", events_);
    out.add("reads", reads_);
    out.add("stalls", stalls_);
    out.add("seconds", elapsed);
    out.add("per_second", elapsed > 0 ? static_cast<double>(events_) / elapsed : 0.0);
    out.add_us("event_latency_us", event_latency_);
    out.add_us("first_byte_us", first_byte_);
    failures_.write(out);
    return out;
}

}  // namespace sluice::bench
