#include <sluice/net/resolver.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace sluice::net {
namespace {

void set_port(address& to, std::uint16_t port)
{
    if (to.bytes.ss_family == AF_INET6)
        reinterpret_cast<sockaddr_in6&>(to.bytes).sin6_port = htons(port);
    else
        reinterpret_cast<sockaddr_in&>(to.bytes).sin_port = htons(port);
}

std::vector<address> literal(const std::string& host)
{
    address found;
    auto& four = reinterpret_cast<sockaddr_in&>(found.bytes);
    auto& six = reinterpret_cast<sockaddr_in6&>(found.bytes);
    if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        found.size = sizeof four;
    } else if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        found.size = sizeof six;
    } else {
        return {};
    }
    return {found};
}

std::vector<address> with_port(std::vector<address> addresses, std::uint16_t port)
{
    for (auto& each : addresses)
        set_port(each, port);
    return addresses;
}

}  // namespace

resolver::resolver(reactor& loop)
    : resolver(loop, lifetimes())
{
}

resolver::resolver(reactor& loop, lifetimes keep)
    : loop_(loop),
      keep_(keep),
      resolver_(loop.context())
{
}

void resolver::ask(const std::string& host, entry& about)
{
    about.asking = true;
    // The entry is held by the handler: a name may be forgotten while the question is out.
    auto answered = [held = entries_[host], longest = keep_.fresh + keep_.stale](
                        const boost::system::error_code& ec,
                        const boost::asio::ip::tcp::resolver::results_type& results) {
        held->asking = false;
        if (!ec && !results.empty()) {
            held->addresses.clear();
            for (const auto& result : results) {
                address one;
                const auto& endpoint = result.endpoint();
                std::memcpy(&one.bytes, endpoint.data(), endpoint.size());
                one.size = static_cast<socklen_t>(endpoint.size());
                held->addresses.push_back(one);
            }
            held->asked = steady::now();
        } else if (steady::now() - held->asked > longest) {
            held->addresses.clear();
        }
        // Whoever is told may stop another one, which is gone then.
        waiters told;
        told.swap(held->waiting);
        while (!told.empty()) {
            auto& next = told.front();
            told.pop_front();
            next.answered.set();
        }
    };
    resolver_.async_resolve(host, "0", std::move(answered));
}

task<std::vector<address>> resolver::resolve(
    const std::string& host, std::uint16_t port, time_point until, interrupter& stop)
{
    if (auto known = literal(host); !known.empty())
        co_return with_port(std::move(known), port);
    auto& slot = entries_[host];
    if (!slot)
        slot = std::make_shared<entry>();
    const auto about = slot;
    const bool is_fresh = !about->addresses.empty() && steady::now() - about->asked < keep_.fresh;
    if (!is_fresh && !about->asking)
        ask(host, *about);
    if (about->addresses.empty()) {
        waiter mine(loop_.deadlines());
        about->waiting.push_back(mine);
        stop.on(mine.answered);
        co_await mine.answered.wait(until);
        stop.off();
    }
    co_return with_port(about->addresses, port);
}

void resolver::put_last(const std::string& host, address dead)
{
    const auto known = entries_.find(host);
    if (known == entries_.end() || !known->second)
        return;
    set_port(dead, 0);
    auto& all = known->second->addresses;
    const auto at = std::ranges::find_if(all, [&](const address& one) {
        return one.size == dead.size && std::memcmp(&one.bytes, &dead.bytes, one.size) == 0;
    });
    if (at != all.end())
        std::rotate(at, at + 1, all.end());
}

}  // namespace sluice::net
