#include "ctl_line.hpp"

#include "ctl_keys.hpp"

#include <iostream>
#include <string>

namespace sluice {
namespace {

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

}  // namespace

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

}  // namespace sluice
