#include "address.hpp"
#include "read.hpp"
#include <sluice/base/text.hpp>

#include <algorithm>

namespace sluice::config {
namespace {

std::optional<host_port> read_address(const place& at)
{
    const auto address = parse_address(at.text());
    if (!address)
        at.complain_value("is no address");
    return address;
}

std::optional<tls_files> read_tls(const place& at, const environment& environment)
{
    if (!at.present())
        return {};
    tls_files files;
    files.certificate = read_path(at["certificate"], environment, environment.certificate_fault);
    const auto key_fault = [&](const std::string& key) {
        return environment.private_key_fault ? environment.private_key_fault(key, files.certificate)
                                             : std::string();
    };
    files.private_key = read_path(at["private_key"], environment, key_fault);
    files.client_ca = read_path(at["client_ca"], environment, environment.authorities_fault);
    return files;
}

void read_listen(const place& at, const environment& environment, snapshot& settings)
{
    const auto add = [&](const place& one) {
        const auto address = read_address(one["address"]);
        if (!address)
            return;
        const bool taken = std::any_of(
            settings.listen.begin(), settings.listen.end(), [&](const listen_address& other) {
                return overlap(*address, {other.host, other.port});
            });
        if (taken)
            one["address"].complain("overlaps an address above");
        settings.listen.push_back(
            {.host = address->host,
             .port = address->port,
             .tls = read_tls(one["tls"], environment)});
    };
    const auto written = at.elements();
    if (written.empty() && at.given())
        at.complain("there has to be at least one address; left out, it is 0.0.0.0:8080");
    if (!check_length(at, written.size(), 64))
        return;
    for (const auto& one : written)
        if (one.given())
            add(one);
    if (!at.given() && !at.refused())
        if (const auto address = parse_address(find_row("listen[].address")->fallback))
            settings.listen.push_back({.host = address->host, .port = address->port, .tls = {}});
}

void read_admin(const place& at, snapshot& settings)
{
    if (at["address"].text() == "off")
        return;
    const auto address = read_address(at["address"]);
    admin_settings admin;
    const auto token = at["token"];
    if (token.given()) {
        admin.token = token.text();
        check_secret(token, admin.token);
    }
    if (!address)
        return;
    admin.host = address->host;
    admin.port = address->port;
    if (!token.present() && !is_loopback(admin.host))
        at["address"].complain("without admin.token the admin API would be open to everyone, "
                               "allowed: 127.0.0.1 or [::1], "
                               "or set admin.token");
    for (const auto& listen : settings.listen)
        if (overlap(*address, {listen.host, listen.port}))
            at["address"].complain(
                "clients listen there already, the admin API needs its own address");
    settings.admin = std::move(admin);
}

std::size_t read_workers(const place& at, const environment& environment)
{
    constexpr std::size_t most = 256;
    const auto text = at.text();
    if (text == "auto")
        return std::clamp<std::size_t>(environment.cores, 1, most);
    const auto count = parse_count(text);
    if (count && *count >= 1 && *count <= most)
        return *count;
    at.complain_value("does not fit");
    return 1;
}

// Absolute or relative; `none` where that is a choice is the caller's.
std::string read_file_name(const place& at)
{
    const auto text = at.text();
    if (text.empty() || text.size() > 4096 || text.find('\0') != std::string::npos)
        at.complain_value("is no path");
    return text;
}

std::string read_access_log(const place& at, const environment& environment)
{
    const auto path = read_file_name(at);
    if (path == "stderr" || path == "off" || !environment.append_fault)
        return path;
    if (const auto wrong = environment.append_fault(path); !wrong.empty())
        at.complain(at.shown() + " cannot be written: " + wrong);
    return path;
}

// UTC is known without a database.
void read_time_zone(const place& at, const environment& environment, snapshot& settings)
{
    constexpr std::string_view more = "_+-/";
    const auto name = at.text();
    settings.time_zone = name;
    const auto fits = [&](char c) {
        return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9')
               || more.find(c) != std::string_view::npos;
    };
    if (name == "UTC")
        return;
    const bool written = !name.empty() && name.size() <= 64 && name.front() != '/'
                         && std::all_of(name.begin(), name.end(), fits);
    const auto file = written ? environment.file("/usr/share/zoneinfo/" + name) : std::nullopt;
    const auto zone = file ? policy::time_zone::parse(*file) : std::nullopt;
    if (zone)
        settings.zone = *zone;
    else
        at.complain_value("is no time zone of this machine");
}

void read_redis(const place& at, const environment& environment, snapshot& settings)
{
    const auto url = at["redis"];
    const auto timeout = at["redis_timeout"].duration();
    const auto prefix = at["redis_prefix"];
    const auto ca_file = read_path(at["redis_ca_file"], environment, environment.authorities_fault);
    const bool named = check_name(prefix, prefix.text());
    if (!url.given())
        return;
    auto [address, wrong] = parse_redis(url.text());
    if (!address)
        return url.complain(wrong + ", allowed: " + allowed(*find_row("state.redis")));
    address->ca_file = ca_file;
    address->timeout = timeout;
    if (named)
        address->prefix = prefix.text();
    settings.redis = std::move(*address);
}

void read_limits(const place& at, process_limits& limits)
{
    limits.head_bytes = at["head_bytes"].size();
    limits.body_bytes = at["body_bytes"].size();
    limits.connections = at["connections"].count();
    limits.buffered_bytes = at["buffered_bytes"].size();
    if (limits.buffered_bytes < limits.body_bytes)
        at["buffered_bytes"].complain(
            "is less than limits.body_bytes, so the largest allowed body would never fit; allowed: "
            "at least "
            + format_size(limits.body_bytes));
}

void read_timeouts(const place& at, timeouts& times)
{
    times.head = at["head"].duration();
    times.body = at["body"].duration();
    times.idle = at["idle"].duration();
    times.write = at["write"].duration();
    times.connect = at["connect"].duration();
    times.first_byte = at["first_byte"].duration();
    times.first_token = at["first_token"].duration();
    times.stream_idle = at["stream_idle"].duration();
    times.request = at["request"].duration();
    times.drain = at["drain"].duration();
}

}  // namespace

void read_process(const place& root, const environment& environment, snapshot& settings)
{
    read_listen(root["listen"], environment, settings);
    read_admin(root["admin"], settings);
    settings.workers = read_workers(root["workers"], environment);
    settings.state_directory = read_file_name(root["state"]["directory"]);
    if (settings.state_directory == "none")
        settings.state_directory.clear();
    read_redis(root["state"], environment, settings);
    read_limits(root["limits"], settings.limits);
    read_timeouts(root["timeouts"], settings.timeouts);
    settings.heartbeat = root["heartbeat"].duration();
    settings.access_log.path = read_access_log(root["access_log"], environment);
    read_time_zone(root["time_zone"], environment, settings);
    settings.budget_webhook = read_webhook(root["budget_webhook"]);
}

}  // namespace sluice::config
