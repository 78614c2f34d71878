#include <sluice/proxy/exchange.hpp>

#include <utility>

namespace sluice::proxy {

void exchange::reset()
{
    served_by.reset();
    config = nullptr;
    where = nullptr;
    body = {};
    path_label = method_label = "other";
    request_id.clear();
    trace_id.clear();
    keep_alive = false;
    key = nullptr;
    facts.reset();
    model = nullptr;
    target = nullptr;
    provider = nullptr;
    entered = ask_usage = false;
    home = nullptr;
    (void)let_go();
    attempts = 0;
    upstream_cut = upstream_complete = false;
    status = 0;
    head_sent = reset_client = false;
    error.reset();
    error_message.clear();
    error_param.clear();
    retry_after.reset();
    stream_end.reset();
    usage = {};
    bytes_in = bytes_out = output_events = 0;
    overhead = {};
    queued = {};
    first_token_at.reset();
    last_token_at.reset();
    stop = {};
    stop_reason = stopped::no;
}

void exchange::hold(std::unique_ptr<net::stream> connection, observe::gauge& count) noexcept
{
    upstream = std::move(connection);
    busy = &count;
    busy->add();
}

std::unique_ptr<net::stream> exchange::let_go() noexcept
{
    if (busy != nullptr)
        std::exchange(busy, nullptr)->sub();
    return std::move(upstream);
}

errc exchange::lost(net::io ended) const noexcept
{
    if (stop_reason == stopped::client_gone)
        return errc::client_closed_request;
    if (stop_reason == stopped::drain)
        return errc::draining;
    if (ended == net::io::timed_out)
        return errc::upstream_timeout;
    return ended == net::io::eof ? errc::upstream_eof : errc::upstream_reset;
}

}  // namespace sluice::proxy
