#pragma once
// One connection to one Redis server, kept for as long as the process lives: made, greeted, used by
// pipelined operations, dropped at the first sign of trouble and made again after a while.

#include <sluice/base/clock.hpp>
#include <sluice/base/random.hpp>
#include <sluice/net/redis_reply.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::net {

struct redis_settings {
    std::string host;  // a name or an IP literal without brackets
    std::uint16_t port = 6379;
    bool tls = false;
    std::string user;      // empty: Redis' default user
    std::string password;  // empty: no AUTH
    unsigned database = 0;
    std::string ca_file;  // empty: the system's trust store

    milliseconds operation{50};     // from asking to the whole reply
    milliseconds connect{1'000};    // name, TCP, TLS and greeting together
    milliseconds heartbeat{1'000};  // a PING after this much silence
    milliseconds pause{100};  // before connecting again: a random part of it, doubled each time
    milliseconds longest_pause{5'000};
    std::size_t reply_bytes = std::size_t{1} << 20U;
    std::size_t waiting = 4'096;  // operations under way on one connection
    // A server that refused an operation for a reason of its own (no memory, being a replica, ...)
    // counts as down for so long after the last such refusal.
    milliseconds refusal{5'000};
};

enum class redis_failure : std::uint8_t {
    none,
    not_connected,
    timed_out,  // it may be carried out yet
    lost,       // the connection ended; it may have been carried out
    overloaded,
    misdirected,  // the nodes of a cluster send it round and round
};

[[nodiscard]] std::string_view name_of(redis_failure what) noexcept;

// What became of an operation. An error reply is an answer: `ok` is neither.
struct redis_answer {
    redis_failure failure = redis_failure::none;
    redis_reply reply{};

    [[nodiscard]] bool ok() const noexcept
    {
        return failure == redis_failure::none && !reply.failed();
    }
};

using redis_done = std::function<void(redis_answer)>;

class transport;

// One thread, that of the io_context, which it outlives the running of. Callbacks come from the
// loop, never out of send().
class redis_link {
public:
    // `settings` and `changed` outlive the link; `changed` is told when up() has changed.
    redis_link(
        boost::asio::io_context& context,
        const redis_settings& settings,
        std::string host,
        std::uint16_t port,
        random_engine random,
        std::function<void()> changed);
    ~redis_link();
    redis_link(const redis_link&) = delete;
    redis_link& operator=(const redis_link&) = delete;

    // Once.
    void start();

    // `bytes` is one command. Until the first connection has been made or has failed, it waits for
    // that; later, without one, it fails at once.
    void send(std::string bytes, time_point until, redis_done done);

    // Greeted, and answering in time.
    [[nodiscard]] bool up() const noexcept { return phase_ == phase::up; }
    // Why it is not; never holds a secret.
    [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }
    [[nodiscard]] const std::string& host() const noexcept { return host_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] time_point changed_at() const noexcept { return changed_at_; }
    // Of the last operation that was answered.
    [[nodiscard]] duration round_trip() const noexcept { return round_trip_; }

    // Ends the connection, if there is one; another is made as after any trouble.
    void drop(std::string why);
    // Connects there from now on.
    void move_to(std::string host, std::uint16_t port);

private:
    enum class phase : std::uint8_t { first, up, down };
    struct operation {
        time_point asked;
        time_point until;
        redis_done done;
    };
    struct read_reply {
        redis_reply value;
        std::string broken;  // why there is none
    };

    boost::asio::awaitable<void> live();
    boost::asio::awaitable<std::string> open();
    boost::asio::awaitable<std::string> greet();
    boost::asio::awaitable<std::string> serve();
    boost::asio::awaitable<read_reply> one_reply();
    void enter(phase next, std::string trouble);
    void arm();
    void look();
    void fail_all(redis_failure why);
    [[nodiscard]] duration next_pause();

    boost::asio::io_context& context_;
    const redis_settings& settings_;
    std::string host_;
    std::uint16_t port_;
    random_engine random_;
    std::function<void()> changed_;

    phase phase_ = phase::first;
    std::string trouble_ = "not connected yet";
    time_point changed_at_{};
    duration round_trip_{};
    unsigned failures_ = 0;  // in a row
    std::shared_ptr<transport> transport_;
    std::unique_ptr<redis_reader> reader_;
    std::string out_;  // not handed to the transport yet
    std::deque<operation> waiting_;
    boost::asio::steady_timer timer_;  // for the deadline of what is under way
    boost::asio::steady_timer pausing_;
    time_point armed_for_ = time_point::max();
    time_point last_used_{};
    time_point opening_until_{};  // while a connection is being made
    std::string dropped_;         // why the connection is being ended
};

}  // namespace sluice::net
