#include <sluice/proxy/exchange.hpp>

namespace sluice::proxy {

void exchange::reset()
{
    served_by.reset();
    config = nullptr;
    head.clear();
    where = nullptr;
    body = {};
    if (!unescaped_model.empty())
        std::string{}.swap(unescaped_model);
    if (!unescaped_user.empty())
        std::string{}.swap(unescaped_user);
    path_label = method_label = "other";
    request_id.clear();
    trace_id.clear();
    tags.clear();
    keep_alive = false;
    key = nullptr;
    bearer.reset();
    facts.reset();
    model = nullptr;
    target = nullptr;
    provider = nullptr;
    answered_by = nullptr;
    asked_for_target = exhausted = false;
    expected = {};
    tried.reset();
    attempts = 0;
    trace.sampled = false;
    shadow.reset();
    status = 0;
    head_sent = out_of_time = reset_client = false;
    error.reset();
    error_message.clear();
    error_param.clear();
    retry_after.reset();
    stream_end.reset();
    finish = wire::finish::none;
    usage = {};
    counted.reset();
    owed = {};
    bytes_in = bytes_out = body_bytes = 0;
    output_events.reset();
    reasoning_shown = false;
    overhead = {};
    queued = {};
    first_token_at.reset();
    last_token_at.reset();
    stop = {};
    stop_reason = stopped::no;
}

errc exchange::stopped_or(errc why) const noexcept
{
    if (stop_reason == stopped::client_gone)
        return errc::client_closed_request;
    return stop_reason == stopped::drain ? errc::draining : why;
}

}  // namespace sluice::proxy
