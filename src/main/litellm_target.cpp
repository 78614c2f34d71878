#include "litellm_target.hpp"

#include <sluice/config/units.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace sluice {
namespace {

struct vendor {
    std::string_view prefix;    // of `model`, before the slash
    std::string_view base_url;  // empty: api_base says it
};

// Whose API is OpenAI's, or has a door that is. From each vendor's own documentation.
constexpr std::array vendors{
    vendor{"openai", "https://api.openai.com/v1"},
    vendor{"text-completion-openai", "https://api.openai.com/v1"},
    vendor{"deepseek", "https://api.deepseek.com/v1"},
    vendor{"groq", "https://api.groq.com/openai/v1"},
    vendor{"mistral", "https://api.mistral.ai/v1"},
    vendor{"xai", "https://api.x.ai/v1"},
    vendor{"together_ai", "https://api.together.xyz/v1"},
    vendor{"fireworks_ai", "https://api.fireworks.ai/inference/v1"},
    vendor{"openrouter", "https://openrouter.ai/api/v1"},
    vendor{"moonshot", "https://api.moonshot.ai/v1"},
    vendor{"perplexity", "https://api.perplexity.ai"},
    vendor{"cerebras", "https://api.cerebras.ai/v1"},
    vendor{"gemini", "https://generativelanguage.googleapis.com/v1beta/openai"},
    vendor{"hosted_vllm", ""},
    vendor{"vllm", ""},
    vendor{"openai_like", ""},
    vendor{"custom_openai", ""},
    vendor{"litellm_proxy", ""},
    vendor{"lm_studio", ""},
};

constexpr std::string_view standard_key = "OPENAI_API_KEY";

std::string text_of(const YAML::Node& node)
{
    return node && node.IsScalar() ? node.Scalar() : std::string();
}

// Dollars a token as dollars a million.
void take_price(
    litellm_members& from, const std::string& name, const std::string& ours, YAML::Node& price)
{
    const auto given = from.take(name);
    double each = 0;
    if (!given)
        return;
    if (YAML::convert<double>::decode(given, each) && each >= 0)
        price[ours] = config::format_decimal(std::round(each * 1e12) / 1e6);
    else
        from.leave(name, "is not a price");
}

void take_rate(
    litellm_members& from,
    const std::string& name,
    const std::string& ours,
    std::map<std::string, std::string>& limits)
{
    const auto given = from.take(name);
    if (!given)
        return;
    if (config::parse_count(text_of(given)))
        limits[ours] = text_of(given) + "/min";
    else
        from.leave(name, "is not a whole number");
}

void take_prices(litellm_members& from, YAML::Node& price)
{
    take_price(from, "input_cost_per_token", "input", price);
    take_price(from, "output_cost_per_token", "output", price);
    take_price(from, "cache_read_input_token_cost", "cached_input", price);
    take_price(from, "cache_creation_input_token_cost", "cache_write", price);
    take_price(from, "output_cost_per_reasoning_token", "reasoning", price);
}

}  // namespace

std::string litellm_secret(const std::string& text)
{
    constexpr std::string_view environment = "os.environ/";
    if (text.starts_with(environment))
        return "${" + text.substr(environment.size()) + '}';
    std::string out;
    for (const char c : text)
        out.append(c == '$' ? 2 : 1, c);
    return out;
}

std::string litellm_providers::name_of(
    const std::string& vendor,
    const std::string& base_url,
    const std::string& api_key,
    const std::map<std::string, std::string>& limits)
{
    auto identity = vendor + '\n' + base_url + '\n' + api_key;
    for (const auto& [what, rate] : limits)
        identity += '\n' + what + rate;
    if (const auto known = names_.find(identity); known != names_.end())
        return known->second;
    auto name = vendor;
    for (unsigned number = 2; section_[name]; ++number)
        name = vendor + '-' + std::to_string(number);
    YAML::Node provider;
    provider["dialect"] = "openai";
    provider["base_url"] = base_url;
    if (!api_key.empty())
        provider["api_key"] = api_key;
    for (const auto& [what, rate] : limits)
        provider["limits"][what] = rate;
    section_[name] = provider;
    names_.emplace(std::move(identity), name);
    return name;
}

std::optional<YAML::Node> litellm_target(
    const YAML::Node& entry, const std::string& path, litellm_providers& providers, left_out& left)
{
    litellm_members members(entry, path, left);
    (void)members.take("model_name");
    litellm_members params(members.take("litellm_params"), path + ".litellm_params", left);
    litellm_members info(members.take("model_info"), path + ".model_info", left);

    auto model = text_of(params.take("model"));
    const auto base = text_of(params.take("api_base"));
    const auto key = text_of(params.take("api_key"));
    auto prefix = text_of(params.take("custom_llm_provider"));
    const auto slash = model.find('/');
    const auto begins_with_vendor = [&](const vendor& one) {
        return slash != std::string::npos && model.substr(0, slash) == one.prefix;
    };
    if (prefix.empty() && slash != std::string::npos
        && (base.empty() || std::ranges::any_of(vendors, begins_with_vendor))) {
        prefix = model.substr(0, slash);
        model.erase(0, slash + 1);
    } else if (prefix.empty()) {
        prefix = "openai";
    }
    const auto* const known = std::ranges::find(vendors, prefix, &vendor::prefix);
    if (model.empty()) {
        left.push_back(path + ": names no model");
        return std::nullopt;
    }
    if (known == vendors.end()) {
        left.push_back(path + ": '" + prefix + "' is not of OpenAI's dialect");
        return std::nullopt;
    }
    const auto requested = text_of(entry["model_name"]);
    if (model.find('*') != std::string::npos && (model != "*" || requested != "*")) {
        left.push_back(path + ": a pattern that changes the name has no counterpart");
        return std::nullopt;
    }
    if (base.empty() && known->base_url.empty()) {
        left.push_back(path + ": '" + prefix + "' needs an api_base");
        return std::nullopt;
    }

    std::map<std::string, std::string> limits;
    take_rate(params, "rpm", "requests", limits);
    take_rate(params, "tpm", "tokens", limits);
    auto secret = litellm_secret(key);
    // What LiteLLM reads by itself where nothing is written.
    if (secret.empty() && base.empty() && prefix == "openai")
        secret = "${" + std::string(standard_key) + '}';
    YAML::Node target;
    target["provider"] = providers.name_of(
        prefix, base.empty() ? std::string(known->base_url) : base, secret, limits);
    if (model != "*")
        target["model"] = model;
    if (const auto weight = params.take("weight"))
        target["weight"] = text_of(weight);
    YAML::Node price;
    take_prices(params, price);
    take_prices(info, price);
    if (price.size() > 0)
        target["price"] = price;
    for (const auto* const descriptive : {"id", "description", "mode", "base_model"})
        (void)info.take(descriptive);
    params.finish();
    info.finish();
    members.finish();
    return target;
}

}  // namespace sluice
