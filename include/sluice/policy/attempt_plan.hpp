#pragma once
// What to try for one request, in which order, and when to stop. The one place that decides it; who
// carries it out tells what came of each attempt, and has told the target's and the credential's
// state before.
//
// - Trouble with a credential: the next one of the same provider, at once, each at most once. Where
//   the question may be what is forbidden, the third and later ones are extra attempts that pay.
// - Then another target of the model, at once; then the same one after a while; then fallbacks. A
//   rate limit goes to fallbacks before it waits.
// - An extra attempt pays from its target's retry budget when it repeats a target, or when that
//   target has been failing lately. The first visit to a healthy one is free.
// - Nobody can be asked: the least bad target is, by a few at a time.
// - A wait is a back-off with full jitter, behind the instant a resting credential may be used
//   again. One that is longer than the model's cap or passes the deadline is a give-up.

#include <sluice/base/random.hpp>
#include <sluice/policy/stage.hpp>

#include <cstdint>
#include <optional>
#include <span>

namespace sluice::policy {

struct step {
    enum class kind : std::uint8_t { attempt, wait, give_up };
    // Of a give-up: what the client is told where there is no answer to pass on.
    enum class reason : std::uint8_t { failed, rate_limited, credentials, unhealthy };

    kind what = kind::give_up;
    reason why = reason::failed;
    std::size_t stage = 0;  // of an attempt
    std::size_t target = 0;
    std::size_t credential = 0;
    permission given;        // comes back to the target's breaker
    chain by = chain::none;  // the list of `from` that led to another stage
    std::size_t from = 0;
    nanoseconds wait{0};  // of a wait, then resume(); of a give-up, when to try again; 0: unknown
};

class attempt_plan {
public:
    // `stages` outlive it. Nothing is begun after `due`.
    attempt_plan(std::span<const stage> stages, std::size_t model, time_point due) noexcept
        : stages_(stages),
          at_(&stages[model]),
          due_(due),
          stage_(model)
    {
    }

    // `preferred` is where the split puts the request. `only`: the client has asked for this one,
    // and there is no other.
    enum class choice : std::uint8_t { preferred, only };
    [[nodiscard]] step first(
        std::size_t preferred, choice how, time_point now, random_engine& random);

    // What to do after the last attempt ended so.
    [[nodiscard]] step after(cause why, time_point now, random_engine& random);

    // A second attempt beside the first, which goes on: at another target of the same arm, else
    // once more at its own. Nobody pays and none of the model's attempts is used up. None: nobody
    // can be asked, or a breaker of the model is not closed.
    [[nodiscard]] std::optional<step> beside(time_point now, random_engine& random);

    // Of two that ran beside each other, this one ended last: after() goes on from there.
    void ended_last(const step& which) noexcept;

    // After a wait.
    [[nodiscard]] step resume(time_point now, random_engine& random);

    // Attempts it has allowed so far.
    [[nodiscard]] std::uint32_t attempts() const noexcept { return total_; }

private:
    static constexpr std::size_t most_stages = 8;
    // Attempts at a target all of whose siblings are out of order, at any time.
    static constexpr std::uint32_t last_resorts = 3;

    // Who pays: nobody for a request's first attempt; on entering a fallback and for an extra
    // attempt, who goes to a target that has been failing lately; `paid` was paid before a wait.
    enum class fare : std::uint8_t { first, entry, extra, paid };
    struct obstacles {  // why nobody could be asked; the shortest wait for each
        std::optional<nanoseconds> rate_limits;
        std::optional<nanoseconds> credentials;
        std::optional<nanoseconds> breakers;
    };

    [[nodiscard]] bool enter(std::size_t stage, time_point now, random_engine& random, step& to);
    [[nodiscard]] bool admit(
        std::size_t target, fare how, time_point now, random_engine& random, step& to);
    void take(std::size_t target, std::size_t credential, permission given, step& to) noexcept;
    [[nodiscard]] bool too_slow(std::size_t target, time_point now) const noexcept;
    [[nodiscard]] bool elsewhere(fare how, time_point now, random_engine& random, step& to);
    struct group {
        bool canary;
        bool ejected;
    };
    [[nodiscard]] bool pick_among(
        group whom, fare how, time_point now, random_engine& random, step& to);
    [[nodiscard]] bool next_credential(cause why, time_point now, random_engine& random, step& to);
    [[nodiscard]] bool fall_back(chain by, time_point now, random_engine& random, step& to);
    [[nodiscard]] bool fall_back_along(
        std::size_t from, chain by, time_point now, random_engine& random, step& to);
    [[nodiscard]] bool back_off(cause why, time_point now, random_engine& random, step& to);
    [[nodiscard]] bool last_resort(time_point now, random_engine& random, step& to);
    [[nodiscard]] step nobody(time_point now, random_engine& random);
    [[nodiscard]] step give_up(step::reason why, nanoseconds wait) const noexcept;
    [[nodiscard]] bool used(std::size_t stage) const noexcept;
    [[nodiscard]] bool can_wait(nanoseconds wait, time_point now) const noexcept;
    void leave(std::size_t stage) noexcept;
    void note_breaker(const candidate& of, time_point now) noexcept;
    void note_credentials(const candidate& of, time_point now) noexcept;

    std::span<const stage> stages_;
    const stage* at_;
    time_point due_;
    obstacles obstacles_;
    std::uint64_t seen_ = 0;  // candidates of this stage that were tried or refused
    std::size_t stage_;
    std::size_t target_ = 0;
    std::size_t credential_ = 0;
    std::size_t turned_ = 0;      // how far round the credentials of this target
    std::uint32_t attempts_ = 0;  // in this stage
    std::uint32_t total_ = 0;
    std::uint8_t stages_used_ = 0;
    bool only_ = false;
    chain pending_ = chain::any;
    std::array<std::size_t, most_stages> stages_before_{};
};

}  // namespace sluice::policy
