#include "spread_scripts.hpp"
#include <sluice/state/redis_spread.hpp>

#include <charconv>
#include <utility>

namespace sluice::state {
namespace {

using kind = net::redis_reply::kind;

bool number_of(std::string_view text, std::uint64_t& into)
{
    const auto end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, into);
    return read.ec == std::errc() && read.ptr == end;
}

bool number_at(const net::redis_reply& list, std::size_t at, std::uint64_t& into)
{
    return list.elements[at].is == kind::text && number_of(list.elements[at].text, into);
}

std::string_view word_of(std::string_view& text)
{
    const auto space = text.find(' ');
    const auto word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    return word;
}

std::string text_of(const spread_item& item)
{
    return std::to_string(item.born) + (item.withdrawn ? " 1 " : " 0 ")
           + std::to_string(item.version) + ' ' + item.gateway + ' ' + item.value;
}

std::optional<spread_item> item_of(const std::string& name, std::string_view text)
{
    spread_item item;
    item.name = name;
    if (!number_of(word_of(text), item.born))
        return std::nullopt;
    const auto withdrawn = word_of(text);
    if ((withdrawn != "0" && withdrawn != "1") || !number_of(word_of(text), item.version))
        return std::nullopt;
    item.withdrawn = withdrawn == "1";
    item.gateway = word_of(text);
    item.value = text;
    if (item.gateway.empty())
        return std::nullopt;
    return item;
}

// {word, number, ...}
bool begins_well(const net::redis_reply& reply, std::size_t least)
{
    return reply.is == kind::array && reply.elements.size() >= least
           && reply.elements[0].is == kind::text;
}

}  // namespace

redis_spread::redis_spread(std::string_view prefix, std::string gateway)
    : look_(std::make_shared<net::redis_script>(std::string(look_script))),
      read_(std::make_shared<net::redis_script>(std::string(read_script))),
      put_(std::make_shared<net::redis_script>(std::string(put_script))),
      forget_(std::make_shared<net::redis_script>(std::string(forget_script))),
      gateway_(std::move(gateway))
{
    for (const auto* each : {"items", "order", "head", "leader"})
        keys_.push_back(std::string(prefix) + ":{spread}:" + each);
}

redis_spread::question redis_spread::look(milliseconds lease) const
{
    return {look_, keys_, {gateway_, std::to_string(lease.count())}};
}

redis_spread::question redis_spread::read(std::uint64_t after) const
{
    return {
        read_,
        keys_,
        {std::to_string(after), std::to_string(page_items), std::to_string(page_bytes)}};
}

redis_spread::question redis_spread::put(
    const std::vector<const spread_item*>& items, std::string_view fresh) const
{
    question what{put_, keys_, {std::string(fresh)}};
    for (const auto* item : items) {
        what.arguments.push_back(item->name);
        what.arguments.push_back(text_of(*item));
    }
    return what;
}

redis_spread::question redis_spread::forget(const std::vector<spread_item>& gone) const
{
    question what{forget_, keys_, {}};
    for (const auto& item : gone) {
        what.arguments.push_back(item.name);
        what.arguments.push_back(std::to_string(item.version));
    }
    return what;
}

std::optional<spread_head> redis_spread::head(const net::redis_reply& reply)
{
    spread_head head;
    if (!begins_well(reply, 4) || !number_at(reply, 1, head.arrival)
        || !number_at(reply, 2, head.sum) || reply.elements[3].is != kind::integer)
        return std::nullopt;
    head.word = reply.elements[0].text;
    head.leads = reply.elements[3].number == 1;
    return head;
}

std::optional<spread_page> redis_spread::page(const net::redis_reply& reply)
{
    spread_page page;
    if (!begins_well(reply, 3) || !number_at(reply, 1, page.arrival)
        || !number_at(reply, 2, page.upto) || reply.elements.size() % 2 == 0)
        return std::nullopt;
    page.word = reply.elements[0].text;
    for (std::size_t i = 3; i + 1 < reply.elements.size(); i += 2) {
        auto item = item_of(reply.elements[i].text, reply.elements[i + 1].text);
        if (item)
            page.items.push_back(std::move(*item));
        else
            ++page.unreadable;
    }
    return page;
}

std::optional<spread_put> redis_spread::put_answer(
    const net::redis_reply& reply, const std::vector<std::string>& names)
{
    spread_put put;
    if (!begins_well(reply, 3 + names.size()) || reply.elements.size() != 3 + names.size()
        || !number_at(reply, 1, put.arrival) || reply.elements[2].is != kind::integer
        || reply.elements[2].number < 0)
        return std::nullopt;
    put.word = reply.elements[0].text;
    put.added = static_cast<std::uint64_t>(reply.elements[2].number);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& said = reply.elements[3 + i];
        put.better.push_back(said.is == kind::text ? item_of(names[i], said.text) : std::nullopt);
    }
    return put;
}

}  // namespace sluice::state
