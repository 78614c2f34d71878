#pragma once
// One try at one target: sends the request and has the beginning of the answer. Several may run
// beside each other for one request, each as a task of its own and stopped on its own.

#include <sluice/base/errc.hpp>
#include <sluice/config/snapshot.hpp>
#include <sluice/http/head.hpp>
#include <sluice/net/event.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/observe/cell.hpp>
#include <sluice/observe/outcome.hpp>
#include <sluice/observe/span.hpp>
#include <sluice/policy/attempt_plan.hpp>
#include <sluice/proxy/holdings.hpp>
#include <sluice/wire/request.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice::net {
class pool;
}

namespace sluice::proxy {

struct link;
struct services;
struct serving;

// What an attempt reads of the request. Everything it refers to outlives the attempt's task.
struct question {
    const http::request_head& head;
    std::string_view body;
    const wire::request_facts& facts;
    std::string_view request_id;
    const proxy::serving& serving;
    time_point due;           // until there is an answer, as the client or the configuration wants
    bool due_is_the_clients;  // who has made it that short
};

// A connection that said nothing for so long is looked at: has it ended?
inline constexpr milliseconds silence{300};

// What became of an attempt. `error` is what the client is told where there is no answer to pass
// on; `words`, where more is known than its row says: literals.
struct outcome {
    policy::cause why = policy::cause::success;
    observe::attempt_outcome label = observe::attempt_outcome::success;
    errc error = errc::upstream_error;
    std::string_view words = {};
};

// Made once and reused, see services::borrow_attempt; reset() forgets the last use.
class attempt {
public:
    attempt() = default;
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;

    void reset() noexcept;

    // Where it goes: what the plan said.
    void aim(const question& asked, const policy::step& to) noexcept;

    // A failure, and where more is known than its row says, the words: literals.
    errc fail(errc code, std::string_view text = {}) noexcept
    {
        words = text;
        return code;
    }

    // Whether a provider has, or may have, something of the request.
    [[nodiscard]] bool connected() const noexcept { return upstream != nullptr; }

    // Whether its answer is an error.
    [[nodiscard]] bool refused() const noexcept
    {
        return !head.empty() && response.status() >= 400;
    }

    // The connection it uses, counted as busy for as long as it is held.
    void hold(std::unique_ptr<net::stream> connection, observe::gauge& busy) noexcept;
    [[nodiscard]] std::unique_ptr<net::stream> let_go() noexcept;

    // Gives the connection up: to its pool when the answer was taken whole, else closes it.
    void release(time_point now);

    // What came of the answer, and the connection with it.
    void forget_answer() noexcept;

    // Adds the next octets of the answer to `rest`: into the scratch, or into `spill` from the
    // first keep() on.
    [[nodiscard]] net::io_result take(std::span<char> scratch) noexcept;
    // Before a wait: moves the answer out of the scratch, with room for more of it.
    void keep(net::buffer_pool& buffers);

    // where
    const config::model* model = nullptr;
    const config::target* target = nullptr;
    const config::provider* provider = nullptr;
    net::pool* home = nullptr;   // null: the provider's TLS trust could not be loaded
    std::size_t credential = 0;  // which of the provider's keys
    bool ask_usage = false;
    std::string_view called;      // the model's public name
    std::string_view model_json;  // what goes into the body for it; empty: what is there

    // what it has been allowed, until tell()
    policy::permission given;
    bool told = true;
    bool heard = false;  // its target's state knows that it answered

    holdings holds;          // of its provider's limits, until tell()
    std::uint64_t used = 0;  // tokens, as far as they are known then

    observe::attempt_trace trace;  // until tell()

    // the connection
    std::unique_ptr<net::stream> upstream;
    observe::gauge* busy = nullptr;
    bool kept = false;      // it had been used before
    unsigned sent = 0;      // how often the request was sent; 2 after a stale connection
    bool cut = false;       // it answered before it had the whole request
    bool complete = false;  // its answer ended where it said
    bool broken = false;    // its answer was held back and will not come to its end

    // The answer: a parsed head, and what came behind it. Both lie in the worker's scratch, where
    // they are valid until the next wait, or in `spill`.
    http::response_head response;
    std::span<char> head;  // its text
    std::span<char> rest;
    net::buffer spill;

    std::string_view words;  // of a failure: literals; may be empty
    std::string message;     // instead of words: the provider's own, or put together

    // when
    time_point began{};
    time_point now{};        // as of its last wait
    time_point head_at{};    // when the answer's head was here
    time_point first_at{};   // the first token of a stream, else the head
    nanoseconds connect{0};  // until there was a connection
};

// Gives an attempt back to the worker it was borrowed from.
struct attempt_return {
    services* home = nullptr;
    void operator()(attempt* one) const noexcept;
};
using attempt_ptr = std::unique_ptr<attempt, attempt_return>;

// The whole try: a connection, the request, the answer up to where the client may have it (see
// prelude.hpp); on a new connection once more when a kept one turned out to have died idle before a
// single octet of an answer. `one` is aimed and begun. Stopped: client_closed_request, whoever did
// it. Needs nothing of the request but `asked`, so several can run at a time.
net::task<outcome> ask(services& with, attempt& one, const question& asked, net::interrupter& stop);

// What a wait on the provider that `ended` so means.
[[nodiscard]] errc lost(net::io ended) noexcept;

}  // namespace sluice::proxy
