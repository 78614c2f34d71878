#include <sluice/base/text.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/steps.hpp>

#include <functional>

namespace sluice::proxy {
namespace {

// application/json, application/*+json, with any parameters; also nothing at all.
bool is_json(std::string_view type) noexcept
{
    if (type == "application/json")
        return true;
    type = trim(type.substr(0, type.find(';')));
    constexpr std::string_view application = "application/";
    if (type.empty())
        return true;
    if (type.size() <= application.size()
        || !iequals(type.substr(0, application.size()), application))
        return false;
    const auto subtype = type.substr(application.size());
    constexpr std::string_view suffix = "+json";
    return iequals(subtype, "json")
           || (subtype.size() > suffix.size()
               && iequals(subtype.substr(subtype.size() - suffix.size()), suffix));
}

bool is_plain(std::string_view encoding) noexcept
{
    return encoding.empty() || iequals(encoding, "identity");
}

bool lies_in(std::string_view piece, std::string_view whole) noexcept
{
    const std::less_equal<const char*> before;
    return before(whole.data(), piece.data())
           && before(piece.data() + piece.size(), whole.data() + whole.size());
}

// What had to be unescaped lies in the parser, which the next request uses too.
void keep_names(exchange& x)
{
    if (!lies_in(x.facts->model, x.body)) {
        x.unescaped_model = x.facts->model;
        x.facts->model = x.unescaped_model;
    }
    if (!lies_in(x.facts->user, x.body)) {
        x.unescaped_user = x.facts->user;
        x.facts->user = x.unescaped_user;
    }
}

}  // namespace

result<void> parse(services& with, wire::endpoint where, exchange& x)
{
    if (!is_json(x.head.find(http::header::content_type))
        || !is_plain(x.head.find(http::header::content_encoding)))
        return x.fail(errc::unsupported_media_type);
    auto facts = with.parser.parse(where, x.body);
    if (!facts) {
        const auto& why = facts.error();
        return x.fail(why.code, why.message, why.param);
    }
    x.facts = *facts;
    keep_names(x);
    x.model = x.config->find_model(x.facts->model);
    if (x.model == nullptr)
        return x.fail(
            errc::model_not_found,
            "the model `" + std::string(x.facts->model) + "` does not exist",
            "model");
    if (!may_use(x, *x.model, x.facts->model))
        return x.fail(
            errc::model_not_allowed,
            "this key may not use the model `" + std::string(x.facts->model) + "`",
            "model");
    return {};
}

}  // namespace sluice::proxy
