// Whether the time a wrong key is refused in tells how much of a right one it has: keys whose end
// is wrong against keys whose beginning is, in random turn, by Welch's t. Once for connections that
// never had the right key and once for ones that had it just before, as behind a balancer. A round
// that finds a difference is asked again: noise finds none three times.
//
// usage: bench_keycheck [pairs]

#include <sluice/config/build.hpp>
#include <sluice/config/key.hpp>
#include <sluice/http/head.hpp>
#include <sluice/proxy/client.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/steps.hpp>
#include <sluice/state/ledger.hpp>

#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <random>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace {

using namespace sluice;

constexpr std::string_view right =
    "sk-sluice-0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab";
constexpr double enough = 4.5;
constexpr unsigned most_rounds = 3;

struct sample {
    double mean = 0;
    double variance = 0;
    double count = 0;
};

sample of(const std::vector<double>& times)
{
    sample result;
    result.count = static_cast<double>(times.size());
    result.mean = std::accumulate(times.begin(), times.end(), 0.0) / result.count;
    for (const double time : times)
        result.variance += (time - result.mean) * (time - result.mean) / (result.count - 1);
    return result;
}

// Without what took longer than 99 of 100: a thread that was put aside says nothing.
double welch(std::array<std::vector<double>, 2> times, double& difference)
{
    std::vector<double> all(times[0]);
    all.insert(all.end(), times[1].begin(), times[1].end());
    const auto cut = all.begin() + static_cast<std::ptrdiff_t>(all.size() * 99 / 100);
    std::nth_element(all.begin(), cut, all.end());
    for (auto& one : times)
        std::erase_if(one, [&](double time) { return time > *cut; });
    const auto near = of(times[0]);
    const auto far = of(times[1]);
    difference = near.mean - far.mean;
    return difference / std::sqrt(near.variance / near.count + far.variance / far.count);
}

struct bench {
    bench()
    {
        config::document file{.file = "keycheck", .settings = {}};
        for (int i = 0; i < 1000; ++i)
            add(file.settings, "other-" + std::to_string(i));
        add(file.settings, right);
        file.settings.index();
        with.snapshots.install(config::build(file, {}, 1, nullptr, names).snapshot);
    }

    static void add(config::snapshot& settings, std::string_view secret)
    {
        auto& key = settings.keys.emplace_back();
        key.id = secret;
        key.secrets = {{.hash = config::sha256(secret)}};
    }

    // Nanoseconds.
    double refuse(const std::string& text, bool wanted)
    {
        x.reset();
        x.served_by = with.snapshots.current();
        x.config = x.served_by->config.get();
        if (http::parse(text, {}, x.head))
            std::abort();
        const auto before = steady::now();
        const bool let_in = static_cast<bool>(proxy::authenticate(with, from, x));
        const auto after = steady::now();
        if (let_in != wanted)
            std::abort();
        return std::chrono::duration<double, std::nano>(after - before).count();
    }

    static int open_end()
    {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) != 0)
            std::abort();
        return ends[0];
    }

    boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
    net::reactor loop{context};
    net::byte_ledger bytes{std::size_t{1} << 30U};
    net::buffer_pool buffers{bytes};
    observe::catalogue names;
    observe::worker_cells cells;
    observe::access_log access_log{{"off"}};
    observe::logger log;
    state::ledger ledger{{.path = ":memory:"}, log};
    const std::atomic<bool> draining{false};
    proxy::pair_inbox pairs{[] {}};
    proxy::services with{loop, buffers, cells, access_log, ledger, log, draining, pairs, 0, 1};
    proxy::client from{net::stream(net::socket::adopt(loop, open_end())), buffers, "127.0.0.1"};
    proxy::exchange x;
};

std::string head_with(std::string_view key)
{
    return "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + std::string(key)
           + "\r\n\r\n";
}

// The right key with others for so many characters from there on. Several, because one character
// has so few others that what the test would see is where their digests happen to lie in the table.
constexpr std::size_t changed = 4;

std::string wrong_at(std::size_t at, std::mt19937_64& random)
{
    std::string key(right);
    while (key == right)
        for (std::size_t i = at; i < at + changed; ++i)
            key[i] = "0123456789abcdef"[random() % 16];
    return key;
}

// Heads with near misses and with far ones, made before anything is timed: what has just been
// written is read more slowly than the rest.
std::array<std::vector<std::string>, 2> wrong_heads(std::mt19937_64& random)
{
    constexpr std::size_t first = std::string_view("sk-sluice-").size();
    std::array<std::vector<std::string>, 2> heads;
    for (std::size_t i = 0; i < 1024; ++i) {
        heads[0].push_back(head_with(wrong_at(right.size() - changed, random)));
        heads[1].push_back(head_with(wrong_at(first, random)));
    }
    return heads;
}

bool differs(bench& b, std::size_t pairs, bool after_right, std::mt19937_64& random)
{
    std::array<std::vector<double>, 2> times;
    const auto heads = wrong_heads(random);
    const std::string fine = head_with(right);
    for (std::size_t i = 0; i < 2 * pairs; ++i) {
        const std::size_t which = random() % 2;
        const auto& text = heads[which][random() % heads[which].size()];
        if (after_right)
            (void)b.refuse(fine, true);
        times[which].push_back(b.refuse(text, false));
    }
    double difference = 0;
    const double t = welch(std::move(times), difference);
    std::cout << (after_right ? "after the right key" : "on its own") << ": t " << t
              << ", near-miss minus far-miss " << difference << " ns, " << 2 * pairs
              << " refusals\n";
    return std::abs(t) >= enough;
}

}  // namespace

int main(int argc, char** argv)
{
    const std::size_t pairs = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
    bench b;
    std::mt19937_64 random(1);
    (void)differs(b, std::min<std::size_t>(pairs, 10'000), false, random);  // warms up
    for (const bool after_right : {false, true}) {
        unsigned rounds = 0;
        while (differs(b, pairs, after_right, random))
            if (++rounds == most_rounds) {
                std::cout << "the time tells how near a key is\n";
                return 1;
            }
    }
    return 0;
}
