#pragma once
// Keeps this gateway's live changes and those of the others the same, through Redis. A change made
// here is on its way at once; what others made is found by looking four times a second and comes
// into force as if it had been made here: durable first, validated, audited. Which gateway moves
// rollouts on is settled here as well.

#include <sluice/base/clock.hpp>
#include <sluice/net/redis_link.hpp>
#include <sluice/observe/exposition.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/server/control.hpp>
#include <sluice/server/rollouts.hpp>
#include <sluice/state/directory.hpp>
#include <sluice/state/redis_spread.hpp>
#include <sluice/state/spread_book.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

// Null: this gateway is alone and always was. One that once shared its changes goes on writing them
// down: they are to be right when it does again.
[[nodiscard]] std::unique_ptr<state::spread_book> spread_book_of(
    const state::directory& where, const config::snapshot& settings);

// What it works with; all of it outlives it.
struct spread_parts {
    boost::asio::io_context& context;  // of the control thread
    server::control& control;
    server::rollouts& rollouts;
    state::spread_book& book;
    observe::control_values& values;
    observe::logger& log;
    std::string prefix;  // of the keys in Redis
    // Asks Redis; answers once, on the control thread, and not before it has returned.
    std::function<void(state::redis_spread::question, net::redis_done)> ask;
};

// One thread, the control thread: every member function.
class spread {
public:
    static constexpr milliseconds look_every{250};
    static constexpr milliseconds lease{5'000};
    // Of a lease, so much less is believed: clocks do not run equally fast.
    static constexpr milliseconds lease_margin{500};
    // Who leads and has a rollout that only others can move on lets another lead, after a lease and
    // then twice as long each time: where each lacks something they take turns, and where nobody
    // can move it on they rarely do.
    static constexpr milliseconds stands_back{2 * lease};
    static constexpr unsigned most_doublings = 6;
    // What does not fit is tried again, and both sides are read anew if their sums differ.
    static constexpr seconds reconcile_every{10};

    explicit spread(spread_parts parts);
    spread(const spread&) = delete;
    spread& operator=(const spread&) = delete;

    // Once, before the first request: what the book has comes into force.
    void start();

    // Whether Redis was asked what others were told, and has answered or did not.
    [[nodiscard]] bool asked() const { return asked_; }

    // Whether this gateway moves rollouts on: it alone does, while it is true.
    [[nodiscard]] bool leads() const { return synced_ && steady::now() < leads_until_; }

private:
    void turn();
    void soon();
    void again();
    void end(bool reached);
    void looked(const net::redis_answer& answer, time_point asked);
    void led(time_point asked);
    void read_on();
    void have_page(const net::redis_answer& answer);
    void all_read();
    void put();
    void have_put(
        const net::redis_answer& answer,
        const std::vector<std::string>& names,
        const std::vector<std::uint64_t>& versions);
    void reconcile();

    // Theirs into the list; those that count from now on are to be adopted.
    void merge(state::spread_item theirs);
    void adopt_taken();
    void adopt(std::span<const std::string> names);
    void left_out(const state::spread_item& item);
    void seed();
    void show();

    spread_parts parts_;
    state::redis_spread redis_;
    boost::asio::steady_timer timer_;
    time_point leads_until_{};
    std::optional<time_point> leads_since_{};
    time_point stands_back_until_{};
    unsigned stood_back_ = 0;  // in a row
    time_point synced_at_{};   // when all was known last
    time_point reconciled_at_{};
    time_point read_whole_at_{};
    bool asked_ = false;
    bool synced_ = false;  // with the record at hand
    bool busy_ = false;
    bool again_ = false;
    bool posted_ = false;

    std::string word_;                         // of the record at hand; empty: none
    std::uint64_t arrival_ = 0;                // up to which it is known
    bool whole_ = false;                       // all of it is being read
    std::set<std::string, std::less<>> seen_;  // of what is being read, if it is as new as ours
    std::vector<std::string> taken_;
    std::map<std::string, std::uint64_t, std::less<>> unfit_;  // version that was told of
    observe::control_values::spread numbers_;
};

}  // namespace sluice::server
