#include <sluice/proxy/answer_reader.hpp>
#include <sluice/proxy/attempt.hpp>
#include <sluice/proxy/services.hpp>

namespace sluice::proxy {
namespace {

constexpr http::head_limits answer_limits{.head_bytes = 65536, .line_bytes = 16384, .fields = 100};
constexpr unsigned most_interim_answers = 8;

}  // namespace

answer_reader::answer_reader(services& with, attempt& one) noexcept
    : with_(with),
      one_(one),
      scanner_(http::message_kind::response, answer_limits)
{
}

errc answer_reader::invalid(std::string_view why)
{
    one_.message.assign(describe(errc::upstream_invalid).message).append(": ").append(why);
    return errc::upstream_invalid;
}

// Takes heads off the front until a final one.
result<bool> answer_reader::understand()
{
    using progress = http::head_scanner::progress;
    for (;;) {
        const auto found = scanner_.scan({one_.rest.data(), one_.rest.size()});
        if (found.state == progress::incomplete)
            return false;
        if (found.state == progress::refused)
            return invalid(found.why.message);
        one_.head = one_.rest.subspan(found.begin, found.size);
        one_.rest = one_.rest.subspan(found.begin + found.size);
        const std::string_view text(one_.head.data(), one_.head.size());
        if (const auto why = http::parse(text, answer_limits, http::method::post, one_.response)) {
            one_.head = {};  // no answer to pass on
            return invalid(why->message);
        }
        if (one_.response.status() >= 200)
            return true;
        // Nothing here asked for 101, and 1xx without end is no answer.
        one_.head = {};
        if (one_.response.status() == 101 || ++interim_ > most_interim_answers)
            return invalid("101 although nothing asked for it, or 1xx without end");
        scanner_.reset();
    }
}

result<bool> answer_reader::take()
{
    // What is there comes in parts, TLS records, and is announced once.
    for (;;) {
        const auto got = one_.take(with_.in);
        if (got.status == net::io::again)
            return false;
        if (got.status != net::io::ok)
            return lost(got.status);
        heard_ = true;
        const auto whole = understand();
        if (!whole || *whole)
            return whole;
        one_.keep(with_.buffers);
    }
}

bool answer_reader::came_early()
{
    const auto whole = take();
    if (!whole)
        known_ = whole.error();
    else if (*whole)
        known_ = result<void>{};
    if (whole && *whole)
        one_.keep(with_.buffers);
    return known_.has_value();
}

bool answer_reader::has_begun_well() const noexcept
{
    return known_ && *known_ && one_.response.status() < 300;
}

net::task<result<void>> answer_reader::wait(time_point until, net::interrupter& stop)
{
    while (!known_) {
        if (stop.fired())
            co_return errc::client_closed_request;
        const net::io waited = co_await one_.upstream->readable(until);
        if (waited != net::io::ok)
            co_return lost(waited);
        const auto whole = take();
        if (!whole)
            co_return whole.error();
        if (*whole)
            co_return result<void>{};
    }
    co_return *known_;
}

}  // namespace sluice::proxy
