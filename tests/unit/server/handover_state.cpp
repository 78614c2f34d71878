#include "server_parts.hpp"
#include <sluice/server/handover_state.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(handover_state)

using namespace sluice;
using namespace std::chrono_literals;
using server::restore_state;
using server::state_of;

namespace {

const time_point now(1000s);

struct two {
    two()
    {
        to.write(server::sample_config());
        to.restart();
    }

    [[nodiscard]] const config::snapshot& old_one() const { return *from.plane->current(); }
    [[nodiscard]] const config::snapshot& new_one() const { return *to.plane->current(); }

    server::control_world from;
    server::control_world to;
};

policy::breaker& breaker_of(const config::snapshot& config, std::size_t target)
{
    return config.models[0].targets[target].state->breaker;
}

}  // namespace

BOOST_AUTO_TEST_CASE(limits_breakers_and_credentials_go_on_where_they_were)
{
    two w;
    const auto& key = *w.old_one().key_of("team", 0ns);
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(take(*key.state, key.limits, now).admitted);
    BOOST_TEST(!take(*key.state, key.limits, now).admitted);
    const auto& rules = w.old_one().models[0].breaker;
    auto& breaker = breaker_of(w.old_one(), 0);
    for (unsigned i = 0; i < rules.failures; ++i)
        breaker.report(rules, true, breaker.ask(rules, now, 0.5), now);
    BOOST_TEST((breaker.at(rules, now) == policy::breaker::position::open));
    w.old_one().providers[0].credentials[0]->rest(
        policy::credential_trouble::rate_limited, now + 20s);

    const auto done = restore_state(w.new_one(), state_of(w.old_one()), now);
    BOOST_TEST(done.readable);
    BOOST_TEST(done.ignored == 0u);
    BOOST_TEST(done.parts > 5u);
    const auto& same_key = *w.new_one().key_of("team", 0ns);
    BOOST_TEST(!take(*same_key.state, same_key.limits, now).admitted);
    BOOST_TEST(take(*same_key.state, same_key.limits, now + 1s).admitted);
    auto& same_breaker = breaker_of(w.new_one(), 0);
    BOOST_TEST((same_breaker.at(rules, now) == policy::breaker::position::open));
    BOOST_TEST((same_breaker.wait(rules, now) == breaker.wait(rules, now)));
    BOOST_TEST((breaker_of(w.new_one(), 1).at(rules, now) == policy::breaker::position::closed));
    BOOST_TEST(!w.new_one().providers[0].credentials[0]->usable(now + 19s));
    BOOST_TEST(w.new_one().providers[0].credentials[0]->usable(now + 21s));
    BOOST_TEST(w.new_one().providers[1].credentials[0]->usable(now));
}

BOOST_AUTO_TEST_CASE(a_breaker_that_is_held_by_hand_stays_so)
{
    two w;
    const auto& rules = w.old_one().models[0].breaker;
    breaker_of(w.old_one(), 0).force(policy::breaker::control::open);
    breaker_of(w.new_one(), 1).force(policy::breaker::control::open);
    (void)restore_state(w.new_one(), state_of(w.old_one()), now);
    // Who holds it says the disk, and the new process has read that.
    BOOST_TEST((breaker_of(w.new_one(), 0).at(rules, now) == policy::breaker::position::closed));
    BOOST_TEST((breaker_of(w.new_one(), 1).forced() == policy::breaker::control::open));
}

BOOST_AUTO_TEST_CASE(a_probe_that_is_out_does_not_take_the_place_of_the_next_one)
{
    two w;
    const auto& rules = w.old_one().models[0].breaker;
    auto& breaker = breaker_of(w.old_one(), 0);
    for (unsigned i = 0; i < rules.failures; ++i)
        breaker.report(rules, true, breaker.ask(rules, now, 0.5), now);
    const auto later = now + rules.cooldown;
    BOOST_TEST((breaker.ask(rules, later, 0.5).as == policy::permission::kind::probe));
    (void)restore_state(w.new_one(), state_of(w.old_one()), later);
    BOOST_TEST(
        (breaker_of(w.new_one(), 0).ask(rules, later, 0.5).as == policy::permission::kind::probe));
}

BOOST_AUTO_TEST_CASE(what_the_new_configuration_does_not_have_is_left_out)
{
    two w;
    const std::string text =
        R"({"version":1,"limits":{"key:gone":[1,1],"key:team":[999000000000,5]},)"
        R"("credentials":{"p:sha256:00000000":1},"breakers":[["gone","x",2,0]]})";
    const auto done = restore_state(w.new_one(), text, now);
    BOOST_TEST(done.readable);
    BOOST_TEST(done.parts == 1u);
    BOOST_TEST(done.ignored == 0u);
    BOOST_TEST(w.new_one().key_of("team", 0ns)->state->requests.full_at.load() == 999'000'000'000);
}

BOOST_AUTO_TEST_CASE(what_means_nothing_is_counted_and_changes_nothing)
{
    two w;
    const auto before = state_of(w.new_one());
    const std::string text =
        R"({"version":1,"limits":{"key:team":[1],"key:boss":["1",2],"model:demo":[9e30,1],)"
        R"("model:lone":[9223372036854775807,0]},"credentials":[],)"
        R"("breakers":[["demo","stable",-1,0],["demo"],7,["demo","stable",1,99999999999]]})";
    const auto done = restore_state(w.new_one(), text, now);
    BOOST_TEST(done.readable);
    BOOST_TEST(done.parts == 0u);
    BOOST_TEST(done.ignored == 8u);
    BOOST_TEST(state_of(w.new_one()) == before);
}

BOOST_AUTO_TEST_CASE(another_version_or_half_a_text_is_no_state)
{
    two w;
    const auto whole = state_of(w.old_one());
    for (std::size_t cut = 0; cut < whole.size(); cut += 7)
        BOOST_TEST(!restore_state(w.new_one(), whole.substr(0, cut), now).readable);
    BOOST_TEST(!restore_state(w.new_one(), R"({"version":2})", now).readable);
    BOOST_TEST(!restore_state(w.new_one(), "[]", now).readable);
}

BOOST_AUTO_TEST_SUITE_END()
