#pragma once
// What both kinds of load share: one connection with its half-sent request and half-read response,
// and the count of everything that went wrong. Nothing is retried and nothing is left out of the
// counts.

#include "report.hpp"
#include "response_reader.hpp"
#include "socket.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string_view>

namespace sluice::bench {

struct failures {
    std::map<int, std::uint64_t> statuses;  // other than 2xx
    std::uint64_t refused = 0;              // no connection
    std::uint64_t transport = 0;            // reset, closed early, or not HTTP
    std::uint64_t lengths = 0;              // a body of the wrong size
    std::uint64_t unfinished = 0;           // no end before the run was over

    [[nodiscard]] std::uint64_t total() const
    {
        std::uint64_t sum = refused + transport + lengths + unfinished;
        for (const auto& [status, count] : statuses)
            sum += count;
        return sum;
    }

    void write(report& out) const
    {
        report by_status;
        for (const auto& [status, count] : statuses)
            by_status.add(std::to_string(status), count);
        report all;
        all.add("total", total());
        all.add("statuses", by_status);
        all.add("refused", refused);
        all.add("transport", transport);
        all.add("lengths", lengths);
        all.add("unfinished", unfinished);
        out.add("failures", all);
    }
};

// A socket in a poller, and how much of the request it has taken.
class requester {
public:
    // False: nobody listens.
    [[nodiscard]] bool connect(std::uint16_t port, poller& poller, std::uint64_t token);
    void close() noexcept { fd_.reset(); }
    [[nodiscard]] bool open() const noexcept { return static_cast<bool>(fd_); }

    // False: the connection broke. Without room the poller is told, and proceed() goes on.
    [[nodiscard]] bool send(std::string_view request, poller& poller);
    [[nodiscard]] bool proceed(poller& poller);

    enum class got : std::uint8_t { bytes, nothing, closed, broken };
    [[nodiscard]] got receive(char* buffer, std::size_t size, std::string_view& bytes) const;

private:
    unique_fd fd_;
    std::uint64_t token_ = 0;
    std::string_view rest_;
    bool waits_for_room_ = false;
};

inline constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max() / 2;

}  // namespace sluice::bench
