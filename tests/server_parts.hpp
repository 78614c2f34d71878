#pragma once
// A control plane over a temporary directory, for tests.

#include "temporary_directory.hpp"
#include <sluice/config/key.hpp>
#include <sluice/server/control.hpp>
#include <sluice/server/late_writes.hpp>
#include <sluice/server/rollouts.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::server {

inline std::string sample_config(std::string_view admin = "{}", std::string_view heartbeat = "15s")
{
    return "admin: " + std::string(admin) + "\nheartbeat: " + std::string(heartbeat)
           + "\nproviders:\n"
             "  p: {base_url: \"http://127.0.0.1:1/v1\", api_key: provider-secret}\n"
             "  q: {base_url: \"https://q.example/v1\", api_key: other-secret}\n"
             "models:\n"
             "  demo:\n"
             "    aliases: [nick]\n"
             "    targets:\n"
             "      - {name: stable, provider: p, model: real-name, weight: 60}\n"
             "      - {name: second, provider: p, weight: 30}\n"
             "      - {name: canary, provider: q, weight: 10}\n"
             "    canary: canary\n"
             "    sticky: user\n"
             "  lone: {targets: [{name: only, provider: p}]}\n"
             "  org/name: {targets: [{name: only, provider: p}]}\n"
             "  wild-*: {targets: [{name: only, provider: p}]}\n"
             "keys:\n"
             "  - {id: team, hash: \""
           + config::key_hash("team-key")
           + "\", tenant: t, models: [demo], limits: {requests: 60/min, burst: 3}}\n"
             "  - {id: boss, hash: \""
           + config::key_hash("boss-key") + "\", tenant: t, may_choose_target: true}\n";
}

// Everything a control needs; restart() makes a new one over the same directory.
struct control_world {
    explicit control_world(const std::string& text = sample_config())
    {
        write(text);
        restart();
    }

    void write(std::string_view text) const { std::ofstream(file()) << text; }
    [[nodiscard]] std::string file() const { return where.path + "/sluice.yaml"; }
    [[nodiscard]] std::string content() const
    {
        std::ifstream in(file());
        std::ostringstream out;
        out << in.rdbuf();
        return out.str();
    }

    void leave()
    {
        late.reset();
        canaries.reset();
        plane.reset();
        audit.reset();
        store.reset();
        key_store.reset();
        book.reset();
        directory.reset();
    }

    void restart()
    {
        leave();
        directory = std::make_unique<state::directory>(where.path + "/state");
        store = std::make_unique<state::override_store>(*directory);
        key_store = std::make_unique<state::key_store>(*directory);
        if (shared)
            book = std::make_unique<state::spread_book>(*directory, "a");
        audit = std::make_unique<observe::audit_log>(directory->file("audit.jsonl"));
        config::environment machine;
        machine.variable = [](const std::string&) { return std::nullopt; };
        machine.file = [](const std::string& path) -> std::optional<std::string> {
            std::ifstream in(path);
            std::ostringstream out;
            out << in.rdbuf();
            return in ? std::optional(out.str()) : std::nullopt;
        };
        auto loaded = config::load_file(file(), machine);
        if (!loaded.document)
            throw std::runtime_error(config::to_string(loaded.complaints.front()));
        const control_parts parts{
            .catalogue = names,
            .overrides = *store,
            .keys = *key_store,
            .audit = *audit,
            .values = values,
            .log = log,
            .spread = book.get()};
        plane = std::make_unique<control>(
            control_settings{.config_path = file(), .environment = machine},
            std::move(*loaded.document),
            parts,
            [this](config::snapshot_ptr next) {
                cells.ensure(names.size());
                published.push_back(std::move(next));
            });
        cells.ensure(names.size());
        canaries = std::make_unique<rollouts>(rollout_parts{
            .control = *plane,
            .audit = *audit,
            .values = values,
            .log = log,
            .workers = {&cells},
            .file = directory->file("rollouts.json"),
            .notify =
                [this](const config::webhook& to, std::string body) {
                    messages.push_back(to.host + ' ' + body);
                },
            .spread = book.get(),
            .leads = shared ? std::function([this] { return leading; }) : nullptr,
            .gateways = [this] { return gateways; }});
        std::vector<late_file> files{
            late_file_of("keys.json", *key_store),
            late_file_of("overrides.json", store->file()),
            late_file_of("rollouts.json", canaries->file()),
            late_file_of("audit.log", *audit)};
        if (book)
            files.insert(files.begin(), late_file_of("spread.json", book->file()));
        late = std::make_unique<late_writes>(std::move(files), values, log);
    }

    [[nodiscard]] const config::model& model(std::string_view name) const
    {
        return *plane->current()->find_model(name);
    }

    // The rollout of `demo`, and its canary's share.
    [[nodiscard]] const policy::rollout_state& rollout()
    {
        const auto found = canaries->find("demo");
        BOOST_REQUIRE(found);
        return *found->state;
    }
    [[nodiscard]] double canary_share() { return model("demo").split.share(2); }
    // A second of 200 requests to `demo` by the split in force.
    void second(std::uint64_t canary_failures = 0)
    {
        const auto& demo = model("demo");
        for (std::size_t i = 0; i < demo.targets.size(); ++i)
            cells.arm(demo.targets[i].arm)
                .attempts_begun.add(static_cast<std::uint64_t>(200 * demo.split.share(i)));
        cells.arm(demo.targets[2].arm)
            .attempts[observe::attempt_outcome::connect_failed]
            .add(canary_failures);
        now += std::chrono::seconds(1);
        canaries->look(now);
    }

    temporary_directory where;
    time_point now{std::chrono::hours(12)};
    bool shared = false;  // from the next restart on: what is changed is noted for others
    bool leading = true;  // rollouts
    unsigned gateways = 1;
    observe::catalogue names;
    observe::control_values values;
    std::vector<std::string> lines;  // of the log
    std::function<void()> at_line = [] {};
    observe::logger log{
        [this](std::string_view line) {
            lines.emplace_back(line);
            at_line();
        },
        [] { return time_point{}; }};
    std::vector<config::snapshot_ptr> published;
    std::unique_ptr<state::directory> directory;
    std::unique_ptr<state::override_store> store;
    std::unique_ptr<state::key_store> key_store;
    std::unique_ptr<state::spread_book> book;
    std::unique_ptr<observe::audit_log> audit;
    std::unique_ptr<control> plane;
    observe::worker_cells cells;        // of the one worker there seems to be
    std::vector<std::string> messages;  // to webhooks, behind the host
    std::unique_ptr<rollouts> canaries;
    std::unique_ptr<late_writes> late;
};

[[nodiscard]] inline bool ok(const change_report& report)
{
    return report.refused == refusal::none;
}

[[nodiscard]] inline bool has(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

}  // namespace sluice::server
