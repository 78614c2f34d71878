#pragma once
// The life of the configuration: the file, the live changes over it, and the snapshot in force.

#include <sluice/config/build.hpp>
#include <sluice/config/key.hpp>
#include <sluice/config/load.hpp>
#include <sluice/config/render.hpp>
#include <sluice/config/snapshot.hpp>
#include <sluice/observe/audit_log.hpp>
#include <sluice/observe/catalogue.hpp>
#include <sluice/observe/exposition.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/state/key_store.hpp>
#include <sluice/state/overrides.hpp>
#include <sluice/state/spread_book.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

// What a control works with; all of it outlives the control.
struct control_parts {
    observe::catalogue& catalogue;
    state::override_store& overrides;
    state::key_store& keys;
    observe::audit_log& audit;
    observe::control_values& values;  // told of every snapshot in force and every failed reload
    observe::logger& log;
    state::spread_book* spread = nullptr;  // none: no other gateway hears of changes
};

struct control_settings {
    std::string config_path;  // read again by every reload, written by replace_file
    config::environment environment;
};

// Who asks for a change, for the audit log, and of which state.
struct origin {
    std::string actor;                          // "admin", "signal", "rollout"
    std::string remote;                         // address; empty for a signal
    std::string path;                           // of the admin API; empty for a signal
    std::optional<std::uint64_t> if_version{};  // refused when another version is in force
    std::string reason{};                       // for the audit log; may be empty
    // Takes rights or traffic away. It comes into force even when it cannot be written: what takes
    // traffic off a bad target is not to wait for a disk. It is warned about then, and written as
    // soon as that is possible. Other gateways are told even if nothing alters here.
    bool must_apply = false;
};

enum class refusal : std::uint8_t {
    none,
    invalid,  // the file or a value does not hold
    unknown_model,
    unknown_target,  // or a model without a canary
    version,         // origin::if_version
    not_durable,     // the state directory or the file cannot be written
    no_rollout,      // of this model
    unknown_key,
    key_exists,
    conflict,  // the rollout is not in a state in which that can be done
};

// What became of a change. Refused: nothing at all has changed.
struct change_report {
    refusal refused = refusal::none;
    std::uint64_t version = 0;            // in force now
    std::vector<std::string> complaints;  // all of them; empty unless refused
    std::vector<std::string> warnings;  // done, but: live changes that fit no more and are dropped
    std::vector<config::change> changes;     // against the snapshot that was (dry run: is) in force
    std::vector<std::string> needs_restart;  // keys whose new value waits for a restart
};

// What became of changes made at another gateway.
struct adoption {
    std::size_t changed = 0;                          // that were not so already
    std::vector<const state::spread_item*> left_out;  // that are not in force
    change_report report;
};

// What GET /admin/v1/config tells besides the configuration itself.
struct reload_state {
    std::uint64_t failures = 0;           // sluice_config_reload_failures_total
    std::vector<std::string> complaints;  // of the last attempt; empty: it succeeded
};

// One thread, the control thread: every member function. A change is validated, made durable,
// handed to `publish` and only then reported, so what was acknowledged survives a crash. Versions
// only grow, over restarts too.
class control {
public:
    // Posts the snapshot to whoever serves by it; called on the control thread, once per version
    // after the first.
    using publish_function = std::function<void(config::snapshot_ptr)>;

    // `file` is the loaded and valid content of settings.config_path. The stored live changes are
    // laid over it; those that fit no more are warned about in the log and dropped. Throws
    // std::runtime_error if the state directory cannot be used.
    control(
        control_settings settings,
        config::document file,
        const control_parts& parts,
        publish_function publish);

    // While another process works in the state directory every change is refused.
    void freeze(bool frozen) noexcept { frozen_ = frozen; }

    // What the process began with. Never null.
    [[nodiscard]] const config::snapshot_ptr& at_start() const noexcept { return at_start_; }

    // Never null.
    [[nodiscard]] const config::snapshot_ptr& current() const noexcept { return current_; }

    // Reads the file again. Live changes stay, but for those on a model whose targets the file has
    // changed.
    change_report reload(const origin& by);

    // Gives `percent` (0 to 100) of the model's traffic to its canary; the other targets share the
    // rest as they did. `with`: what other gateways are told together with it, or not at all.
    change_report set_canary(
        std::string_view model,
        double percent,
        const origin& by,
        const std::optional<state::live_change>& with = {});

    // Targets that are not mentioned keep the weight they have.
    change_report set_weights(
        std::string_view model, std::span<const config::target_weight> weights, const origin& by);

    // Holds a target's breaker open or closed, or leaves it to itself again. Over restarts too.
    change_report set_breaker(
        std::string_view model,
        std::string_view target,
        policy::breaker::control to,
        const origin& by);

    // Keys at run time (control_keys.cpp). Only digests of their secrets come here. Taking rights
    // away comes into force even when it cannot be written; see origin::must_apply.

    // What is known of a live key, or of what lies over one of the file; nullptr: nothing.
    [[nodiscard]] const config::live_key* live_key(std::string_view id) const noexcept;

    // `settings`: a JSON object, see config::read_key_settings().
    change_report create_key(
        const std::string& id,
        std::string_view settings,
        const config::digest& secret,
        std::chrono::sys_seconds now,
        const origin& by);

    // `changes` go over its settings, which a key of the file has in the file alone.
    change_report change_key(
        const std::string& id,
        std::string_view changes,
        std::optional<bool> disabled,
        const origin& by);

    // A live key is gone; one of the file is disabled for as long as it stands there.
    change_report revoke_key(const std::string& id, origin by);

    // `secret` lets in from now on, the others for `grace` more.
    change_report rotate_key(
        const std::string& id,
        const config::digest& secret,
        milliseconds grace,
        std::chrono::sys_seconds now,
        const origin& by);

    // Keys that tokens are verified with. Nothing is changed when they are those in force. Not kept
    // over restarts, so that they need no disk either.
    change_report set_fetched_keys(config::fetched_keys keys, origin by);

    // What is in force under its next version: for a change of what no snapshot holds, so that
    // If-Match notices it all the same. It is the caller's to enter into the audit log.
    void renew();

    // Live changes made at another gateway, none of them a rollout's. One that fits nothing in the
    // file is left out, and all are when they cannot be written; what takes rights away comes into
    // force nevertheless.
    adoption adopt(std::span<const state::spread_item* const> items, const origin& by);

    // What lies over the file.
    [[nodiscard]] const config::overrides& live() const noexcept { return live_; }

    // The text takes the file's place (temporary file, fsync, rename; the mode stays) and is
    // applied as by reload().
    change_report replace_file(std::string_view text, const origin& by);

    // What replace_file() would answer; nothing is changed.
    [[nodiscard]] change_report try_file(std::string_view text) const;

    // {"version", "path", "file": {...}, "overrides": {...}, "breakers": {...}, "result": {...},
    // ...}: secrets masked.
    [[nodiscard]] std::string config_view() const;

    // What a change meant for another version than the one in force is answered; none: it is meant
    // for this one.
    [[nodiscard]] std::optional<change_report> refuse_stale(const origin& by) const;

    // The answer to a change that is not made, with the version in force.
    [[nodiscard]] change_report refuse(refusal why, std::vector<std::string> complaints) const;

    [[nodiscard]] const reload_state& last_reload() const noexcept { return reload_; }

private:
    // What is to be in force next.
    struct proposal {
        config::overrides live;
        config::document file;
        std::string_view action;                      // for the audit log
        std::optional<std::string_view> file_text{};  // to be written to the file
        bool spreads = true;                       // what it changes is the other gateways' as well
        std::string withdraws{};                   // of what spreads, the item that is taken away
        std::optional<state::live_change> with{};  // told with the rest
    };

    void load_keys(std::uint64_t version);
    void install(config::snapshot_ptr next);
    // The live changes with the keys' settings as they read over this file.
    [[nodiscard]] config::overrides live_over(const config::snapshot& file) const;
    // A file without keys does not open a gateway that wants them: a restart does, and says so.
    void refuse_opening(config::load_result& loaded) const;
    void report_loss(std::string_view event, const std::string& what, std::uint64_t version);
    [[nodiscard]] change_report apply_keys(
        config::live_keys keys, const std::string& id, std::string_view action, const origin& by);
    [[nodiscard]] change_report no_such_key(const std::string& id) const;
    [[nodiscard]] bool lay(const state::spread_item& item, config::overrides& live) const;
    [[nodiscard]] change_report apply(proposal next, const origin& by);
    [[nodiscard]] std::optional<std::string> make_durable(
        const proposal& next,
        const config::snapshot& snapshot,
        const std::vector<config::change>& changes,
        const origin& by);

    control_settings settings_;
    control_parts parts_;
    publish_function publish_;
    config::document file_;
    config::overrides live_;
    config::snapshot_ptr at_start_;
    config::snapshot_ptr current_;
    reload_state reload_;
    bool frozen_ = false;
};

}  // namespace sluice::server
