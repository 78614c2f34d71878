#include <sluice/base/no_throw.hpp>
#include <sluice/net/redis_link.hpp>
#include <sluice/net/transport.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

namespace sluice::net {
namespace {

namespace asio = boost::asio;

// A connection that lasted this long was a good one: the next trouble is the first again.
constexpr seconds proven{1};

std::string refused(const redis_reply& reply)
{
    return "it refuses the greeting: " + std::string(reply.code());
}

}  // namespace

std::string_view name_of(redis_failure what) noexcept
{
    switch (what) {
    case redis_failure::none:
        return "none";
    case redis_failure::not_connected:
        return "not_connected";
    case redis_failure::timed_out:
        return "timed_out";
    case redis_failure::lost:
        return "lost";
    case redis_failure::overloaded:
        return "overloaded";
    case redis_failure::misdirected:
        break;
    }
    return "misdirected";
}

redis_link::redis_link(
    asio::io_context& context,
    const redis_settings& settings,
    std::string host,
    std::uint16_t port,
    random_engine random,
    std::function<void()> changed)
    : context_(context),
      settings_(settings),
      host_(std::move(host)),
      port_(port),
      random_(random),
      changed_(std::move(changed)),
      timer_(context),
      pausing_(context)
{
}

redis_link::~redis_link()
{
    if (transport_)
        transport_->close();
}

void redis_link::start()
{
    asio::co_spawn(context_, live(), [this](const std::exception_ptr& failure) {
        if (!failure)
            return;
        // Such as for lack of memory: as any other trouble.
        ++failures_;
        enter(phase::down, "an exception ended the connection");
        start();
    });
}

asio::awaitable<void> redis_link::live()
{
    for (;;) {
        if (failures_ > 0) {
            pausing_.expires_after(next_pause());
            auto [ec] = co_await pausing_.async_wait(no_throw);
            (void)ec;  // move_to() ends a pause early
        }
        transport_ = std::make_shared<transport>(context_.get_executor());
        reader_ = std::make_unique<redis_reader>(settings_.reply_bytes);
        dropped_.clear();
        opening_until_ = steady::now() + settings_.connect;
        arm();
        auto why = co_await open();
        opening_until_ = {};
        ++failures_;
        if (why.empty() && dropped_.empty()) {
            const auto began = steady::now();
            enter(phase::up, {});
            why = co_await serve();
            if (steady::now() - began >= proven)
                failures_ = 1;
        }
        transport_->close();
        enter(phase::down, dropped_.empty() ? std::move(why) : dropped_);
    }
}

duration redis_link::next_pause()
{
    const auto doublings = std::min(failures_ - 1, 16U);
    const duration most = std::min(settings_.pause * (1U << doublings), settings_.longest_pause);
    return std::chrono::duration_cast<duration>(most * random_.uniform());
}

asio::awaitable<std::string> redis_link::open()
{
    const auto line = transport_;
    auto why = co_await line->connect(host_, port_);
    if (why.empty() && settings_.tls)
        why = co_await line->encrypt(settings_.ca_file, host_);
    if (why.empty())
        why = co_await greet();
    co_return why;
}

asio::awaitable<std::string> redis_link::greet()
{
    std::vector<std::vector<std::string>> words;
    if (!settings_.password.empty()) {
        words.push_back({"AUTH"});
        if (!settings_.user.empty())
            words.back().push_back(settings_.user);
        words.back().push_back(settings_.password);
    }
    if (settings_.database != 0)
        words.push_back({"SELECT", std::to_string(settings_.database)});
    words.push_back({"PING"});
    for (const auto& command : words) {
        const auto began = steady::now();
        transport::send(transport_, redis_command(command));
        const auto reply = co_await one_reply();
        if (!reply.broken.empty())
            co_return reply.broken;
        if (reply.value.failed())
            co_return refused(reply.value);
        round_trip_ = steady::now() - began;
    }
    co_return round_trip_ > settings_.operation ? "it answers too late" : "";
}

asio::awaitable<redis_link::read_reply> redis_link::one_reply()
{
    const auto line = transport_;
    read_reply out;
    for (;;) {
        auto reply = reader_->next();
        out.broken = std::string(reader_->broken());
        if (reply)
            out.value = std::move(*reply);
        if (reply || !out.broken.empty())
            co_return out;
        const auto bytes = co_await line->read();
        if (bytes.empty()) {
            out.broken = "the connection ended";
            co_return out;
        }
        reader_->feed(bytes);
    }
}

asio::awaitable<std::string> redis_link::serve()
{
    for (;;) {
        auto reply = co_await one_reply();
        if (!dropped_.empty())
            co_return dropped_;
        if (!reply.broken.empty())
            co_return reply.broken;
        if (waiting_.empty())
            co_return "it answers what was not asked";
        auto done = std::move(waiting_.front());
        waiting_.pop_front();
        round_trip_ = steady::now() - done.asked;
        arm();
        redis_answer answer;
        answer.reply = std::move(reply.value);
        done.done(std::move(answer));
    }
}

void redis_link::enter(phase next, std::string trouble)
{
    const bool was_up = up();
    const bool was_first = phase_ == phase::first;
    phase_ = next;
    trouble_ = std::move(trouble);
    changed_at_ = steady::now();
    if (next == phase::up) {
        transport::send(transport_, std::exchange(out_, {}));
        last_used_ = changed_at_;
    } else {
        out_.clear();
        fail_all(was_up ? redis_failure::lost : redis_failure::not_connected);
    }
    arm();
    if (was_up != up() || was_first)
        changed_();
}

void redis_link::send(std::string bytes, time_point until, redis_done done)
{
    auto failure = redis_failure::none;
    if (phase_ == phase::down)
        failure = redis_failure::not_connected;
    else if (waiting_.size() >= settings_.waiting)
        failure = redis_failure::overloaded;
    if (failure != redis_failure::none) {
        asio::post(context_, [failure, done = std::move(done)] {
            redis_answer answer;
            answer.failure = failure;
            done(std::move(answer));
        });
        return;
    }
    last_used_ = steady::now();
    waiting_.push_back({last_used_, until, std::move(done)});
    if (phase_ == phase::up)
        transport::send(transport_, bytes);
    else
        out_ += bytes;
    arm();
}

// One timer for whatever is due first; it may fire early, and look() sets it again.
void redis_link::arm()
{
    auto due = time_point::max();
    if (opening_until_ != time_point{})
        due = opening_until_;
    if (!waiting_.empty())
        due = std::min(due, waiting_.front().until);
    else if (up())
        due = std::min(due, last_used_ + settings_.heartbeat);
    if (due >= armed_for_)
        return;
    armed_for_ = due;
    timer_.expires_at(due);
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            look();
    });
}

void redis_link::look()
{
    armed_for_ = time_point::max();
    const auto now = steady::now();
    if (opening_until_ != time_point{} && now >= opening_until_) {
        opening_until_ = {};
        drop("it cannot be connected in time");
        if (phase_ == phase::first)  // looking up a name goes on for as long as the system likes
            enter(phase::down, dropped_);
    } else if (!waiting_.empty() && now >= waiting_.front().until) {
        if (up())
            drop("it does not answer in time");
        out_.clear();
        fail_all(redis_failure::lost);
    } else if (up() && waiting_.empty() && now >= last_used_ + settings_.heartbeat) {
        send(redis_command({"PING"}), now + settings_.operation, [](const redis_answer&) {});
    }
    arm();
}

void redis_link::fail_all(redis_failure why)
{
    const auto now = steady::now();
    for (auto& one : std::exchange(waiting_, {})) {
        redis_answer answer;
        answer.failure = now >= one.until ? redis_failure::timed_out : why;
        asio::post(
            context_, [answer = std::move(answer), done = std::move(one.done)] { done(answer); });
    }
}

void redis_link::drop(std::string why)
{
    if (!transport_ || !dropped_.empty())
        return;
    dropped_ = std::move(why);
    transport_->close();
}

void redis_link::move_to(std::string host, std::uint16_t port)
{
    host_ = std::move(host);
    port_ = port;
    failures_ = 0;
    phase_ = phase::first;
    drop("it has moved");
    pausing_.cancel();
}

}  // namespace sluice::net
