// bench_mock: the upstream of the benchmarks. Prints one JSON line when it listens and one when it
// ends.

#include "mock_server.hpp"
#include "report.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

namespace {

void serve(const sluice::bench::mock_settings& settings)
{
    sluice::bench::raise_descriptor_limit();
    sluice::bench::mock_server server(settings);
    sluice::bench::report listening;
    listening.add("port", server.port());
    listening.add("body_bytes", server.body_bytes());
    listening.print();
    server.run();
    const sluice::bench::mock_counts& counts = server.counts();
    sluice::bench::report ended;
    ended.add("requests", counts.requests);
    ended.add("streams", counts.streams);
    ended.add("events", counts.events);
    ended.add("connections", counts.connections);
    ended.add("aborted", counts.aborted);
    ended.add("refused", counts.refused);
    ended.add("late_us_max", counts.late_ns_max / 1000);
    ended.print();
}

}  // namespace

int main(int argc, char** argv)
{
    sluice::bench::mock_settings settings;
    double delay_ms = 0;
    CLI::App app{"A cheap OpenAI-shaped upstream on 127.0.0.1"};
    app.add_option("--port", settings.port, "0 takes a free one");
    app.add_option("--body-bytes", settings.body_bytes, "size of a completion");
    app.add_option("--events", settings.events, "events of one stream");
    app.add_option("--rate", settings.events_per_second, "events a second of one stream")
        ->check(CLI::Range(0.001, 1e6));
    app.add_option("--event-bytes", settings.event_bytes, "size of one event");
    app.add_option("--delay-ms", delay_ms, "from request to response head")
        ->check(CLI::NonNegativeNumber);
    CLI11_PARSE(app, argc, argv);
    settings.delay_ns = static_cast<std::uint64_t>(delay_ms * 1e6);
    try {
        serve(settings);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_mock: %s\n", error.what());
        return 1;
    }
    return 0;
}
