#pragma once
// One request and what has become of it so far. Each step of the spine (serve.hpp) reads what the
// steps before it wrote. Made once and reused; reset() forgets the last request.

#include <sluice/base/errc.hpp>
#include <sluice/base/put.hpp>
#include <sluice/config/snapshot.hpp>
#include <sluice/http/head.hpp>
#include <sluice/net/event.hpp>
#include <sluice/observe/outcome.hpp>
#include <sluice/observe/span.hpp>
#include <sluice/observe/tags.hpp>
#include <sluice/proxy/attempt.hpp>
#include <sluice/proxy/charge.hpp>
#include <sluice/proxy/holdings.hpp>
#include <sluice/proxy/serving.hpp>
#include <sluice/proxy/token_cache.hpp>
#include <sluice/wire/request.hpp>
#include <sluice/wire/sse_tap.hpp>
#include <sluice/wire/usage.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::proxy {

class client;
struct route;
struct services;
struct shadow_run;

// A short text of its own: no allocation, cut at N.
template <std::size_t N>
class short_text {
public:
    void assign(std::string_view text) noexcept
    {
        size_ = std::min(text.size(), N);
        put_short(bytes_.data(), text.substr(0, size_));
    }
    void clear() noexcept { size_ = 0; }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }

private:
    std::size_t size_ = 0;
    std::array<char, N> bytes_;
};

class exchange {
public:
    exchange() = default;
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    void reset();

    // Why the exchange was told to stop; see stop.
    enum class stopped : std::uint8_t { no, client_gone, drain };
    void end(stopped why) noexcept
    {
        if (stop_reason == stopped::no) {
            stop_reason = why;
            stop.fire();
        }
    }

    // A failure of the request: the error and, where more is known than its row says, the words.
    errc fail(errc code, std::string_view message = {}, std::string_view param = {})
    {
        error = code;
        error_message = message;
        error_param = param;
        return code;
    }

    // Why it was told to stop, else `why`.
    [[nodiscard]] errc stopped_or(errc why) const noexcept;

    // Until when there has to be an answer's head.
    [[nodiscard]] time_point answer_due() const noexcept { return std::min(due, head_due); }

    // What a wait on the upstream that `ended` so means for the request.
    [[nodiscard]] errc lost(net::io ended) const noexcept { return stopped_or(proxy::lost(ended)); }

    // Whose answer the client gets, as far as is known.
    void answers_by(const attempt& one) noexcept
    {
        answered_by = one.model;
        target = one.target;
        provider = one.provider;
    }

    void took(observe::phase what, nanoseconds time) noexcept
    {
        overhead[static_cast<std::size_t>(what)] += time;
    }

    serving_ptr served_by;  // keeps alive what the pointers below point into
    const config::snapshot* config = nullptr;

    // read
    http::request_head head;  // valid while the client holds the request, see client::release
    const route* where = nullptr;
    std::string_view body;
    std::string_view path_label = "other";    // of the endpoint table
    std::string_view method_label = "other";  // a literal
    short_text<128> request_id;
    short_text<32> trace_id;
    observe::trace trace;
    short_text<observe::most_tags_bytes> tags;  // as read_tags() writes them
    bool keep_alive = false;                    // the client's connection may carry another request

    // authenticate, parse, admit, choose: what it is and where it goes
    const config::key* key = nullptr;
    bearer_ptr bearer;  // who came with a token
    std::optional<wire::request_facts> facts;
    std::string unescaped_model;  // what the facts refer to, where the body does not spell it so
    std::string unescaped_user;
    const config::model* model = nullptr;
    const config::target* target = nullptr;
    const config::provider* provider = nullptr;
    const config::model* answered_by = nullptr;  // whose target it is: the model, or a fallback
    bool asked_for_target = false;               // by x-sluice-target
    policy::token_estimate expected;             // what it will use, before it is sent
    holdings holds;                              // of limits and budgets, until it is settled

    // forward
    attempt_ptr tried;  // the one whose answer the client gets
    unsigned attempts = 0;
    bool exhausted = false;              // trying again is of no use to the client
    std::shared_ptr<shadow_run> shadow;  // where the request is copied

    // what the client got
    unsigned status = 0;  // 0: nothing yet
    bool head_sent = false;
    bool out_of_time = false;   // the client's own limit ended it
    bool reset_client = false;  // only a reset tells the client that its answer is not whole
    std::optional<errc> error;  // the gateway's own, or what broke the answer
    std::string error_message;
    std::string error_param;
    std::optional<nanoseconds> retry_after;  // what a refusal tells the client
    std::optional<observe::stream_end> stream_end;
    std::optional<std::uint64_t> output_events;  // of a stream that could be read
    bool reasoning_shown = false;                // by one of them
    wire::finish finish = wire::finish::none;    // as a stream told it
    wire::usage usage;
    std::optional<charge> counted;  // by the provider's usage, where that was known ahead
    short_text<24> dollars;         // what that costs, where there is a price
    charge owed;                    // known when the request is settled
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t body_bytes = 0;  // of the provider's answer, as far as it was taken

    // when
    time_point began{};     // its first octet
    time_point now{};       // as of the last wait or step
    time_point due{};       // timeouts.request, or what the client asked for
    time_point head_due{};  // until the upstream's head, where the client set a limit for that
    nanoseconds system_time{0};
    std::array<nanoseconds, 4> overhead{};  // by observe::phase
    nanoseconds queued{0};
    std::optional<time_point> first_token_at;
    std::optional<time_point> last_token_at;

    // Ends the wait the request is in.
    net::interrupter stop;
    stopped stop_reason = stopped::no;
};

}  // namespace sluice::proxy
