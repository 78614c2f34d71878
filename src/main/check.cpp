#include "check.hpp"

#include <sluice/config/load.hpp>
#include <sluice/config/schema.hpp>
#include <sluice/config/units.hpp>
#include <sluice/observe/metric_table.hpp>

#include <cmath>
#include <ostream>
#include <string>
#include <string_view>

namespace sluice {
namespace {

std::string counted(std::size_t count, std::string_view what)
{
    return std::to_string(count) + ' ' + std::string(what) + (count == 1 ? "" : "s");
}

std::string address(const std::string& host, std::uint16_t port)
{
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

// Two decimals at most.
std::string rounded_percent(double share)
{
    return config::format_decimal(std::round(share * 10'000) / 100) + '%';
}

void list(std::ostream& out, bool& first, const std::string& item)
{
    out << (first ? " " : ", ") << item;
    first = false;
}

void summarize_model(std::ostream& out, const config::model& model)
{
    double sum = 0;
    for (const auto& target : model.targets)
        sum += target.weight;
    out << model.name << " (";
    bool first = true;
    for (const auto& target : model.targets) {
        out << (first ? "" : ", ") << target.name << ' ' << rounded_percent(target.weight / sum);
        first = false;
    }
    out << ')';
}

void summarize(std::ostream& out, const config::snapshot& settings)
{
    bool first = true;
    out << "Listens on";
    for (const auto& listen : settings.listen)
        list(out, first, address(listen.host, listen.port) + (listen.tls ? " with TLS" : ""));
    out << " with " << counted(settings.workers, "worker") << "; admin API "
        << (settings.admin ? "on " + address(settings.admin->host, settings.admin->port) : "off")
        << ". " << counted(settings.providers.size(), "provider") << ':';
    first = true;
    for (const auto& provider : settings.providers)
        list(out, first, provider.name);
    out << ". " << counted(settings.models.size(), "model") << ": ";
    first = true;
    for (const auto& model : settings.models) {
        out << (first ? "" : ", ");
        summarize_model(out, model);
        first = false;
    }
    if (settings.open())
        out << ". No keys: the gateway is open to everyone who can reach it.\n";
    else
        out << ". " << counted(settings.keys.size(), "key") << ".\n";
}

}  // namespace

int run_check(const check_options& options, std::ostream& out, std::ostream& err)
{
    if (options.print_table) {
        out << config::schema_table();
        return 0;
    }
    if (options.print_metrics) {
        out << observe::metric_table_markdown();
        return 0;
    }
    const auto loaded = config::load_file(options.config, config::process_environment());
    for (const auto& complaint : loaded.complaints)
        err << config::to_string(complaint) << '\n';
    if (!loaded.document)
        return 2;
    summarize(out, loaded.document->settings);
    return 0;
}

}  // namespace sluice
