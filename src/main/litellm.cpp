#include "litellm.hpp"

#include "litellm_target.hpp"
#include <sluice/config/key.hpp>
#include <sluice/config/units.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice {
namespace {

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

class reader {
public:
    explicit reader(const YAML::Node& file)
        : top_(file, "", out_.left)
    {
    }

    from_litellm read()
    {
        out_.document["listen"].push_back(listen());
        out_.document["admin"]["address"] = "127.0.0.1:9090";
        out_.document["state"]["directory"] = "./sluice-state";
        models();
        // Both sections may hold the same settings; the router's come first.
        for (const std::string section : {"router_settings", "litellm_settings"}) {
            litellm_members settings(top_.take(section), section, out_.left);
            routing(settings);
            redis(settings);
            settings.finish();
        }
        general();
        if (const auto set = top_.take("environment_variables"); set && set.IsMap())
            top_.leave(
                "environment_variables", "the environment is set by whoever starts the gateway");
        top_.finish();
        out_.document["providers"] = providers_.section();
        out_.document["models"] = models_;
        return std::move(out_);
    }

private:
    static YAML::Node listen()
    {
        YAML::Node address;
        address["address"] = "127.0.0.1:4000";  // LiteLLM's port; nobody else's machine, to begin
        return address;
    }

    void models()
    {
        const auto list = top_.take("model_list");
        for (std::size_t i = 0; list && list.IsSequence() && i < list.size(); ++i) {
            const auto path = "model_list[" + std::to_string(i) + ']';
            const auto named = list[i]["model_name"];
            if (!named || !named.IsScalar()) {
                out_.left.push_back(path + ": has no model_name");
                continue;
            }
            auto target = litellm_target(list[i], path, providers_, out_.left);
            if (!target)
                continue;
            auto targets = models_[named.Scalar()]["targets"];
            const auto provider = (*target)["provider"].Scalar();
            const auto used = std::ranges::count_if(targets, [&](const YAML::Node& one) {
                return one["provider"].Scalar() == provider;
            });
            if (used > 0)
                (*target)["name"] = provider + '-' + std::to_string(used + 1);
            targets.push_back(*target);
        }
    }

    // A setting of every model that does not have it yet.
    void for_every_model(const std::string& section, const std::string& name, const auto& value)
    {
        for (const auto& model : models_) {
            auto settings = model.second;
            if (section.empty() ? !settings[name] : !settings[section][name])
                (section.empty() ? settings[name] : settings[section][name]) = value;
        }
    }

    void routing(litellm_members& from)
    {
        if (const auto strategy = from.take("routing_strategy")) {
            const auto* const found =
                std::ranges::find(strategies, strategy.Scalar(), &pair::first);
            if (found == strategies.end())
                from.leave("routing_strategy", "is one of those that have no counterpart");
            else
                for_every_model("", "balance", std::string(found->second));
        }
        if (const auto retries = from.take("num_retries")) {
            if (const auto count = config::parse_count(retries.Scalar()))
                for_every_model("retry", "attempts", std::min<std::uint64_t>(*count + 1, 10));
            else
                from.leave("num_retries", "is not a whole number");
        }
        if (const auto fails = from.take("allowed_fails"))
            for_every_model("breaker", "failures", fails.Scalar());
        if (const auto cooldown = from.take("cooldown_time"))
            for_every_model("breaker", "cooldown", cooldown.Scalar() + 's');
        for (const std::string name : {"request_timeout", "timeout"})
            if (const auto timeout = from.take(name))
                if (!out_.document["timeouts"]["request"])
                    out_.document["timeouts"]["request"] = timeout.Scalar() + 's';
        for (const auto& [theirs, ours] : fallbacks)
            chains(from, std::string(theirs), std::string(ours));
        aliases(from);
    }

    // [{"a": ["b", "c"]}]
    void chains(litellm_members& from, const std::string& theirs, const std::string& ours)
    {
        const auto list = from.take(theirs);
        for (std::size_t i = 0; list && list.IsSequence() && i < list.size(); ++i) {
            for (const auto& chain : list[i]) {
                const auto model = chain.first.Scalar();
                if (!models_[model])
                    from.leave(theirs, "'" + model + "' is not a model that was carried over");
                else
                    models_[model]["fallbacks"][ours] = carried(from, theirs, chain.second);
            }
        }
    }

    YAML::Node carried(litellm_members& from, const std::string& name, const YAML::Node& models)
    {
        YAML::Node kept(YAML::NodeType::Sequence);
        for (const auto& one : models) {
            if (one.IsScalar() && std::as_const(models_)[one.Scalar()])
                kept.push_back(one.Scalar());
            else
                from.leave(
                    name,
                    "'" + (one.IsScalar() ? one.Scalar() : std::string("a mapping"))
                        + "' is not a model that was carried over");
        }
        return kept;
    }

    void aliases(litellm_members& from)
    {
        const auto given = from.take("model_group_alias");
        if (!given || !given.IsMap())
            return;
        for (const auto& alias : given) {
            const auto model =
                alias.second.IsMap() ? alias.second["model"].Scalar() : alias.second.Scalar();
            if (std::as_const(models_)[model])
                models_[model]["aliases"].push_back(alias.first.Scalar());
            else
                from.leave(
                    "model_group_alias", "'" + model + "' is not a model that was carried over");
        }
    }

    void redis(litellm_members& from)
    {
        const auto url = from.take("redis_url");
        const auto host = from.take("redis_host");
        const auto port = from.take("redis_port");
        const auto password = from.take("redis_password");
        if (url) {
            out_.document["state"]["redis"] = litellm_secret(url.Scalar());
        } else if (host) {
            const auto secret = password ? ':' + litellm_secret(password.Scalar()) + '@' : "";
            out_.document["state"]["redis"] = "redis://" + secret + litellm_secret(host.Scalar())
                                              + ':'
                                              + (port ? litellm_secret(port.Scalar()) : "6379");
        }
    }

    void general()
    {
        litellm_members from(top_.take("general_settings"), "general_settings", out_.left);
        if (const auto master = from.take("master_key")) {
            const auto secret = litellm_secret(master.Scalar());
            out_.document["admin"]["token"] = secret;
            if (secret.starts_with("${")) {
                from.leave(
                    "master_key",
                    "is the admin token now; keys of clients are made by `sluice key new`");
            } else {
                YAML::Node key;
                key["id"] = "master";
                key["hash"] = config::key_hash(master.Scalar());
                key["models"].push_back("*");
                out_.document["keys"].push_back(key);
            }
        }
        from.finish();
    }

    from_litellm out_;
    litellm_members top_;
    litellm_providers providers_;
    YAML::Node models_{YAML::NodeType::Map};
};

}  // namespace

from_litellm read_litellm(const YAML::Node& file)
{
    return reader(file).read();
}

}  // namespace sluice
