#pragma once
// What the gateways of a fleet tell each other of their live changes: items by name, each with the
// version of its last change. Of two, every gateway takes the same one, in whatever order they
// come.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::state {

struct spread_item {
    std::string name;   // "weights MODEL", "key ID", ...
    std::string value;  // JSON; empty: there is no such thing any more
    // It takes rights or traffic away: what is changed elsewhere without knowing of it does not
    // bring them back.
    bool withdrawn = false;
    // It goes before all withdrawals with a version below this: its own version, if it is one; one
    // more than that of the last it knows of, if it was made after one; 0: it knows of none.
    std::uint64_t born = 0;
    std::uint64_t version = 0;  // ms since 1970 when it was changed, above what it was changed from
    std::string gateway;        // where

    friend bool operator==(const spread_item&, const spread_item&) = default;
};

// Which of two of one name counts: a total order, by `born`, then the withdrawal, the version, and
// between equals the gateway's name. So a withdrawal goes before all that did not know of it,
// however late and however often that was made again, and what was made again by who knew of it
// goes before both.
//
// Gateways of the version before order alike, and so does what runs in Redis: while a fleet is
// being upgraded all take the same one of two. But they write the last birth into the `born` of a
// withdrawal, and its own version into that of what is made again. The list raises the former when
// it meets it. The latter goes before earlier withdrawals that it did not know of, as it did.
[[nodiscard]] bool supersedes(const spread_item& a, const spread_item& b) noexcept;

// One thread. Bounded in items and in their sizes.
class spread_list {
public:
    static constexpr std::size_t max_items = 50'000;
    static constexpr std::size_t max_name_bytes = 512;
    static constexpr std::size_t max_value_bytes = std::size_t{64} << 10U;
    static constexpr std::uint64_t max_version = std::uint64_t{1} << 50U;
    // How long it is remembered that something is gone, in ms: a year. A gateway that was away for
    // longer may bring it back.
    static constexpr std::uint64_t remember_gone = std::uint64_t{365} * 24 * 3'600 * 1'000;
    // Of what was here before there was a list: anything that is known elsewhere goes before it.
    static constexpr std::uint64_t oldest = 1;

    struct entry {
        spread_item item;
        bool pending = false;    // not known to be where all gateways look
        std::uint64_t from = 0;  // the version it was changed from; of pending ones
    };
    using entries = std::map<std::string, entry, std::less<>>;

    // `gateway` is this one.
    explicit spread_list(std::string gateway);

    // Made here at `now`, in ms since 1970. False: nothing new, or no room for it. A withdrawal is
    // news even if there was one: it goes before what others, unknown here, have made of that.
    bool change(std::string_view name, std::string_view value, bool withdrawn, std::uint64_t now);

    enum class outcome : std::uint8_t {
        same,
        taken,    // theirs counts from now on
        ours,     // ours counts, and is pending
        refused,  // beyond the bounds
    };
    struct merged {
        outcome what = outcome::same;
        bool conflict = false;  // both were changed, and neither knew of the other
    };
    merged merge(spread_item theirs);

    // All gateways can find it; nothing if it was changed since.
    void spread(std::string_view name, std::uint64_t version);
    void all_pending();
    void make_pending(std::string_view name);
    // Takes out what is gone for so long that it need not be remembered; answers it.
    [[nodiscard]] std::vector<spread_item> forget(std::uint64_t now);
    // As it was stored; does not count against `merge`'s rules.
    void restore(entry stored);

    [[nodiscard]] const entry* find(std::string_view name) const noexcept;
    [[nodiscard]] const entries& all() const noexcept { return entries_; }
    [[nodiscard]] std::size_t pending() const noexcept { return pending_; }
    // Of all versions, modulo max_version: two lists with the same sum are taken to be the same.
    [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }
    [[nodiscard]] const std::string& gateway() const noexcept { return gateway_; }

private:
    void put(entry next);
    void set_pending(entry& of, bool pending) noexcept;

    std::string gateway_;
    entries entries_;
    std::size_t pending_ = 0;
    std::uint64_t sum_ = 0;
};

}  // namespace sluice::state
