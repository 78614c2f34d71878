#pragma once
// Load that does not wait for answers, and the four forms in which a fault is tried.

#include "support/scripted.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

namespace offered {

using namespace loopback;

// The model m at a provider, with another model at a healthy provider as its fallback or alone.
inline config configured(
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

struct load {
    unsigned rate = 500;  // requests per second
    unsigned clients = 50;
};

// Requests at a rate for `time`, each sent when it is due as long as one of the clients is free.
inline void offer(
    gateway& gate, milliseconds time, std::string_view more, tally& into, load how = {})
{
    const auto begin = clock::now();
    const auto count = static_cast<unsigned>(how.rate * time.count() / 1000);
    const auto one_client = [&](unsigned client) {
        auto line = gate.connect();
        for (unsigned i = client; i < count; i += how.clients) {
            // exception: a load at a given rate is made by the clock
            std::this_thread::sleep_until(
                begin + std::chrono::microseconds(1'000'000 / how.rate) * i);
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
    for (unsigned client = 0; client < how.clients; ++client)
        threads.emplace_back(one_client, client);
}

inline std::string refusal(unsigned status, std::string_view fields = {})
{
    return answer_text(R"({"error":{"message":"no","code":null}})", status, fields);
}

struct form {
    std::string_view more;
    bool fallback;

    friend std::ostream& operator<<(std::ostream& out, const form& one)
    {
        return out << (one.more.empty() ? "plain" : "streamed")
                   << (one.fallback ? ", with a fallback" : ", alone");
    }
};

inline constexpr std::array<form, 4> forms{
    {{{}, false}, {{}, true}, {streaming, false}, {streaming, true}}};

// Tries all forms side by side; what was seen of each. Nothing is judged on these threads.
template <class Try>
auto in_all_forms(Try one)
{
    using seen = std::invoke_result_t<Try, const form&>;
    std::array<std::future<seen>, forms.size()> running;
    for (std::size_t i = 0; i < forms.size(); ++i)
        running[i] = std::async(std::launch::async, one, std::cref(forms[i]));
    std::array<seen, forms.size()> all;
    for (std::size_t i = 0; i < forms.size(); ++i)
        all[i] = running[i].get();
    return all;
}

}  // namespace offered
