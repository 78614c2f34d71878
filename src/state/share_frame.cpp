#include "redis_scripts.hpp"
#include <sluice/state/share_frame.hpp>

namespace sluice::state {

share_talk::share_talk(
    boost::asio::io_context& context,
    net::redis_client& client,
    share_settings settings,
    std::string kind,
    std::function<unsigned()> gateways)
    : client_(client),
      settings_(std::move(settings)),
      kind_(std::move(kind)),
      gateways_(std::move(gateways)),
      share_(std::string(share_script)),
      timer_(context)
{
}

std::string share_talk::key_of(std::string_view name) const
{
    return settings_.prefix + ':' + kind_ + ":{" + std::string(name) + '}';
}

void share_talk::tell(
    const std::string& name,
    share_demand what,
    std::function<void(std::optional<std::int64_t>)> heard)
{
    client_.run(
        share_,
        {key_of(name)},
        {settings_.gateway,
         std::to_string(what.wanted),
         std::to_string(settings_.gone.count()),
         std::to_string(what.whole),
         std::to_string(what.in_use)},
        [heard = std::move(heard)](const net::redis_answer& answer) {
            const bool told = answer.ok() && answer.reply.is == net::redis_reply::kind::integer;
            heard(told ? std::optional(answer.reply.number) : std::nullopt);
        });
}

void share_talk::let_go(const std::string& name)
{
    client_.run(
        share_,
        {key_of(name)},
        {settings_.gateway, "-1", "1", "1", "0"},
        [](const net::redis_answer&) {});
}

void share_talk::after(duration pause, std::function<void()> then)
{
    timer_.expires_after(pause);
    timer_.async_wait([then = std::move(then)](const boost::system::error_code& ec) {
        if (!ec)
            then();
    });
}

std::uint32_t share_talk::in_force(
    std::uint32_t part, config::store_failure on_failure, std::uint32_t alone) const
{
    if (client_.up() || on_failure == config::store_failure::keep_share)
        return part;
    return on_failure == config::store_failure::refuse ? 0 : alone;
}

}  // namespace sluice::state
