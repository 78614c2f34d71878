#pragma once
// A real redis-server for the tests of a program; where there is none they are skipped, saying so.

#include "support/redis_server.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace loopback {

inline boost::test_tools::assertion_result redis_is_installed(boost::unit_test::test_unit_id)
{
    boost::test_tools::assertion_result answer(redis_server::installed());
    answer.message() << "redis-server is not installed";
    return answer;
}

inline const auto needs_redis = boost::unit_test::precondition(redis_is_installed);

// The `state` of a gateway's configuration that shares this Redis. `password` may be empty.
[[nodiscard]] inline std::string state_at(
    std::uint16_t redis, std::string_view timeout = "200ms", std::string_view password = {})
{
    std::string who;
    if (!password.empty())
        who = ':' + std::string(password) + '@';
    return "{ directory: '@DIR@/state', redis: 'redis://" + who + "127.0.0.1:"
           + std::to_string(redis) + "/0', redis_timeout: " + std::string(timeout) + " }";
}

}  // namespace loopback
