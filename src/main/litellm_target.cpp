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
    std::string_view key{};     // the variable LiteLLM looks for its key in where none is given
};

// Whose API is OpenAI's, or has a door that is. From each vendor's own documentation.
constexpr std::array vendors{
    vendor{"openai", "https://api.openai.com/v1", "OPENAI_API_KEY"},
    vendor{"text-completion-openai", "https://api.openai.com/v1", "OPENAI_API_KEY"},
    vendor{"deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"},
    vendor{"groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"},
    vendor{"mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"},
    vendor{"xai", "https://api.x.ai/v1", "XAI_API_KEY"},
    vendor{"together_ai", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY"},
    vendor{"fireworks_ai", "https://api.fireworks.ai/inference/v1", "FIREWORKS_AI_API_KEY"},
    vendor{"openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"},
    vendor{"moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"},
    vendor{"perplexity", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"},
    vendor{"cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"},
    vendor{"gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"},
    vendor{"hosted_vllm", ""},
    vendor{"vllm", ""},
    vendor{"openai_like", ""},
    vendor{"custom_openai", ""},
    vendor{"litellm_proxy", ""},
    vendor{"lm_studio", ""},
};

constexpr std::uint64_t most_in_a_minute = 1'000'000'000;
constexpr double most_weight = 1'000'000;
constexpr double most_price = 1'000'000;  // for a million tokens
constexpr double tokens = 1'000'000;
constexpr double micros = 1'000'000;

// Dollars a token as dollars a million.
void take_price(
    litellm_members& from,
    const std::string& name,
    const std::string& ours,
    std::map<std::string, std::string>& price)
{
    const auto each = from.number(name, 0, most_price / tokens);
    if (!each)
        return;
    const auto rounded = std::round(*each * tokens * micros) / micros;
    if (*each > 0 && rounded <= 0)
        from.leave(name, "is less than a millionth of a dollar for a million tokens");
    else
        price[ours] = config::format_decimal(rounded);
}

void take_prices(litellm_members& from, std::map<std::string, std::string>& price)
{
    take_price(from, "input_cost_per_token", "input", price);
    take_price(from, "output_cost_per_token", "output", price);
    take_price(from, "cache_read_input_token_cost", "cached_input", price);
    take_price(from, "cache_creation_input_token_cost", "cache_write", price);
    take_price(from, "output_cost_per_reasoning_token", "reasoning", price);
}

// A price is of input and output. What only embeds has no output.
void complete_price(
    litellm_target& target, const std::string& mode, const std::string& path, left_out& left)
{
    auto& price = target.price;
    if (price.contains("input") && mode == "embedding")
        price.try_emplace("output", "0");
    if (price.empty() || (price.contains("input") && price.contains("output")))
        return;
    left.push_back(path + ": its prices want both input_cost_per_token and output_cost_per_token");
    price.clear();
}

void take_rate(
    litellm_members& from,
    const std::string& name,
    const std::string& ours,
    std::map<std::string, std::string>& limits)
{
    if (const auto given = from.count(name, 1, most_in_a_minute))
        limits[ours] = std::to_string(*given) + "/min";
}

// "vendor/model" by LiteLLM's rules: what stands before the first slash is the vendor, whatever
// api_base says; `custom_llm_provider` goes before, and may stand there once more.
std::string split_vendor(std::string vendor, std::string& model)
{
    const auto slash = model.find('/');
    if (slash == std::string::npos)
        return vendor.empty() ? "openai" : vendor;
    if (!vendor.empty() && model.substr(0, slash) != vendor)
        return vendor;
    vendor = model.substr(0, slash);
    model.erase(0, slash + 1);
    return vendor;
}

// Why nothing here can stand for it; "" if something can.
std::string obstacle(
    const vendor* known,
    const std::string& prefix,
    const std::string& model,
    const std::string& requested,
    bool has_base)
{
    if (model.empty())
        return "names no model";
    if (known == vendors.end())
        return '\'' + prefix + "' is not of OpenAI's dialect";
    if (model.find('*') != std::string::npos && model != requested
        && (model != "*" || requested != "*"))
        return "a pattern that changes the name has no counterpart";
    if (!has_base && known->base_url.empty())
        return '\'' + prefix + "' needs an api_base";
    return {};
}

bool is_visible(char c)
{
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
}

}  // namespace

bool is_litellm_name(const std::string& name, const std::string& path, left_out& left)
{
    constexpr std::size_t longest = 256;
    const auto star = name.find('*');
    if (!name.empty() && name.size() <= longest && std::ranges::all_of(name, is_visible)
        && (star == std::string::npos || star + 1 == name.size()))
        return true;
    left.push_back(
        path
        + ": a model's name has to be 1 to 256 visible ASCII characters, no quotes or "
          "backslashes, a * at its end only");
    return false;
}

std::string litellm_text(const std::string& text)
{
    std::string out;
    for (const char c : text)
        out.append(c == '$' ? 2 : 1, c);
    return out;
}

std::string litellm_secret(const std::string& text)
{
    constexpr std::string_view environment = "os.environ/";
    return text.starts_with(environment) ? "${" + text.substr(environment.size()) + '}'
                                         : litellm_text(text);
}

std::string litellm_providers::name_of(const std::string& vendor, litellm_provider like)
{
    auto identity = vendor + '\n' + like.base_url + '\n' + like.api_key;
    for (const auto& [what, rate] : like.limits)
        identity += '\n' + what + rate;
    const auto [known, fresh] = names_.try_emplace(std::move(identity), vendor);
    if (!fresh)
        return known->second;
    if (const auto number = ++used_[vendor]; number > 1)
        known->second += '-' + std::to_string(number);
    like.name = known->second;
    list_.push_back(std::move(like));
    return known->second;
}

std::optional<litellm_entry> read_litellm_entry(
    const config::node& entry,
    const std::string& path,
    litellm_providers& providers,
    left_out& left)
{
    litellm_members members(&entry, path, left);
    const auto requested = members.text("model_name");
    litellm_members params(members.map("litellm_params"), path + ".litellm_params", left);
    litellm_members info(members.map("model_info"), path + ".model_info", left);
    if (entry.is != config::node::kind::map && entry.is != config::node::kind::null)
        return std::nullopt;  // which was told
    if (!requested) {
        left.push_back(path + ": has no model_name");
        return std::nullopt;
    }
    auto model = params.text("model").value_or("");
    const auto base = params.text("api_base").value_or("");
    const auto prefix = split_vendor(params.text("custom_llm_provider").value_or(""), model);
    const auto* const known = std::ranges::find(vendors, prefix, &vendor::prefix);
    if (const auto why = obstacle(known, prefix, model, *requested, !base.empty()); !why.empty()) {
        left.push_back(path + ": " + why);
        return std::nullopt;
    }
    if (!is_litellm_name(*requested, path + ".model_name", left)
        || !is_litellm_name(model, path + ".litellm_params.model", left))
        return std::nullopt;

    litellm_provider like;
    like.base_url = base.empty() ? std::string(known->base_url) : litellm_secret(base);
    like.api_key = litellm_secret(params.text("api_key").value_or(""));
    if (like.api_key.empty() && base.empty() && !known->key.empty())
        like.api_key = "${" + std::string(known->key) + '}';
    take_rate(params, "rpm", "requests", like.limits);
    take_rate(params, "tpm", "tokens", like.limits);
    litellm_entry out{.model_name = *requested, .target = {}};
    out.target.provider = providers.name_of(prefix, std::move(like));
    if (model.find('*') == std::string::npos)
        out.target.model = litellm_secret(model);
    out.target.weight = params.number("weight", 0, most_weight);
    take_prices(params, out.target.price);
    take_prices(info, out.target.price);
    complete_price(out.target, info.text("mode").value_or(""), path, left);
    for (const auto* const descriptive : {"id", "description", "base_model"})
        info.ignore(descriptive);
    params.finish();
    info.finish();
    members.finish();
    return out;
}

}  // namespace sluice
