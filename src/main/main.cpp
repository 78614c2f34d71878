// The command line: what there is, what it takes, and an example of each.
#include "check.hpp"
#include "ctl.hpp"
#include "ctl_keys.hpp"
#include "demo.hpp"
#include "import_litellm.hpp"
#include "key_new.hpp"
#include "ledger_rebuild.hpp"
#include "serve.hpp"
#include "simulate.hpp"
#include "usage_errors.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <exception>
#include <functional>
#include <iostream>
#include <string>

namespace sluice {
namespace {

// The command that was chosen; called once the whole line is understood.
using command = std::function<int()>;

void add_serve(CLI::App& app, command& chosen, serve_options& options)
{
    auto* serve = app.add_subcommand("serve", "run the gateway");
    serve->add_option("-c,--config", options.config_path, "the configuration (YAML)")
        ->required()
        ->type_name("FILE");
    serve->footer("SIGTERM and SIGINT drain, a second one insists; SIGHUP reads the file again; "
                  "SIGUSR2 hands over to a new process.\n"
                  "example: sluice serve --config /etc/sluice/sluice.yaml");
    serve->callback([&] { chosen = [&] { return run_serve(options); }; });
}

void add_check(CLI::App& app, command& chosen, check_options& options)
{
    auto* check = app.add_subcommand("check", "validate a configuration, telling all complaints");
    auto* file = check->add_option("-c,--config", options.config, "the configuration (YAML)")
                     ->type_name("FILE");
    auto* table = check->add_flag(
        "--print-table", options.print_table, "print the table of all keys as Markdown instead");
    auto* metrics = check->add_flag(
        "--print-metrics", options.print_metrics, "print the table of all metrics instead");
    check->footer("example: sluice check --config sluice.yaml");
    check->callback([&chosen, &options, file, table, metrics] {
        if (file->empty() && table->empty() && metrics->empty())
            throw CLI::RequiredError("--config");
        chosen = [&options] { return run_check(options, std::cout, std::cerr); };
    });
}

void add_simulate(CLI::App& app, command& chosen, simulate_options& options)
{
    auto* simulate = app.add_subcommand("simulate", "run a simulated provider");
    simulate->add_option("--listen", options.listen, "where; port 0 takes any free one")
        ->type_name("ADDRESS:PORT")
        ->capture_default_str();
    simulate->add_option("--name", options.name, "every answer's text begins with it")
        ->capture_default_str();
    simulate->add_option("--behaviour", options.behaviour, "clauses joined by +, see below")
        ->type_name("CLAUSES");
    simulate->add_option("--key", options.key, "demand this as Authorization: Bearer");
    const CLI::Validator seeds(
        [](const std::string& text) {
            std::uint64_t seed = 0;
            const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seed);
            const bool fits = ec == std::errc{} && end == text.data() + text.size();
            return fits ? std::string()
                        : "'" + text + "' is no whole number from 0 to 18446744073709551615";
        },
        "");
    simulate->add_option("--seed", options.seed, "same seed and requests, same answers")
        ->check(seeds)
        ->capture_default_str();
    simulate->footer(
        "Behaviours are also chosen per request by a model name as sim-latency-250ms+tps-50:\n"
        + simulate_grammar()
        + "\nexample: sluice simulate --listen 127.0.0.1:9101 --behaviour latency-200ms+tps-40");
    simulate->callback(
        [&] { chosen = [&] { return run_simulate(options, std::cout, std::cerr); }; });
}

void add_demo(CLI::App& app, command& chosen, demo_options& options)
{
    auto* demo = app.add_subcommand(
        "demo", "the gateway, two simulated providers and gentle traffic in one process");
    const CLI::Range ports(0, 65535);
    demo->add_option("--port", options.port, "the gateway's port on 127.0.0.1")
        ->check(ports)
        ->capture_default_str();
    demo->add_option("--admin-port", options.admin_port, "the admin API's port on 127.0.0.1")
        ->check(ports)
        ->capture_default_str();
    const CLI::Validator rates(
        [](const std::string& text) {
            double rate = 0;
            const bool fits = CLI::detail::lexical_cast(text, rate)
                              && (rate == 0 || (rate >= 0.01 && rate <= 100));
            return fits ? std::string() : "'" + text + "' is neither 0 nor from 0.01 to 100";
        },
        "0 or 0.01 to 100");
    demo->add_option("--rate", options.requests_per_second, "requests a second of its own; 0: none")
        ->check(rates)
        ->capture_default_str();
    demo->footer("Needs no keys and no configuration; Ctrl-C ends it.\nexample: sluice demo");
    demo->callback([&] { chosen = [&] { return run_demo(options, std::cout, std::cerr); }; });
}

void add_key(CLI::App& app, command& chosen, key_new_options& options)
{
    auto* key = app.add_subcommand("key", "virtual keys");
    key->require_subcommand(1);
    auto* fresh = key->add_subcommand(
        "new", "make a key, shown this once, and its entry for the configuration");
    fresh->add_option("--tenant", options.tenant, "whose key it is")->type_name("TENANT");
    fresh->add_option("--id", options.id, "its name in logs and metrics")->type_name("ID");
    fresh->footer("example: sluice key new --tenant search");
    fresh->callback([&] { chosen = [&] { return run_key_new(options, std::cout, std::cerr); }; });
}

void add_import(CLI::App& app, command& chosen, import_litellm_options& options)
{
    auto* importing = app.add_subcommand(
        "import-litellm", "print this gateway's configuration for what a LiteLLM one says");
    importing->add_option("file", options.file, "LiteLLM's config.yaml")
        ->required()
        ->type_name("FILE");
    importing->footer(
        "What cannot be carried over is told on standard error and in the configuration's head.\n"
        "example: sluice import-litellm config.yaml > sluice.yaml");
    importing->callback(
        [&] { chosen = [&] { return run_import_litellm(options, std::cout, std::cerr); }; });
}

void add_ledger(CLI::App& app, command& chosen, ledger_rebuild_options& options)
{
    auto* ledger = app.add_subcommand("ledger", "usage on this machine");
    ledger->require_subcommand(1);
    auto* again = ledger->add_subcommand(
        "rebuild", "usage once more, from access logs; no gateway may use the directory");
    again->add_option("--state", options.directory, "state.directory of the configuration")
        ->required()
        ->type_name("DIR");
    again
        ->add_option(
            "--from", options.files, "access logs, all that are to count; - is standard input")
        ->required()
        ->type_name("FILE...");
    again->footer(
        "example: sluice ledger rebuild --state /var/lib/sluice --from access.log.1 access.log");
    again->callback(
        [&] { chosen = [&] { return run_ledger_rebuild(options, std::cout, std::cerr); }; });
}

// One of ctl's own commands.
CLI::App* add_ctl_action(
    CLI::App& ctl,
    ctl_options& options,
    ctl_options::action what,
    const std::string& name,
    const std::string& description,
    const std::string& example)
{
    auto* sub = ctl.add_subcommand(name, description);
    sub->footer("example: " + example);
    sub->callback([&options, what] { options.what = what; });
    return sub;
}

// A command of a model's rollout, below `above`.
void add_rollout_action(
    CLI::App& above,
    ctl_options& options,
    ctl_options::action what,
    const std::string& name,
    const std::string& description)
{
    const std::string where = above.get_name() == "rollout" ? "rollout " : "";
    auto* sub = add_ctl_action(
        above, options, what, name, description, "sluice ctl " + where + name + " demo");
    sub->add_option("MODEL", options.model, "the model")->required();
}

void add_ctl_rollout(CLI::App& ctl, ctl_options& options)
{
    using enum ctl_options::action;
    auto* rollout = ctl.add_subcommand("rollout", "raise the canary step by step, with guards");
    rollout->require_subcommand(1);
    rollout->fallthrough();
    rollout->footer("example: sluice ctl rollout start demo --steps 5,25,100 --every 10m");
    auto* start = add_ctl_action(
        *rollout,
        options,
        rollout_start,
        "start",
        "from the first step on, by the schedule in the file or this one",
        "sluice ctl rollout start demo --steps 5,25,100 --every 10m");
    start->add_option("MODEL", options.model, "the model")->required();
    start->add_option("--steps", options.steps, "percentages of the traffic")->type_name("P,P...");
    start->add_option("--every", options.every, "at least this long on each")
        ->type_name("DURATION");
    start->add_option("--minimum", options.minimum, "attempts each step must see")->type_name("N");
    const auto add = [&](auto what, const auto& name, const auto& description) {
        add_rollout_action(*rollout, options, what, name, description);
    };
    add(rollout_status, "status", "its step, its guards and what both arms did");
    add(promote, "promote", "the next step now; on the last one: done");
    add(freeze, "freeze", "stay on this step; the guards hold on");
    add(resume, "resume", "go on after a freeze or a pause");
    add(roll_back, "rollback", "nothing for the canary any more");
    add_rollout_action(
        ctl, options, roll_back, "rollback", "end the rollout: nothing for the canary any more");

    auto* stop = add_ctl_action(
        ctl, options, kill, "kill", "everything to stable at once", "sluice ctl kill demo");
    stop->add_option("MODEL", options.model, "the model");
    stop->add_flag("--all", options.all, "every model that has a canary");
}

void add_ctl_usage(CLI::App& ctl, ctl_options& options)
{
    auto* sub = add_ctl_action(
        ctl,
        options,
        ctl_options::action::usage,
        "usage",
        "requests, tokens and money",
        "sluice ctl usage --by day,key --since 7d --where model=demo");
    auto& asked = options.usage;
    sub->add_option(
           "--by",
           asked.by,
           "day, hour, tenant, key, model, target, arm, outcome, tags, tag:NAME; several with "
           "commas")
        ->capture_default_str();
    sub->add_option("--since", asked.since, "a day, a moment, or how long ago: 24h")
        ->type_name("TIME");
    sub->add_option("--until", asked.until, "likewise, excluded")->type_name("TIME");
    sub->add_option("--where", asked.only, "only these; may be repeated: key=ID, tag=NAME=VALUE")
        ->type_name("NAME=VALUE");
    sub->add_flag("--csv", asked.csv, "comma-separated values");

    add_ctl_action(
        ctl,
        options,
        ctl_options::action::budgets,
        "budgets",
        "how the budgets stand in their day or month",
        "sluice ctl budgets");
    sub = add_ctl_action(
        ctl,
        options,
        ctl_options::action::top_up,
        "topup",
        "more money for a budget, until its day or month ends",
        "sluice ctl topup key:team-search:daily 5");
    sub->add_option("BUDGET", options.budget, "as ctl budgets names it")->required();
    sub->add_option("USD", options.usd, "dollars")->required();
    sub->add_option(
           "--operation", options.operation, "as an earlier attempt was named: it is booked once")
        ->type_name("NAME");
}

void add_ctl(CLI::App& app, command& chosen, ctl_options& options)
{
    using enum ctl_options::action;
    auto* ctl = app.add_subcommand("ctl", "the admin API of a running gateway");
    ctl->require_subcommand(1);
    ctl->fallthrough();  // --admin and the like may stand behind the action too
    ctl->add_option("--admin", options.admin, "the admin API")
        ->type_name("URL")
        ->capture_default_str();
    ctl->add_option(
           "--token-file", options.token_file, "its token; otherwise SLUICE_ADMIN_TOKEN is used")
        ->type_name("FILE");
    ctl->add_flag("--json", options.json, "print the answer as it is");
    ctl->add_option(
           "--if-version", options.if_version, "change nothing unless this version is in force")
        ->type_name("N");
    ctl->footer("example: sluice ctl canary deepseek-chat 12.5");

    const auto add =
        [&](auto what, const auto& name, const auto& description, const auto& example) {
            return add_ctl_action(*ctl, options, what, name, description, example);
        };
    auto* sub =
        add(models, "models", "models, targets, shares and how they do", "sluice ctl models");
    sub->add_option("MODEL", options.model, "only this one");

    sub = add(
        canary, "canary", "give a share of the traffic to the canary", "sluice ctl canary demo 25");
    sub->add_option("MODEL", options.model, "the model")->required();
    sub->add_option("PERCENT", options.percent, "0 to 100")->required();

    sub =
        add(weights,
            "weights",
            "set the weights of targets",
            "sluice ctl weights demo stable=95 canary=5");
    sub->add_option("MODEL", options.model, "the model")->required();
    sub->add_option("TARGET=WEIGHT", options.weights, "others keep theirs")->required();

    sub =
        add(breaker,
            "breaker",
            "hold a target's breaker open or closed, or leave it to itself",
            "sluice ctl breaker demo canary open");
    sub->add_option("MODEL", options.model, "the model")->required();
    sub->add_option("TARGET", options.target, "its target")->required();
    sub->add_option("STATE", options.state, "open, closed or auto")
        ->required()
        ->check(CLI::IsMember({"open", "closed", "auto"}));

    sub = add(
        config, "config", "the file, the live changes and what is in force", "sluice ctl config");
    auto* trial = sub->add_option("--try", options.try_file, "what this file would change")
                      ->type_name("FILE");
    sub->add_option("--apply", options.apply_file, "make this file the configuration")
        ->type_name("FILE")
        ->excludes(trial);

    sub = add(shadow, "shadow", "how a model's shadow compares", "sluice ctl shadow demo");
    sub->add_option("MODEL", options.model, "the model")->required();

    add(reload, "reload", "read the file again, as SIGHUP does", "sluice ctl reload");

    sub =
        add(explain,
            "explain",
            "which target a request would get and why, without sending it",
            "sluice ctl explain -f request.json --key-id team-search");
    sub->add_option("-f,--file", options.file, "the request's body; - is standard input")
        ->type_name("FILE")
        ->required();
    sub->add_option("--key-id", options.key_id, "as if sent with this key")->type_name("ID");
    sub->add_option("--header", options.headers, "as if sent with this header; may be repeated")
        ->type_name("NAME:VALUE");

    add(ready, "ready", "whether it takes requests: exit code 0 or 1", "sluice ctl ready");
    sub = add(audit, "audit", "who changed what, newest first", "sluice ctl audit --limit 5");
    sub->add_option("--limit", options.limit, "so many entries")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();

    add_ctl_rollout(*ctl, options);
    add_ctl_usage(*ctl, options);
    add_ctl_keys(*ctl, options);

    ctl->callback([&] {
        chosen = [&] {
            return run_ctl(options, config::process_environment(), std::cout, std::cerr);
        };
    });
}

int run(int argc, char** argv)
{
    CLI::App app{"Sluice: one OpenAI-compatible address in front of many providers."};
    app.name("sluice");
    app.require_subcommand(1);
    app.set_version_flag("--version", version_text, "version, commit, compiler and libraries");
    app.footer("`sluice COMMAND --help` tells more. To look around: sluice demo");

    command chosen;
    serve_options serve;
    serve.command.assign(argv, argv + argc);
    check_options check;
    simulate_options simulate;
    demo_options demo;
    if (argc > 0)
        demo.program = argv[0];
    key_new_options key;
    ledger_rebuild_options ledger;
    import_litellm_options importing;
    ctl_options ctl;
    add_serve(app, chosen, serve);
    add_check(app, chosen, check);
    add_simulate(app, chosen, simulate);
    add_demo(app, chosen, demo);
    add_key(app, chosen, key);
    add_ledger(app, chosen, ledger);
    add_import(app, chosen, importing);
    add_ctl(app, chosen, ctl);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& stop) {
        return tell_usage(app, stop, std::cout, std::cerr);
    }
    return chosen();
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv)
{
    try {
        return sluice::unless_lost(sluice::run(argc, argv), std::cout, std::cerr);
    } catch (const std::exception& failure) {
        std::cerr << "sluice: " << failure.what() << '\n';
        return 1;
    }
}
