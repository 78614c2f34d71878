#pragma once
// An admin server on a thread of its own, over a control plane in a temporary directory.

#include "server_parts.hpp"
#include <sluice/base/text.hpp>
#include <sluice/server/admin.hpp>
#include <sluice/server/shadow_reports.hpp>
#include <sluice/state/local_authority.hpp>

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>
#include <simdjson.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

namespace sluice::server {

namespace asio = boost::asio;
namespace dom = simdjson::dom;
using tcp = asio::ip::tcp;

struct reply {
    unsigned status = 0;
    std::string head;  // in lower case
    std::string body;
    dom::parser parser{};

    [[nodiscard]] dom::element json()
    {
        dom::element root;
        BOOST_REQUIRE_MESSAGE(parser.parse(body).get(root) == simdjson::SUCCESS, body);
        return root;
    }
    [[nodiscard]] std::string text(std::string_view pointer)
    {
        std::string_view found;
        BOOST_REQUIRE_MESSAGE(json().at_pointer(pointer).get(found) == simdjson::SUCCESS, body);
        return std::string(found);
    }
    [[nodiscard]] double number(std::string_view pointer)
    {
        double found = 0;
        BOOST_REQUIRE_MESSAGE(json().at_pointer(pointer).get(found) == simdjson::SUCCESS, body);
        return found;
    }
    [[nodiscard]] std::string code() { return text("/error/code"); }
    [[nodiscard]] bool says(std::string_view part) const
    {
        return body.find(part) != std::string::npos;
    }
    [[nodiscard]] std::string header(std::string_view name) const
    {
        const auto at = head.find("\r\n" + std::string(name) + ": ");
        if (at == std::string::npos)
            return {};
        const auto begin = at + name.size() + 4;
        return head.substr(begin, head.find("\r\n", begin) - begin);
    }
};

// The admin server on a thread of its own, and a client that waits.
class admin_world {
public:
    explicit admin_world(
        const std::string& text = sample_config(),
        admin_limits limits = {},
        std::uint16_t wanted = 0)
        : world(text),
          exposition_({.names = &world.names, .workers = {&world.cells}, .control = &world.values}),
          server_(
              context_,
              {.control = *world.plane,
               .rollouts = *world.canaries,
               .audit = *world.audit,
               .log = world.log,
               .metrics = exposition_,
               .rates = rates,
               .workers = {&world.cells},
               .draining = draining,
               .shadows = shadows,
               .book = book,
               .grants = grants,
               .now = [this] { return now; },
               .in_force = [this] { return in_force; },
               .reload = [this](const origin& by) { return world.plane->reload(by); }},
              limits)
    {
        server_.start({.host = "127.0.0.1", .port = wanted, .token = ""});
        port = server_.port();
        thread_ = std::thread([this] { context_.run(); });
    }

    ~admin_world()
    {
        on_control_thread([this] { server_.stop(); });
        guard_.reset();
        thread_.join();
    }
    admin_world(const admin_world&) = delete;
    admin_world& operator=(const admin_world&) = delete;

    template <class Work>
    void on_control_thread(Work work)
    {
        std::promise<void> done;
        asio::post(context_, [&] {
            work();
            done.set_value();
        });
        done.get_future().get();
    }

    void every_worker_took_it_up()
    {
        on_control_thread([this] {
            in_force = true;
            server_.look();
        });
    }

    [[nodiscard]] tcp::socket connect()
    {
        tcp::socket socket(client_);
        socket.connect({asio::ip::make_address("127.0.0.1"), port});
        return socket;
    }

    // Sends the octets and takes all that comes until the server closes.
    [[nodiscard]] reply raw(const std::string& octets)
    {
        auto socket = connect();
        boost::system::error_code ec;
        asio::write(socket, asio::buffer(octets), ec);
        std::string all;
        asio::read(socket, asio::dynamic_buffer(all), ec);
        reply answer;
        const auto end = all.find("\r\n\r\n");
        if (end == std::string::npos)
            return answer;
        answer.head = all.substr(0, end + 2);
        std::ranges::transform(answer.head, answer.head.begin(), lower);
        answer.body = all.substr(end + 4);
        answer.status = static_cast<unsigned>(std::stoul(all.substr(9, 3)));
        return answer;
    }

    std::string host = "127.0.0.1";  // that calls are for

    [[nodiscard]] reply call(
        const std::string& method,
        const std::string& path,
        const std::string& body = "",
        const std::string& headers = "")
    {
        return raw(
            method + " " + path + " HTTP/1.1\r\nhost: " + host + "\r\nconnection: close\r\n"
            + headers + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }

    control_world world;
    observe::recent_rates rates;
    shadow_reports shadows;
    state::ledger book{{.path = world.where.path + "/usage.db"}, world.log};
    state::local_authority alone;
    state::grants grants{{.path = world.where.path + "/budgets.db"}, book, alone, world.log};
    std::atomic<bool> draining{false};
    // What time it is for keys; of the control thread.
    std::chrono::sys_seconds now =
        std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    bool in_force = true;  // of the control thread
    std::uint16_t port = 0;

private:
    observe::exposition exposition_;
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
    admin_server server_;
    asio::io_context client_{1};
    std::thread thread_;
};

}  // namespace sluice::server
