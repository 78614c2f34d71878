#include <sluice/wire/usage_filter.hpp>

namespace sluice::wire {
namespace {

std::string_view range(const char* from, const char* to)
{
    return {from, static_cast<std::size_t>(to - from)};
}

void emit(std::vector<std::string_view>& out, std::string_view bytes)
{
    if (!bytes.empty())
        out.push_back(bytes);
}

}  // namespace

void usage_filter::look_for_finish(std::string_view data)
{
    const char* p = data.data();
    const char* const end = p + data.size();
    while (!finished_ && finish_reason_.next(p, end))
        finished_ = *p == '"';
}

void usage_filter::begin_event() noexcept
{
    watch_.reset();
    choices_empty_ = false;
    has_usage_ = false;
    keep_ = false;
}

void usage_filter::inspect(std::string_view data)
{
    const char* p = data.data();
    const char* const end = p + data.size();
    for (auto hit = watch_.next(p, end); hit != json_watch::hit::none; hit = watch_.next(p, end)) {
        if (hit == json_watch::hit::value_end) {
            // choices, or an error
            choices_empty_ = choices_empty_ || watch_.value() == "[]";
            keep_ = keep_ || (watch_.value() != "[]" && watch_.value() != "null");
        } else if (watch_.depth() == 1) {
            if (watch_.name() == "choices" || watch_.name() == "error")
                watch_.follow();
            else if (watch_.name() == "usage")
                has_usage_ = *p == '{';
        }
    }
}

bool usage_filter::usage_only() const noexcept
{
    return !keep_ && watch_.begun_with('{') && choices_empty_ && has_usage_ && watch_.complete();
}

void usage_filter::release(std::vector<std::string_view>& out)
{
    // Held bytes come from earlier calls: a second event let go in this call has none.
    if (!held_.empty()) {
        sending_.swap(held_);
        emit(out, sending_);
    }
    mode_ = mode::passing;
}

void usage_filter::on_data(std::string_view bytes, std::vector<std::string_view>& out)
{
    if (mode_ != mode::holding) {
        look_for_finish(bytes);
        return;
    }
    inspect(bytes);
    // What does not begin as an object, [DONE] above all, is kept.
    if (keep_ || (watch_.begun() && !watch_.begun_with('{')))
        release(out);
}

void usage_filter::process(std::string_view piece, std::vector<std::string_view>& out)
{
    out.clear();
    sending_.clear();
    const char* p = piece.data();
    const char* const end = p + piece.size();
    const char* from = p;  // what is not in `out` yet
    if (p != end && swallow_lf_) {
        from += *p == '\n';
        swallow_lf_ = false;
    }
    while (p != end) {
        const char* const start = p + (framer_.lf_may_follow() && *p == '\n');
        if (const auto event = framer_.whole_event(p, end)) {
            if (!finished_) {
                look_for_finish(event->data);
                continue;
            }
            begin_event();
            inspect(event->data);
            if (usage_only()) {
                emit(out, range(from, start));
                from = p;
                ++removed_;
            }
            continue;
        }
        std::string_view bytes;
        const auto part = framer_.next(p, end, bytes);
        if (mode_ == mode::between && !framer_.at_boundary()
            && framer_.current() != sse_framer::field::comment) {
            mode_ = finished_ ? mode::holding : mode::passing;
            if (mode_ == mode::holding) {
                begin_event();
                emit(out, range(from, start));
                from = start;
            }
        }
        if (part == sse_framer::part::value && framer_.current() == sse_framer::field::data) {
            on_data(bytes, out);
        } else if (part == sse_framer::part::event_end) {
            if (mode_ == mode::holding && usage_only()) {
                held_.clear();
                from = p;
                ++removed_;
                swallow_lf_ = framer_.lf_may_follow();
            } else if (mode_ == mode::holding) {
                release(out);
            }
            mode_ = mode::between;
        }
    }
    if (mode_ == mode::holding) {
        const auto rest = range(from, end);
        if (held_.size() + rest.size() <= max_held_bytes) {
            held_.append(rest);
            return;
        }
        release(out);
    }
    emit(out, range(from, end));
}

void usage_filter::finish(std::vector<std::string_view>& out)
{
    out.clear();
    if (mode_ == mode::holding && usage_only())
        ++removed_;
    else if (mode_ == mode::holding)
        ending_ = held_;
    held_.clear();
    emit(out, ending_);
    mode_ = mode::between;
}

}  // namespace sluice::wire
