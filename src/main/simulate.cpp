#include "simulate.hpp"

#include <sluice/simulate/simulator.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <optional>
#include <ostream>
#include <string_view>

namespace sluice {
namespace {

struct listen_address {
    std::string host;
    std::uint16_t port;
};

// "127.0.0.1:9101" or "[::1]:9101".
std::optional<listen_address> parse_listen(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    listen_address address{std::string(host), 0};
    const auto [end, ec] =
        std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
    boost::system::error_code bad_host;
    (void)boost::asio::ip::make_address(address.host, bad_host);
    if (ec != std::errc{} || end != digits.data() + digits.size() || bad_host)
        return std::nullopt;
    return address;
}

// The name stands in headers and in JSON.
bool usable_name(std::string_view name)
{
    return !name.empty() && name.size() <= 64
           && std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::string simulate_grammar()
{
    std::string out;
    for (const auto& clause : simulate::behaviour_grammar()) {
        std::string line = "  " + std::string(clause.pattern);
        line.resize(std::max<std::size_t>(line.size() + 1, 34), ' ');
        out += line + std::string(clause.meaning) + '\n';
    }
    return out;
}

int run_simulate(const simulate_options& options, std::ostream& out, std::ostream& err)
{
    const auto address = parse_listen(options.listen);
    if (!address) {
        err << "simulate: --listen " << options.listen
            << ": expected ADDRESS:PORT, such as 127.0.0.1:9101 or [::1]:0\n";
        return 2;
    }
    if (!usable_name(options.name)) {
        err << "simulate: --name: expected 1 to 64 visible ASCII characters\n";
        return 2;
    }
    if (const auto how = simulate::parse_behaviour(options.behaviour); !how) {
        err << "simulate: --behaviour: " << how.error() << "\nClauses, joined by '+':\n"
            << simulate_grammar();
        return 2;
    }

    simulate::simulator_options wanted;
    wanted.host = address->host;
    wanted.port = address->port;
    wanted.name = options.name;
    wanted.key = options.key;
    wanted.behaviour = options.behaviour;
    wanted.seed = options.seed;
    boost::asio::io_context context{1};
    boost::asio::signal_set signals{context, SIGTERM, SIGINT};
    simulate::simulator provider{wanted};
    if (const auto started = provider.start(context); !started) {
        err << "simulate: cannot listen on " << options.listen << ": " << started.error().message()
            << '\n';
        return 1;
    }
    signals.async_wait([&](boost::system::error_code, int) { provider.stop(); });
    out << "simulated provider '" << options.name << "' on http://" << provider.address() << "/v1\n"
        << std::flush;
    context.run();
    return 0;
}

}  // namespace sluice
