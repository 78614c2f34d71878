#include <sluice/proxy/bills.hpp>
#include <sluice/proxy/charge.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/shadow.hpp>
#include <sluice/state/ledger.hpp>

namespace sluice::proxy {
namespace {

using observe::bill_outcome;

bill_outcome billed_outcome(const exchange& x, unsigned status) noexcept
{
    // Whoever sets a limit of its own has left when it runs out.
    if (x.error == errc::client_closed_request || x.error == errc::draining || x.out_of_time)
        return bill_outcome::cancelled;
    const bool broken = x.error || x.stream_end == observe::stream_end::in_band_error;
    return broken || status >= 400 ? bill_outcome::failed : bill_outcome::answered;
}

void add_charge(observe::bill& to, const charge& owed) noexcept
{
    to.priced = owed.priced;
    to.usage_known = owed.due;
    to.estimated = owed.estimated;
    to.input = owed.tokens.input;
    to.cached_input = owed.tokens.cached_input;
    to.cache_write = owed.tokens.cache_write;
    to.output = owed.tokens.output;
    to.reasoning = owed.tokens.reasoning;
    to.nanodollars = owed.nanodollars;
    to.price_from = owed.price_from;
}

// Of an attempt beside the request.
void add_usage(observe::bill& to, const config::target& target, const wire::usage& used) noexcept
{
    auto owed = charge_of(target, used, {}, date_of(to.time));
    owed.due = used.known;
    owed.estimated = false;
    add_charge(to, owed);
}

void add_place(
    observe::bill& to,
    const config::key* key,
    const serving& by,
    const config::model& model,
    const config::target& target) noexcept
{
    if (key != nullptr) {
        to.key = key->id;
        to.tenant = key->tenant;
    }
    to.model = model.name;
    to.target = target.name;
    to.arm = arm_of(model, target);
    to.place = &by.texts_of(model, target).place;
}

// What the line has of the bill alone.
void add_bill(observe::access_record& line, const observe::bill& from) noexcept
{
    line.outcome = observe::label_of(from.outcome);
    line.tags = from.tags;
    line.usage_known = from.usage_known;
    line.input_tokens = from.input;
    line.cached_input_tokens = from.cached_input;
    line.cache_write_tokens = from.cache_write;
    line.output_tokens = from.output;
    line.reasoning_tokens = from.reasoning;
    line.estimated = from.estimated;
    if (from.priced && from.usage_known)
        line.nanodollars = from.nanodollars;
}

// A line of its own, for what is billed beside the request.
void write_line(
    services& with,
    const observe::bill& of,
    const attempt& one,
    std::string_view request_id,
    std::string_view asked_for,
    bool stream) noexcept
{
    observe::access_record line;
    line.time = of.time;
    line.key_id = of.key;
    line.tenant = of.tenant;
    line.target = of.target;
    line.arm = of.arm;
    line.request_id = request_id;
    line.model = asked_for;
    if (asked_for != of.model)
        line.answered_by = of.model;
    line.provider = one.provider->name;
    if (!one.head.empty())
        line.status = one.response.status();
    line.stream = stream;
    line.attempts = one.sent;
    line.duration = one.now - one.began;
    line.config_version = with.snapshots.current()->config->version;
    add_bill(line, of);
    with.access_log.write(with.worker, line);
}

}  // namespace

void bill_request(
    services& with, const exchange& x, unsigned status, observe::access_record& line) noexcept
{
    if (x.attempts == 0 || x.target == nullptr)
        return;
    observe::bill bill;
    bill.time = x.system_time;
    bill.tags = x.tags.view();
    bill.outcome = billed_outcome(x, status);
    bill.key = line.key_id;
    bill.tenant = line.tenant;
    bill.place = &x.served_by->texts_of(*x.answered_by, *x.target).place;
    add_charge(bill, x.owed);
    if (x.answered_by != x.model)
        line.answered_by = x.answered_by->name;
    add_bill(line, bill);
    if (x.counted && x.counted->priced)
        line.dollars = x.dollars.view();
    with.ledger.charge(with.worker, bill);
}

void bill_hedge(
    services& with, const exchange& x, const attempt& loser, const wire::usage& used) noexcept
{
    observe::bill bill;
    bill.time = x.system_time;
    bill.tags = x.tags.view();
    bill.outcome = bill_outcome::hedge;
    add_place(bill, x.key, *x.served_by, *loser.model, *loser.target);
    add_usage(bill, *loser.target, used);
    with.ledger.charge(with.worker, bill);
    write_line(with, bill, loser, x.request_id.view(), x.model->name, x.facts->stream);
}

void bill_shadow(
    services& with,
    const shadow_run& run,
    const attempt& copy,
    const wire::usage& used,
    bool estimated,
    std::int64_t nanodollars) noexcept
{
    observe::bill bill;
    bill.time = run.system_time;
    bill.tags = run.tags;
    bill.outcome = bill_outcome::shadow;
    add_place(bill, run.key, *run.served_by, *run.to_model, *run.to);
    add_usage(bill, *run.to, used);
    bill.estimated = estimated;
    bill.nanodollars = nanodollars;
    with.ledger.charge(with.worker, bill);
    write_line(with, bill, copy, run.request_id, run.model->name, run.facts.stream);
}

}  // namespace sluice::proxy
