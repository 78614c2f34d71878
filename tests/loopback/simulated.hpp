#pragma once
// A simulated provider and a client that sees every byte of it.

#include <sluice/simulate/simulator.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <regex>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>

namespace simulated {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace sluice;
using namespace sluice::simulate;

// A socket and what came over it.
class raw_client {
public:
    explicit raw_client(std::uint16_t port)
        : socket_(context_)
    {
        socket_.connect({asio::ip::address_v4::loopback(), port});
        const timeval limit{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }

    void send(std::string_view bytes) { asio::write(socket_, asio::buffer(bytes)); }

    void post(std::string_view path, std::string_view body, std::string_view more = "")
    {
        call("POST", path, body, more);
    }

    void call(
        std::string_view method,
        std::string_view path,
        std::string_view body,
        std::string_view more)
    {
        std::string out{method};
        out.append(" ").append(path).append(" HTTP/1.1\r\nhost: sim\r\n").append(more);
        out += "content-length: " + std::to_string(body.size()) + "\r\n\r\n";
        send(out.append(body));
    }

    void chat(std::string_view model, bool stream, std::string_view prompt = "hi")
    {
        std::string body = R"({"model":")";
        body.append(model).append(R"(","stream":)").append(stream ? "true" : "false");
        body.append(R"(,"messages":[{"role":"user","content":")").append(prompt).append("\"}]}");
        post("/v1/chat/completions", body);
    }

    // Everything until the end of the connection; `ended` says how.
    std::string rest(error_code& ended)
    {
        std::string all;
        asio::read(socket_, asio::dynamic_buffer(all), ended);
        return all;
    }

    std::string rest()
    {
        error_code ended;
        return rest(ended);
    }

    // Up to and with `mark`.
    std::string until(std::string_view mark)
    {
        error_code ec;
        const auto size = asio::read_until(socket_, asio::dynamic_buffer(buffer_), mark, ec);
        BOOST_TEST_REQUIRE(!ec, "no '" << mark << "' came: " << ec.message() << ": " << buffer_);
        std::string part = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return part;
    }

    // The body of an answer with content-length.
    std::string whole_answer(std::string* head = nullptr)
    {
        const std::string top = until("\r\n\r\n");
        std::smatch found;
        BOOST_TEST_REQUIRE(
            std::regex_search(top, found, std::regex{"content-length: (\\d+)"}), top);
        const std::size_t size = std::stoul(found[1]);
        if (buffer_.size() < size)
            asio::read(
                socket_,
                asio::dynamic_buffer(buffer_),
                asio::transfer_exactly(size - buffer_.size()));
        std::string body = buffer_.substr(0, size);
        buffer_.erase(0, size);
        if (head)
            *head = top;
        return body;
    }

    void close() { socket_.close(); }

private:
    asio::io_context context_;
    asio::ip::tcp::socket socket_;
    std::string buffer_;
};

struct provider {
    explicit provider(simulator_options options = {})
        : sim(std::move(options))
    {
        BOOST_TEST_REQUIRE(sim.start().has_value());
    }

    raw_client client() { return raw_client{sim.port()}; }

    // The whole conversation of one streamed chat whose connection the simulator ends.
    std::string broken_stream(std::string_view model, error_code& ended)
    {
        auto c = client();
        c.chat(model, true);
        return c.rest(ended);
    }

    simulator sim;
};

inline std::size_t occurrences(std::string_view text, std::string_view what)
{
    std::size_t count = 0;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
        ++count;
    return count;
}

inline constexpr std::string_view content_piece = R"("delta":{"content":)";
inline constexpr std::string_view final_chunk = "\r\n0\r\n\r\n";

}  // namespace simulated
