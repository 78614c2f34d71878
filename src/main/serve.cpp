#include "serve.hpp"

#include <sluice/base/build_info.hpp>
#include <sluice/config/environment.hpp>
#include <sluice/config/load.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/server/gateway.hpp>

#include <exception>
#include <iostream>
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
    observe::logger log;
    try {
        server::gateway* started = nullptr;
        server::gateway_options how;
        how.config_path = options.config_path;
        how.environment = environment;
        how.on_ready = [&] { announce(log, *started); };
        server::gateway gateway(std::move(how), std::move(*loaded.document), log);
        started = &gateway;
        gateway.run();
        log.info("stopped", "drained");
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "sluice: " << e.what() << '\n';
        return 1;
    }
}

}  // namespace sluice
