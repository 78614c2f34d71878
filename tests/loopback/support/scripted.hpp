#pragma once
// A provider that follows a list of acts, and questions whose answers name what they answer.

#include "gateway.hpp"
#include "upstream.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace loopback {

// What is done with one request. False: the connection ends.
using act = std::function<bool(connection&, const message&)>;

// What of a request is read before it is acted on: all of it, or its head and its nonce. The rest
// then follows, unless the connection ends.
enum class reading : std::uint8_t { all, start };

// Answers its n-th request by the n-th act, and every later one by the last.
class scripted {
public:
    explicit scripted(std::vector<act> acts, reading how = reading::all);

    [[nodiscard]] std::uint16_t port() const noexcept { return provider_.port(); }
    [[nodiscard]] unsigned calls() const;
    // Whether it comes to be called exactly so often in time: who gives up early may be done before
    // its call is seen here.
    [[nodiscard]] bool called(unsigned times) const;
    // The keys it was asked with, in order.
    [[nodiscard]] std::vector<std::string> keys() const;
    // The request, from 0.
    [[nodiscard]] message request(std::size_t number) const;
    void die() { provider_.die(); }

private:
    void serve(connection& one);

    std::vector<act> acts_;
    reading how_;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<message> requests_;
    provider provider_;
};

// The nonce of a question made by ask().
[[nodiscard]] std::string nonce_of(const message& request);

// What a healthy provider does: a completion or a stream whose text is the nonce.
[[nodiscard]] act answers();
[[nodiscard]] act says(std::string text);             // and goes on
[[nodiscard]] act says_and_ends(std::string text);    // then FIN
[[nodiscard]] act says_and_resets(std::string text);  // then RST
[[nodiscard]] act says_and_hangs(std::string text);   // then nothing, until the gateway leaves
// One octet a write.
[[nodiscard]] act drips(std::string text);

// One question of `model`, on a connection of its own, and its answer.
[[nodiscard]] message ask(
    gateway& gate,
    std::string_view nonce,
    std::string_view more = {},
    std::string_view fields = {},
    std::string_view model = "m");
[[nodiscard]] std::string question(
    std::string_view nonce,
    std::string_view more = {},
    std::string_view fields = {},
    std::string_view model = "m",
    std::string_view behind = {});

// The answer is whole, and is this question's.
[[nodiscard]] bool answered(const message& answer, std::string_view nonce);

}  // namespace loopback
