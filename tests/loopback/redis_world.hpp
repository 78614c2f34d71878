#pragma once
// A client over a loop that the test runs until what it asks for is there.

#include <sluice/net/redis.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace loopback {

inline sluice::net::redis_settings redis_at(std::uint16_t port)
{
    sluice::net::redis_settings settings;
    settings.host = "127.0.0.1";
    settings.port = port;
    // A machine that is busy with other tests is slow; what is late here is so on purpose.
    settings.operation = std::chrono::milliseconds(5'000);
    settings.connect = std::chrono::milliseconds(5'000);
    settings.pause = std::chrono::milliseconds(2);
    settings.longest_pause = std::chrono::milliseconds(20);
    settings.refusal = std::chrono::milliseconds(50);
    // Tests count what a server was asked.
    settings.heartbeat = std::chrono::milliseconds(60'000);
    return settings;
}

struct redis_world {
    explicit redis_world(sluice::net::redis_settings settings)
        : client(context, std::move(settings), 1, [this](bool up, std::string_view why) {
              changes.push_back(up ? "up" : "down: " + std::string(why));
          })
    {
        client.start();
    }

    // Runs the loop until then; false: it did not come in time.
    bool until(
        const std::function<bool()>& holds,
        std::chrono::milliseconds most = std::chrono::seconds(20))
    {
        const auto end = sluice::steady::now() + most;
        while (!holds()) {
            if (sluice::steady::now() >= end)
                return false;
            context.restart();
            context.run_one_for(std::chrono::milliseconds(100));
        }
        return true;
    }

    [[nodiscard]] bool becomes_up()
    {
        return until([&] { return client.up(); });
    }
    [[nodiscard]] bool becomes_down()
    {
        return until([&] { return !client.up() && !changes.empty(); });
    }

    sluice::net::redis_answer ask(std::vector<std::string> words, std::string key = {})
    {
        auto got = std::make_shared<std::optional<sluice::net::redis_answer>>();
        client.ask({std::move(words), std::move(key)}, [got](sluice::net::redis_answer answer) {
            *got = std::move(answer);
        });
        (void)until([&] { return got->has_value(); });
        return got->value();
    }

    sluice::net::redis_answer run(
        const sluice::net::redis_script& script,
        const std::vector<std::string>& keys,
        const std::vector<std::string>& arguments)
    {
        auto got = std::make_shared<std::optional<sluice::net::redis_answer>>();
        client.run(script, keys, arguments, [got](sluice::net::redis_answer answer) {
            *got = std::move(answer);
        });
        (void)until([&] { return got->has_value(); });
        return got->value();
    }

    boost::asio::io_context context{1};
    std::vector<std::string> changes;
    sluice::net::redis_client client;
};

}  // namespace loopback
