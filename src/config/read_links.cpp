// What one model says of others: fallbacks and shadows. Read when all models are known.
#include "read.hpp"
#include <sluice/base/text.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::config {
namespace {

constexpr std::size_t most_fallbacks = 32;

using fallback_list = std::vector<fallback> fallbacks::*;
constexpr std::array<std::pair<std::string_view, fallback_list>, 4> fallback_causes{
    {{"any", &fallbacks::any},
     {"rate_limited", &fallbacks::rate_limited},
     {"context_length", &fallbacks::context_length},
     {"content_policy", &fallbacks::content_policy}}};

// Not aliases: those may come out of ${...}, which no complaint shows.
std::vector<std::string_view> names_of(const std::vector<model>& models)
{
    std::vector<std::string_view> names;
    for (const auto& model : models)
        names.push_back(model.name);
    return names;
}

// Of a model of the file, those a complaint may show.
std::vector<std::string> target_names(const place& model)
{
    std::vector<std::string> names;
    for (const auto& target : model["targets"].elements()) {
        const auto at = target[target["name"].given() ? "name" : "provider"];
        if (at.given() && !at.hidden())
            names.push_back(at.text());
    }
    return names;
}

class link_reader {
public:
    link_reader(snapshot& settings, const place& models)
        : settings_(settings)
    {
        for (const auto& [name, at] : models.entries())
            models_.push_back(at);
    }

    void read()
    {
        for (std::size_t i = 0; i < models_.size(); ++i) {
            read_fallbacks(models_[i]["fallbacks"], i);
            read_shadow(models_[i]["shadow"], i);
        }
        find_circles();
        for (auto& each : named_)
            take(std::move(each));
    }

private:
    // A fallback as it stands in the file.
    struct named {
        place at;
        std::string name;
        std::size_t from;
        std::size_t to;
        std::vector<fallback>* list;
    };

    void read_fallbacks(const place& at, std::size_t from)
    {
        auto& all = settings_.models[from].fallbacks;
        if (at.is_list()) {
            read_list(at, from, all.any);
            return;
        }
        for (const auto& [name, list] : fallback_causes)
            read_list(at[name], from, all.*list);
    }

    void read_shadow(const place& at, std::size_t from)
    {
        if (!at.given())
            return;
        shadow_settings shadow;
        shadow.share = at["percent"].percent() / 100;
        shadow.capture = at["capture"].boolean();
        const auto model = read_shadow_model(at["model"], from);
        if (!model)
            return;
        shadow.model = *model;
        const auto target = read_shadow_target(at, shadow.model, from);
        if (!target)
            return;
        shadow.target = *target;
        read_shadow_budget(
            at["budget"], settings_.models[shadow.model].targets[shadow.target], shadow);
        settings_.models[from].shadow = shadow;
    }

    void read_list(const place& at, std::size_t from, std::vector<fallback>& list)
    {
        const auto elements = at.elements();
        if (!check_length(at, elements.size(), most_fallbacks))
            return;
        for (const auto& one : elements)
            if (one.given())
                read_fallback(one, from, list);
    }

    void read_fallback(const place& at, std::size_t from, std::vector<fallback>& list)
    {
        const auto name = at.text();
        const auto* found = settings_.find_model(name);
        if (found == nullptr) {
            at.complain_unknown(
                at.shown() + " is no model and no alias", names_of(settings_.models));
            return;
        }
        const auto to = static_cast<std::size_t>(found - settings_.models.data());
        named_.push_back({.at = at, .name = name, .from = from, .to = to, .list = &list});
    }

    void take(named one)
    {
        const auto& [at, name, from, to, list] = one;
        const auto& targets = settings_.models[to].targets;
        const auto same = [&to](const fallback& each) { return each.model == to; };
        const auto nameless = [](const target& each) { return each.model.empty(); };
        if (to == from)
            at.complain("a model is no fallback of its own");
        else if (std::any_of(list->begin(), list->end(), same))
            at.complain("the same model stands there twice");
        else if (leads_to(to, from))
            at.complain(
                at.shown() + " leads back here by its own fallbacks, and a chain has to end");
        else if (name.ends_with('*') && std::any_of(targets.begin(), targets.end(), nameless))
            at.complain(
                at.shown()
                + " stands for no name that could be asked for: each of its targets needs a "
                  "`model`, or name one model it takes");
        else
            list->push_back({.model = to, .name = name, .name_json = {}});
    }

    // Only what is behind one model of a circle and before another can be on one, whatever of it is
    // complained about: in nearly every file nothing, and following each chain of a large one anew
    // would take long.
    void find_circles()
    {
        auto ends = without_end(&named::from, &named::to);
        const auto begins = without_end(&named::to, &named::from);
        for (std::size_t i = 0; i < ends.size(); ++i)
            ends[i] = ends[i] && begins[i];
        circling_ = std::move(ends);
    }

    // The models from which one can go on for ever.
    [[nodiscard]] std::vector<bool> without_end(
        std::size_t named::* here, std::size_t named::* next) const
    {
        std::vector<bool> endless(settings_.models.size(), true);
        std::vector<std::size_t> ways(endless.size());
        std::vector<std::vector<std::size_t>> before(endless.size());
        for (const auto& each : named_) {
            ++ways[each.*here];
            before[each.*next].push_back(each.*here);
        }
        std::vector<std::size_t> ends;
        for (std::size_t i = 0; i < ways.size(); ++i)
            if (ways[i] == 0)
                ends.push_back(i);
        while (!ends.empty()) {
            const auto at = ends.back();
            ends.pop_back();
            endless[at] = false;
            for (const auto one : before[at])
                if (--ways[one] == 0)
                    ends.push_back(one);
        }
        return endless;
    }

    // By the fallbacks taken so far: of the two ends of a circle the later one is complained about.
    [[nodiscard]] bool leads_to(std::size_t from, std::size_t to) const
    {
        if (!circling_[from] || !circling_[to])
            return false;
        std::vector<bool> seen(settings_.models.size());
        std::vector<std::size_t> open{from};
        while (!open.empty()) {
            const auto at = open.back();
            open.pop_back();
            if (at == to)
                return true;
            if (seen[at] || !circling_[at])
                continue;
            seen[at] = true;
            for (const auto& [name, list] : fallback_causes)
                for (const auto& next : settings_.models[at].fallbacks.*list)
                    open.push_back(next.model);
        }
        return false;
    }

    [[nodiscard]] std::optional<std::size_t> read_shadow_model(
        const place& at, std::size_t from) const
    {
        if (!at.given())
            return at.present() ? std::nullopt : std::optional(from);
        const auto& models = settings_.models;
        const auto found =
            std::find_if(models.begin(), models.end(), [name = at.text()](const model& one) {
                return one.name == name;
            });
        if (found != models.end())
            return static_cast<std::size_t>(found - models.begin());
        at.complain_unknown(at.shown() + " is not one of models", names_of(models));
        return {};
    }

    [[nodiscard]] std::optional<std::size_t> read_shadow_target(
        const place& shadow, std::size_t model, std::size_t from) const
    {
        const auto at = shadow["target"];
        const auto& targets = settings_.models[model].targets;
        std::size_t index = 0;
        if (at.given()) {
            const auto found =
                std::find_if(targets.begin(), targets.end(), [name = at.text()](const target& one) {
                    return one.name == name;
                });
            if (found == targets.end()) {
                const auto known = target_names(models_[model]);
                at.complain_unknown(
                    at.shown() + " is no target of " + (model == from ? "this" : "that") + " model",
                    {known.begin(), known.end()});
                return {};
            }
            index = static_cast<std::size_t>(found - targets.begin());
        } else if (at.present() || targets.size() != 1) {
            if (!at.present() && !targets.empty())
                at.complain("is missing, allowed: " + allowed(*find_row("models.*.shadow.target")));
            return {};
        }
        if (model == from && targets[index].weight > 0) {
            at.complain("takes client traffic itself, a copy would tell nothing; allowed: a target "
                        "with weight 0, or one of another model");
            return {};
        }
        return index;
    }

    static void read_shadow_budget(const place& at, const target& target, shadow_settings& shadow)
    {
        constexpr std::int64_t usual = 5'000'000;
        shadow.budget = at.maybe_micros();
        const bool priced = !target.prices.versions.empty();
        if (!shadow.budget && priced)
            shadow.budget = usual;
        if (at.given() && !priced)
            at.complain("cannot be kept to: the target has no price, set its price or its model's");
    }

    snapshot& settings_;
    std::vector<place> models_;  // in the order of settings_.models
    std::vector<named> named_;   // in the order of the file
    std::vector<bool> circling_;
};

}  // namespace

void read_links(const place& root, snapshot& settings)
{
    link_reader(settings, root["models"]).read();
}

}  // namespace sluice::config
