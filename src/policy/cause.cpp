#include <sluice/policy/cause.hpp>

#include <array>

namespace sluice::policy {

const consequences& consequences_of(cause why) noexcept
{
    using enum consequences::health;
    using trouble = credential_trouble;
    // clang-format off
    static constexpr std::array<consequences, cause_count> rows{{
        // target   credential             other  repeat fallback               first  retry
        {good,    trouble::none,         false, false, chain::none,           false, false},  // success
        {unknown, trouble::rate_limited, true,  true,  chain::rate_limited,   true,  true},
        {unknown, trouble::quota,        true,  false, chain::any,            true,  false},
        {unknown, trouble::refused,      true,  false, chain::any,            true,  false},
        {unknown, trouble::refused,      true,  false, chain::any,            true,  false},  // forbidden
        {bad,     trouble::none,         true,  true,  chain::any,            false, true},   // unreachable
        {bad,     trouble::none,         true,  true,  chain::any,            false, true},   // broken
        {bad,     trouble::none,         true,  true,  chain::any,            false, true},   // late
        {bad,     trouble::none,         true,  true,  chain::any,            false, true},   // server_error
        {good,    trouble::none,         false, false, chain::context_length, true,  false},
        {good,    trouble::none,         false, false, chain::content_policy, true,  false},
        {good,    trouble::none,         false, false, chain::none,           false, false},  // rejected
        {unknown, trouble::none,         false, false, chain::none,           false, false},  // deadline
        {unknown, trouble::none,         false, false, chain::none,           false, false},  // stopped
        {unknown, trouble::none,         true,  false, chain::any,            true,  false},  // unaffordable
    }};
    // clang-format on
    return rows[static_cast<std::size_t>(why)];
}

}  // namespace sluice::policy
