#include "read.hpp"
#include <sluice/base/text.hpp>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace sluice::config {
namespace {

constexpr std::size_t most_targets = 100;
constexpr std::size_t most_aliases = 1000;

class model_reader {
public:
    explicit model_reader(snapshot& settings)
        : settings_(settings)
    {
        for (const auto& provider : settings.providers) {
            providers_.emplace(provider.name, provider.index);
            provider_names_.push_back(provider.name);
        }
    }

    void read(const std::string& name, const place& at)
    {
        model model;
        model.name = name;
        claim(at, name);
        read_aliases(at["aliases"], model);
        model.price = read_price(at["price"]);
        read_targets(at["targets"], model);
        read_canary(at["canary"], model);
        read_sticky(at["sticky"], model);
        read_resilience(at, settings_, model);
        read_rollout(at["rollout"], model);
        read_limits(at["limits"], model);
        read_budget(at["budget"], model.budget);
        settings_.models.push_back(std::move(model));
    }

private:
    // A name, and the only one.
    void claim(const place& at, const std::string& name)
    {
        if (!check_model_name(at, name))
            return;
        if (const auto star = name.find('*'); star != std::string::npos && star + 1 != name.size())
            at.complain("a * is only allowed at the end of a name");
        else if (!taken_.insert(name).second)
            at.complain("another model or alias has the same name");
    }

    void read_aliases(const place& at, model& model)
    {
        const auto elements = at.elements();
        if (!check_length(at, elements.size(), most_aliases))
            return;
        for (const auto& one : elements) {
            if (!one.given())
                continue;
            claim(one, one.text());
            model.aliases.push_back(one.text());
        }
    }

    void read_targets(const place& at, model& model)
    {
        const auto elements = at.elements();
        if (elements.empty() && !at.refused())
            at.complain("a model needs at least one target");
        if (!check_length(at, elements.size(), most_targets))
            return;
        double sum = 0;
        for (const auto& one : elements) {
            model.targets.push_back(read_target(one, model));
            sum += model.targets.back().weight;
        }
        if (!elements.empty() && !(sum > 0))
            at.complain("all weights are 0, at least one has to be more");
    }

    target read_target(const place& at, const model& model)
    {
        target target;
        if (!at.given())
            return target;
        const auto provider = at["provider"];
        if (provider.given()) {
            if (const auto found = providers_.find(provider.text()); found != providers_.end())
                target.provider = found->second;
            else
                provider.complain_unknown(
                    provider.shown() + " is not one of providers", provider_names_);
        }
        const auto name = at["name"];
        target.name = name.given() ? name.text() : provider.text();
        if (name.given())
            check_name(name, target.name);
        const auto same = [&](const config::target& other) { return other.name == target.name; };
        if (!target.name.empty() && std::any_of(model.targets.begin(), model.targets.end(), same))
            name.complain("another target of this model has the same name");
        if (const auto upstream = at["model"]; upstream.given()) {
            target.model = upstream.text();
            check_model_name(upstream, target.model);
        }
        target.weight = at["weight"].decimal();
        target.prices = prices_of(at["price"], target, model);
        return target;
    }

    // Its own, else the model's, else what the table says of the provider's name for it.
    [[nodiscard]] policy::price_list prices_of(
        const place& at, const target& target, const model& model) const
    {
        const auto own = at.present() ? read_price(at) : model.price;
        if (own)
            return {.versions = {{.price = *own}}};
        if (at.present() || (model.name.ends_with('*') && target.model.empty()))
            return {};
        const auto* known =
            find_prices(settings_.prices, target.model.empty() ? model.name : target.model);
        return known != nullptr ? *known : policy::price_list{};
    }

    static void read_canary(const place& at, model& model)
    {
        if (!at.given())
            return;
        const auto name = at.text();
        for (std::size_t i = 0; i < model.targets.size(); ++i)
            if (model.targets[i].name == name)
                model.canary = i;
        if (!model.canary)
            at.complain_value("is not the name of a target of this model");
        else if (model.targets.size() < 2)
            at.complain("a canary needs another target beside it");
    }

    static void read_sticky(const place& at, model& model)
    {
        constexpr std::string_view token_marks = "!#$%&'*+-.^_`|~";  // RFC 9110, 5.6.2
        constexpr std::string_view header = "header:";
        auto text = at.text();
        if (text == "none")
            return;
        if (text == "key" || text == "user") {
            model.sticky = text == "key" ? stickiness::key : stickiness::user;
            return;
        }
        const bool token = text.starts_with(header) && text.size() > header.size()
                           && text.size() <= header.size() + 64
                           && std::all_of(text.begin() + header.size(), text.end(), [&](char c) {
                                  const char small = lower(c);
                                  return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9')
                                         || token_marks.find(c) != std::string_view::npos;
                              });
        if (!token) {
            at.complain_value("does not fit");
            return;
        }
        model.sticky = stickiness::header;
        model.sticky_header = text.substr(header.size());
        for (char& c : model.sticky_header)
            c = lower(c);
    }

    snapshot& settings_;
    std::unordered_map<std::string, std::size_t> providers_;
    std::vector<std::string_view> provider_names_;
    std::unordered_set<std::string> taken_;
};

}  // namespace

void read_models(const place& root, snapshot& settings)
{
    const auto all = root["models"];
    const auto entries = all.entries();
    if (entries.empty() && !all.refused())
        all.complain("there has to be at least one model");
    model_reader reader(settings);
    for (const auto& [name, at] : entries)
        reader.read(name, at);
}

}  // namespace sluice::config
