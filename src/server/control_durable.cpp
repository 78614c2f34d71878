// What a change leaves on the disk before it is in force.
#include <sluice/server/control.hpp>
#include <sluice/server/json_writer.hpp>
#include <sluice/server/replace_file.hpp>

namespace sluice::server {
namespace {

// {"key": value} of one side of the changes.
std::string side_of(const std::vector<config::change>& changes, std::string config::change::* side)
{
    json_writer out;
    out.begin_object();
    for (const auto& change : changes)
        out.key(change.key).raw((change.*side).empty() ? "null" : change.*side);
    return out.end_object().str();
}

}  // namespace

// What cannot be written, and why.
std::optional<std::string> control::make_durable(
    const proposal& next,
    const config::snapshot& snapshot,
    const std::vector<config::change>& changes,
    const origin& by)
{
    const auto failed = [&](std::string_view what, std::error_code ec) {
        parts_.log.error("change_not_durable", ec.message(), {{"what", what}});
        return std::string(what) + " cannot be written: " + ec.message();
    };
    // First: the start after a crash makes up for the rest.
    if (parts_.spread != nullptr && next.spreads) {
        auto changed = state::changes_between(live_, next.live, next.withdraws);
        if (next.with)
            changed.push_back(*next.with);
        if (const auto ec = parts_.spread->note(changed))
            return failed("what is spread", ec);
    }
    if (next.live.keys != live_.keys)
        if (const auto ec = parts_.keys.save(next.live.keys))
            return failed("the list of keys", ec);
    if (const auto ec = parts_.overrides.save(next.live, snapshot.version))
        return failed("the list of live changes", ec);
    const std::string from = side_of(changes, &config::change::from);
    const std::string to = side_of(changes, &config::change::to);
    observe::audit_entry entry{
        .actor = by.actor,
        .remote = by.remote,
        .action = next.action,
        .path = by.path,
        .from = from,
        .to = to,
        .version = snapshot.version,
        .reason = by.reason};
    if (const auto ec = parts_.audit.append(entry))
        return failed("the audit log", ec);
    if (!next.file_text)
        return std::nullopt;
    if (const auto ec = server::replace_file(settings_.config_path, *next.file_text)) {
        entry.action = "replace_file_failed";
        (void)parts_.audit.append(entry);  // so that the entry before it misleads nobody
        return failed("the configuration file", ec);
    }
    return std::nullopt;
}

}  // namespace sluice::server
