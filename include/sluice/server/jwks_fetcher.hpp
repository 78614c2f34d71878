#pragma once
// The keys that tokens are verified with, where `jwt.keys` is a URL: fetched at once, then every
// `jwt.refresh`, sooner after a failure and when a token names a key that is not among them. What
// was fetched last stays in force when the URL cannot be reached or answers something else.

#include <sluice/base/clock.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/server/control.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <string>

namespace sluice::server {

// Every member on the control thread; outlives the running of its io_context.
class jwks_fetcher {
public:
    // After a failure; twice that after the next one. Never longer than `jwt.refresh`.
    static constexpr milliseconds soon{2'000};
    static constexpr milliseconds at_last{30'000};
    // Anybody can make up a key's name: between two fetches for such tokens.
    static constexpr milliseconds between_new_keys{30'000};

    jwks_fetcher(boost::asio::io_context& context, control& plane, observe::logger& log);
    jwks_fetcher(const jwks_fetcher&) = delete;
    jwks_fetcher& operator=(const jwks_fetcher&) = delete;

    // What another process has fetched last; before start(). Kept if it is of the URL that the
    // configuration has.
    struct answer {
        std::string url;
        std::string text;
    };
    void begin_with(const answer& fetched);
    // Empty: nothing yet.
    [[nodiscard]] const answer& last() const noexcept { return last_; }

    void start();
    // A snapshot is in force: perhaps with another URL, or one that is to be asked more often.
    void look();
    // So many tokens, ever, named a key that is not among those fetched. Call every second or so.
    void look_for_new_keys(std::uint64_t tokens, time_point now);
    void stop();

private:
    // What `jwt` says about it.
    struct source {
        std::string url;  // empty: there is nothing to fetch
        milliseconds refresh{0};

        friend bool operator==(const source&, const source&) = default;
    };

    [[nodiscard]] source configured() const;
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<bool> fetch(const config::webhook& where);
    void tell(const std::string& host, std::string_view wrong);

    boost::asio::io_context& context_;
    control& plane_;
    observe::logger& log_;
    boost::asio::steady_timer timer_;
    answer last_;               // in force
    source asked_;              // last
    std::uint64_t tokens_ = 0;  // that named new keys, at the last fetch for them
    time_point new_keys_after_{};
    milliseconds pause_ = soon;
    bool failing_ = false;  // told already
    bool stopped_ = false;
};

}  // namespace sluice::server
