#pragma once
// SIGUSR2: another process, of the program as it lies there now, takes over without a connection
// lost. Over a socket pair, in this order:
//
//   new  hello   its configuration holds (it has read nothing else yet)
//   old          writes and closes its databases, gives up the state directory's lock; goes on
//                serving, keeps bills in memory and money in its purses; changes are refused
//   old  socket  every listening socket itself, with who waits in its queue; then take
//   new  ready   it has the lock, the databases and every address, and is about to serve
//   old  go      it accepts no more: limits, breakers and credentials as they are; it drains
//   old  bills, money, places   what its last requests cost, what they did not spend, and how many
//                               it may still have, until it ends
//
// Whatever else happens before `ready` ends the new one; the old one takes lock and databases back
// and was serving all the time. Who writes is whoever has the lock; it changes hands twice at most.

#include <sluice/base/clock.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/server/given_sockets.hpp>
#include <sluice/server/handover_link.hpp>
#include <sluice/server/own_command.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace sluice::server {

// In the environment of the new process: the number of its descriptor.
inline constexpr std::string_view handover_variable = "SLUICE_HANDOVER";

// Of everything that goes over the link; `hello` tells it.
inline constexpr std::uint64_t handover_version = 1;

// What goes to the new process with `take`.
struct handover_offer {
    std::vector<given_socket> listeners;  // remain the old one's
    std::optional<given_socket> admin;
    std::string scratch;  // the temporary state directory, where there is one
};

// The old side. Control thread; outlives the running of its io_context.
class handover {
public:
    struct host {
        // Lets go of lock and databases. Why it does not (and has let go of nothing) or none.
        std::function<std::optional<std::string>()> hold;
        std::function<void()> resume;  // undoes it
        std::function<handover_offer()> offer;
        // The new one serves from now on: what it goes on with, sent as `go`, and then the link.
        std::function<std::string(pid_t pid)> succeed;
        std::function<void(std::shared_ptr<handover_link>)> give_link;
        std::function<void()> failed;  // after resume()
    };

    handover(
        boost::asio::io_context& context,
        own_command command,
        milliseconds limit,
        host process,
        observe::logger& log);
    ~handover();
    handover(const handover&) = delete;
    handover& operator=(const handover&) = delete;

    // Refused, with a line in the log, while one is under way or after one has succeeded.
    void begin();
    // Ends one that is under way.
    void cancel(std::string_view why);
    [[nodiscard]] bool under_way() const noexcept { return child_ > 0; }
    // Whether the new one takes `places`; once it has said hello.
    [[nodiscard]] bool heir_counts() const noexcept { return heir_counts_; }

private:
    [[nodiscard]] bool start();
    void listen();
    void heard();
    void answer(const handover_message& message);
    void offer();
    // Without a reason of its own it is how the new process ended.
    void fail(std::string_view why = {}, bool at_once = true);
    [[nodiscard]] std::string end_child(bool at_once);

    own_command command_;
    milliseconds limit_;
    host host_;
    observe::logger& log_;
    boost::asio::posix::stream_descriptor watched_;  // a duplicate of the link's
    boost::asio::steady_timer late_;
    std::shared_ptr<handover_link> link_;
    pid_t child_ = 0;
    bool held_ = false;
    bool done_ = false;
    bool heir_counts_ = false;
};

// The new side, before there is a gateway. Throws std::runtime_error when the old one does not keep
// to the order above.
class inheritance {
public:
    static constexpr milliseconds patience{30'000};

    // None: nobody has started this process to take over.
    [[nodiscard]] static std::unique_ptr<inheritance> find(const config::environment& environment);

    explicit inheritance(int descriptor);
    ~inheritance();
    inheritance(const inheritance&) = delete;
    inheritance& operator=(const inheritance&) = delete;

    // Says hello; returns when everything is there to be taken.
    void receive();
    [[nodiscard]] std::vector<given_socket> take_listeners()
    {
        return std::exchange(listeners_, {});
    }
    [[nodiscard]] std::optional<given_socket> take_admin() { return std::exchange(admin_, {}); }
    [[nodiscard]] const std::string& scratch() const noexcept { return scratch_; }

    void refuse(std::string_view why);
    // Says that all is open; what the old one sends with `go`, empty if it died meanwhile: then
    // this one serves all the more.
    [[nodiscard]] std::string ready();
    [[nodiscard]] std::shared_ptr<handover_link> link() const noexcept { return link_; }

private:
    void take_socket(handover_message message);

    std::shared_ptr<handover_link> link_;
    std::vector<given_socket> listeners_;
    std::optional<given_socket> admin_;
    std::string scratch_;
};

}  // namespace sluice::server
