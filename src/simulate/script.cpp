#include <sluice/simulate/script.hpp>

#include <algorithm>
#include <utility>

namespace sluice::simulate {
namespace {

void add_bad_event(script& lines)
{
    const auto first = std::ranges::find_if(lines.events, &event::token);
    event broken;
    broken.data = R"({"id": this is not JSON)";
    broken.raw = true;
    lines.events.insert(first == lines.events.end() ? first : first + 1, std::move(broken));
}

}  // namespace

script write_script(const api_request& request, const answer& said, const behaviour& how)
{
    script lines = request.where == endpoint::responses ? responses_script(said, how)
                                                        : chat_script(request, said, how);
    if (how.bad_event)
        add_bad_event(lines);
    return lines;
}

std::size_t break_index(const script& lines, const behaviour& how)
{
    if (how.breaks == break_kind::none)
        return lines.events.size();
    std::size_t index = 0;
    std::uint32_t tokens = 0;
    for (std::size_t i = 0; i < lines.events.size() && tokens < how.break_after; ++i) {
        if (lines.events[i].token) {
            ++tokens;
            index = i + 1;
        }
    }
    return index;
}

std::string render(const script& lines, const event& one, std::int64_t sent_ns)
{
    std::string out;
    out.reserve(lines.envelope.size() + one.data.size() + 80);
    if (!one.name.empty()) {
        out += "event: ";
        out += one.name;
        out += '\n';
    }
    out += "data: ";
    if (one.raw) {
        out += one.data;
    } else {
        out += '{';
        out += lines.envelope;
        out += one.data;
        out += R"(,"sim_sent_ns":)";
        out += std::to_string(sent_ns);
        out += '}';
    }
    out += "\n\n";
    return out;
}

std::string write_body(
    const api_request& request, const answer& said, const behaviour& how, std::int64_t sent_ns)
{
    std::string members;
    switch (request.where) {
    case endpoint::chat:
    case endpoint::completions:
        members = chat_body(request, said);
        if (how.usage != usage_place::nowhere)
            members += R"(,"usage":)" + usage_json(said.usage);
        break;
    case endpoint::responses:
        members = responses_body(said, how);
        break;
    case endpoint::embeddings:
        members = embeddings_body(request, how);
        break;
    }
    return '{' + members + R"(,"sim_sent_ns":)" + std::to_string(sent_ns) + '}';
}

}  // namespace sluice::simulate
