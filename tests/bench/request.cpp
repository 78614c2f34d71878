#include "request.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

namespace sluice::bench {
namespace {

std::string chat_body(const request_settings& settings, bool stream)
{
    constexpr std::string_view text =
        "The quick brown fox jumps over the lazy dog while it rains. ";
    const std::string front =
        R"({"model":")" + settings.model
        + R"(","messages":[{"role":"system","content":"You are a helpful assistant."},)"
          R"({"role":"user","content":")";
    std::string back = R"("}],"temperature":0.7)";
    back += stream ? R"(,"stream":true})" : "}";
    std::string body = front;
    while (body.size() + back.size() < settings.body_bytes)
        body += text[(body.size() - front.size()) % text.size()];
    return body + back;
}

std::string file_body(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::string make_request(const request_settings& settings, bool stream)
{
    const std::string body =
        settings.body_file.empty() ? chat_body(settings, stream) : file_body(settings.body_file);
    std::string head =
        "POST " + settings.path + " HTTP/1.1\r\nhost: 127.0.0.1:" + std::to_string(settings.port)
        + "\r\nconnection: keep-alive\r\naccept: application/json\r\ncontent-type: "
          "application/json\r\n"
          "user-agent: OpenAI/JS 6.9.1\r\nx-stainless-retry-count: 0\r\nx-stainless-timeout: "
          "600\r\n"
          "x-stainless-lang: js\r\nx-stainless-package-version: 6.9.1\r\nx-stainless-os: Linux\r\n"
          "x-stainless-arch: x64\r\nx-stainless-runtime: node\r\n"
          "x-stainless-runtime-version: v20.20.2\r\nauthorization: Bearer "
        + settings.key
        + "\r\naccept-language: *\r\nsec-fetch-mode: cors\r\naccept-encoding: gzip, deflate\r\n";
    for (const std::string& field : settings.extra_fields)
        head += field + "\r\n";
    return head + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace sluice::bench
