// Storms, outages and recoveries under load that does not wait for answers, and clients that leave.

#include "support/scripted.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(outages)

using namespace loopback;

namespace {

constexpr unsigned rate = 500;  // requests per second
constexpr unsigned clients = 50;

// The model m at a provider, with another model at a healthy provider as its fallback or alone.
config configured(
    std::uint16_t first, std::uint16_t second, std::string_view of_m, bool fallback = true)
{
    return config(first)
        .set("workers", "2")
        .set(
            "providers",
            "{ one: { base_url: '" + base_url(first) + "', api_key: " + std::string(provider_key)
                + " }, two: { base_url: '" + base_url(second) + "' } }")
        .set(
            "models",
            "{ m: { targets: [{ provider: one }], " + std::string(of_m)
                + std::string(fallback ? ", fallbacks: [spare]" : "")
                + " }, spare: { targets: [{ provider: two }], retry: { attempts: 1 } } }");
}

struct tally {
    std::atomic<unsigned> offered{0};
    std::atomic<unsigned> right{0};    // 200, whole, with its nonce
    std::atomic<unsigned> refused{0};  // a whole error
    std::atomic<unsigned> wrong{0};    // anything else
};

// Requests at `rate` for `time`, each sent when it is due as long as one of the clients is free.
void offer(gateway& gate, milliseconds time, std::string_view more, tally& into)
{
    const auto begin = clock::now();
    const auto count = static_cast<unsigned>(rate * time.count() / 1000);
    const auto one_client = [&](unsigned client) {
        auto line = gate.connect();
        for (unsigned i = client; i < count; i += clients) {
            // exception: a load at a given rate is made by the clock
            std::this_thread::sleep_until(begin + std::chrono::microseconds(1'000'000 / rate) * i);
            const auto nonce = "nonce-" + std::to_string(i) + "-";
            ++into.offered;
            try {
                line.send(question(nonce, more));
                const auto got = line.answer();
                const bool right = answered(got, nonce);
                const bool refused = got.whole && got.status() >= 400 && got.says("\"error\"");
                ++(right ? into.right : refused ? into.refused : into.wrong);
                if (!got.whole || got.header("connection") == "close")
                    line = gate.connect();
            } catch (const failure&) {
                ++into.wrong;
                line = gate.connect();
            }
        }
    };
    std::vector<std::jthread> threads;
    for (unsigned client = 0; client < clients; ++client)
        threads.emplace_back(one_client, client);
}

std::string refusal(unsigned status, std::string_view fields = {})
{
    return answer_text(R"({"error":{"message":"no","code":null}})", status, fields);
}

// Holds each request for a while, then answers it, badly until it is well; counts how many it has
// at once.
class watched {
public:
    explicit watched(milliseconds hold)
        : hold_(hold),
          provider_([this](connection& c) { serve(c); })
    {
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return provider_.port(); }
    [[nodiscard]] unsigned calls() const noexcept { return calls_; }
    [[nodiscard]] unsigned most_at_once() const noexcept { return most_; }
    // From then on it answers well.
    void heal() noexcept { well_ = true; }
    // At its first good answer, and in the time `soon` after it.
    [[nodiscard]] unsigned most_until_proven() const noexcept { return most_until_proven_; }
    [[nodiscard]] unsigned calls_soon_after() const noexcept { return calls_soon_after_; }
    [[nodiscard]] unsigned calls_after() const noexcept { return calls_after_; }

    static constexpr milliseconds soon{300};

private:
    void serve(connection& c)
    {
        for (;;) {
            const auto request = c.request();
            enter();
            const bool left = c.ends(hold_);
            // Before the answer, or the gateway could be faster with the next request.
            leave();
            if (left || !(well_ ? answers()(c, request) : c.send(refusal(503))))
                return;
        }
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

    void leave()
    {
        const std::scoped_lock lock(mutex_);
        --at_once_;
        if (!well_ || proven_at_)
            return;
        proven_at_ = clock::now();
        most_until_proven_ = most_.load();
    }

    const milliseconds hold_;
    std::mutex mutex_;
    unsigned at_once_ = 0;
    std::optional<clock::time_point> proven_at_;
    std::atomic<bool> well_{false};
    std::atomic<unsigned> calls_{0};
    std::atomic<unsigned> most_{0};
    std::atomic<unsigned> most_until_proven_{0};
    std::atomic<unsigned> calls_soon_after_{0};
    std::atomic<unsigned> calls_after_{0};
    provider provider_;
};

void expect_all_right(const tally& all)
{
    BOOST_TEST(all.offered > 0u);
    BOOST_TEST(all.right == all.offered);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_provider_that_refuses_everything_is_not_asked_more_than_a_fifth_more)
{
    struct storm {
        std::string_view name;
        std::string answer;
        std::string_view settings;
        unsigned reserve;  // of the retry budget, where nothing else holds calls back
    };
    const std::vector<storm> storms{
        {"429", refusal(429), "{}", 0},
        {"429 for 10 ms", refusal(429, "retry-after-ms: 10\r\n"), "{}", 10},
        {"503", refusal(503), "{}", 0},
        {"503 without a breaker", refusal(503), "off", 10}};
    for (const auto& each : storms)
        for (const bool fallback : {false, true}) {
            scripted first({says(each.answer)});
            scripted second({answers()});
            gateway gate(configured(
                first.port(),
                second.port(),
                "retry: { attempts: 4, base: 10ms, cap: 100ms }, breaker: "
                    + std::string(each.settings),
                fallback));
            tally all;
            offer(gate, milliseconds(2000), fallback ? streaming : std::string_view{}, all);
            BOOST_TEST_MESSAGE(
                each.name << (fallback ? " with" : " without") << " a fallback: offered "
                          << all.offered << ", upstream calls " << first.calls());
            BOOST_TEST(all.offered == 2 * rate);
            BOOST_TEST(first.calls() <= all.offered * 12 / 10 + each.reserve, each.name);
            BOOST_TEST(all.wrong == 0u, each.name);
            BOOST_TEST((fallback ? all.right : all.refused) == all.offered, each.name);
            BOOST_TEST(second.calls() == all.right);
        }
}

BOOST_AUTO_TEST_CASE(a_provider_that_recovers_meets_one_probe_and_then_no_herd)
{
    watched first(milliseconds(100));
    scripted second({answers()});
    gateway gate(configured(
        first.port(),
        second.port(),
        "retry: { attempts: 1 }, breaker: { failures: 3, cooldown: 200ms, recovery: 4s }"));
    for (unsigned i = 0; i < 3; ++i)
        BOOST_TEST(answered(ask(gate, "n"), "n"));
    BOOST_TEST(first.calls() == 3u);
    tally during;
    offer(gate, milliseconds(1000), {}, during);
    expect_all_right(during);
    BOOST_TEST(first.calls() > 3u, "it was tried again");
    BOOST_TEST(first.most_at_once() == 1u);
    first.heal();
    tally after;
    offer(gate, milliseconds(3000), {}, after);
    expect_all_right(after);
    BOOST_TEST_MESSAGE(
        "at once until the first good answer: " << first.most_until_proven()
                                                << ", calls in the 300 ms after it: "
                                                << first.calls_soon_after());
    BOOST_TEST(first.most_until_proven() == 1u);
    BOOST_TEST(first.calls_after() >= 1u);
    BOOST_TEST(first.calls_soon_after() < rate * 300 / 1000 / 2);
}

BOOST_AUTO_TEST_CASE(with_a_fallback_every_request_of_an_outage_succeeds)
{
    const closed_port dead;
    scripted second({answers()});
    gateway gate(configured(dead.port(), second.port(), "retry: { attempts: 2, base: 1ms }"));
    for (const auto more : {std::string_view{}, streaming}) {
        tally all;
        offer(gate, milliseconds(1500), more, all);
        expect_all_right(all);
    }
}

BOOST_AUTO_TEST_CASE(a_provider_that_dies_under_load_costs_no_request)
{
    scripted first({answers()});
    scripted second({answers()});
    gateway gate(configured(first.port(), second.port(), "retry: { attempts: 2, base: 1ms }"));
    tally all;
    {
        std::jthread load([&] { offer(gate, milliseconds(4000), {}, all); });
        const auto until = clock::now() + patience;
        while (first.calls() < rate && clock::now() < until)
            (void)gate.metric("sluice_in_flight_requests");
        first.die();
    }
    expect_all_right(all);
    BOOST_TEST(second.calls() > 0u);
}

BOOST_AUTO_TEST_CASE(c1_a_client_that_leaves_takes_its_call_with_it_and_nobody_else_is_asked)
{
    using leave = void (connection::*)();
    for (const leave how : {&connection::close, &connection::reset, &connection::finish})
        for (const auto more : {std::string_view{}, streaming})
            for (const bool fallback : {false, true}) {
                listener first;
                scripted second({answers()});
                gateway gate(configured(
                    first.port(), second.port(), "retry: { attempts: 2, base: 1ms }", fallback));
                auto fastest = milliseconds::max();
                for (unsigned i = 0; i < 3; ++i) {
                    auto client = gate.connect();
                    client.send(question("n", more));
                    auto upstream = first.accept();
                    (void)upstream.request();
                    if (!more.empty()) {
                        upstream.send(std::string(stream_head) + chunk(token_event("one")));
                        (void)client.until("one");
                    }
                    const auto began = clock::now();
                    (client.*how)();
                    BOOST_TEST(upstream.ends());
                    fastest = std::min(
                        fastest, std::chrono::duration_cast<milliseconds>(clock::now() - began));
                }
                BOOST_TEST(fastest.count() <= 100);
                BOOST_TEST(!first.accept_within(milliseconds(50)));
                BOOST_TEST(gate.becomes("sluice_attempts_total", {"outcome=\"cancelled\""}, 3));
                BOOST_TEST(gate.becomes("sluice_in_flight_requests", {}, 0));
                BOOST_TEST(second.calls() == 0u);
            }
}

BOOST_AUTO_TEST_SUITE_END()
