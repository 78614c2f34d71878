// A provider that fails in bursts, comes back, or does both every second (U14).

#include "offered.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>

BOOST_AUTO_TEST_SUITE(flapping)

using namespace offered;
using namespace std::chrono_literals;

namespace {

constexpr load gentle{.rate = 125, .clients = 25};
// Those a target without siblings is asked by although its breaker is open, beside the probe.
constexpr unsigned last_resorts = 3;

// Holds each request for a while, then answers it, while it is ill with one error after the other;
// counts how many it has at once.
class watched {
public:
    static constexpr milliseconds hold{100};
    static constexpr milliseconds soon{300};

    [[nodiscard]] std::uint16_t port() const noexcept { return provider_.port(); }
    [[nodiscard]] unsigned calls() const noexcept { return calls_; }
    [[nodiscard]] unsigned failed() const noexcept { return failed_; }
    [[nodiscard]] unsigned most_at_once() const noexcept { return most_; }
    // From now on it answers well, or as well as the time is odd.
    void heal() noexcept { well_ = true; }
    void flap_every(milliseconds time)
    {
        flap_begin_ = clock::now();
        flap_ = time.count();
    }
    // At its first good answer, in the time `soon` after it, and in all.
    [[nodiscard]] unsigned most_until_proven() const noexcept { return most_until_proven_; }
    [[nodiscard]] unsigned calls_soon_after() const noexcept { return calls_soon_after_; }
    [[nodiscard]] unsigned calls_after() const noexcept { return calls_after_; }

private:
    void serve(connection& c)
    {
        for (;;) {
            const auto request = c.request();
            enter();
            const bool left = c.ends(hold);
            // Before the answer, or the gateway could be faster with the next request.
            const bool well = leave();
            if (left || !(well ? answers()(c, request) : c.send(error())))
                return;
        }
    }

    std::string error()
    {
        constexpr std::array<unsigned, 4> statuses{500, 502, 503, 529};
        return refusal(statuses.at(failed_++ % statuses.size()));
    }

    void enter()
    {
        const std::scoped_lock lock(mutex_);
        ++calls_;
        most_ = std::max(most_.load(), ++at_once_);
        calls_after_ += proven_at_ ? 1 : 0;
        if (proven_at_ && clock::now() - *proven_at_ < soon)
            ++calls_soon_after_;
    }

    bool leave()
    {
        const std::scoped_lock lock(mutex_);
        --at_once_;
        const auto flap = milliseconds(flap_);
        const bool well =
            flap.count() > 0 ? (clock::now() - flap_begin_) / flap % 2 == 1 : well_.load();
        if (well && !proven_at_) {
            proven_at_ = clock::now();
            most_until_proven_ = most_.load();
        }
        return well;
    }

    std::mutex mutex_;
    unsigned at_once_ = 0;
    std::optional<clock::time_point> proven_at_;
    clock::time_point flap_begin_;
    std::atomic<milliseconds::rep> flap_{0};
    std::atomic<bool> well_{false};
    std::atomic<unsigned> calls_{0};
    std::atomic<unsigned> failed_{0};
    std::atomic<unsigned> most_{0};
    std::atomic<unsigned> most_until_proven_{0};
    std::atomic<unsigned> calls_soon_after_{0};
    std::atomic<unsigned> calls_after_{0};
    provider provider_{[this](connection& c) { serve(c); }};
};

struct counts {
    explicit counts(const tally& from)
        : offered(from.offered),
          right(from.right),
          refused(from.refused),
          wrong(from.wrong)
    {
    }
    counts() = default;

    unsigned offered = 0;
    unsigned right = 0;
    unsigned refused = 0;
    unsigned wrong = 0;
};

counts offered_for(gateway& gate, milliseconds time, const form& how)
{
    tally all;
    offer(gate, time, how.more, all, gentle);
    return counts(all);
}

// Everybody has one answer, his own; with a fallback a good one.
void expect_answered(const counts& all, const form& how)
{
    BOOST_TEST(all.offered > 0u);
    BOOST_TEST(all.wrong == 0u);
    BOOST_TEST(all.right + all.refused == all.offered);
    if (how.fallback)
        BOOST_TEST(all.refused == 0u);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_provider_that_recovers_meets_one_probe_and_then_no_herd)
{
    struct seen {
        unsigned before = 0, opening = 0, most_while_down = 0;
        counts during, after;
        unsigned most_until_proven = 0, soon_after = 0, in_all_after = 0;
        unsigned calls = 0, attempts = 0;
    };
    const auto all = in_all_forms([](const form& how) {
        watched first;
        scripted second({answers()});
        gateway gate(configured(
            first.port(),
            second.port(),
            "retry: { attempts: 1 }, breaker: { failures: 3, cooldown: 200ms, recovery: 4s }",
            how.fallback));
        seen saw;
        for (unsigned i = 0; i < 3; ++i)
            saw.before += answered(ask(gate, "n", how.more), "n") == how.fallback ? 1 : 0;
        saw.opening = first.calls();
        saw.during = offered_for(gate, 1s, how);
        saw.most_while_down = first.most_at_once();
        first.heal();
        saw.after = offered_for(gate, 3s, how);
        saw.most_until_proven = first.most_until_proven();
        saw.soon_after = first.calls_soon_after();
        saw.in_all_after = first.calls_after();
        saw.calls = first.calls() + second.calls();
        saw.attempts = static_cast<unsigned>(gate.settled("sluice_attempts_total"));
        return saw;
    });
    for (std::size_t i = 0; i < forms.size(); ++i)
        BOOST_TEST_CONTEXT(forms[i])
        {
            const auto& saw = all[i];
            const unsigned most = 1 + (forms[i].fallback ? 0 : last_resorts);
            BOOST_TEST(saw.before == 3u);
            BOOST_TEST(saw.opening == 3u);
            expect_answered(saw.during, forms[i]);
            BOOST_TEST(saw.most_while_down <= most);
            BOOST_TEST(saw.most_until_proven <= most);
            expect_answered(saw.after, forms[i]);
            BOOST_TEST(saw.in_all_after >= 1u);
            BOOST_TEST(saw.calls == saw.attempts);
            if (forms[i].fallback)
                BOOST_TEST(saw.soon_after < gentle.rate * watched::soon.count() / 1000 / 2);
        }
}

BOOST_AUTO_TEST_CASE(a_provider_that_flaps_every_second_costs_nobody_an_answer)
{
    struct seen {
        counts all;
        unsigned failed = 0, calls = 0, attempts = 0;
    };
    const auto all = in_all_forms([](const form& how) {
        watched first;
        scripted second({answers()});
        gateway gate(configured(
            first.port(),
            second.port(),
            "retry: { attempts: 1 }, breaker: { failures: 3, cooldown: 200ms, recovery: 1s }",
            how.fallback));
        first.flap_every(1s);
        seen saw;
        saw.all = offered_for(gate, 4s, how);
        saw.failed = first.failed();
        saw.calls = first.calls() + second.calls();
        saw.attempts = static_cast<unsigned>(gate.settled("sluice_attempts_total"));
        return saw;
    });
    for (std::size_t i = 0; i < forms.size(); ++i)
        BOOST_TEST_CONTEXT(forms[i])
        {
            const auto& saw = all[i];
            BOOST_TEST_MESSAGE(
                forms[i] << ": offered " << saw.all.offered << ", right " << saw.all.right
                         << ", failures met " << saw.failed);
            expect_answered(saw.all, forms[i]);
            BOOST_TEST(saw.calls == saw.attempts);
            BOOST_TEST(saw.failed >= 3u);
            BOOST_TEST(saw.all.right > 0u);
            // Half of all are asked while it is ill: three in a row and those under way meet that,
            // then the probes, and alone the last resorts.
            const unsigned share = forms[i].fallback ? 25 : 40;
            BOOST_TEST(saw.failed * 100 <= saw.all.offered * share);
        }
}

BOOST_AUTO_TEST_SUITE_END()
