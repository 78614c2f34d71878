#pragma once
// Budgets of several gateways, kept in Redis. Each gateway says what it holds of a budget and what
// it wants besides; one script does the sums. So a lost answer, a restart on either side and a
// FLUSHALL are all put right by the next question. A Redis that has lost its records is told by
// every gateway at once, and until all have spoken (or are taken to be gone) each gets no more than
// it would without Redis.
//
// While Redis cannot be asked, a gateway grants itself at most its part of what was left when it
// last heard, so that all of them together stay within the budget; when Redis is back, it hears of
// it. A budget may say otherwise (budget_period::on_failure).

#include <sluice/base/clock.hpp>
#include <sluice/net/redis.hpp>
#include <sluice/state/authority.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::state {

struct redis_authority_settings {
    std::string prefix = "sluice";  // of every key
    std::string gateway;            // tells this one from others, also after a restart; not empty
    milliseconds beat{1'000};       // how often it says that it is there
    milliseconds missing{5'000};    // after which another is taken to be gone
};

// take(), give_back(), top_up() and gateways() on any thread; all else, and every answer, on that
// of the io_context. Outlives the running of that; `client` outlives it.
class redis_authority final : public authority {
public:
    // Of what a ledger alone knows to be left of a budget that Redis was never asked about, the
    // part a gateway grants itself meanwhile.
    static constexpr std::int64_t unseen_part = 20;

    struct numbers {
        std::uint64_t granted = 0;        // times Redis granted something
        std::uint64_t unanswered = 0;     // questions Redis did not answer
        std::uint64_t granted_alone = 0;  // times this gateway granted itself something
    };

    redis_authority(
        boost::asio::io_context& context,
        net::redis_client& client,
        redis_authority_settings settings);

    // Once, when the loop runs or is about to.
    void start();
    // Says what it holds of each budget it has heard of: Redis is back, and may not know.
    void speak();

    void take(
        const budget_period& of, std::int64_t wanted, std::int64_t owed, answer then) override;
    void give_back(const budget_period& of, std::int64_t amount, answer then) override;
    // Asked at some beats more while Redis does not answer.
    void top_up(const budget_period& of, const extra& what, answer then) override;
    [[nodiscard]] unsigned gateways() const noexcept override { return gateways_; }
    // How many gateways there are; 0: Redis was not asked yet.
    [[nodiscard]] unsigned counted() const noexcept
    {
        return counted_at_ == time_point{} ? 0 : gateways_.load();
    }
    [[nodiscard]] numbers read() const noexcept { return numbers_; }
    // Another process says, again and again, that it is this gateway.
    [[nodiscard]] bool is_doubled() const noexcept { return doubled_; }

private:
    struct question {
        budget_period of;
        std::int64_t wanted = 0;
        std::int64_t owed = 0;
        std::int64_t returned = 0;
        extra more = {};        // to be topped up
        std::int64_t held = 0;  // as told
        unsigned tries = 0;
        unsigned beats = 0;    // at which it was asked in vain
        bool unknown = false;  // Redis may have booked what came of it
        answer then;
    };
    // What is known of the current period of a budget.
    struct entry {
        std::int64_t period = 0;
        std::uint64_t turn = 0;        // of the last question; Redis takes none twice
        std::string epoch;             // of Redis' record; another one: it has forgotten
        budget_period of;              // as last asked, with what was granted since
        std::int64_t total = 0;        // granted to all, when last heard, and to this gateway since
        std::int64_t heard_total = 0;  // the first of these
        std::int64_t heard_claim = 0;  // what this gateway held then
        std::int64_t topped_up = 0;
        std::int64_t more_here = 0;  // granted to this gateway, says Redis, and not by its ledger
        std::int64_t alone = 0;      // what may be granted without Redis
        bool heard = false;          // by this process
        bool away = false;           // `alone` counts
        bool asking = false;
        bool unsaid = false;           // what it holds, since Redis may not know
        std::deque<question> waiting;  // for the answer to another
        std::vector<question> later;   // for a beat
    };

    void add(question what);
    void ask(question what);
    void send(entry& about, question what);
    void hear(const question& what, const net::redis_answer& heard);
    void unheard(entry& about, question what, bool maybe);
    [[nodiscard]] static grant nothing_of(const question& what);
    void without(entry& about, const question& what, bool maybe);
    void missed(const entry& about, const net::redis_reply& said);
    [[nodiscard]] std::int64_t part_of(const entry& about, const budget_period& of) const;
    [[nodiscard]] std::string fresh_word();
    [[nodiscard]] std::string gateways_key() const;
    void say();
    void ask_next(entry& about);
    void ask_again();
    void beat();
    void count(std::int64_t heard);
    void meet(bool another);
    [[nodiscard]] entry* entry_of(const budget_period& of);

    boost::asio::io_context& context_;
    net::redis_client& client_;
    redis_authority_settings settings_;
    net::redis_script change_;
    net::redis_script present_;
    boost::asio::steady_timer beating_;
    std::atomic<unsigned> gateways_{1};
    time_point counted_at_{};  // when so many were last there
    std::string word_;         // of Redis, as `epoch`
    time_point speak_at_{};    // when all last had to speak
    std::string process_;      // tells this one from others of the gateway
    std::uint64_t words_ = 0;  // made so far
    unsigned met_ = 0;         // beats at which another process had spoken for this gateway
    unsigned alone_for_ = 0;   // beats since
    bool doubled_ = false;
    std::unordered_map<std::string, entry> entries_;  // by budget
    numbers numbers_;
};

}  // namespace sluice::state
