// One call of the API: what is decided about it, and the answer in order.

#include <sluice/simulate/answer.hpp>
#include <sluice/simulate/answer_writer.hpp>
#include <sluice/simulate/script.hpp>
#include <sluice/simulate/session.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <utility>

namespace sluice::simulate {

namespace http = boost::beast::http;
namespace asio = boost::asio;
using system_clock = std::chrono::system_clock;

namespace {

std::int64_t unix_now()
{
    return std::chrono::duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

// Status, content type and body of an answer that is not a stream.
struct planned {
    unsigned status = 200;
    std::string_view content_type = "application/json";
    std::string body;
    fields lines;
};

class call {
public:
    call(world& shared, std::shared_ptr<peer> client, const http_request& request)
        : shared_(shared),
          client_(std::move(client)),
          request_(request),
          arrived_(steady::now())
    {
    }

    asio::awaitable<bool> run(endpoint where);

private:
    asio::awaitable<bool> refuse(const refusal& why);
    asio::awaitable<bool> answer_plain(answer_writer& out, const turn& decided);
    asio::awaitable<bool> answer_stream(answer_writer& out, const turn& decided);
    asio::awaitable<bool> send_events(answer_writer& out, const turn& decided, const script& lines);

    planned plan_refusal(const turn& decided) const;
    planned plan_body(const turn& decided, const answer& said) const;
    // Counts the status: called once for each answer.
    std::string head_of(const planned& reply, const turn* decided) const;
    time_point due(const turn& decided, std::uint64_t token) const;
    answer say(const turn& decided);
    void count_leaving();

    world& shared_;
    std::shared_ptr<peer> client_;
    const http_request& request_;
    const time_point arrived_;
    api_request api_;
    // All events are out: SDKs hang up on [DONE], which is no cancellation.
    bool complete_ = false;
};

// When a token, counted from 0, leaves: by the schedule, so that lateness does not add up.
time_point call::due(const turn& decided, std::uint64_t token) const
{
    const double rate = decided.how.tokens_per_second;
    const std::chrono::duration<double> s{rate > 0 ? static_cast<double>(token) / rate : 0};
    return arrived_ + decided.latency + std::chrono::duration_cast<duration>(s);
}

answer call::say(const turn& decided)
{
    random_engine draws = decided.draws;
    return make_answer(api_, decided.how, shared_.options.name, unix_now(), draws);
}

std::string call::head_of(const planned& reply, const turn* decided) const
{
    auto lines =
        common_fields(shared_, request_, decided ? decided->number : 0, steady::now() - arrived_);
    lines.add("content-type", reply.content_type);
    if (reply.content_type != "text/event-stream")
        lines.add("content-length", std::to_string(reply.body.size()));
    else if (request_.version() >= 11)
        lines.add("transfer-encoding", "chunked");
    if (!request_.keep_alive() || (decided && decided->how.close))
        lines.add("connection", "close");
    lines.add_all(reply.lines);
    shared_.book.count([&](counters& c) { ++c.statuses[reply.status]; });
    return make_head(reply.status, lines);
}

void call::count_leaving()
{
    if (const auto when = client_->left_at(); when && !complete_)
        shared_.book.count([&](counters& c) {
            ++c.cancelled;
            c.last_cancel_ns = steady_ns(*when);
        });
}

asio::awaitable<bool> call::refuse(const refusal& why)
{
    planned reply;
    reply.status = why.status;
    reply.body = error_body(why);
    const std::string bytes = head_of(reply, nullptr) + reply.body;
    co_return co_await client_->send(bytes);
}

asio::awaitable<bool> call::run(endpoint where)
{
    shared_.book.count([](counters& c) { ++c.requests; });
    auto parsed = parse_request(where, request_.body());
    if (!parsed)
        co_return co_await refuse(parsed.error());
    api_ = *std::move(parsed);
    const auto admitted = shared_.book.admit(api_.model, arrived_);
    if (!admitted) {
        refusal why;
        why.status = 404;
        why.code = "model_not_found";
        why.param = "model";
        why.message = admitted.error();
        co_return co_await refuse(why);
    }
    const turn& decided = *admitted;
    if (too_much(api_, decided.how)) {
        refusal why;
        why.code = "invalid_value";
        why.message = "The simulator makes no answer as long as this.";
        co_return co_await refuse(why);
    }

    watch(client_);
    answer_writer out{client_, decided.how, request_.version() >= 11, shared_.options.stall};
    const bool refused = decided.refuse_with != 0 || decided.how.echo_key || decided.how.redirect
                         || decided.how.html;
    bool standing = false;
    if (decided.how.head == head_fault::reset)
        client_->reset();
    else if (decided.how.head == head_fault::stall)
        (void)co_await client_->wait_until(steady::now() + shared_.options.stall);
    else if (api_.stream && where != endpoint::embeddings && !refused)
        standing = co_await answer_stream(out, decided);
    else
        standing = co_await answer_plain(out, decided);
    count_leaving();
    client_->unwatch();
    if (standing)
        standing = co_await out.after_answer();
    co_return standing && !decided.how.close;
}

planned call::plan_refusal(const turn& decided) const
{
    const behaviour& how = decided.how;
    planned reply;
    refusal why;
    reply.status = decided.refuse_with;
    if (how.echo_key) {
        const auto field = request_[http::field::authorization];
        const std::string_view quoted{field.data(), field.size()};
        reply.status = 401;
        why.code = "invalid_api_key";
        why.message = "Incorrect API key provided: " + std::string(quoted);
        reply.lines.add("x-sim-authorization", quoted);
    } else if (reply.status == 429) {
        why.type = "requests";
        why.code = "rate_limit_exceeded";
        why.message = "Rate limit reached for the simulated model.";
        const auto value =
            retry_after_value(how.retry_after, decided.retry_after, system_clock::now());
        if (!value.empty())
            reply.lines.add("retry-after", value);
    } else {
        why.type = reply.status >= 500 ? "server_error" : "invalid_request_error";
        why.code = "simulated_error";
        why.message = "The simulated provider was told to fail.";
    }
    reply.body = error_body(why);
    return reply;
}

planned call::plan_body(const turn& decided, const answer& said) const
{
    const behaviour& how = decided.how;
    planned reply;
    if (how.redirect) {
        reply.status = 302;
        reply.lines.add("location", "http://elsewhere.invalid/v1/");
        reply.body = "{}";
    } else if (how.html) {
        reply.content_type = "text/html; charset=utf-8";
        reply.body = "<!doctype html><title>Bad gateway</title><h1>502 Bad gateway</h1>\n";
    } else if (how.breaks == break_kind::error_event) {
        refusal why;
        why.type = "server_error";
        why.code = "simulated_error";
        why.message = "The simulated model failed while answering.";
        reply.body = error_body(why);
    } else {
        reply.body = write_body(api_, said, how, steady_ns(steady::now()));
    }
    return reply;
}

asio::awaitable<bool> call::answer_plain(answer_writer& out, const turn& decided)
{
    const bool refused = decided.refuse_with != 0 || decided.how.echo_key;
    const bool embeds = api_.where == endpoint::embeddings;
    const answer said = say(decided);
    const std::size_t tokens = refused || embeds ? 0 : said.choices.front().tokens.size();
    bool sent = co_await out.wait(due(decided, tokens));
    if (!sent)
        co_return false;
    planned reply = refused ? plan_refusal(decided) : plan_body(decided, said);
    std::string head = head_of(reply, &decided);
    sent = co_await out.whole(std::move(head), std::move(reply.body), !refused);
    if (sent && reply.status == 200)
        shared_.book.count([&](counters& c) { c.tokens += tokens; });
    co_return sent;
}

asio::awaitable<bool> call::send_events(
    answer_writer& out, const turn& decided, const script& lines)
{
    const std::size_t breaks_at = break_index(lines, decided.how);
    std::uint64_t tokens = 0;
    bool standing = true;
    for (std::size_t i = 0; standing && i < lines.events.size(); ++i) {
        const event& one = lines.events[i];
        if (one.token || i == breaks_at)
            standing = co_await out.wait(due(decided, tokens));
        if (standing && i == breaks_at)
            co_return co_await out.break_stream(lines, i);
        if (!standing)
            break;
        const std::string bytes = render(lines, one, steady_ns(steady::now()));
        standing = co_await out.event(bytes);
        if (standing && one.token) {
            ++tokens;
            shared_.book.count([](counters& c) { ++c.tokens; });
        }
    }
    complete_ = standing;
    if (standing)
        standing = co_await out.end_of_stream();
    co_return standing;
}

asio::awaitable<bool> call::answer_stream(answer_writer& out, const turn& decided)
{
    planned reply;
    reply.content_type = "text/event-stream";
    const script lines = write_script(api_, say(decided), decided.how);
    bool standing = true;
    if (decided.how.keep_alive == milliseconds{0})
        standing = co_await out.wait(due(decided, 0));
    if (!standing)
        co_return false;
    std::string head = head_of(reply, &decided);
    shared_.book.count([](counters& c) {
        ++c.streams_started;
        ++c.streams_open;
    });
    standing = co_await out.stream_head(std::move(head));
    if (standing)
        standing = co_await send_events(out, decided, lines);
    const bool left = client_->left_at().has_value();
    shared_.book.count([&](counters& c) {
        --c.streams_open;
        if (complete_)
            ++c.streams_finished;
        else if (left)
            ++c.streams_cancelled;
        else
            ++c.streams_broken;
    });
    co_return standing;
}

}  // namespace

asio::awaitable<bool> serve_call(
    world& shared, std::shared_ptr<peer> client, endpoint where, const http_request& request)
{
    if (const auto refused = refuse_key(shared, request)) {
        const std::string bytes = whole(shared, request, *refused, request.keep_alive());
        co_return co_await client->send(bytes);
    }
    call one{shared, std::move(client), request};
    co_return co_await one.run(where);
}

}  // namespace sluice::simulate
