// The parts of control that change nothing.
#include "health.hpp"
#include "live_changes.hpp"
#include <sluice/server/control.hpp>
#include <sluice/server/json_writer.hpp>

#include <algorithm>
#include <iterator>

namespace sluice::server {

// A file that is cut off before `keys:` may well be valid.
void control::refuse_opening(config::load_result& loaded) const
{
    const bool live_ones =
        std::ranges::any_of(live_.keys.by_id, [](const auto& one) { return !one.second.of_file; });
    if (!loaded.document || !loaded.document->settings.open() || current_->open()
        || live_.keys.closed || live_ones)
        return;
    loaded.complaints = {
        {.file = loaded.document->file,
         .key = "keys",
         .what = "without any the gateway would be open to everyone, and the one in force is not; "
                 "if that is meant, restart it with this file"}};
    loaded.document.reset();
}

change_report control::try_file(std::string_view text) const
{
    auto loaded = config::load(text, config::sent_text, settings_.environment);
    refuse_opening(loaded);
    if (!loaded.document)
        return refuse(refusal::invalid, texts_of(loaded.complaints));
    auto live = live_over(loaded.document->settings);
    observe::catalogue scratch;  // a trial uses up no ids
    change_report report;
    report.version = current_->version;
    report.warnings = drop_what_does_not_fit(loaded.document->settings, live);
    auto built = config::build(*loaded.document, live, current_->version, nullptr, scratch);
    std::ranges::move(built.ignored, std::back_inserter(report.warnings));
    report.changes = config::difference(*current_, *built.snapshot);
    report.needs_restart = waiting_for_restart(*at_start_, *built.snapshot);
    return report;
}

std::string control::config_view() const
{
    json_writer out;
    out.begin_object().key("version").count(current_->version);
    out.key("path").text(settings_.config_path);
    out.key("file").raw(config::render(file_.settings));
    out.key("overrides").begin_object();
    for (const auto& [model, weights] : live_.weights) {
        out.key(model).begin_object();
        for (const auto& [target, weight] : weights)
            out.key(target).number(weight);
        out.end_object();
    }
    out.end_object();
    out.key("breakers").begin_object();
    for (const auto& [model, targets] : live_.breakers) {
        out.key(model).begin_object();
        for (const auto& [target, forced] : targets)
            out.key(target).text(name_of(forced));
        out.end_object();
    }
    out.end_object();
    out.key("result").raw(config::render(*current_));
    out.key("needs_restart").texts(waiting_for_restart(*at_start_, *current_));
    out.key("last_reload").begin_object();
    out.key("failures").count(reload_.failures);
    out.key("complaints").texts(reload_.complaints);
    return out.end_object().end_object().str();
}

}  // namespace sluice::server
