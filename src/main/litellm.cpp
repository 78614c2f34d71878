#include "litellm.hpp"

#include <sluice/config/key.hpp>
#include <sluice/config/units.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <set>
#include <string_view>

namespace sluice {
namespace {

using kind = config::node::kind;
using pair = std::pair<std::string_view, std::string_view>;

constexpr std::array strategies{
    pair{"simple-shuffle", "weighted"},
    pair{"least-busy", "least_busy"},
    pair{"latency-based-routing", "latency"},
    pair{"cost-based-routing", "cheapest"},
};

// Theirs, with what may stand for it in each of their sections, and ours.
constexpr std::array fallbacks{
    pair{"fallbacks", "any"},
    pair{"context_window_fallbacks", "context_length"},
    pair{"content_policy_fallbacks", "content_policy"},
};

constexpr std::uint64_t most_attempts = 100;
constexpr std::uint64_t most_failures = 1'000'000;
constexpr std::size_t most_fallbacks = 32;
constexpr double least_seconds = 0.001;
constexpr double longest_cooldown = 3'600;
constexpr double longest_timeout = 86'400;

std::string milliseconds_of(double seconds)
{
    return config::format_duration(
        std::chrono::milliseconds(std::llround(seconds * std::milli::den)));
}

class reader {
public:
    explicit reader(const config::node& file)
        : top_(&file, "", out_.left)
    {
    }

    from_litellm read()
    {
        models();
        // Both sections may hold the same settings; the router's come first.
        for (const std::string section : {"router_settings", "litellm_settings"}) {
            litellm_members settings(top_.map(section), section, out_.left);
            routing(settings);
            redis(settings);
            settings.finish();
        }
        general();
        if (top_.map("environment_variables") != nullptr)
            top_.leave(
                "environment_variables", "the environment is set by whoever starts the gateway");
        top_.finish();
        out_.providers = providers_.list();
        return std::move(out_);
    }

private:
    void models()
    {
        const auto* const list = top_.list("model_list");
        for (std::size_t i = 0; list != nullptr && i < list->members.size(); ++i) {
            const auto path = "model_list[" + std::to_string(i) + ']';
            if (auto entry =
                    read_litellm_entry(list->members[i].value, path, providers_, out_.left))
                add(std::move(*entry));
        }
    }

    void add(litellm_entry entry)
    {
        const auto [at, fresh] = places_.try_emplace(entry.model_name, out_.models.size());
        if (fresh)
            out_.models.push_back({.name = entry.model_name, .targets = {}, .aliases = {}});
        auto& targets = out_.models[at->second].targets;
        auto& taken = target_names_[entry.model_name];
        auto name = entry.target.provider;
        for (unsigned number = 2; !taken.insert(name).second; ++number)
            name = entry.target.provider + '-' + std::to_string(number);
        if (name != entry.target.provider)
            entry.target.name = std::move(name);
        targets.push_back(std::move(entry.target));
    }

    litellm_model* find(const std::string& name)
    {
        const auto at = places_.find(name);
        return at == places_.end() ? nullptr : &out_.models[at->second];
    }

    // A setting of every model that does not have it yet.
    void for_every_model(auto member, const auto& value)
    {
        for (auto& model : out_.models)
            if (model.*member == litellm_model{}.*member)
                model.*member = value;
    }

    void routing(litellm_members& from)
    {
        if (const auto strategy = from.text("routing_strategy"))
            balance(from, *strategy);
        if (const auto retries = from.count("num_retries", 0, most_attempts - 1))
            for_every_model(&litellm_model::attempts, *retries + 1);
        // More than so many failures, not as many.
        if (const auto fails = from.count("allowed_fails", 0, most_failures - 1))
            for_every_model(&litellm_model::breaker_failures, *fails + 1);
        if (const auto cooldown = from.number("cooldown_time", least_seconds, longest_cooldown))
            for_every_model(&litellm_model::breaker_cooldown, milliseconds_of(*cooldown));
        for (const std::string name : {"request_timeout", "timeout"})
            if (const auto timeout = from.number(name, least_seconds, longest_timeout))
                if (out_.request_timeout.empty())
                    out_.request_timeout = milliseconds_of(*timeout);
        aliases(from);
        for (const auto& [theirs, ours] : fallbacks)
            chains(from, std::string(theirs), std::string(ours));
    }

    void balance(litellm_members& from, const std::string& strategy)
    {
        const auto* const found = std::ranges::find(strategies, strategy, &pair::first);
        if (found == strategies.end()) {
            from.leave("routing_strategy", "is one of those that have no counterpart");
            return;
        }
        const auto priceless = [](const litellm_target& one) { return one.price.empty(); };
        for (auto& model : out_.models) {
            if (!model.balance.empty())
                continue;
            if (found->second != "cheapest" || std::ranges::none_of(model.targets, priceless))
                model.balance = found->second;
            else
                from.leave(
                    "routing_strategy",
                    "not every target of '" + model.name + "' has a price in this file");
        }
    }

    // [{"a": ["b", "c"]}]
    void chains(litellm_members& from, const std::string& theirs, const std::string& ours)
    {
        const auto* const list = from.list(theirs);
        for (std::size_t i = 0; list != nullptr && i < list->members.size(); ++i) {
            const auto& of = list->members[i].value;
            if (of.is != kind::map) {
                from.leave(theirs, "has something that is not a mapping");
                continue;
            }
            for (const auto& chain : of.members) {
                auto* const model = find(chain.name);
                if (model == nullptr)
                    from.leave(
                        theirs, '\'' + chain.name + "' is not a model that was carried over");
                else if (chain.value.is != kind::sequence)
                    from.leave(theirs, "what '" + chain.name + "' falls back to is not a list");
                else
                    chain_of(from, theirs, *model, model->fallbacks[ours], chain.value);
            }
        }
    }

    void chain_of(
        litellm_members& from,
        const std::string& theirs,
        const litellm_model& model,
        std::vector<std::string>& kept,
        const config::node& given)
    {
        for (const auto& [name, line, column, value] : given.members) {
            const auto* const to = value.is == kind::scalar ? find(value.text) : nullptr;
            if (const auto why = unfit(model, kept, value, to); !why.empty()) {
                from.leave(theirs, why);
                continue;
            }
            kept.push_back(litellm_text(value.text));
            leads_[model.name].insert(value.text);
        }
    }

    // Why it is no fallback of `model`; "" if it is one.
    std::string unfit(
        const litellm_model& model,
        const std::vector<std::string>& kept,
        const config::node& value,
        const litellm_model* to)
    {
        const auto nameless = [](const litellm_target& one) { return one.model.empty(); };
        if (to == nullptr)
            return (value.is == kind::scalar ? '\'' + value.text + '\'' : "a mapping")
                   + " is not a model that was carried over";
        const auto shown = '\'' + to->name + "' of '" + model.name + "' ";
        if (std::ranges::find(kept, litellm_text(value.text)) != kept.end())
            return shown + "stands there twice";
        if (kept.size() == most_fallbacks)
            return shown + "is one too many, " + std::to_string(most_fallbacks) + " are allowed";
        if (leads_to(to->name, model.name))
            return shown + "leads back to it, and a chain has to end";
        if (std::ranges::any_of(to->targets, nameless))
            return shown + "stands for no name that could be asked for";
        return {};
    }

    [[nodiscard]] bool leads_to(const std::string& from, const std::string& to) const
    {
        std::set<std::string> seen{from};
        std::vector<std::string> open{from};
        while (!open.empty()) {
            const auto at = std::move(open.back());
            open.pop_back();
            if (at == to)
                return true;
            if (const auto next = leads_.find(at); next != leads_.end())
                for (const auto& one : next->second)
                    if (seen.insert(one).second)
                        open.push_back(one);
        }
        return false;
    }

    void aliases(litellm_members& from)
    {
        const std::string name = "model_group_alias";
        const auto* const given = from.map(name);
        for (std::size_t i = 0; given != nullptr && i < given->members.size(); ++i) {
            const auto& alias = given->members[i];
            const config::node* to = &alias.value;
            litellm_members more(
                to->is == kind::map ? to : nullptr, "model_group_alias." + alias.name, out_.left);
            const auto named = to->is == kind::map      ? more.text("model").value_or("")
                               : to->is == kind::scalar ? to->text
                                                        : std::string();
            more.finish();
            auto* const model = find(named);
            if (model == nullptr)
                from.leave(
                    name,
                    '\'' + alias.name + "' is for '" + named
                        + "', which is not a model that was carried over");
            else if (find(alias.name) != nullptr)
                from.leave(name, '\'' + alias.name + "' is a model's name already");
            else if (
                is_litellm_name(alias.name, name, out_.left) && aliases_.insert(alias.name).second)
                model->aliases.push_back(litellm_text(alias.name));
        }
    }

    void redis(litellm_members& from)
    {
        const auto url = from.text("redis_url");
        const auto host = from.text("redis_host");
        const auto port = from.text("redis_port");
        const auto password = from.text("redis_password");
        if (url) {
            out_.redis = litellm_secret(*url);
        } else if (host) {
            const auto secret = password ? ':' + encoded(*password) + '@' : "";
            out_.redis = "redis://" + secret + litellm_secret(*host) + ':'
                         + (port ? litellm_secret(*port) : "6379");
        }
        const std::array rest{
            std::pair{"redis_host", &host},
            std::pair{"redis_port", &port},
            std::pair{"redis_password", &password}};
        for (const auto& [name, value] : rest)
            if (*value && (url || !host))
                from.leave(name, url ? "redis_url says it" : "there is no redis_host");
    }

    // As a URL has it (RFC 3986, 2.1), where it is written here.
    static std::string encoded(const std::string& password)
    {
        constexpr std::string_view plain =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
        constexpr std::string_view digits = "0123456789ABCDEF";
        if (password.starts_with("os.environ/"))
            return litellm_secret(password);
        std::string out;
        for (const char c : password) {
            const auto octet = static_cast<unsigned char>(c);
            if (plain.find(c) != std::string_view::npos)
                out += c;
            else
                (out += '%').append({digits[octet >> 4U], digits[octet & 15U]});
        }
        return out;
    }

    void general()
    {
        litellm_members from(top_.map("general_settings"), "general_settings", out_.left);
        if (const auto master = from.text("master_key")) {
            out_.admin_token = litellm_secret(*master);
            if (out_.admin_token.starts_with("${"))
                from.leave(
                    "master_key",
                    "is the admin token now; keys of clients are made by `sluice key new`");
            else
                out_.master_hash = config::key_hash(*master);
        }
        from.finish();
    }

    from_litellm out_;
    litellm_members top_;
    litellm_providers providers_;
    std::map<std::string, std::size_t> places_;  // of models, by name
    std::map<std::string, std::set<std::string>> target_names_;
    std::map<std::string, std::set<std::string>> leads_;  // by their fallbacks
    std::set<std::string> aliases_;
};

}  // namespace

from_litellm read_litellm(const config::node& file)
{
    return reader(file).read();
}

}  // namespace sluice
