#pragma once
// One quick look at the data of a whole event: the commonest kinds need no more.

#include <sluice/wire/endpoint.hpp>

#include <string_view>

namespace sluice::wire {

enum class glimpse {
    nothing,    // carries nothing the tap wants
    content,    // carries generated content and nothing else the tap wants
    reasoning,  // the same, and some of it is reasoning
    unclear     // look properly
};

// `data` is one line. Only an object gets an answer other than unclear.
[[nodiscard]] glimpse glance(endpoint where, std::string_view data);

// Members of a choice's delta that carry generated content.
[[nodiscard]] bool is_content_name(endpoint where, std::string_view name);

// Of such a name or type: what it carries is reasoning.
[[nodiscard]] inline bool is_reasoning(std::string_view name_or_type)
{
    return name_or_type.find("reasoning") != std::string_view::npos;
}

// Responses events that carry some; `type` is a JSON string with its quotes.
[[nodiscard]] bool is_content_type(std::string_view type);

}  // namespace sluice::wire
