// The command line: what there is, what it takes, and an example of each.
#include "check.hpp"
#include "ctl_line.hpp"
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
#include <iostream>
#include <string>

namespace sluice {
namespace {

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
