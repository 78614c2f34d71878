#pragma once
// Scripted providers on 127.0.0.1: one that the test itself plays, one that answers by itself.

#include "connection.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace loopback {

// A listening socket on a port of its own.
class listener {
public:
    explicit listener(int backlog = 1024);
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    ~listener();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    // The next connection; none: nobody came.
    [[nodiscard]] std::optional<connection> accept_within(milliseconds time) const;
    // Throws when nobody comes.
    [[nodiscard]] connection accept() const;
    // Makes every further connect fail. Nobody else gets the port while this object lives.
    void close();

private:
    std::uint16_t port_ = 0;
    int keeper_ = -1;  // has the port and does not listen
    int descriptor_ = -1;
};

// A port of its own where nobody listens.
struct closed_port : listener {
    closed_port() { close(); }
};

// Serves each connection by the same script on a thread of its own, until the script returns,
// throws or this object ends.
class provider {
public:
    using script = std::function<void(connection&)>;

    explicit provider(script how);
    provider(const provider&) = delete;
    provider& operator=(const provider&) = delete;
    ~provider();

    [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port(); }
    [[nodiscard]] unsigned accepted() const noexcept { return accepted_; }
    // So that who sends much notices that it is not read; before anybody connects.
    void buffer_little() const;
    // Ends every connection and makes every further one fail, for good.
    void die();

private:
    void run(const std::stop_token& stop);
    void serve(connection one);

    script script_;
    listener listener_;
    std::atomic<unsigned> accepted_{0};
    std::mutex mutex_;
    std::vector<int> open_;
    std::vector<std::jthread> threads_;
    std::jthread acceptor_;
};

// Answers with a content-length.
[[nodiscard]] std::string answer_text(
    std::string_view body, unsigned status = 200, std::string_view more_fields = {});
// The head of a chunked event stream.
inline constexpr std::string_view stream_head =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
[[nodiscard]] std::string chunk(std::string_view payload);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

// Events of a chat completion stream.
[[nodiscard]] std::string token_event(std::string_view text);
inline constexpr std::string_view stop_event =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
inline constexpr std::string_view usage_event =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,"
    "\"total_tokens\":10}}\n\n";
inline constexpr std::string_view done_event = "data: [DONE]\n\n";

// A whole chat completion with usage 7 + 3.
inline constexpr std::string_view completion =
    R"({"id":"c1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",)"
    R"("content":"hello"},"finish_reason":"stop"}],)"
    R"("usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}})";

// A script that answers every request alike.
[[nodiscard]] provider::script always(std::string answer);

}  // namespace loopback
