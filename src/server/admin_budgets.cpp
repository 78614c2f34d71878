// Budgets: how they stand, and more money for one.
#include "admin_api.hpp"
#include <sluice/base/text.hpp>
#include <sluice/observe/json_line.hpp>
#include <sluice/server/json_writer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace sluice::server {
namespace {

constexpr double most_usd = 1'000'000;
constexpr double nanos = 1e9;
constexpr std::string_view operation_header = "idempotency-key";

void write_budget(json_writer& out, const state::budget_status& of)
{
    observe::timestamp_text ends;
    out.begin_object().key("id").text(of.id);
    out.key("period").text(of.period == config::period::day ? "day" : "month");
    out.key("limit_usd").raw(dollars_text(of.limit));
    out.key("topped_up_usd").raw(dollars_text(of.topped_up));
    out.key("spent_usd").raw(dollars_text(of.spent));
    out.key("left_usd").raw(dollars_text(of.limit - of.spent));
    out.key("held_usd").raw(dollars_text(of.held));
    out.key("soft_usd").raw(dollars_text(of.soft));
    out.key("exhausted").boolean(of.spent >= of.limit || (of.closed && of.held <= 0));
    if (of.ends.time_since_epoch().count() > 0)
        out.key("ends").text(ends.of(of.ends.time_since_epoch()));
    out.end_object();
}

std::optional<std::int64_t> read_amount(std::string_view body, std::optional<admin_response>& bad)
{
    simdjson::dom::parser parser;
    simdjson::dom::object members;
    bad = parse_object(parser, body, members);
    if (bad)
        return std::nullopt;
    double usd = 0;
    const bool alone = members.size() == 1;
    if (alone && members["usd"].get(usd) == simdjson::SUCCESS && usd > 0 && usd <= most_usd)
        return static_cast<std::int64_t>(std::llround(usd * nanos));
    bad = error_answer(admin_error{
        .code = "invalid_value",
        .message = "write {\"usd\": AMOUNT}, above 0 and at most 1000000",
        .param = "usd"});
    return std::nullopt;
}

// The name a client gave the top-up, so that it can be told again; else one of our own.
std::string operation_of(const admin_request& request)
{
    if (request.count(operation_header) > 0)
        return std::string(view(request[operation_header]));
    return random_name();
}

admin_response not_booked(const state::grants::topped_up& what, const std::string& operation)
{
    const auto again = "`" + std::string(operation_header) + ": " + operation + "`";
    if (what.became == state::booking::differs)
        return error_answer(admin_error{
            .status = 422,
            .code = "idempotency_key_reused",
            .message = again + " stands for another sum"});
    if (what.became == state::booking::unknown)
        return error_answer(admin_error{
            .status = 503,
            .code = "outcome_unknown",
            .message = "Redis did not answer: it may be booked or not. The same again with " + again
                       + " (and without if-match) books it once, and tells"});
    return error_answer(admin_error{
        .status = 503,
        .code = "store_unavailable",
        .message = "nothing is booked: who grants this budget cannot be asked"});
}

admin_response top_up_answer(const state::grants::topped_up& what, const std::string& operation)
{
    using enum state::booking;
    if (what.became != booked && what.became != before)
        return not_booked(what, operation);
    json_writer out;
    write_budget(out, what.now);
    return json_answer(200, out.str());
}

}  // namespace

std::string dollars_text(std::int64_t nanodollars)
{
    std::array<char, 40> text;
    const auto whole = static_cast<std::uint64_t>(std::abs(nanodollars));
    const auto length = std::snprintf(
        text.data(),
        text.size(),
        "%s%llu.%09llu",
        nanodollars < 0 ? "-" : "",
        static_cast<unsigned long long>(whole / 1'000'000'000),
        static_cast<unsigned long long>(whole % 1'000'000'000));
    return {text.data(), static_cast<std::size_t>(length)};
}

admin_response admin_api::budgets(const admin_call& /*call*/)
{
    json_writer out;
    out.begin_object().key("budgets").begin_array();
    for (const auto& each : sources_.grants.list())
        write_budget(out, each);
    return json_answer(200, out.end_array().end_object().str());
}

admin_response admin_api::top_up(const admin_call& call)
{
    if (const auto stale = sources_.control.refuse_stale(call.by))
        return refused(*stale);
    std::optional<admin_response> bad;
    const auto amount = read_amount(call.request.body(), bad);
    if (!amount)
        return std::move(*bad);
    const auto all = sources_.grants.list();
    const auto known = std::ranges::find(all, call.model, &state::budget_status::id);
    if (known == all.end())
        return error_answer(admin_error{
            .status = 404,
            .code = "budget_not_found",
            .message = "there is no budget `" + call.model + "`"});
    const auto operation = operation_of(call.request);
    if (!state::is_operation(operation))
        return error_answer(admin_error{
            .code = "invalid_value",
            .message = std::string(operation_header) + " is 1 to 128 visible ASCII characters",
            .param = std::string(operation_header)});
    // A version of its own, so that the same If-Match does not add the money twice.
    sources_.control.renew();
    const auto version = sources_.control.current()->version;
    later_ =
        [this, amount = *amount, before = *known, by = call.by, version, operation](auto then) {
            sources_.grants.top_up(
                before.id,
                {amount, operation},
                [this, before, by, version, operation, then](const state::grants::topped_up& what) {
                    auto answer = top_up_answer(what, operation);
                    if (answer.result_int() == 200) {
                        audit_top_up(by, before, what.now, version, operation);
                        answer.set(boost::beast::http::field::etag, etag_of(version));
                    }
                    answer.set(operation_header, operation);
                    then(std::move(answer));
                });
        };
    return {};
}

// Repetitions too: what they repeat may have been booked without anybody's knowledge.
void admin_api::audit_top_up(
    const origin& by,
    const state::budget_status& before,
    const state::budget_status& now,
    std::uint64_t version,
    const std::string& operation)
{
    const auto reason = std::string(operation_header) + ": " + operation;
    if (sources_.audit.append(
            {.actor = by.actor,
             .remote = by.remote,
             .action = "budget.topup",
             .path = by.path,
             .from = dollars_text(before.limit) + " USD",
             .to = dollars_text(now.limit) + " USD",
             .version = version,
             .reason = reason}))
        sources_.log.error("audit_failed", "a top-up is not in the audit log");
}

}  // namespace sluice::server
