#include "demo.hpp"

#include "demo_traffic.hpp"
#include <sluice/config/environment.hpp>
#include <sluice/config/load.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/server/gateway.hpp>
#include <sluice/simulate/simulator.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace sluice {
namespace {

// Gone with everything in it when the demo ends.
class scratch_directory {
public:
    scratch_directory()
        : path_((std::filesystem::temp_directory_path() / "sluice-demo-XXXXXX").string())
    {
        if (::mkdtemp(path_.data()) == nullptr)
            throw std::runtime_error("no temporary directory can be made as " + path_);
    }
    ~scratch_directory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

simulate::simulator_options provider(const char* name, const char* behaviour, std::uint64_t seed)
{
    simulate::simulator_options options;
    options.name = name;
    options.behaviour = behaviour;
    options.seed = seed;
    return options;
}

void start(simulate::simulator& simulator)
{
    if (const auto started = simulator.start(); !started)
        throw std::runtime_error(
            "a simulated provider cannot be started: " + started.error().message());
}

// Prices, so that there is money to look at; steps short enough to watch.
std::string model_text(const std::string& name, const std::string& canary, unsigned percent)
{
    return "  " + name
           + ":\n"
             "    targets:\n"
             "      - {name: stable, provider: one, model: stable-model, weight: "
           + std::to_string(100 - percent)
           + ", price: {input: 1, output: 4}}\n"
             "      - {name: canary, provider: two, model: \""
           + canary + "\", weight: " + std::to_string(percent)
           + ", price: {input: 0.5, output: 2}}\n"
             "    canary: canary\n"
             "    rollout: {steps: [20%, 50%, 100%], every: 20s, minimum: 5}\n";
}

std::string config_of(
    const demo_options& options,
    const std::string& directory,
    const simulate::simulator& stable,
    const simulate::simulator& canary)
{
    return "listen: [{address: \"127.0.0.1:" + std::to_string(options.port)
           + "\"}]\nadmin: {address: \"127.0.0.1:" + std::to_string(options.admin_port)
           + "\"}\nworkers: 1\naccess_log: \"off\"\nstate: {directory: \"" + directory
           + "/state\"}\nproviders:\n  one: {dialect: openai, base_url: \"http://"
           + stable.address() + "/v1\"}\n  two: {dialect: openai, base_url: \"http://"
           + canary.address() + "/v1\"}\nmodels:\n" + model_text("demo", "canary-model", 10)
           + model_text("rising", "canary-model", 0)
           + model_text("faulty", "sim-error-500-40%+latency-100ms", 0);
}

config::document load(const std::string& path, const std::string& text)
{
    std::ofstream(path) << text;
    auto loaded = config::load_file(path, config::process_environment());
    if (!loaded.document)
        throw std::runtime_error(config::to_string(loaded.complaints.front()));
    return std::move(*loaded.document);
}

std::string what_to_try(const std::string& program, std::uint16_t port, std::uint16_t admin_port)
{
    const std::string gateway = "http://127.0.0.1:" + std::to_string(port);
    const std::string admin = "http://127.0.0.1:" + std::to_string(admin_port);
    const std::string ctl =
        program + (admin_port == 9090 ? " ctl " : " ctl --admin " + admin + " ");
    return "Open " + admin
           + "/console/ and watch: the canary of `rising` does well and goes up step by step,\n"
             "that of `faulty` fails now and then and is sent back to 0 by itself within a minute "
             "or so.\n"
             "The model `demo` is yours: move its canary there, or in another terminal (no keys "
             "needed):\n\n"
             "  curl -N "
           + gateway + "/v1/chat/completions -H 'content-type: application/json' \\\n"
           + R"(    -d '{"model":"demo","stream":true,"messages":[{"role":"user","content":"hello"}]}')"
           + "\n  " + ctl + "models\n  " + ctl + "canary demo 50\n  curl -s " + admin
           + "/metrics | grep sluice_requests_total\n\nCtrl-C ends it.\n";
}

void run(const demo_options& options, std::ostream& out)
{
    const scratch_directory directory;
    simulate::simulator stable(provider("stable", "latency-60ms-100ms-300ms+tps-80+tokens-40", 1));
    simulate::simulator canary(provider("canary", "latency-150ms-300ms-900ms+tps-40+tokens-40", 2));
    start(stable);
    start(canary);

    const auto path = directory.path() + "/sluice.yaml";
    auto document = load(path, config_of(options, directory.path(), stable, canary));
    observe::logger log;
    std::optional<demo_traffic> traffic;
    server::gateway* started = nullptr;
    server::gateway_options how;
    how.config_path = path;
    how.environment = config::process_environment();
    how.ends_with_terminal = true;
    how.on_ready = [&] {
        const auto port = started->listening().front().port;
        out << what_to_try(options.program, port, started->admin_port()) << std::flush;
        if (options.requests_per_second > 0)
            traffic.emplace(port, started->admin_port(), options.requests_per_second);
    };
    server::gateway gateway(std::move(how), std::move(document), log);
    started = &gateway;
    gateway.run();
}

}  // namespace

int run_demo(const demo_options& options, std::ostream& out, std::ostream& err)
{
    try {
        run(options, out);
        return 0;
    } catch (const std::exception& failure) {
        err << "sluice demo: " << failure.what()
            << "\n(other ports are chosen with --port and --admin-port)\n";
        return 1;
    }
}

}  // namespace sluice
