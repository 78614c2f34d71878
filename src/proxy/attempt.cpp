#include <sluice/proxy/answer_reader.hpp>
#include <sluice/proxy/attempt.hpp>
#include <sluice/proxy/outcome.hpp>
#include <sluice/proxy/prelude.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/upstream_head.hpp>
#include <sluice/wire/splice.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::proxy {
namespace {

// A provider may answer before it has read a large body: then somebody has to be listening. One
// that refuses wants no more of it; of one that has begun well it is seen whether it reads on.
constexpr seconds cut_request_patience{1};
constexpr std::size_t large_body = std::size_t{64} << 10U;
constexpr std::size_t first_spill = 16384;
// A round trip at most: what a provider ends later than this, it had worked on.
constexpr seconds stale_at_most{2};

void stirred(void* context)
{
    static_cast<net::socket*>(context)->interrupt();
}

// What a socket did not take at once, while the provider is listened to. `interrupted`: an answer
// is there that says why no more is wanted, or the client has left.
net::task<net::io> send_rest(
    attempt& one,
    answer_reader& answer,
    net::unsent& rest,
    net::interrupter& stop,
    milliseconds patience)
{
    auto& socket = one.upstream->socket();
    auto left = rest.bytes();
    auto until = steady::now() + patience;
    for (bool answered = false;;) {
        const net::io pushed = rest.push();
        if (pushed != net::io::again)
            co_return pushed;
        if (const auto now_left = rest.bytes(); now_left < left) {
            left = now_left;
            until = steady::now() + patience;
        }
        if (!answered)
            socket.watch(&stirred, &socket);
        const net::io waited = co_await socket.writable(until);
        socket.unwatch();
        if (waited == net::io::ok)
            continue;
        if (waited != net::io::interrupted || stop.fired() || answered)
            co_return waited;
        answered = answer.came_early();
        if (answered && !answer.has_begun_well())
            co_return waited;
        if (answered) {
            patience = cut_request_patience;
            until = steady::now() + patience;
        }
    }
}

net::task<net::io> send_request(
    services& with,
    attempt& one,
    const question& asked,
    answer_reader& answer,
    net::interrupter& stop)
{
    const auto body = wire::splice(asked.facts, asked.body, one.model_json, one.ask_usage);
    const auto head = write_request_head(with, asked, one, body.total_bytes);
    if (head.empty())
        co_return net::io::failed;
    net::gather pieces;
    pieces.add(head);
    for (const auto piece : body.pieces())
        pieces.add(piece);
    stop.on(one.upstream->socket());
    const auto patience = asked.serving.config->timeouts.write;
    net::io sent = net::io::ok;
    if (asked.body.size() > large_body) {
        const auto first = one.upstream->send(pieces.data(), pieces.count());
        if (first.status == net::io::failed)
            co_return net::io::failed;
        if (first.bytes < pieces.bytes()) {
            net::unsent rest(*one.upstream, with.buffers, pieces, first.bytes);
            sent = co_await send_rest(one, answer, rest, stop, patience);
            one.now = steady::now();
        }
    } else {
        net::send_all sending(*one.upstream, with.buffers, pieces, patience);
        sent = co_await sending;
        if (sending.waited())
            one.now = steady::now();
    }
    co_return sent;
}

// Whether a connection was left from before.
bool reuse_connection(services& with, attempt& one) noexcept
{
    auto connection = one.home->reuse();
    one.kept = connection != nullptr;
    if (one.kept)
        one.hold(std::move(connection), with.cells.provider(one.provider->metric).busy);
    return one.kept;
}

net::task<result<void>> connect(
    services& with, attempt& one, const question& asked, net::interrupter& stop)
{
    auto& cells = with.cells.provider(one.provider->metric);
    const auto began = one.now;
    one.kept = false;
    cells.connects.add();
    const auto until =
        std::min(asked.due, began + nanoseconds(asked.serving.config->timeouts.connect));
    auto made = co_await one.home->connect(until, stop);
    one.now = steady::now();
    if (!made && made.error() == errc::upstream_timeout)
        co_return one.fail(made.error(), "the provider could not be connected to in time");
    if (!made)
        co_return one.fail(made.error());
    one.hold(std::move(*made), cells.busy);
    one.connect += one.now - began;
    co_return result<void>{};
}

// `stale`: it failed the way and as soon as a kept connection fails that its peer had closed
// meanwhile, so nothing was done with the request.
net::task<result<void>> ask_once(
    services& with,
    attempt& one,
    const question& asked,
    net::interrupter& stop,
    bool fresh,
    bool& stale)
{
    stale = false;
    ++one.sent;
    if (fresh || !reuse_connection(with, one)) {
        auto connected = co_await connect(with, one, asked, stop);
        if (!connected)
            co_return connected.error();
    }
    answer_reader answer(with, one);
    const net::io sent = co_await send_request(with, one, asked, answer, stop);
    // What was not taken had ended the connection: it may have come with the last answer's octets,
    // and nobody announces it again.
    if (sent == net::io::failed)
        one.upstream->socket().probe();
    // Even when the request could not be sent whole there may be an answer that says why.
    const auto patience = sent == net::io::ok
                              ? nanoseconds(asked.serving.config->timeouts.first_byte)
                              : nanoseconds(cut_request_patience);
    const auto began = one.now;
    auto answered = co_await answer.wait(std::min(asked.due, began + patience), stop);
    stop.off();
    one.now = steady::now();
    if (answered) {
        one.head_at = one.now;
        one.cut = sent != net::io::ok;
        co_return result<void>{};
    }
    // A reset that ended the sending is an end to who reads after it.
    const bool reset = sent == net::io::failed && answered.error() == errc::upstream_eof;
    const auto why = reset ? errc::upstream_reset : answered.error();
    stale = one.kept && !answer.heard()
            && (why == errc::upstream_eof || why == errc::upstream_reset)
            && one.now - began < stale_at_most;
    if (why == errc::upstream_timeout)
        co_return one.fail(why, "the provider did not begin to answer in time");
    co_return one.fail(why);
}

// A limit that ran out because the client had set it says nothing about the target.
outcome corrected(outcome what, const attempt& one, const question& asked) noexcept
{
    if (what.why == policy::cause::late && asked.due_is_the_clients && one.now >= asked.due) {
        what.why = policy::cause::deadline;
        what.label = observe::attempt_outcome::cancelled;
    }
    return what;
}

}  // namespace

void attempt::reset() noexcept
{
    forget_answer();
    model = nullptr;
    target = nullptr;
    provider = nullptr;
    home = nullptr;
    credential = 0;
    ask_usage = false;
    called = model_json = {};
    trace = {};
    given = {};
    told = true;
    used = 0;
    sent = 0;
    connect = {};
}

void attempt::forget_answer() noexcept
{
    (void)let_go();
    cut = complete = broken = false;
    head = rest = {};
    spill.reset();
    words = {};
    message.clear();
}

void attempt::aim(const question& asked, const policy::step& to) noexcept
{
    const auto& link = asked.serving.routes.links[to.stage];
    model = link.model;
    target = &model->targets[to.target];
    provider = &asked.serving.config->providers[target->provider];
    home = asked.serving.pools[target->provider].get();
    credential = to.credential;
    given = to.given;
    const bool pattern = model->name.ends_with('*');
    if (pattern)
        called = link.name.empty() ? asked.facts.model : link.name;
    else
        called = model->name;
    model_json = target->model_json.empty() ? link.name_json : target->model_json;
    ask_usage = provider->ask_usage && asked.facts.edit != wire::usage_edit::none;
}

void attempt::hold(std::unique_ptr<net::stream> connection, observe::gauge& count) noexcept
{
    upstream = std::move(connection);
    busy = &count;
    busy->add();
}

std::unique_ptr<net::stream> attempt::let_go() noexcept
{
    if (busy != nullptr)
        std::exchange(busy, nullptr)->sub();
    return std::move(upstream);
}

void attempt::release(time_point at)
{
    if (auto connection = let_go(); connection && complete)
        home->keep(std::move(connection), at);
}

net::io_result attempt::take(std::span<char> scratch) noexcept
{
    const auto end = static_cast<std::size_t>(spill ? rest.data() + rest.size() - spill.data() : 0);
    const auto room = spill ? spill.from(end) : scratch;
    const auto got = upstream->receive(room);
    if (got.status == net::io::ok)
        rest = spill ? std::span(rest.data(), rest.size() + got.bytes) : room.first(got.bytes);
    return got;
}

void attempt::keep(net::buffer_pool& buffers)
{
    const char* const begin = head.empty() ? rest.data() : head.data();
    const char* const end = rest.data() + rest.size();
    if (spill && end < spill.data() + spill.capacity())
        return;
    const auto bytes = static_cast<std::size_t>(end - begin);
    auto larger = buffers.take(std::max(first_spill, 2 * bytes));
    if (bytes > 0)
        std::memcpy(larger.data(), begin, bytes);
    rest = {larger.data() + (bytes - rest.size()), rest.size()};
    if (!head.empty()) {
        head = {larger.data(), head.size()};
        response.moved_to(larger.data());
    }
    spill = std::move(larger);
}

void attempt_return::operator()(attempt* one) const noexcept
{
    // Normally everybody knows; not after an exception.
    tell(*home, *one, outcome_of(errc::internal_error), home->coarse_now);
    one->holds.settle(one->used, 0, home->coarse_now);
    one->reset();
    home->attempts.put(std::unique_ptr<attempt>(one));
}

errc lost(net::io ended) noexcept
{
    if (ended == net::io::interrupted)
        return errc::client_closed_request;
    if (ended == net::io::timed_out)
        return errc::upstream_timeout;
    return ended == net::io::eof ? errc::upstream_eof : errc::upstream_reset;
}

net::task<outcome> ask(services& with, attempt& one, const question& asked, net::interrupter& stop)
{
    if (one.home == nullptr)
        co_return outcome_of(errc::tls_failed);
    bool stale = false;
    auto answered = co_await ask_once(with, one, asked, stop, false, stale);
    if (!answered && stale) {
        with.cells.arm(one.target->arm).attempts[observe::attempt_outcome::stale_retry].add();
        one.forget_answer();
        answered = co_await ask_once(with, one, asked, stop, true, stale);
    }
    if (!answered) {
        auto failed = outcome_of(answered.error());
        failed.words = one.words;
        co_return corrected(failed, one, asked);
    }
    prelude beginning(one, asked);
    if (const auto known = beginning.look(one, one.now)) {
        one.first_at = one.now;
        co_return *known;
    }
    const outcome held = co_await hold_back(with, one, asked, beginning, stop);
    one.first_at = is_event_stream(one.response) ? one.now : one.head_at;
    co_return corrected(held, one, asked);
}

}  // namespace sluice::proxy
