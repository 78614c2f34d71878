#pragma once
// A gateway in this process: from a configuration's text to ports, stopped with the test.

#include "connection.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace loopback {

// What the scripted providers are sent; no client may ever see it.
inline constexpr std::string_view provider_key = "sk-provider-secret-0123456789";

// A configuration by its top-level keys. "@DIR@" stands for the gateway's temporary directory.
class config {
public:
    // One worker; the model `m` at one provider `one`, where it is called `upstream-m`. Each
    // request is tried once.
    explicit config(std::uint16_t provider_port);
    config& set(const std::string& key, std::string_view value);
    [[nodiscard]] std::string text() const;

private:
    std::map<std::string, std::string> sections_;
};

// "http://127.0.0.1:PORT/v1"
[[nodiscard]] std::string base_url(std::uint16_t port);
// The `hash` of a client's key.
[[nodiscard]] std::string key_hash(std::string_view key);

class gateway {
public:
    explicit gateway(const config& how);
    gateway(const gateway&) = delete;
    gateway& operator=(const gateway&) = delete;
    ~gateway();

    [[nodiscard]] std::uint16_t port(std::size_t listener = 0) const;
    [[nodiscard]] connection connect() const { return connection::to(port()); }
    [[nodiscard]] const std::string& directory() const noexcept { return directory_; }

    void stop();
    // Whether run() has returned.
    [[nodiscard]] bool stopped(milliseconds within = patience);

    // Replaces the file and reads it again; answers what the admin API says.
    message reload(const config& next);
    // Once every worker has taken up what it changed.
    message admin(
        std::string_view method,
        std::string_view path,
        std::string_view body = {},
        std::string_view headers = {});

    // The sum of a metric's samples that carry all these labels, each as `name="value"`.
    double metric(std::string_view name, std::initializer_list<std::string_view> labels = {});
    // Whether it comes to be that in time.
    bool becomes(
        std::string_view name, std::initializer_list<std::string_view> labels, double value);

    // The metric once no request is in flight: an answer's last octet is sent before it is counted.
    [[nodiscard]] double settled(
        std::string_view name, std::initializer_list<std::string_view> labels = {});

    // The access log once it has this many lines.
    [[nodiscard]] std::vector<std::string> access_lines(std::size_t count) const;
    // Whether its own log comes to have this.
    [[nodiscard]] bool logs(std::string_view part) const;

private:
    struct running;
    std::string directory_;
    std::unique_ptr<running> running_;
};

// A chat request of the model `m`. `more` goes in front of the messages: "\"stream\":true,".
[[nodiscard]] std::string chat_body(std::string_view more = {}, std::string_view model = "m");
[[nodiscard]] std::string post_text(
    std::string_view body,
    std::string_view fields = {},
    std::string_view path = "/v1/chat/completions");
[[nodiscard]] std::string get_text(std::string_view path, std::string_view fields = {});
// The shortest way to ask.
[[nodiscard]] std::string chat_text(std::string_view more = {}, std::string_view fields = {});
inline constexpr std::string_view streaming = "\"stream\":true,";

}  // namespace loopback
