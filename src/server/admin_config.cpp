// The configuration, shown, tried, exchanged and read again.
#include "admin_api.hpp"
#include <sluice/server/json_writer.hpp>

namespace sluice::server {
namespace {

std::string report_json(const change_report& report, bool dry_run)
{
    json_writer out;
    out.begin_object().key("version").count(report.version);
    out.key("dry_run").boolean(dry_run);
    out.key("changes").begin_array();
    for (const auto& change : report.changes) {
        out.begin_object().key("key").text(change.key);
        out.key("from").raw(change.from.empty() ? "null" : change.from);
        out.key("to").raw(change.to.empty() ? "null" : change.to);
        out.key("after_restart").boolean(change.after_restart);
        out.end_object();
    }
    out.end_array();
    out.key("needs_restart").texts(report.needs_restart);
    out.key("warnings").texts(report.warnings);
    return out.end_object().str();
}

}  // namespace

admin_response admin_api::show_config(const admin_call& /*call*/)
{
    return tagged(json_answer(200, sources_.control.config_view()));
}

admin_response admin_api::put_config(const admin_call& call)
{
    const auto asked = query_value(call.query, "dry_run");
    if (asked && *asked != "true" && *asked != "false")
        return error_answer(admin_error{
            .code = "invalid_value", .message = "dry_run is true or false", .param = "dry_run"});
    const bool dry_run = asked == "true";
    const auto report = dry_run ? sources_.control.try_file(call.request.body())
                                : sources_.control.replace_file(call.request.body(), call.by);
    if (report.refused != refusal::none)
        return refused(report);
    return tagged(json_answer(200, report_json(report, dry_run)));
}

admin_response admin_api::reload(const admin_call& call)
{
    const auto report = sources_.reload(call.by);
    if (report.refused != refusal::none)
        return refused(report);
    return tagged(json_answer(200, report_json(report, false)));
}

}  // namespace sluice::server
