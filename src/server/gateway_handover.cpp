// Taking over from another process, and being followed by one; see handover.hpp.
#include "gateway_parts.hpp"
#include <sluice/server/handover_state.hpp>
#include <sluice/server/json_writer.hpp>

#include <boost/asio/post.hpp>
#include <simdjson.h>

#include <algorithm>
#include <fcntl.h>
#include <utility>

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;
using kind = handover_message::kind;

// Until clients are told with each answer that their connection ends: every worker knows by then
// that there is a successor.
constexpr milliseconds until_told{100};
// What is left in the purses stays for requests that take long to arrive; after that it is the
// successor's at once.
constexpr milliseconds until_swept{30'000};
// Between two looks for places that the successor may have.
constexpr milliseconds count_every{50};

std::string money_text(const state::grants::moved& what)
{
    json_writer out;
    out.begin_object().key("budget").text(what.budget);
    out.key("period").raw(std::to_string(what.period));
    out.key("nanodollars").raw(std::to_string(what.nanodollars));
    return out.end_object().str();
}

}  // namespace

void gateway::parts::inherit()
{
    if (!predecessor_)
        return;
    const auto state = predecessor_->ready();
    auto known = restore_state(*control_.current(), state, steady::now());
    if (!known.in_flight.empty() && !lent_.begin(*control_.current(), known.in_flight))
        ++known.ignored;
    if (!known.readable || known.ignored > 0)
        log_.warn(
            "state_ignored",
            known.readable ? "some of what the process before this one knew means nothing"
                           : "begins without what the process before this one knew",
            {{"ignored", std::uint64_t{known.ignored}}});
    log_.info(
        "took_over",
        "serves in the place of the process before it",
        {{"limits_and_targets", std::uint64_t{known.parts}}});
    if (!known.token_keys.url.empty())
        token_keys_.begin_with(known.token_keys);
    predecessor_link_ = predecessor_->link();
    predecessor_.reset();
    options_.predecessor.reset();
    boost::system::error_code ec;
    from_predecessor_.assign(::fcntl(predecessor_link_->descriptor(), F_DUPFD_CLOEXEC, 0), ec);
    if (ec)
        log_.error("predecessor_unheard", ec.message());
    else
        listen_to_predecessor();
}

void gateway::parts::listen_to_predecessor()
{
    from_predecessor_.async_wait(
        boost::asio::posix::stream_descriptor::wait_read,
        [this](const boost::system::error_code& ec) {
            if (!ec)
                hear_predecessor();
        });
}

void gateway::parts::hear_predecessor()
{
    if (!predecessor_link_)
        return;
    const bool open = predecessor_link_->receive();
    while (auto message = predecessor_link_->next()) {
        if (message->what == kind::money)
            take_money(message->body);
        else if (message->what == kind::places && lent_.hear(message->body))
            continue;
        else if (message->what != kind::bills || !accounts_.book().enter(std::move(message->body)))
            log_.error("bills_ignored", "what the process before this one sends means nothing");
    }
    if (open)
        return listen_to_predecessor();
    boost::system::error_code ignored;
    from_predecessor_.close(ignored);
    predecessor_link_.reset();
    lent_.end();
    log_.info("predecessor_ended", "the process before this one has ended");
    if (running_ == 0)
        finish();
}

void gateway::parts::take_money(std::string_view text)
{
    dom::parser parser;
    dom::element all;
    std::string_view budget;
    state::grants::moved what;
    if (parser.parse(text.data(), text.size()).get(all) != simdjson::SUCCESS
        || all["budget"].get(budget) != simdjson::SUCCESS
        || all["period"].get(what.period) != simdjson::SUCCESS
        || all["nanodollars"].get(what.nanodollars) != simdjson::SUCCESS
        || what.nanodollars > policy::purse::most || what.nanodollars < -policy::purse::most) {
        log_.error("money_ignored", "what the process before this one sends means nothing");
        return;
    }
    what.budget = budget;
    accounts_.budgets().enter(std::move(what));
}

handover::host gateway::parts::handover_host()
{
    return {
        [this] { return hold(); },
        [this] { resume(); },
        [this] { return offer(); },
        [this](pid_t child) { return succeed(child); },
        [this](std::shared_ptr<handover_link> heir) { forward_to(std::move(heir)); },
        [this] { values_.upgrade_failed(); }};
}

void gateway::parts::upgrade()
{
    boost::asio::post(context_, [this] {
        if (draining_)
            log_.warn("upgrade_refused", "this process is about to end");
        else
            handover_.begin();
    });
}

std::optional<std::string> gateway::parts::hold()
{
    frozen_ = true;
    control_.freeze(true);
    if (!late_.settle()) {
        resume();
        return "what is in force cannot be written before";
    }
    if (!accounts_.hold()) {
        resume();
        return "what is spent cannot be written before";
    }
    directory_.release();
    return std::nullopt;
}

void gateway::parts::resume()
{
    if (!directory_.take_back())
        log_.error("state_taken", "another process has the state directory");
    accounts_.resume();
    control_.freeze(false);
    frozen_ = false;
    for (const auto& ask : std::exchange(asked_meanwhile_, {}))
        ask();
}

handover_offer gateway::parts::offer()
{
    handover_offer all{.listeners = sockets_, .admin = std::nullopt, .scratch = scratch_.path()};
    if (admin_open_) {
        all.admin = inspect(admin_.listener(), "the admin address");
        all.admin->any_port = control_.at_start()->admin->port == 0;
    }
    return all;
}

std::string gateway::parts::succeed(pid_t child)
{
    succeeded_ = true;
    supervisor_.replaced_by(child);
    const auto now = steady::now();
    for (const auto& each : commons_.all)
        each->leave(now + control_.current()->timeouts.drain, idle_time);
    admin_.leave();
    scratch_.leave();
    token_keys_.stop();
    judging_.cancel();
    if (store_)
        store_->leave();
    leaving_.expires_at(now + until_told);
    leaving_.async_wait([this, now](const boost::system::error_code& ec) {
        if (ec)
            return;
        draining_ = true;
        leaving_.expires_at(now + until_swept);
        leaving_.async_wait([this](const boost::system::error_code& cancelled) {
            if (!cancelled)
                accounts_.budgets().sweep();
        });
    });
    if (!handover_.heir_counts())
        return state_of(*control_.current(), token_keys_.last());
    kept_.emplace(*control_.current(), idle_connections());
    return state_of(*control_.current(), token_keys_.last(), kept_->text());
}

// From the ledger's thread: what comes after the successor has the books.
void gateway::parts::forward_to(std::shared_ptr<handover_link> heir)
{
    accounts_.book().hand_over([this, heir](std::string_view packed) {
        if (heir->send(kind::bills, packed))
            return true;
        // Its own successor may have the directory: two may add to the ledger at a time.
        (void)directory_.take_back();
        log_.warn("heir_lost", "the process that took over takes no bills: they are written here");
        return false;
    });
    if (kept_) {
        heir_ = heir;
        tell_places();
    }
    accounts_.budgets().hand_over([heir = std::move(heir)](const state::grants::moved& what) {
        (void)heir->send(kind::money, money_text(what));
    });
}

void gateway::parts::tell_places()
{
    counting_.expires_after(count_every);
    counting_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec && send_places())
            tell_places();
    });
}

// False: nobody takes them any more.
bool gateway::parts::send_places()
{
    const auto less = kept_->give_back(idle_connections());
    return less.empty() || heir_->send(kind::places, less);
}

// On which requests may come.
std::size_t gateway::parts::idle_connections() const
{
    std::int64_t idle = 0;
    for (const auto* each : all_cells())
        idle += each->client_connections.read() - each->in_flight_requests.read();
    return static_cast<std::size_t>(std::max<std::int64_t>(idle, 0));
}

// While another process works in the state directory nothing is adopted.
void gateway::parts::ask_store(state::redis_spread::question what, net::redis_done done)
{
    auto ask = [this, what = std::move(what), done = std::move(done)] {
        store_->ask(what, context_, done);
    };
    if (frozen_)
        asked_meanwhile_.emplace_back(std::move(ask));
    else
        ask();
}

}  // namespace sluice::server
