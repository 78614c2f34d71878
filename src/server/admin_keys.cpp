// Keys, shown, made, changed, exchanged and revoked. A secret is in the answer to the call that
// made it and nowhere else.
#include "admin_api.hpp"
#include <sluice/base/text.hpp>
#include <sluice/config/render.hpp>
#include <sluice/config/units.hpp>
#include <sluice/server/json_writer.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;
using std::chrono::sys_seconds;

constexpr milliseconds default_grace = std::chrono::hours(24);
constexpr milliseconds most_grace = std::chrono::hours(24 * 365);

void write_time(json_writer& out, std::string_view name, std::optional<sys_seconds> time)
{
    out.key(name);
    if (time)
        out.text(config::format_time(*time));
    else
        out.null();
}

std::string_view state_of(const config::key& key, sys_seconds now)
{
    if (key.disabled)
        return "disabled";
    return key.expires && *key.expires <= now ? "expired" : "active";
}

// All members but one, as an object again.
std::string without(const dom::object& members, std::string_view name)
{
    json_writer out;
    out.begin_object();
    for (const auto [member, value] : members)
        if (member != name)
            out.key(member).raw(simdjson::to_string(value));
    return out.end_object().str();
}

// No body leaves it as it is.
std::optional<admin_response> read_grace(std::string_view body, milliseconds& grace)
{
    dom::parser parser;
    dom::object members;
    if (trim(body).empty())
        return std::nullopt;
    if (auto bad = parse_object(parser, body, members))
        return bad;
    for (const auto [name, value] : members) {
        std::string_view text;
        if (name != "grace")
            return error_answer(admin_error{
                .code = "unknown_parameter",
                .message = "the only member is `grace`",
                .param = std::string(name)});
        const auto given =
            value.get(text) == simdjson::SUCCESS ? config::parse_duration(text) : std::nullopt;
        if (!given || *given > most_grace)
            return error_answer(admin_error{
                .code = "invalid_value",
                .message = "grace is a duration up to 365d, as \"24h\" or \"0\"",
                .param = "grace"});
        grace = *given;
    }
    return std::nullopt;
}

}  // namespace

void admin_api::write_key(json_writer& out, const config::key& key) const
{
    const auto now = sources_.now();
    const auto* live = sources_.control.live_key(key.id);
    out.key("id").text(key.id).key("tenant").text(key.tenant);
    out.key("state").text(state_of(key, now));
    out.key("source").text(key.live ? "live" : "file");
    write_time(out, "created", key.live && live ? std::optional(live->created) : std::nullopt);
    write_time(out, "expires", key.expires);
    out.key("secrets").begin_array();
    for (const auto& secret : key.secrets) {
        if (secret.until && *secret.until <= now)
            continue;
        out.begin_object().key("hash").text(config::masked(secret.hash));
        write_time(out, "until", secret.until);
        out.end_object();
    }
    out.end_array().key("settings").raw(config::render(key));
}

admin_response admin_api::all_keys(const admin_call& /*call*/)
{
    const auto& snapshot = *sources_.control.current();
    json_writer out;
    out.begin_object().key("version").count(snapshot.version);
    out.key("open").boolean(snapshot.open());
    out.key("keys").begin_array();
    for (const auto& key : snapshot.keys) {
        out.begin_object();
        write_key(out, key);
        out.end_object();
    }
    return tagged(json_answer(200, out.end_array().end_object().str()));
}

admin_response admin_api::key_answer(
    const std::string& id, const change_report& report, const std::string& secret)
{
    if (report.refused != refusal::none)
        return refused(report);
    const auto& snapshot = *sources_.control.current();
    json_writer out;
    out.begin_object().key("version").count(snapshot.version);
    if (!secret.empty())
        out.key("secret").text(secret);
    const auto found = std::ranges::find(snapshot.keys, id, &config::key::id);
    if (found != snapshot.keys.end())
        write_key(out, *found);
    else
        out.key("id").text(id).key("state").text("revoked");
    if (!report.warnings.empty())
        out.key("warnings").texts(report.warnings);
    return tagged(json_answer(200, out.end_object().str()));
}

admin_response admin_api::one_key(const admin_call& call)
{
    const auto& keys = sources_.control.current()->keys;
    if (std::ranges::find(keys, call.key, &config::key::id) == keys.end())
        return refused(
            sources_.control.refuse(refusal::unknown_key, {"there is no key '" + call.key + "'"}));
    return key_answer(call.key, {}, {});
}

admin_response admin_api::create_key(const admin_call& call)
{
    dom::parser parser;
    dom::object members;
    if (auto bad = parse_object(parser, call.request.body(), members))
        return std::move(*bad);
    const auto secret = config::new_key();
    const auto hash = config::sha256(secret);
    std::string_view id;
    std::string_view tenant = "key";
    dom::element named;
    if (members["id"].get(named) == simdjson::SUCCESS && named.get(id) != simdjson::SUCCESS)
        return error_answer(errc::invalid_type, "id is a text", "id");
    if (members["tenant"].get(tenant) != simdjson::SUCCESS)
        tenant = "key";
    // Eight digits of the hash, not of the key.
    const auto name =
        id.empty() ? std::string(tenant) + '-' + hex(hash.data(), 4) : std::string(id);
    const auto report =
        sources_.control.create_key(name, without(members, "id"), hash, sources_.now(), call.by);
    return key_answer(name, report, secret);
}

admin_response admin_api::change_key(const admin_call& call)
{
    dom::parser parser;
    dom::object members;
    if (auto bad = parse_object(parser, call.request.body(), members))
        return std::move(*bad);
    std::optional<bool> disabled;
    dom::element switched;
    if (members["disabled"].get(switched) == simdjson::SUCCESS
        && switched.get(disabled.emplace()) != simdjson::SUCCESS)
        return error_answer(errc::invalid_type, "disabled is true or false", "disabled");
    const auto report =
        sources_.control.change_key(call.key, without(members, "disabled"), disabled, call.by);
    return key_answer(call.key, report, {});
}

admin_response admin_api::revoke_key(const admin_call& call)
{
    return key_answer(call.key, sources_.control.revoke_key(call.key, call.by), {});
}

admin_response admin_api::rotate_key(const admin_call& call)
{
    auto grace = default_grace;
    if (auto bad = read_grace(call.request.body(), grace))
        return std::move(*bad);
    const auto secret = config::new_key();
    const auto report = sources_.control.rotate_key(
        call.key, config::sha256(secret), grace, sources_.now(), call.by);
    return key_answer(call.key, report, secret);
}

}  // namespace sluice::server
