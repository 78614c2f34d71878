// What the lease rule of the gateway asks for and gives back, for tests/bench/scaling.py, which
// simulates it: one line in, one line out.
//
// in:  ns left tag missed largest beyond granted authority_left gateways
// out: asked surplus
// A line that begins with `new` starts another planner.

#include <sluice/policy/lease.hpp>

#include <iostream>
#include <sstream>
#include <string>

int main()
{
    using namespace sluice;
    policy::lease_planner planner;
    for (std::string line; std::getline(std::cin, line);) {
        if (line.starts_with("new")) {
            planner = {};
            continue;
        }
        std::istringstream in(line);
        std::int64_t now = 0;
        std::int64_t period = 0;
        std::int64_t granted = 0;
        policy::purse::contents held;
        policy::purse::demand asked;
        policy::authority_view authority;
        if (!(in >> now >> held.left >> period >> asked.missed >> asked.largest >> asked.beyond
              >> granted >> authority.left >> authority.gateways)) {
            std::cerr << "not understood: " << line << '\n';
            return 1;
        }
        held.tag = policy::tag_of(period);
        const time_point at{nanoseconds(now)};
        planner.look(held, asked, granted, at);
        std::cout << planner.ask(authority) << ' ' << planner.surplus(authority, at) << '\n';
    }
    return 0;
}
