// Whether the time a wrong key is refused in tells how much of a right one it has: keys whose end
// is wrong against keys whose beginning is, in random turn, by Welch's t. Once for connections that
// never had the right key and once for ones that had it just before, as behind a balancer. A round
// that finds a difference is asked again: noise finds none three times. That a difference would be
// found is tried with a comparison that ends at the first wrong character.

#include "steps.hpp"
#include <sluice/config/build.hpp>
#include <sluice/config/key.hpp>
#include <sluice/http/head.hpp>
#include <sluice/proxy/steps.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace sluice::bench {
namespace {

constexpr std::string_view right =
    "sk-sluice-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
constexpr std::size_t prefix = std::string_view("sk-sluice-").size();
constexpr double enough = 4.5;
constexpr unsigned most_rounds = 3;

constexpr std::string_view before_key =
    "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ";
constexpr std::size_t key_at = before_key.size();

std::string head_with(std::string_view key)
{
    return std::string(before_key) + std::string(key) + "\r\n\r\n";
}

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

struct refusals : worker {
    refusals()
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
    double refuse(const std::string& text, bool wanted, bool leaky = false)
    {
        begin();
        if (http::parse(text, {}, x.head))
            std::abort();
        const auto before = steady::now();
        bool let_in = static_cast<bool>(proxy::authenticate(with, from, x));
        if (leaky)
            let_in = let_in || same_by_character(text.data() + key_at);
        const auto after = steady::now();
        if (let_in != wanted)
            std::abort();
        return std::chrono::duration<double, std::nano>(after - before).count();
    }

    // What must not be: the more is right, the longer it takes.
    static bool same_by_character(const volatile char* presented)
    {
        for (const char c : right)
            if (*presented++ != c)
                return false;
        return true;
    }
};

// Keys that are right but for some characters at their end (near misses) or behind their prefix
// (far ones). Each is drawn anew: where digests of a few fixed ones lie in the table is what the
// times would tell.
struct wrong_keys {
    static constexpr std::size_t changed = 6;

    wrong_keys(std::size_t count, std::mt19937_64& random)
    {
        text.reserve(count * right.size());
        for (std::size_t i = 0; i < count; ++i) {
            far.push_back(random() % 2 == 1);
            const auto begin = text.size() + (far.back() ? prefix : right.size() - changed);
            text += right;
            do
                for (std::size_t j = 0; j < changed; ++j)
                    text[begin + j] = "0123456789abcdef"[random() % 16];
            while (text.ends_with(right));
        }
    }

    [[nodiscard]] std::string_view operator[](std::size_t i) const
    {
        return std::string_view(text).substr(i * right.size(), right.size());
    }

    std::string text;  // one behind the other, so that both kinds are read alike
    std::vector<bool> far;
};

enum class kind { on_its_own, after_right, leaky };

// All heads are this one with another key put in: at different addresses they are read at
// different speeds.
bool differs(refusals& b, std::size_t each, kind how, std::mt19937_64& random)
{
    const wrong_keys keys(2 * each, random);
    const std::string fine = head_with(right);
    std::string head = fine;
    std::array<std::vector<double>, 2> times;
    for (std::size_t i = 0; i < keys.far.size(); ++i) {
        if (how == kind::after_right)
            (void)b.refuse(fine, true);
        head.replace(key_at, right.size(), keys[i]);
        times[keys.far[i] ? 1 : 0].push_back(b.refuse(head, false, how == kind::leaky));
    }
    constexpr std::array<std::string_view, 3> names{
        "on its own", "after the right key", "with a leak"};
    double difference = 0;
    const double t = welch(std::move(times), difference);
    std::cout << names[static_cast<std::size_t>(how)] << ": t " << t
              << ", near-miss minus far-miss " << difference << " ns, " << 2 * each
              << " refusals\n";
    return std::abs(t) >= enough;
}

bool tells(refusals& b, std::size_t each, kind how, std::mt19937_64& random)
{
    for (unsigned round = 0; round < most_rounds; ++round)
        if (!differs(b, each, how, random))
            return false;
    std::cout << "the time tells how near a key is\n";
    return true;
}

}  // namespace

int check_keys(std::size_t each)
{
    refusals b;
    std::mt19937_64 random(1);
    if (!differs(b, each / 10, kind::leaky, random)) {  // warms up as well
        std::cout << "a leak would not be found\n";
        return 1;
    }
    return tells(b, each, kind::on_its_own, random) || tells(b, each, kind::after_right, random)
               ? 1
               : 0;
}

}  // namespace sluice::bench
