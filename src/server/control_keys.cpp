// Keys made, changed, exchanged and revoked while the gateway runs.
#include <sluice/server/control.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sluice::server {
namespace {

bool in_file(const config::document& file, std::string_view id)
{
    return std::ranges::find(file.settings.keys, id, &config::key::id) != file.settings.keys.end();
}

config::live_key over_the_file()
{
    config::live_key over;
    over.of_file = true;
    return over;
}

void end_at(std::vector<config::key_secret>& secrets, std::chrono::sys_seconds end)
{
    for (auto& secret : secrets)
        secret.until = secret.until ? std::min(*secret.until, end) : end;
}

}  // namespace

void control::load_keys(std::uint64_t version)
{
    auto stored = parts_.keys.load();
    live_.keys = std::move(stored.keys);
    if (!stored.complaint.empty()) {
        report_loss("keys_lost", stored.complaint, version);
        // The next start would find no list, as if there never had been a key, and open to all.
        if (const auto ec = parts_.keys.save(live_.keys))
            throw std::runtime_error("the list of keys cannot be saved: " + ec.message());
    }
    live_ = live_over(file_.settings);
}

config::overrides control::live_over(const config::snapshot& file) const
{
    auto live = live_;
    for (const auto& wrong : config::parse_settings(live.keys, file))
        parts_.log.error("live_key_unusable", wrong);
    return live;
}

const config::live_key* control::live_key(std::string_view id) const noexcept
{
    const auto found = live_.keys.by_id.find(id);
    return found == live_.keys.by_id.end() ? nullptr : &found->second;
}

change_report control::no_such_key(const std::string& id) const
{
    return refuse(refusal::unknown_key, {"there is no key '" + id + "'"});
}

change_report control::apply_keys(
    config::live_keys keys, const std::string& id, std::string_view action, const origin& by)
{
    auto live = live_;
    live.keys = std::move(keys);
    proposal next{.live = std::move(live), .file = file_, .action = action};
    if (by.must_apply)
        next.withdraws = std::string(state::key_prefix) + id;
    return apply(std::move(next), by);
}

change_report control::create_key(
    const std::string& id,
    std::string_view settings,
    const config::digest& secret,
    std::chrono::sys_seconds now,
    const origin& by)
{
    if (auto stale = refuse_stale(by))
        return *stale;
    if (!config::is_name(id))
        return refuse(refusal::invalid, {"id: 1 to 64 of A-Z a-z 0-9 . _ -"});
    auto keys = live_.keys;
    const auto known = keys.by_id.find(id);
    if (in_file(file_, id) || (known != keys.by_id.end() && !known->second.of_file))
        return refuse(refusal::key_exists, {"there is a key '" + id + "' already"});
    if (keys.by_id.size() >= config::max_live_keys)
        return refuse(
            refusal::invalid,
            {"there are " + std::to_string(keys.by_id.size())
             + " live keys, more there cannot be"});
    config::live_key made;
    made.settings = config::with_changes("{}", settings);
    auto wrong = config::read_key_settings(made.settings, file_.settings, made.parsed);
    if (!wrong.empty())
        return refuse(refusal::invalid, std::move(wrong));
    made.secrets = {{.hash = secret}};
    made.created = now;
    keys.by_id.insert_or_assign(id, std::move(made));
    keys.closed = true;
    return apply_keys(std::move(keys), id, "create_key", by);
}

change_report control::change_key(
    const std::string& id, std::string_view changes, std::optional<bool> disabled, const origin& by)
{
    if (auto stale = refuse_stale(by))
        return *stale;
    const bool of_file = in_file(file_, id);
    auto keys = live_.keys;
    const auto known = keys.by_id.find(id);
    if (!of_file && (known == keys.by_id.end() || known->second.of_file))
        return no_such_key(id);
    const bool settings = config::with_changes("{}", changes) != "{}";
    if (of_file && settings)
        return refuse(
            refusal::invalid,
            {"the key is the file's: only `disabled` can be changed here, the rest there"});
    auto& key = keys.by_id[id];
    if (of_file && !key.of_file)
        key = over_the_file();
    if (settings) {
        key.settings = config::with_changes(key.settings, changes);
        key.parsed = {};
        auto wrong = config::read_key_settings(key.settings, file_.settings, key.parsed);
        if (!wrong.empty())
            return refuse(refusal::invalid, std::move(wrong));
    }
    key.disabled = disabled.value_or(key.disabled);
    auto asked = by;
    asked.must_apply = disabled == true;
    return apply_keys(std::move(keys), id, "change_key", asked);
}

change_report control::revoke_key(const std::string& id, origin by)
{
    if (auto stale = refuse_stale(by))
        return *stale;
    by.must_apply = true;
    auto keys = live_.keys;
    if (in_file(file_, id)) {
        auto& over = keys.by_id[id];
        if (!over.of_file)
            over = over_the_file();
        over.secrets.clear();
        over.disabled = true;
    } else if (const auto known = keys.by_id.find(id);
               known != keys.by_id.end() && !known->second.of_file) {
        keys.by_id.erase(known);
    } else {
        return no_such_key(id);
    }
    return apply_keys(std::move(keys), id, "revoke_key", by);
}

change_report control::rotate_key(
    const std::string& id,
    const config::digest& secret,
    milliseconds grace,
    std::chrono::sys_seconds now,
    const origin& by)
{
    if (auto stale = refuse_stale(by))
        return *stale;
    const auto in_the_file = std::ranges::find(file_.settings.keys, id, &config::key::id);
    const bool of_file = in_the_file != file_.settings.keys.end();
    auto keys = live_.keys;
    const auto known = keys.by_id.find(id);
    if (!of_file && (known == keys.by_id.end() || known->second.of_file))
        return no_such_key(id);
    auto& key = keys.by_id[id];
    if (of_file && !key.of_file)
        key = over_the_file();
    const auto end = now + std::chrono::ceil<std::chrono::seconds>(grace);
    if (of_file) {
        // Only those the file has still: what it had before lets nobody in anyway.
        auto retired = std::exchange(key.retired, {});
        for (const auto& one : in_the_file->secrets) {
            const auto before = std::ranges::find(retired, one.hash, &config::key_secret::hash);
            key.retired.push_back(before == retired.end() ? one : *before);
        }
        end_at(key.retired, end);
    }
    end_at(key.secrets, end);
    std::erase_if(key.secrets, [&](const auto& one) { return *one.until <= now; });
    if (key.secrets.size() >= config::max_secrets)
        return refuse(
            refusal::invalid,
            {"the key has " + std::to_string(key.secrets.size())
             + " secrets that still let in, wait until the first has ended"});
    key.secrets.insert(key.secrets.begin(), {.hash = secret});
    return apply_keys(std::move(keys), id, "rotate_key", by);
}

change_report control::set_fetched_keys(config::fetched_keys keys, origin by)
{
    const auto& known = live_.fetched;
    if (known.url == keys.url && known.keys && known.keys->source() == keys.keys->source()) {
        change_report same;
        same.version = current_->version;
        return same;
    }
    // What is missing among them may have been stolen.
    by.must_apply = true;
    auto live = live_;
    live.fetched = std::move(keys);
    return apply(
        {.live = std::move(live), .file = file_, .action = "fetch_token_keys", .spreads = false},
        by);
}

}  // namespace sluice::server
