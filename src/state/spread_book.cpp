#include <sluice/base/text.hpp>
#include <sluice/state/spread_book.hpp>

#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::state {
namespace {

namespace dom = simdjson::dom;

std::uint64_t wall_ms()
{
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
    return ms > 0 ? static_cast<std::uint64_t>(ms) : 1;
}

std::optional<spread_list::entry> entry_of(dom::element from)
{
    spread_list::entry out;
    std::string_view name;
    std::string_view value;
    std::string_view gateway;
    if (from["name"].get(name) != simdjson::SUCCESS || from["value"].get(value) != simdjson::SUCCESS
        || from["gateway"].get(gateway) != simdjson::SUCCESS
        || from["withdrawn"].get(out.item.withdrawn) != simdjson::SUCCESS
        || from["born"].get(out.item.born) != simdjson::SUCCESS
        || from["version"].get(out.item.version) != simdjson::SUCCESS
        || from["pending"].get(out.pending) != simdjson::SUCCESS
        || from["from"].get(out.from) != simdjson::SUCCESS)
        return std::nullopt;
    out.item.name = name;
    out.item.value = value;
    out.item.gateway = gateway;
    return out;
}

}  // namespace

std::string to_json(const spread_list& list)
{
    std::string out = "{\"format\":1,\"items\":[";
    const char* between = "\n";
    for (const auto& [name, each] : list.all()) {
        const auto& [item, pending, from] = each;
        out += std::exchange(between, ",\n");
        out +=
            "{\"name\":\"" + json_escaped(item.name) + "\",\"value\":\"" + json_escaped(item.value);
        out += std::string("\",\"withdrawn\":") + (item.withdrawn ? "true" : "false");
        out += ",\"born\":" + std::to_string(item.born);
        out += ",\"version\":" + std::to_string(item.version);
        out += ",\"gateway\":\"" + json_escaped(item.gateway);
        out += std::string("\",\"pending\":") + (pending ? "true" : "false");
        out += ",\"from\":" + std::to_string(from) + '}';
    }
    return out + "]}\n";
}

bool spread_from_json(std::string_view text, spread_list& into)
{
    dom::parser parser;
    dom::element root;
    dom::array items;
    std::uint64_t format = 0;
    if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS
        || root["format"].get(format) != simdjson::SUCCESS || format != 1
        || root["items"].get(items) != simdjson::SUCCESS)
        return false;
    std::vector<spread_list::entry> all;
    for (const auto each : items) {
        auto one = entry_of(each);
        if (!one)
            return false;
        all.push_back(std::move(*one));
    }
    for (auto& one : all)
        into.restore(std::move(one));
    return true;
}

spread_book::spread_book(const directory& where, std::string gateway)
    : file_(where.file(file_name), max_file_bytes),
      list_(std::move(gateway))
{
    std::string text;
    if (const auto ec = file_.read(text, to_json(list_)))
        complaint_ = file_.path() + ": cannot be read: " + ec.message() + "; " + file_.put_aside();
    else if (text.size() > max_file_bytes || !spread_from_json(text, list_))
        complaint_ =
            file_.path() + ": is not a list of what gateways changed; " + file_.put_aside();
}

std::error_code spread_book::note(std::span<const live_change> changes)
{
    auto now = wall_ms();
    for (const auto& one : changes)
        if (const auto* known = list_.find(one.name))
            now = std::max(now, known->item.version + 1);
    bool changed = false;
    for (const auto& one : changes)
        changed |= list_.change(one.name, one.value, one.withdrawn, now);
    if (!changed)
        return {};
    if (tell_)
        tell_();
    return save();
}

void spread_book::seed(std::span<const live_change> changes)
{
    for (const auto& one : changes)
        if (list_.find(one.name) == nullptr)
            (void)list_.change(one.name, one.value, one.withdrawn, spread_list::oldest);
}

std::error_code spread_book::save()
{
    return file_.save(to_json(list_));
}

std::string_view spread_book::warning() const noexcept
{
    return reachable_ ? std::string_view()
                      : "not known to the other gateways yet: Redis does not answer";
}

}  // namespace sluice::state
