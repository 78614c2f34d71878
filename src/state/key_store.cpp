#include <sluice/base/text.hpp>
#include <sluice/config/key.hpp>
#include <sluice/state/key_store.hpp>

#include <simdjson.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::state {
namespace {

namespace dom = simdjson::dom;
using std::chrono::sys_seconds;

// The last second of the year 9999: what a time may be and still be printed.
constexpr std::int64_t last_second = 253'402'300'799;

std::string secrets_json(const std::vector<config::key_secret>& secrets)
{
    std::string out = "[";
    const char* between = "";
    for (const auto& secret : secrets) {
        out += std::exchange(between, ",");
        out += "{\"hash\":\"" + config::hash_text(secret.hash) + '"';
        if (secret.until)
            out += ",\"until\":" + std::to_string(secret.until->time_since_epoch().count());
        out += '}';
    }
    return out + ']';
}

bool read_time(dom::element from, sys_seconds& into)
{
    std::int64_t count = 0;
    if (from.get(count) != simdjson::SUCCESS || count < 0 || count > last_second)
        return false;
    into = sys_seconds(std::chrono::seconds(count));
    return true;
}

bool read_secrets(dom::element of, std::string_view name, std::vector<config::key_secret>& into)
{
    dom::array all;
    if (of[name].get(all) != simdjson::SUCCESS)
        return false;
    for (const auto one : all) {
        std::string_view text;
        if (one["hash"].get(text) != simdjson::SUCCESS)
            return false;
        const auto hash = config::parse_hash(text);
        if (!hash)
            return false;
        auto& secret = into.emplace_back();
        secret.hash = *hash;
        dom::element until;
        if (one["until"].get(until) == simdjson::SUCCESS
            && !read_time(until, secret.until.emplace()))
            return false;
    }
    return true;
}

bool read_key(dom::element from, config::live_key& into)
{
    dom::object settings;
    dom::element created;
    if (from["of_file"].get(into.of_file) != simdjson::SUCCESS
        || from["settings"].get(settings) != simdjson::SUCCESS
        || from["disabled"].get(into.disabled) != simdjson::SUCCESS
        || from["created"].get(created) != simdjson::SUCCESS)
        return false;
    into.settings = simdjson::to_string(settings);
    return read_time(created, into.created) && read_secrets(from, "secrets", into.secrets)
           && read_secrets(from, "retired", into.retired);
}

}  // namespace

std::string to_json(const config::live_keys& keys)
{
    std::string out = "{\"format\":1,\"closed\":";
    out += keys.closed ? "true" : "false";
    out += ",\"keys\":{";
    const char* between = "\n";
    for (const auto& [id, key] : keys.by_id) {
        out += std::exchange(between, ",\n");
        out += '"' + json_escaped(id) + "\":" + to_json(key);
    }
    return out + "}}\n";
}

std::string to_json(const config::live_key& key)
{
    std::string out = std::string("{\"of_file\":") + (key.of_file ? "true" : "false");
    out += ",\"settings\":" + key.settings + ",\"secrets\":" + secrets_json(key.secrets);
    out += ",\"retired\":" + secrets_json(key.retired);
    out += std::string(",\"disabled\":") + (key.disabled ? "true" : "false");
    return out + ",\"created\":" + std::to_string(key.created.time_since_epoch().count()) + '}';
}

std::optional<config::live_key> key_from_json(std::string_view text)
{
    dom::parser parser;
    dom::element root;
    config::live_key key;
    if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS
        || !read_key(root, key))
        return std::nullopt;
    return key;
}

std::optional<config::live_keys> keys_from_json(std::string_view text)
{
    dom::parser parser;
    dom::element root;
    dom::object all;
    std::uint64_t format = 0;
    config::live_keys keys;
    if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS
        || root["format"].get(format) != simdjson::SUCCESS || format != 1
        || root["closed"].get(keys.closed) != simdjson::SUCCESS
        || root["keys"].get(all) != simdjson::SUCCESS)
        return std::nullopt;
    for (const auto [id, key] : all)
        if (!config::is_name(id) || !read_key(key, keys.by_id[std::string(id)]))
            return std::nullopt;
    return keys;
}

key_store::key_store(const directory& where)
    : file_(where.file(file_name), max_file_bytes),
      copy_(where.file(std::string(file_name) + ".copy"), max_file_bytes)
{
}

key_store::load_result key_store::load()
{
    load_result lost;
    lost.keys.closed = true;
    std::string text;
    const auto none = to_json(config::live_keys{});
    if (const auto ec = file_.read(text, none)) {
        lost.complaint = file_.path() + ": cannot be read: " + ec.message();
    } else if (text.size() <= max_file_bytes) {
        if (auto keys = keys_from_json(text)) {
            if (text != none)
                copy(text);
            return {std::move(*keys), {}};
        }
    }
    if (lost.complaint.empty())
        lost.complaint = file_.path() + ": is not a list of keys";
    lost.complaint += "; " + file_.put_aside() + "; " + stand_in(lost);
    return lost;
}

// What the copy has; says what became of it.
std::string key_store::stand_in(load_result& lost)
{
    std::string text;
    if (!copy_.read(text, {}) && text.size() <= max_file_bytes)
        if (auto keys = keys_from_json(text)) {
            lost.keys = std::move(*keys);
            lost.keys.closed = true;
            return "its copy is in force";
        }
    return "without a copy of it, keys made live let nobody in, and keys of the file that were "
           "revoked let in again";
}

// Only what is in force. What fails is late.
void key_store::copy(const std::string& text)
{
    std::string there;
    if (copy_.read(there, {}) || there != text)
        (void)copy_.save(text);
}

std::error_code key_store::save(const config::live_keys& keys)
{
    const auto text = to_json(keys);
    const auto ec = file_.save(text);
    if (!ec)
        copy(text);
    return ec;
}

std::error_code key_store::write_late()
{
    if (file_.late()) {
        std::string text;
        if (const auto ec = file_.write_late())
            return ec;
        if (!file_.read(text, to_json(config::live_keys{})))
            copy(text);
    }
    return copy_.write_late();
}

}  // namespace sluice::state
