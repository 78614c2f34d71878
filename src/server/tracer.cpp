#include <sluice/base/no_throw.hpp>
#include <sluice/http/retry_after.hpp>
#include <sluice/server/http_call.hpp>
#include <sluice/server/otlp.hpp>
#include <sluice/server/tracer.hpp>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <random>
#include <utility>

namespace sluice::server {
namespace {

namespace asio = boost::asio;
using observe::span_loss;

constexpr std::size_t most_words = 256;

bool worth_exporting_again(const http_end& end) noexcept
{
    return end.status == 0 || end.status == 429 || end.status == 502 || end.status == 503
           || end.status == 504;
}

}  // namespace

tracer::tracer(const parts& from, std::size_t workers, tracer_limits limits)
    : with_(from),
      limits_(limits),
      rings_(workers),
      random_(std::random_device()()),
      looking_(from.context),
      pausing_(from.context),
      ending_(from.context)
{
    look();
}

void tracer::look()
{
    const auto& tracing = with_.plane.current()->tracing;
    const auto before = std::exchange(collector_, tracing ? tracing->otlp.url : std::string());
    if (before != collector_) {
        pausing_.cancel();
        not_before_ = {};
    }
    if (tracing && !running_ && !finishing_) {
        running_ = true;
        tick();
    }
}

void tracer::tick()
{
    collect();
    if (!with_.plane.current()->tracing) {
        lose(span_loss::off, waiting_.size());
        waiting_.clear();
        running_ = false;
        return;
    }
    if (due(steady::now()))
        begin_sending();
    looking_.expires_after(limits_.look_every);
    looking_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            tick();
    });
}

void tracer::collect()
{
    taken_.clear();
    rings_.take(taken_);
    std::string_view rest = taken_;
    observe::span one;
    std::uint64_t lost = 0;
    while (observe::unpack(rest, one)) {
        with_.values.exemplars.note(one);
        if (waiting_.size() + under_way_ >= limits_.waiting) {
            ++lost;
            continue;
        }
        if (waiting_.empty())
            oldest_ = steady::now();
        waiting_.push_back(otlp_span(one));
    }
    if (const auto ring = rings_.lost(); lost > 0 || ring != numbers_[span_loss::ring_full]) {
        numbers_[span_loss::ring_full] = ring;
        lose(span_loss::queue_full, lost);
    }
}

bool tracer::due(time_point now) const noexcept
{
    return !waiting_.empty() && now >= not_before_
           && (waiting_.size() >= limits_.batch || now - oldest_ >= limits_.linger);
}

void tracer::begin_sending()
{
    if (std::exchange(sending_, true))
        return;
    asio::co_spawn(with_.context, send_all(), [this](std::exception_ptr failure) {
        sending_ = false;
        if (failure)
            with_.log.error("tracing_failed", "sending spans ended by an exception; this is a bug");
        if (finishing_)
            over();
    });
}

asio::awaitable<void> tracer::send_all()
{
    do {
        const auto many = std::min(waiting_.size(), limits_.batch);
        const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(many);
        batch next(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
        waiting_.erase(waiting_.begin(), end);
        oldest_ = steady::now();
        under_way_ = many;
        co_await deliver(std::move(next));
        under_way_ = 0;
    } while (finishing_ ? !waiting_.empty() : due(steady::now()));
}

asio::awaitable<http_end> tracer::post(const batch& spans)
{
    http_ask ask;
    {
        const auto snapshot = with_.plane.current();
        ask.where = snapshot->tracing->otlp;
        ask.headers = snapshot->tracing->headers;
        ask.limit = snapshot->tracing->timeout;
        ask.body = otlp_request(*snapshot->tracing, spans);
    }
    if (finishing_)
        ask.limit = std::min(ask.limit, limits_.at_end);
    ask.method = "POST";
    auto end = co_await call_http(ask);
    co_return end;
}

asio::awaitable<void> tracer::deliver(batch spans)
{
    const auto until = steady::now() + limits_.patience;
    auto pause = limits_.pause;
    for (;;) {
        const bool on = with_.plane.current()->tracing.has_value();
        if (!on)
            co_return lose(span_loss::off, spans.size());
        const auto end = co_await post(spans);
        if (end.status >= 200 && end.status < 300)
            co_return taken(spans, end);
        told(false, words_of(end));
        if (!worth_exporting_again(end))
            co_return lose(span_loss::refused, spans.size());
        const auto advice =
            sluice::http::parse_retry_after({}, end.retry_after, std::chrono::system_clock::now());
        nanoseconds wait(static_cast<std::int64_t>(
            random_.uniform() * static_cast<double>(nanoseconds(pause).count())));
        if (advice) {
            wait = std::max(wait, std::min(*advice, nanoseconds(limits_.longest_advice)));
            not_before_ = steady::now() + wait;
        }
        pause = std::min(2 * pause, limits_.longest_pause);
        if (steady::now() + wait > until)
            co_return lose(span_loss::unreachable, spans.size());
        pausing_.expires_after(wait);
        co_await pausing_.async_wait(no_throw);
    }
}

void tracer::taken(const batch& spans, const http_end& end)
{
    const auto [rejected, message] = read_otlp_answer(end.body);
    const auto missing = std::min<std::uint64_t>(rejected, spans.size());
    numbers_.exported += spans.size() - missing;
    lose(span_loss::rejected, missing);
    if (missing > 0 && !std::exchange(rejecting_, true))
        with_.log.warn("spans_rejected", message.substr(0, most_words));
    rejecting_ = missing > 0;
    told(true, {});
}

void tracer::lose(span_loss why, std::uint64_t many)
{
    numbers_[why] += many;
    with_.values.spans(numbers_);
}

void tracer::told(bool well, std::string_view why)
{
    if (gone_ != well)
        return;
    gone_ = !well;
    const auto& tracing = with_.plane.current()->tracing;
    const std::string host = tracing ? tracing->otlp.host : std::string();
    if (gone_)
        with_.log.error("spans_not_exported", why, {{"host", host}});
    else
        with_.log.info("spans_exported", "the collector takes spans again", {{"host", host}});
}

void tracer::finish(std::function<void()> done)
{
    finishing_ = true;
    done_ = std::move(done);
    looking_.cancel();
    pausing_.cancel();
    collect();
    if (!with_.plane.current()->tracing || (waiting_.empty() && !sending_))
        return over();
    ending_.expires_after(limits_.at_end);
    ending_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            over();
    });
    begin_sending();
}

void tracer::over()
{
    if (!done_)
        return;
    ending_.cancel();
    const auto left = waiting_.size() + under_way_;
    if (left > 0)
        with_.log.warn(
            "spans_lost", "the gateway ends without them", {{"spans", std::int64_t(left)}});
    std::exchange(done_, nullptr)();
}

}  // namespace sluice::server
