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

// Of such a name: what it carries is reasoning.
[[nodiscard]] inline bool is_reasoning_name(std::string_view name)
{
    return name.starts_with("reasoning");
}

// Responses events that carry some; `type` is a JSON string with its quotes.
[[nodiscard]] bool is_content_type(std::string_view type);

// Of such a type: what it carries is reasoning.
[[nodiscard]] inline bool is_reasoning_type(std::string_view type)
{
    return type.starts_with(R"("response.reasoning)");
}

}  // namespace sluice::wire
