#include <sluice/simulate/answer_writer.hpp>
#include <sluice/simulate/reply.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <chrono>
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

// Awaited answers are named before they are looked at: g++ 12.2 lays out the frame of a coroutine
// wrongly when the only thing in it is a co_await in a condition.

asio::awaitable<bool> answer_writer::wait(time_point until)
{
    const bool comments = streaming_ && how_.keep_alive > milliseconds{0};
    bool standing = !client_->gone();
    while (standing && comments && steady::now() + how_.keep_alive < until) {
        standing = co_await client_->wait_until(steady::now() + how_.keep_alive);
        if (standing)
            standing = co_await event(comment);
    }
    if (standing)
        standing = co_await client_->wait_until(until);
    co_return standing;
}

asio::awaitable<bool> answer_writer::head(std::string bytes)
{
    bool standing = true;
    for (std::uint32_t i = 0; standing && i < how_.interim; ++i)
        standing = co_await client_->send(early_hints);
    if (standing && how_.head_octet == milliseconds{0})
        standing = co_await client_->send(bytes);
    const std::size_t slowly = how_.head_octet == milliseconds{0} ? 0 : bytes.size();
    for (std::size_t i = 0; standing && i < slowly; ++i) {
        const std::string_view octet{bytes.data() + i, 1};
        standing = co_await client_->send(octet);
        if (standing)
            standing = co_await client_->wait_until(steady::now() + how_.head_octet);
    }
    co_return standing;
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
    bool standing = co_await head(std::move(lines));
    if (!standing)
        co_return false;
    if (breaks)
        co_return co_await break_body(body);
    const auto halves = split_character(body);
    standing = co_await client_->send(halves.first);
    if (standing)
        standing = co_await client_->send(halves.second);
    co_return standing;
}

asio::awaitable<bool> answer_writer::break_body(std::string_view body)
{
    const std::string_view half = body.substr(0, body.size() / 2);
    const bool standing = co_await client_->send(half);
    if (standing && how_.breaks == break_kind::reset)
        client_->reset();
    if (standing && how_.breaks == break_kind::stall)
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
        bool standing = co_await client_->send(first);
        if (standing)
            standing = co_await client_->send(second);
        co_return standing;
    }
    const std::string one = chunk(bytes);
    co_return co_await client_->send(one);
}

asio::awaitable<bool> answer_writer::end_of_stream()
{
    bool standing = false;
    if (chunked_)
        standing = co_await client_->send(last_chunk);
    co_return standing;
}

asio::awaitable<bool> answer_writer::break_inside(const script& lines, const struct event& one)
{
    std::string half = render(lines, one, steady_ns(steady::now()));
    if (chunked_)
        half = chunk(half);
    half.resize(half.size() / 2);
    (void)co_await client_->send(half);
    co_return false;
}

asio::awaitable<bool> answer_writer::break_stream(const script& lines, std::size_t at)
{
    const break_kind kind = how_.breaks;
    bool standing = kind == break_kind::error_event || kind == break_kind::clean_fin;
    if (kind == break_kind::fin_inside)
        (void)co_await break_inside(lines, lines.events[at]);
    if (kind == break_kind::reset)
        client_->reset();
    if (kind == break_kind::stall)
        (void)co_await wait(steady::now() + stall_);
    if (kind == break_kind::error_event) {
        const std::string said = render(lines, lines.error, steady_ns(steady::now()));
        standing = co_await event(said);
    }
    if (standing)
        standing = co_await end_of_stream();
    co_return standing;
}

asio::awaitable<bool> answer_writer::after_answer()
{
    bool standing = true;
    if (how_.extra_bytes) {
        standing = co_await client_->wait_until(steady::now() + how_.extra_bytes_after);
        if (standing)
            standing = co_await client_->send(poison);
    }
    co_return standing && !how_.hang_up;
}

}  // namespace sluice::simulate
