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

// What cannot be written, and why: the first of it. What comes into force all the same is written
// as far as can be, and the rest of it later.
std::optional<std::string> control::make_durable(
    const proposal& next,
    const config::snapshot& snapshot,
    const std::vector<config::change>& changes,
    const origin& by)
{
    std::optional<std::string> wrong;
    const auto written = [&](std::string_view what, std::error_code ec) {
        if (ec)
            parts_.log.error("change_not_durable", ec.message(), {{"what", what}});
        if (ec && !wrong)
            wrong = std::string(what) + " cannot be written: " + ec.message();
        return !ec || by.must_apply;
    };
    // First: the start after a crash makes up for the rest.
    if (parts_.spread != nullptr && next.spreads) {
        auto changed = state::changes_between(live_, next.live, next.withdraws);
        if (next.with)
            changed.push_back(*next.with);
        if (!written("what is spread", parts_.spread->note(changed)))
            return wrong;
    }
    if (next.live.keys != live_.keys
        && !written("the list of keys", parts_.keys.save(next.live.keys)))
        return wrong;
    if (!written("the list of live changes", parts_.overrides.save(next.live, snapshot.version)))
        return wrong;
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
    if (!written(
            "the audit log", by.must_apply ? parts_.audit.enter(entry) : parts_.audit.append(entry))
        || !next.file_text)
        return wrong;
    if (!written(
            "the configuration file",
            server::replace_file(settings_.config_path, *next.file_text))) {
        entry.action = "replace_file_failed";
        (void)parts_.audit.append(entry);  // so that the entry before it misleads nobody
    }
    return wrong;
}

}  // namespace sluice::server
