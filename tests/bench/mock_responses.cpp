#include "mock_responses.hpp"

#include <charconv>

namespace sluice::bench {
namespace {

const std::string common_fields =
    "date: Fri, 01 Aug 2025 12:00:00 GMT\r\n"
    "connection: keep-alive\r\n"
    "openai-organization: bench\r\n"
    "openai-processing-ms: 412\r\n"
    "openai-version: 2020-10-01\r\n"
    "x-ratelimit-limit-requests: 10000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\n"
    "x-request-id: req_0f1e2d3c4b5a69788796a5b4c3d2e1f0\r\n"
    "strict-transport-security: max-age=31536000; includeSubDomains; preload\r\n"
    "server: mock\r\n";

const std::string usage =
    R"("usage":{"prompt_tokens":211,"completion_tokens":250,"total_tokens":461})";

std::string padding(std::size_t size)
{
    constexpr std::string_view words = "lorem ipsum dolor sit amet ";
    std::string text;
    while (text.size() < size)
        text += words[text.size() % words.size()];
    return text;
}

std::string padded(const std::string& front, const std::string& back, std::size_t size)
{
    const std::size_t fixed = front.size() + back.size();
    return front + padding(size > fixed ? size - fixed : 0) + back;
}

std::string chunk(const std::string& data)
{
    char digits[16];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, data.size(), 16);
    return std::string(digits, end) + "\r\n" + data + "\r\n";
}

const std::string event_identity =
    R"(data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1754049600,)"
    R"("model":"bench-upstream",)";
const std::string event_front = event_identity + R"("choices":[{"index":0,"delta":)";

std::string last_events(bool with_usage)
{
    std::string text = chunk(event_front + "{},\"finish_reason\":\"stop\"}]}\n\n");
    if (with_usage)
        text += chunk(event_identity + "\"choices\":[]," + usage + "}\n\n");
    return text + chunk("data: [DONE]\n\n") + "0\r\n\r\n";
}

}  // namespace

mock_responses::mock_responses(std::size_t body_bytes, std::size_t event_bytes)
    : end_(last_events(false)),
      end_with_usage_(last_events(true))
{
    const std::string body = padded(
        R"({"id":"chatcmpl-bench","object":"chat.completion","created":1754049600,)"
        R"("model":"bench-upstream","choices":[{"index":0,"message":{"role":"assistant","content":")",
        R"(","refusal":null},"finish_reason":"stop"}],)" + usage + "}",
        body_bytes);
    body_bytes_ = body.size();
    completion_ = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
                  + std::to_string(body.size()) + "\r\n" + common_fields + "\r\n" + body;

    stream_head_ = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                   "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n"
                   + common_fields + "\r\n";

    const std::string front = event_front + "{\"content\":" + std::string(stamp_mark)
                              + std::string(stamp_digits, '0') + ";";
    event_ = chunk(padded(front, "\"},\"finish_reason\":null}]}\n\n", event_bytes));
    stamp_at_ = event_.find(stamp_mark) + stamp_mark.size();
}

std::string_view mock_responses::event(std::uint64_t now_ns) noexcept
{
    for (std::size_t i = stamp_digits; i-- > 0; now_ns /= 10)
        event_[stamp_at_ + i] = static_cast<char>('0' + now_ns % 10);
    return event_;
}

}  // namespace sluice::bench
