#include <sluice/server/shared_store.hpp>
#include <sluice/server/spread.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace sluice::server {
namespace {

using state::redis_spread;
using state::spread_item;
using state::spread_list;

std::string fresh_word(const std::string& gateway)
{
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    return gateway + '/' + std::to_string(now);
}

}  // namespace

std::unique_ptr<state::spread_book> spread_book_of(
    const state::directory& where, const config::snapshot& settings)
{
    if (!settings.redis && !std::filesystem::exists(where.file(state::spread_book::file_name)))
        return nullptr;
    return std::make_unique<state::spread_book>(where, gateway_identity(where));
}

spread::spread(spread_parts parts)
    : parts_(std::move(parts)),
      redis_(parts_.prefix, parts_.book.list().gateway()),
      timer_(parts_.context)
{
}

void spread::start()
{
    if (!parts_.book.complaint().empty())
        parts_.log.error("spread_lost", parts_.book.complaint());
    seed();
    std::vector<std::string> names;
    for (const auto& [name, entry] : parts_.book.list().all())
        names.push_back(name);
    adopt(names);
    parts_.book.on_change([this] { soon(); });
    synced_at_ = steady::now();
    show();
    turn();
}

// From before there was a book, or from before this crash.
void spread::seed()
{
    parts_.book.seed(state::changes_between({}, parts_.control.live()));
    parts_.book.seed(parts_.rollouts.live_changes());
    if (const auto ec = parts_.book.save())
        parts_.log.error("change_not_durable", ec.message(), {{"what", "what is spread"}});
}

// At the end of this turn of the loop, so that what belongs together goes together.
void spread::soon()
{
    if (std::exchange(posted_, true))
        return;
    boost::asio::post(parts_.context, [this] {
        posted_ = false;
        turn();
    });
}

void spread::again()
{
    timer_.expires_after(look_every);
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            turn();
    });
}

void spread::turn()
{
    if (busy_) {
        again_ = true;
        return;
    }
    busy_ = true;
    const auto asked = steady::now();
    const auto wanted = asked < stands_back_until_ ? milliseconds{0} : lease;
    parts_.ask(redis_.look(wanted), [this, asked](const net::redis_answer& answer) {
        looked(answer, asked);
    });
}

void spread::led(time_point asked)
{
    leads_until_ = asked + lease - lease_margin;
    leads_since_ = leads_since_.value_or(asked);
    const auto model = parts_.rollouts.left_to_others();
    if (model.empty())
        stood_back_ = 0;
    if (model.empty() || asked - *leads_since_ < lease * (1U << stood_back_))
        return;
    parts_.log.warn(
        "lead_offered",
        "this gateway cannot move a rollout on: its file lacks the model, or has it with another "
        "canary, or it sees too few attempts",
        {{"model", model}});
    stood_back_ = std::min(stood_back_ + 1, most_doublings);
    stands_back_until_ = asked + stands_back;
    leads_until_ = {};
}

void spread::looked(const net::redis_answer& answer, time_point asked)
{
    const auto head = answer.ok() ? redis_spread::head(answer.reply) : std::nullopt;
    if (!head)
        return end(false);
    if (head->leads)
        led(asked);
    else
        leads_since_.reset();
    auto& list = parts_.book.list();
    if (head->word.empty()) {
        // It is new, or has forgotten everything.
        list.all_pending();
        word_.clear();
        arrival_ = 0;
        return put();
    }
    const bool other = head->word != word_ || head->arrival < arrival_;
    const bool differs =
        head->arrival == arrival_ && list.pending() == 0 && head->sum != list.sum();
    const auto now = steady::now();
    if (other || (differs && now - read_whole_at_ >= reconcile_every)) {
        synced_ = synced_ && !other;
        read_whole_at_ = now;
        word_ = head->word;
        arrival_ = 0;
        whole_ = true;
        seen_.clear();
        return read_on();
    }
    if (head->arrival > arrival_) {
        whole_ = false;
        return read_on();
    }
    put();
}

void spread::read_on()
{
    parts_.ask(
        redis_.read(arrival_), [this](const net::redis_answer& answer) { have_page(answer); });
}

void spread::have_page(const net::redis_answer& answer)
{
    auto page = answer.ok() ? redis_spread::page(answer.reply) : std::nullopt;
    if (!page || page->word != word_ || page->upto < arrival_) {
        word_.clear();  // from the beginning
        adopt_taken();
        return end(false);
    }
    for (auto& item : page->items) {
        const auto name = item.name;
        const auto version = item.version;
        merge(std::move(item));
        const auto* known = parts_.book.list().find(name);
        if (whole_ && known != nullptr && known->item.version == version)
            seen_.insert(name);
    }
    const bool more = page->upto < page->arrival && page->upto > arrival_;
    arrival_ = page->upto;
    if (more)
        return read_on();
    all_read();
}

void spread::all_read()
{
    auto& list = parts_.book.list();
    if (whole_)
        for (const auto& [name, entry] : list.all())
            if (!seen_.contains(name))
                list.make_pending(name);
    seen_.clear();
    adopt_taken();
    put();
}

void spread::merge(spread_item theirs)
{
    const std::string name = theirs.name;
    const std::string from = theirs.gateway;
    const auto got = parts_.book.list().merge(std::move(theirs));
    if (got.what == spread_list::outcome::refused)
        return parts_.log.warn("spread_refused", "more than can be kept", {{"item", name}});
    const bool won = got.what == spread_list::outcome::ours;
    if (!won && got.what != spread_list::outcome::taken)
        return;
    if (got.conflict) {
        ++(won ? numbers_.won : numbers_.lost);
        parts_.log.warn(
            "spread_conflict",
            won ? "changed here and there, the change here counts"
                : "changed here and there, the change there counts",
            {{"item", name}, {"gateway", from}});
    }
    if (!won)
        taken_.push_back(name);
}

void spread::put()
{
    auto& list = parts_.book.list();
    std::vector<const spread_item*> items;
    std::vector<std::string> names;
    std::vector<std::uint64_t> versions;
    std::size_t bytes = 0;
    // From the end: weights and rollouts go together, and before many keys.
    for (auto at = list.all().rbegin(); list.pending() > 0 && at != list.all().rend(); ++at) {
        const auto& item = at->second.item;
        if (!at->second.pending)
            continue;
        bytes += item.name.size() + item.value.size();
        if (items.size() == redis_spread::put_items
            || (bytes > redis_spread::put_bytes && !items.empty()))
            break;
        items.push_back(&item);
        names.push_back(item.name);
        versions.push_back(item.version);
    }
    if (items.empty())
        return end(true);
    parts_.ask(
        redis_.put(items, fresh_word(list.gateway())),
        [this, names, versions](const net::redis_answer& answer) {
            have_put(answer, names, versions);
        });
}

void spread::have_put(
    const net::redis_answer& answer,
    const std::vector<std::string>& names,
    const std::vector<std::uint64_t>& versions)
{
    auto got = answer.ok() ? redis_spread::put_answer(answer.reply, names) : std::nullopt;
    if (!got)
        return end(false);
    const auto before = parts_.book.list().pending();
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (got->better[i])
            merge(std::move(*got->better[i]));
        else
            parts_.book.list().spread(names[i], versions[i]);
    }
    const bool went_on = parts_.book.list().pending() < before;
    if (word_.empty() && got->arrival == got->added)
        word_ = got->word;  // the record is ours from its beginning
    if (got->word == word_ && got->arrival == arrival_ + got->added)
        arrival_ = got->arrival;  // nobody came in between
    adopt_taken();
    if (went_on)
        put();
    else
        end(true);
}

void spread::end(bool reached)
{
    const auto now = steady::now();
    if (reached) {
        synced_ = true;
        synced_at_ = now;
        if (now - reconciled_at_ >= reconcile_every)
            reconcile();
    } else {
        synced_ = false;
    }
    asked_ = true;
    parts_.book.reachable(reached);
    show();
    busy_ = false;
    if (std::exchange(again_, false) && reached)
        return turn();
    again();
}

void spread::show()
{
    numbers_.pending = parts_.book.list().pending();
    numbers_.unfit = unfit_.size();
    numbers_.leads = leads();
    numbers_.lag_seconds = synced_ ? 0 : in_seconds(steady::now() - synced_at_);
    parts_.values.spread_state(numbers_);
}

}  // namespace sluice::server
