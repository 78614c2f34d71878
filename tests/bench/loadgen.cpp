// bench_load: load for one address on 127.0.0.1, one thread, and what came of it as one JSON line.
// Exit status 1: something was refused, broken, cut, or of the wrong size; the line says what.

#include "request.hpp"
#include "sse_load.hpp"
#include "unary_load.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <unistd.h>

namespace bench = sluice::bench;

namespace {

struct options {
    bench::request_settings request;
    bench::unary_settings unary;
    bench::sse_settings sse;
    double seconds = 0;
    double ramp_ms = 1000;
    double stall_ms = 500;
    bool hold = false;
};

constexpr double ns_per_ms = 1e6;

std::uint64_t to_ns(double value, double unit)
{
    return static_cast<std::uint64_t>(value * unit);
}

// The caller closes our standard input when it has seen enough.
void hold_until_input_ends()
{
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

int run_unary(options& o)
{
    o.unary.port = o.request.port;
    o.unary.request = bench::make_request(o.request, false);
    if (o.unary.count == 0)
        o.unary.count = static_cast<std::uint64_t>(o.unary.rate * o.seconds);
    if (o.unary.count == 0)
        throw std::runtime_error("give --count, or --rate and --seconds");
    bench::unary_load load(o.unary);
    load.run();
    load.result().print();
    if (o.hold)
        hold_until_input_ends();
    return load.clean() ? 0 : 1;
}

int run_sse(options& o)
{
    o.sse.port = o.request.port;
    o.sse.request = bench::make_request(o.request, true);
    o.sse.ramp_ns = to_ns(o.ramp_ms, ns_per_ms);
    o.sse.stall_ns = to_ns(o.stall_ms, ns_per_ms);
    o.sse.restart_until_ns = to_ns(o.seconds, 1e9);
    bench::sse_load load(o.sse);
    if (o.hold)
        load.run_to_first_event();
    else
        load.run();
    load.result().print();
    if (o.hold)
        hold_until_input_ends();
    return load.clean() ? 0 : 1;
}

void add_request_options(CLI::App& app, options& o)
{
    app.add_option("--port", o.request.port, "of 127.0.0.1")->required();
    app.add_option("--path", o.request.path, "default /v1/chat/completions");
    app.add_option("--key", o.request.key, "sent as a bearer token");
    app.add_option("--model", o.request.model, "named by the made body");
    app.add_option("--body-bytes", o.request.body_bytes, "size of the made body");
    app.add_option("--body-file", o.request.body_file, "a body to send as it is");
    app.add_option("--header", o.request.extra_fields, "another field, 'name: value'; repeatable")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_flag("--hold", o.hold, "keep the connections open until standard input ends");
}

void add_commands(CLI::App& app, options& o)
{
    CLI::App* unary = app.add_subcommand("unary", "requests with one answer");
    add_request_options(*unary, o);
    unary->add_option("--count", o.unary.count, "requests in all");
    unary->add_option(
        "--rate", o.unary.rate, "open loop, requests a second; without it closed loop");
    unary->add_option("--seconds", o.seconds, "with --rate, instead of --count");
    unary->add_option("--connections", o.unary.connections)->check(CLI::Range(1, 100'000));
    unary->add_option("--expect-bytes", o.unary.expect_bytes, "size every body must have");

    CLI::App* sse = app.add_subcommand("sse", "streams of stamped events");
    add_request_options(*sse, o);
    sse->add_option("--streams", o.sse.streams)->check(CLI::Range(1, 100'000));
    sse->add_option("--ramp-ms", o.ramp_ms, "over which the streams are started");
    sse->add_option("--seconds", o.seconds, "begin ended streams again for so long; default: once");
    sse->add_option("--expect-events", o.sse.expect_events, "events every stream must have");
    sse->add_option("--stall-ms", o.stall_ms, "a longer gap between two events is counted");
    app.require_subcommand(1);
}

}  // namespace

int main(int argc, char** argv)
{
    options o;
    CLI::App app{"Load with the OpenAI client's requests; results as JSON"};
    add_commands(app, o);
    CLI11_PARSE(app, argc, argv);
    try {
        bench::raise_descriptor_limit();
        return app.got_subcommand("unary") ? run_unary(o) : run_sse(o);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_load: %s\n", error.what());
        return 2;
    }
}
