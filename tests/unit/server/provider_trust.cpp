#include "temporary_directory.hpp"
#include <sluice/server/provider_trust.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdio>

BOOST_AUTO_TEST_SUITE(provider_trust_)

using namespace sluice;

namespace {

constexpr std::string_view authority =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBgDCCASWgAwIBAgIUNu76wjURiU67CZS8lUVcOnwf2tIwCgYIKoZIzj0EAwIw\n"
    "FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyMzA4MzkzOFoYDzIxMjYxMDMw\n"
    "MDgzOTM4WjAUMRIwEAYDVQQDDAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO\n"
    "PQMBBwNCAASW/PJgtVDIQQt1oqJX61swK/CLkcc/yKg4lZQzzJ31bKgW2StgPksb\n"
    "V+yEchhDA7L9Risgu88tO/E0PMeF5plWo1MwUTAdBgNVHQ4EFgQU3AnwWPZ0mEbZ\n"
    "oudrX/t/xUUWEh8wHwYDVR0jBBgwFoAU3AnwWPZ0mEbZoudrX/t/xUUWEh8wDwYD\n"
    "VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAnVDePRWHCG84oCNn8oX/\n"
    "AhEzHkd/3EdkWcZgedohPKACIQDr9FIuTyK+VJrssOUENvv8n+0R3Rl9UvI7pSgY\n"
    "PESVMg==\n"
    "-----END CERTIFICATE-----\n";

struct world {
    world()
    {
        write(system, authority);
        write(own, authority);
        for (const auto& ca_file : {std::string(), own, std::string(), own}) {
            auto& made = config.providers.emplace_back();
            made.tls = true;
            made.ca_file = ca_file;
        }
        config.providers.emplace_back();
    }
    static void write(const std::string& path, std::string_view text)
    {
        std::ofstream(path, std::ios::trunc) << text;
    }
    [[nodiscard]] config::environment environment() const
    {
        config::environment made;
        made.variable = [this](const std::string& name) {
            return name == "SSL_CERT_FILE" ? std::optional(system) : std::nullopt;
        };
        return made;
    }

    temporary_directory where;
    std::string system = where.file("system.pem");
    std::string own = where.file("own.pem");
    config::snapshot config;
    unsigned complaints = 0;
    observe::logger log{
        [this](std::string_view line) {
            complaints += line.find("upstream_tls_context") != std::string_view::npos ? 1 : 0;
        },
        [] { return time_point{}; }};
    server::provider_trust trust{environment(), log};
};

}  // namespace

BOOST_AUTO_TEST_CASE(who_trusts_the_same_shares_it_and_keeps_it)
{
    world w;
    const auto first = w.trust.of(w.config);
    BOOST_TEST_REQUIRE(first.size() == 5u);
    BOOST_TEST((first[0] && first[1] && !first[4]));
    BOOST_TEST((first[0] == first[2] && first[1] == first[3] && first[0] != first[1]));
    BOOST_TEST((w.trust.of(w.config) == first));
}

BOOST_AUTO_TEST_CASE(what_was_written_again_is_read_again_and_nothing_else)
{
    world w;
    const auto first = w.trust.of(w.config);
    w.write(w.own, std::string(authority) + std::string(authority));
    const auto second = w.trust.of(w.config);
    BOOST_TEST((second[1] && second[1] != first[1] && second[0] == first[0]));
    w.write(w.system, std::string(authority) + std::string(authority));
    const auto third = w.trust.of(w.config);
    BOOST_TEST((third[0] && third[0] != second[0] && third[1] == second[1]));
    // Another file takes its place, as a mounted secret's does.
    w.write(w.where.file("next.pem"), std::string(authority) + std::string(authority));
    std::rename(w.where.file("next.pem").c_str(), w.own.c_str());
    BOOST_TEST((w.trust.of(w.config)[1] != third[1]));
    BOOST_TEST(w.complaints == 0u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_used_stays_what_it_was)
{
    world w;
    const auto first = w.trust.of(w.config);
    w.write(w.own, "nonsense");
    BOOST_TEST((w.trust.of(w.config) == first));
    std::remove(w.own.c_str());
    BOOST_TEST((w.trust.of(w.config) == first));
    BOOST_TEST(w.complaints == 2u);
    w.write(w.own, std::string(authority) + std::string(authority));
    BOOST_TEST((w.trust.of(w.config)[1] != first[1]));
}

BOOST_AUTO_TEST_SUITE_END()
