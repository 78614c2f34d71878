#pragma once
// Messages between two processes of one machine, some of them with a descriptor.

#include <sluice/base/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::server {

struct handover_message {
    enum class kind : std::uint8_t {
        hello,   // from the new one: {"version", "counts_places"}
        socket,  // a listening socket, with its descriptor
        take,    // that was the last; locks and files are free
        ready,   // from the new one: everything is open
        refuse,  // from the new one: why it does not take over
        go,      // the old one has stopped accepting: what it knows of limits and targets
        bills,   // packed
        money,   // {"budget", "period", "nanodollars"}
        places,  // {"key:ID": count, ...}: how many it may have in flight from now on
    } what = kind::hello;
    std::string body;
    int descriptor = -1;  // whoever takes the message out owns it
};

// Bytes into messages, however they are cut.
class handover_reader {
public:
    static constexpr std::size_t most_bytes = std::size_t{256} << 20U;  // of one message

    ~handover_reader();
    handover_reader() = default;
    handover_reader(const handover_reader&) = delete;
    handover_reader& operator=(const handover_reader&) = delete;

    void feed(std::string_view bytes) { bytes_ += bytes; }
    void feed_descriptor(int descriptor) { descriptors_.push_back(descriptor); }
    // None: not whole yet, or broken().
    [[nodiscard]] std::optional<handover_message> next();
    // What came is nothing that a link sends. For good.
    [[nodiscard]] bool broken() const noexcept { return broken_; }

private:
    std::string bytes_;
    std::deque<int> descriptors_;
    bool broken_ = false;
};

// The bytes of a message, without its descriptor.
[[nodiscard]] std::string framed(handover_message::kind what, std::string_view body);

// One end of a connected stream socket of AF_UNIX, which it owns.
class handover_link {
public:
    explicit handover_link(int descriptor) noexcept
        : socket_(descriptor)
    {
    }
    ~handover_link();
    handover_link(const handover_link&) = delete;
    handover_link& operator=(const handover_link&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return socket_; }

    // Any thread, one message after the other; waits for the peer to make room for at most `limit`.
    // `descriptor` stays the caller's. False: the peer is gone or does not read, and it is no use
    // to send more.
    bool send(
        handover_message::kind what,
        std::string_view body,
        int descriptor = -1,
        milliseconds limit = milliseconds{5'000});

    // The rest: one thread. Takes in what is there without waiting; false: the peer has ended, or
    // talks nonsense. Messages from before may still be there.
    [[nodiscard]] bool receive();
    [[nodiscard]] std::optional<handover_message> next() { return reader_.next(); }
    [[nodiscard]] bool broken() const noexcept { return reader_.broken(); }
    // The next message; none: none came in time, or the peer has ended.
    [[nodiscard]] std::optional<handover_message> wait(milliseconds limit);

private:
    int socket_;
    std::mutex sending_;
    bool deaf_ = false;  // guarded by it
    handover_reader reader_;
};

}  // namespace sluice::server
