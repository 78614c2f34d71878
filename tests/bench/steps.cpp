// usage: bench_steps decision [body bytes] [rounds]
//        bench_steps keycheck [refusals of each kind]

#include "steps.hpp"

#include <algorithm>
#include <iostream>
#include <string_view>

int main(int argc, char** argv)
{
    const auto number = [&](int at, std::size_t otherwise) {
        return argc > at ? static_cast<std::size_t>(std::strtoull(argv[at], nullptr, 10))
                         : otherwise;
    };
    const std::string_view what = argc > 1 ? argv[1] : "";
    if (what == "decision")
        return sluice::bench::time_decision(
            number(2, 10'000), std::max<std::size_t>(number(3, 20'000), 100));
    if (what == "keycheck")
        return sluice::bench::check_keys(std::max<std::size_t>(number(2, 200'000), 10));
    std::cerr << "usage: bench_steps decision [body bytes] [rounds]\n"
                 "       bench_steps keycheck [refusals of each kind]\n";
    return 2;
}
