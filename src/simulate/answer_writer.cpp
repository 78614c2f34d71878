#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <sluice/simulate/answer_writer.hpp>
#include <sluice/simulate/reply.hpp>
#include <utility>

namespace sluice::simulate {

namespace asio = boost::asio;

namespace {

constexpr std::string_view early_hints =
    "HTTP/1.1 103 Early Hints\r\nlink: </sim>; rel=preload\r\n\r\n";
constexpr std::string_view poison = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";
constexpr std::string_view comment = ": keep-alive\n\n";

}  // namespace

std::int64_t steady_ns(time_point when)
{
    return std::chrono::duration_cast<nanoseconds>(when.time_since_epoch()).count();
}

answer_writer::answer_writer(
    std::shared_ptr<peer> client, const behaviour& how, bool chunked, seconds stall)
    : client_(std::move(client)),
      how_(how),
      chunked_(chunked),
      stall_(stall)
{
}

asio::awaitable<bool> answer_writer::wait(time_point until)
{
    const bool comments = streaming_ && how_.keep_alive > milliseconds{0};
    while (comments && steady::now() + how_.keep_alive < until) {
        if (!co_await client_->wait_until(steady::now() + how_.keep_alive))
            co_return false;
        if (!co_await event(comment))
            co_return false;
    }
    co_return co_await client_->wait_until(until);
}

asio::awaitable<bool> answer_writer::head(std::string bytes)
{
    for (std::uint32_t i = 0; i < how_.interim; ++i)
        if (!co_await client_->send(early_hints))
            co_return false;
    if (how_.head_octet == milliseconds{0})
        co_return co_await client_->send(bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const std::string_view octet{bytes.data() + i, 1};
        if (!co_await client_->send(octet))
            co_return false;
        if (!co_await client_->wait_until(steady::now() + how_.head_octet))
            co_return false;
    }
    co_return true;
}

asio::awaitable<bool> answer_writer::whole(std::string lines, std::string body, bool may_break)
{
    const bool slow = how_.interim > 0 || how_.head_octet > milliseconds{0};
    const bool breaks =
        may_break && how_.breaks != break_kind::none && how_.breaks != break_kind::error_event;
    if (!slow && !breaks && !how_.half_utf8) {
        lines += body;
        co_return co_await client_->send(lines);
    }
    if (!co_await head(std::move(lines)))
        co_return false;
    if (breaks)
        co_return co_await break_body(body);
    const auto halves = split_character(body);
    if (!co_await client_->send(halves.first))
        co_return false;
    co_return co_await client_->send(halves.second);
}

asio::awaitable<bool> answer_writer::break_body(std::string_view body)
{
    if (!co_await client_->send(body.substr(0, body.size() / 2)))
        co_return false;
    if (how_.breaks == break_kind::reset)
        client_->reset();
    if (how_.breaks == break_kind::stall)
        (void)co_await client_->wait_until(steady::now() + stall_);
    co_return false;
}

asio::awaitable<bool> answer_writer::stream_head(std::string lines)
{
    streaming_ = true;
    co_return co_await head(std::move(lines));
}

asio::awaitable<bool> answer_writer::event(std::string_view bytes)
{
    if (!chunked_)
        co_return co_await client_->send(bytes);
    const auto halves = split_character(bytes);
    if (how_.half_utf8 && !halves.second.empty()) {
        const std::string first = chunk(halves.first);
        const std::string second = chunk(halves.second);
        if (!co_await client_->send(first))
            co_return false;
        co_return co_await client_->send(second);
    }
    const std::string one = chunk(bytes);
    co_return co_await client_->send(one);
}

asio::awaitable<bool> answer_writer::end_of_stream()
{
    if (!chunked_)
        co_return false;
    co_return co_await client_->send(last_chunk);
}

asio::awaitable<bool> answer_writer::break_stream(const script& lines, std::size_t at)
{
    switch (how_.breaks) {
    case break_kind::error_event: {
        const std::string said = render(lines, lines.error, steady_ns(steady::now()));
        if (!co_await event(said))
            co_return false;
        co_return co_await end_of_stream();
    }
    case break_kind::clean_fin:
        co_return co_await end_of_stream();
    case break_kind::fin_inside: {
        std::string half = render(lines, lines.events[at], steady_ns(steady::now()));
        if (chunked_)
            half = chunk(half);
        half.resize(half.size() / 2);
        (void)co_await client_->send(half);
        break;
    }
    case break_kind::reset:
        client_->reset();
        break;
    case break_kind::stall:
        (void)co_await wait(steady::now() + stall_);
        break;
    case break_kind::fin:
    case break_kind::none:
        break;
    }
    co_return false;
}

asio::awaitable<bool> answer_writer::after_answer()
{
    if (how_.extra_bytes) {
        if (!co_await client_->wait_until(steady::now() + how_.extra_bytes_after))
            co_return false;
        if (!co_await client_->send(poison))
            co_return false;
    }
    co_return !how_.hang_up;
}

}  // namespace sluice::simulate
