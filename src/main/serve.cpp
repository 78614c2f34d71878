#include "serve.hpp"

#include <sluice/base/build_info.hpp>
#include <sluice/config/environment.hpp>
#include <sluice/config/load.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/server/gateway.hpp>
#include <sluice/server/handover.hpp>
#include <sluice/state/usage.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sluice {
namespace {

void announce(observe::logger& log, const server::gateway& gateway)
{
    for (const auto& each : gateway.listening()) {
        const bool six = each.host.find(':') != std::string::npos;
        const auto where =
            (six ? "[" + each.host + "]" : each.host) + ":" + std::to_string(each.port);
        log.info("listening", "listening on " + where, {{"tls", each.tls}});
    }
    if (gateway.admin_port() != 0)
        log.info("admin", "admin on port " + std::to_string(gateway.admin_port()));
    log.info(
        "ready", "serving", {{"version", this_build().version}, {"commit", this_build().commit}});
}

// Where the program lies, so that another one that is put there is found; not where it came from.
std::string path_of(const std::string& name, const config::environment& environment)
{
    namespace fs = std::filesystem;
    std::error_code ec;
    if (name.find('/') != std::string::npos)
        return fs::absolute(name, ec).string();
    const auto places = environment.variable("PATH").value_or("");
    for (std::string_view rest = places; !rest.empty();) {
        const auto colon = std::min(rest.find(':'), rest.size());
        const auto path = fs::path(rest.substr(0, colon)) / name;
        if (::access(path.c_str(), X_OK) == 0)
            return fs::absolute(path, ec).string();
        rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
    return {};
}

server::own_command command_of(const serve_options& options, const config::environment& environment)
{
    server::own_command made;
    made.arguments = options.command;
    if (!made.arguments.empty())
        made.program = path_of(made.arguments.front(), environment);
    for (char** each = environ; *each != nullptr; ++each)
        made.variables.emplace_back(*each);
    return made;
}

}  // namespace

int run_serve(const serve_options& options)
{
    const auto environment = config::process_environment();
    auto loaded = config::load_file(options.config_path, environment);
    if (!loaded.document) {
        for (const auto& complaint : loaded.complaints)
            std::cerr << config::to_string(complaint) << '\n';
        return 2;
    }
    if (const auto& state = loaded.document->settings.state_directory; !state.empty())
        state::sort_in(state);
    observe::logger log;
    std::shared_ptr<server::inheritance> predecessor;
    try {
        predecessor = server::inheritance::find(environment);
        if (predecessor)
            predecessor->receive();
        server::gateway* started = nullptr;
        server::gateway_options how;
        how.config_path = options.config_path;
        how.environment = environment;
        how.command = command_of(options, environment);
        how.predecessor = predecessor;
        how.on_ready = [&] { announce(log, *started); };
        server::gateway gateway(std::move(how), std::move(*loaded.document), log);
        predecessor.reset();
        started = &gateway;
        gateway.run();
        log.info("stopped", "drained");
        return 0;
    } catch (const std::exception& e) {
        if (predecessor)
            predecessor->refuse(e.what());
        std::cerr << "sluice: " << e.what() << '\n';
        return 1;
    }
}

}  // namespace sluice
