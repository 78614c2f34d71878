#pragma once
// What a provider's error says, in the spellings of OpenAI's dialect and its relatives.

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::wire {

enum class error_kind : std::uint8_t {
    other,
    rate_limit,      // too fast: passes by itself
    quota,           // paid out: does not
    context_length,  // the request is longer than the model's window
    content_policy,  // filtered
};

struct reported_error {
    error_kind kind = error_kind::other;
    unsigned status = 0;       // a numeric `code` or `status` of 400 to 599; 0: none
    std::string_view message;  // as sent, with its escapes; a view of the body
};

// `body` is an error body or the text of an error event, whole or its front; `status` its answer's,
// where it is an error's. The codes decide; the words do where the codes say nothing. A client's
// own words may come back in either, so that codes count only where a provider writes its own, and
// words of money only with a status of money, or in a sentence that is known whole.
[[nodiscard]] reported_error read_error(std::string_view body, unsigned status = 0);

// A message without its escapes; as it is where they are wrong.
[[nodiscard]] std::string plain_words(std::string_view message);

// Whether a 200's JSON body is an error: its outermost object has a member "error" that is neither
// null nor otherwise false.
[[nodiscard]] bool is_error_body(std::string_view body);

}  // namespace sluice::wire
