#pragma once
// What a scrape sees: the cells of all workers under the names of the metric table.

#include <sluice/observe/access_log.hpp>
#include <sluice/observe/catalogue.hpp>
#include <sluice/observe/cells.hpp>
#include <sluice/observe/exemplars.hpp>
#include <sluice/observe/ledger_numbers.hpp>
#include <sluice/observe/span_numbers.hpp>
#include <sluice/policy/credential.hpp>
#include <sluice/policy/target_state.hpp>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::observe {

// What the control thread knows and no worker counts. Any thread.
class control_values {
public:
    struct target_weight {
        std::size_t arm = 0;
        double weight = 0;
    };
    // What all workers know together; read when it is scraped.
    struct shared_target {
        std::size_t arm = 0;
        std::shared_ptr<const policy::target_state> state;
        policy::breaker_settings breaker;
        policy::retry_budget_settings retries;
    };
    struct shared_credential {
        std::size_t provider = 0;  // the catalogue's id
        std::size_t number = 0;    // of the provider's keys
        std::shared_ptr<const policy::credential_state> state;
    };
    // Of the period at hand, in nano-dollars.
    struct budget {
        std::string id;
        std::int64_t limit = 0;
        std::int64_t spent = 0;
    };
    struct rollout {
        std::size_t arm = 0;     // of the canary
        std::size_t step = 0;    // from 1; 0: none
        std::string_view state;  // a literal
    };
    struct store {
        bool up = false;
        unsigned gateways = 1;
        std::uint64_t operations = 0;
        std::uint64_t failures = 0;  // of those
        double lag_seconds = 0;
        std::uint64_t granted = 0;
        std::uint64_t granted_alone = 0;
    };
    struct spread {
        std::size_t pending = 0;
        std::size_t unfit = 0;
        std::uint64_t taken = 0;
        std::uint64_t won = 0;  // conflicts
        std::uint64_t lost = 0;
        double lag_seconds = 0;
        bool leads = false;
    };
    struct values {
        std::uint64_t config_version = 0;
        std::uint64_t reload_failures = 0;
        std::uint64_t upgrade_failures = 0;
        std::size_t unwritten = 0;  // files
        std::vector<target_weight> weights;
        std::vector<shared_target> targets;
        std::vector<shared_credential> credentials;
        std::vector<rollout> rollouts;
        std::vector<budget> budgets;
        std::map<std::pair<std::string, std::string>, std::uint64_t> rollbacks;  // model, reason
        std::uint64_t webhook_failures = 0;
        std::optional<store> shared_store;  // none: the gateway is alone
        std::optional<spread> spread_state;
        exported_spans spans;
    };

    // The snapshot now in force. Weights of the same arm are added up.
    void installed(std::uint64_t version, std::vector<target_weight> weights);
    // Goes with it. Of the same arm, and of the same key of providers that look the same, the first
    // counts.
    void shared(std::vector<shared_target> targets, std::vector<shared_credential> credentials);
    // A reload that changed nothing.
    void reload_failed();
    // A new program did not take over.
    void upgrade_failed();
    // Files that hold less than what is in force.
    void unwritten(std::size_t files);
    void rollouts(std::vector<rollout> all);
    // All there are.
    void budgets(std::vector<budget> all);
    void rolled_back(std::string_view model, std::string_view reason);
    void webhook_failed();
    void shared_store(const store& now);
    void spread_state(const spread& now);
    void spans(const exported_spans& now);
    [[nodiscard]] values read() const;

    // Of the times of arms; they have a lock of their own.
    observe::exemplars exemplars;

private:
    mutable std::mutex mutex_;
    values values_;
};

// A scrape takes milliseconds and allocates: any thread but a worker's.
class exposition : public prometheus::Collectable {
public:
    enum class format { prometheus, open_metrics };

    // Everything pointed to outlives the exposition; `log` may be null.
    struct sources {
        const catalogue* names = nullptr;
        std::vector<const worker_cells*> workers;  // position = the `worker` label
        const control_values* control = nullptr;
        const access_log* log = nullptr;
        std::function<ledger_numbers()> ledger = {};  // may be empty
    };

    explicit exposition(sources from);

    // Families in the order of the metric table. Of what never happened to an
    // arm, a key or a provider there is no series, save each arm's requests answered with 200, and
    // of `other` those answered as what clients invent is.
    [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

    [[nodiscard]] std::string render(format how) const;

    // What an Accept header asks for; Prometheus text if it names neither.
    [[nodiscard]] static format format_for(std::string_view accept) noexcept;
    [[nodiscard]] static std::string_view content_type(format how) noexcept;

private:
    sources from_;
    double start_time_;  // of the process
};

// OpenMetrics 1.0 text of `families`, "# EOF" included.
[[nodiscard]] std::string open_metrics_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace sluice::observe
