#pragma once
// Canaries on their way: looks at what both arms did every second, moves the canary, and brings it
// back. Every decision is in rollouts.json before the traffic moves, so a restart, a crash
// included, goes on at the same step; the evidence begins anew then.

#include <sluice/observe/audit_log.hpp>
#include <sluice/observe/cells.hpp>
#include <sluice/observe/exposition.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/policy/rollout_controller.hpp>
#include <sluice/server/control.hpp>
#include <sluice/state/kept_file.hpp>
#include <sluice/state/spread_book.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

// What rollouts work with; all of it outlives them.
struct rollout_parts {
    server::control& control;
    observe::audit_log& audit;
    observe::control_values& values;
    observe::logger& log;
    std::vector<const observe::worker_cells*> workers;
    std::string file;  // rollouts.json, with its directory
    // Told of every step, end, pause and way back of a model that has a webhook. Does not block.
    std::function<void(const config::webhook&, std::string)> notify;
    state::spread_book* spread = nullptr;  // none: no other gateway hears of rollouts
    // Whether this gateway moves them on; empty: it does, there is no other. One that does not
    // brings a canary back by what it sees itself, and does nothing else by itself.
    std::function<bool()> leads{};
    // How many gateways judge the same canaries, 0: not known; empty: this one alone.
    std::function<unsigned()> gateways{};
};

struct saved_rollout;

// A rollout as it stands. The pointers are good until the next call.
struct rollout_view {
    const policy::rollout_settings* settings = nullptr;
    const policy::rollout_state* state = nullptr;
    std::string_view canary;
    double percent = 0;  // what the canary has by it; by anybody, where it has ended
};

// One thread, the control thread: every member function.
//
// What is refused is answered as by control: refusal::no_rollout where a model never had one,
// refusal::conflict where its state does not allow it. A change of the weights by anybody else
// pauses a rollout within a second, and so does a file in which the model's targets are others.
class rollouts {
public:
    static constexpr seconds look_every{1};

    // Takes up what the file holds; what is of no use there is told in the log.
    explicit rollouts(rollout_parts parts);
    ~rollouts();
    rollouts(const rollouts&) = delete;
    rollouts& operator=(const rollouts&) = delete;

    // Call every look_every.
    void look(time_point now);

    // From the first step on, whatever was before; by `settings`, or else by the model's in the
    // file.
    change_report start(
        std::string_view model,
        const std::optional<policy::rollout_settings>& settings,
        const origin& by);

    // The next step now; on the last one: done. Frozen stays frozen.
    change_report promote(std::string_view model, const origin& by);
    change_report freeze(std::string_view model, const origin& by);

    // From frozen; or from paused, which gives the canary the share of its step again.
    change_report resume(std::string_view model, const origin& by);

    // The canary gets nothing any more.
    change_report roll_back(std::string_view model, const origin& by);

    // The same for a model with or without a rollout, in whatever state; in force even if the disk
    // is full.
    change_report kill(std::string_view model, const origin& by);
    // Every model that has a canary. Refused is only what kill() refuses for the first of them;
    // `warnings` name those that could not be moved.
    change_report kill_all(const origin& by);

    enum class followed : std::uint8_t {
        same,  // it was so already
        changed,
        unfit,  // the model has no such canary here, or it is not what live_changes() tells
    };
    // A rollout as another gateway has it; its weights have come already.
    followed follow(std::string_view model, std::string_view value, const origin& by);

    // All there are, as items for other gateways that have not heard of them: what was sent back
    // before sends back nothing that they have begun.
    [[nodiscard]] std::vector<state::live_change> live_changes() const;

    // The model of one that goes on, and that this gateway cannot move on: its file does not have
    // the model, or with another canary; or the next step is due, and it sees too few attempts,
    // where another, to which the balancer sends more, may see enough. Empty: there is none.
    [[nodiscard]] std::string left_to_others() const;

    // None: the model, by its own name, has no rollout.
    [[nodiscard]] std::optional<rollout_view> find(std::string_view model) const;

    [[nodiscard]] state::kept_file& file() noexcept { return file_; }

private:
    struct one;

    [[nodiscard]] bool leads() const { return !parts_.leads || parts_.leads(); }
    [[nodiscard]] static state::live_change told(const one& rollout);
    [[nodiscard]] const config::model* model_with(const saved_rollout& rollout) const;
    [[nodiscard]] bool raised_since(std::string_view model) const;
    // Of what this gateway's file does not have, where another's may.
    [[nodiscard]] bool is_others(const saved_rollout& rollout) const;
    // Told to the others and on the disk.
    [[nodiscard]] bool write_down(const one& rollout);

    [[nodiscard]] one* of(std::string_view model);
    [[nodiscard]] const config::model* model_of(const one& rollout) const;
    [[nodiscard]] change_report not_now(const one* rollout, const std::string& model) const;
    // Why the rollout cannot judge what it sees; empty: it can.
    [[nodiscard]] std::string disturbance(const one& rollout) const;
    [[nodiscard]] double percent_of(const one& rollout) const;

    void look_at(one& rollout, time_point now);
    void take_up(one& rollout);
    void pause(one& rollout, std::string why);
    change_report finish(one& rollout, const origin& by);
    change_report move(one& rollout, std::size_t step, const origin& by);
    change_report send_back(
        one& rollout, policy::rollout_phase phase, std::string_view reason, const origin& by);
    using phase_before = std::optional<policy::rollout_phase>;
    change_report note(one& rollout, std::string_view action, phase_before was, const origin& by);
    change_report enter(
        const one& rollout, std::string_view action, phase_before was, const origin& by);
    void arrived(one& rollout);
    [[nodiscard]] std::string still_has(const one& rollout) const;

    [[nodiscard]] bool save();
    void show();
    void tell(const one& rollout, std::string_view event);

    rollout_parts parts_;
    state::kept_file file_;
    std::vector<std::unique_ptr<one>> all_;
    time_point saved_{};
};

}  // namespace sluice::server
