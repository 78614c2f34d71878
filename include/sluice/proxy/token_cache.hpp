#pragma once
// Tokens that were found good, so that their signatures are verified once: a request costs a digest
// and a look here. One worker's.

#include <sluice/base/clock.hpp>
#include <sluice/config/jwt.hpp>
#include <sluice/config/key.hpp>
#include <sluice/config/snapshot.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::proxy {

// A token that holds, in one snapshot.
struct bearer {
    const config::key* key = nullptr;  // of that snapshot
    config::jwt_identity is;
};
using bearer_ptr = std::shared_ptr<const bearer>;

class token_cache {
public:
    // So many tokens at most; further ones take the place of others.
    static constexpr std::size_t sets = 512;
    static constexpr std::size_t ways = 4;

    // The bearer of the token whose whole digest this is; null: none is let in. Verifies the token
    // unless it is known to hold under this snapshot. A token's times are its issuer's and told by
    // the system's clock; a key ends by the time that is believed.
    [[nodiscard]] bearer_ptr find(
        const config::snapshot& settings,
        const config::digest& digest,
        std::string_view token,
        nanoseconds system_now,
        nanoseconds believed_now);

    // Signatures that were verified, of whatever outcome.
    [[nodiscard]] std::size_t verified() const noexcept { return verified_; }
    // Tokens refused so far that name a key nobody has fetched. Any thread.
    [[nodiscard]] std::uint64_t naming_new_keys() const noexcept
    {
        return naming_new_keys_.load(std::memory_order_relaxed);
    }

private:
    struct entry {
        config::digest digest{};
        bearer_ptr bearer;
    };

    void forget_other(const config::snapshot& settings);

    std::vector<std::array<entry, ways>> entries_;  // empty until there is a token
    std::uint64_t version_ = 0;                     // of the snapshot they hold under
    std::size_t next_ = 0;                          // the way that is taken next
    std::size_t verified_ = 0;
    std::atomic<std::uint64_t> naming_new_keys_{0};
};

}  // namespace sluice::proxy
