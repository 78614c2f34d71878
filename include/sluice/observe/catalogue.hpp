#pragma once
// The only source of label values: configured names, each with a dense id that stays its own for
// the life of the process. A request carries ids, so nothing a client invents can become a series.

#include <sluice/base/text.hpp>
#include <sluice/observe/shadow_numbers.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::observe {

// Id 0 of arms, keys, providers and fallbacks: an unknown model, no target chosen, no or an unknown
// key.
inline constexpr std::size_t other_id = 0;
inline constexpr std::string_view other_name = "other";

// Ids of each kind; a name beyond it is counted under `other`. Only reloads can use ids up.
inline constexpr std::size_t max_ids = 65'536;

// Longer names are cut at a character's end. A model's may be as long in the configuration.
inline constexpr std::size_t max_label_bytes = 256;

// What may stand in a label: valid UTF-8 without control characters, at most max_label_bytes.
[[nodiscard]] std::string label_value(std::string_view name);

// Any thread; locks, so it is for building snapshots and for scrapes, never for a request.
class catalogue {
public:
    struct arm_name {
        std::string model;
        std::string target;
    };
    struct fallback_name {
        std::string model;
        std::string to;
    };
    struct counts {
        std::size_t arms = 1;
        std::size_t keys = 1;
        std::size_t providers = 1;
        std::size_t fallbacks = 1;
    };
    struct names {
        std::vector<arm_name> arms;
        std::vector<std::string> keys;
        std::vector<std::string> providers;
        std::vector<fallback_name> fallbacks;
    };

    catalogue();

    // The id of the name, given now if it had none. An empty target reads "none": requests of a
    // known model that were answered before a target was chosen.
    [[nodiscard]] std::size_t arm(std::string_view model, std::string_view target);
    [[nodiscard]] std::size_t key(std::string_view id);
    [[nodiscard]] std::size_t provider(std::string_view name);
    // Of the way from a model to one of its fallbacks.
    [[nodiscard]] std::size_t fallback(std::string_view model, std::string_view to);

    // The numbers of this model's shadow at this target, made now if there were none. Never null;
    // beyond max_ids everybody shares those of `other`.
    [[nodiscard]] std::shared_ptr<shadow_numbers> shadow(
        std::string_view model, std::string_view target);
    [[nodiscard]] std::vector<std::shared_ptr<const shadow_numbers>> shadows() const;

    // What worker_cells::ensure wants; ids handed out so far are below these.
    [[nodiscard]] counts size() const;

    // A copy; position = id.
    [[nodiscard]] names read() const;

private:
    using ids = std::unordered_map<std::string, std::size_t, string_hash, std::equal_to<>>;

    [[nodiscard]] std::size_t named(
        ids& known, std::vector<std::string>& list, std::string_view name);

    mutable std::mutex mutex_;
    names names_;
    ids arms_;
    ids keys_;
    ids providers_;
    ids fallbacks_;
    std::vector<std::shared_ptr<shadow_numbers>> shadows_;
};

}  // namespace sluice::observe
