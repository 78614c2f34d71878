#pragma once
// An answer in the spelling of its endpoint: one body, or the events of a stream.

#include <sluice/simulate/answer.hpp>
#include <sluice/simulate/behaviour.hpp>
#include <sluice/simulate/request.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::simulate {

struct event {
    std::string_view name;  // of an `event:` line; empty: none
    std::string data;       // of an object without its braces, or raw
    bool token = false;     // counts for tokens per second and for break_after
    bool raw = false;       // data stands as it is: [DONE], what is not JSON
};

struct script {
    std::string envelope;  // members that every object begins with
    std::vector<event> events;
    event error;  // what a stream that fails in band says
};

[[nodiscard]] script write_script(
    const api_request& request, const answer& said, const behaviour& how);

// The event that `how` breaks off before: after break_after tokens, at the latest after the last
// one; events.size() if it does not.
[[nodiscard]] std::size_t break_index(const script& lines, const behaviour& how);

// One event as it goes over the wire, blank line included. Objects get "sim_sent_ns".
[[nodiscard]] std::string render(const script& lines, const event& one, std::int64_t sent_ns);

// The body of an answer that is not streamed; embeddings too.
[[nodiscard]] std::string write_body(
    const api_request& request, const answer& said, const behaviour& how, std::int64_t sent_ns);

// What write_script and write_body are made of, for each endpoint.
[[nodiscard]] script chat_script(
    const api_request& request, const answer& said, const behaviour& how);
[[nodiscard]] std::string chat_body(const api_request& request, const answer& said);
[[nodiscard]] script responses_script(const answer& said, const behaviour& how);
[[nodiscard]] std::string responses_body(const answer& said, const behaviour& how);
[[nodiscard]] std::string embeddings_body(const api_request& request, const behaviour& how);

}  // namespace sluice::simulate
