#pragma once
// What the gateway has to know about a request body, and nothing more.

#include <sluice/base/errc.hpp>
#include <sluice/wire/endpoint.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace simdjson::internal {
class dom_parser_implementation;
}

namespace sluice::wire {

// Bytes of the body: [offset, offset + length).
struct byte_range {
    std::size_t offset = 0;
    std::size_t length = 0;
};

// What has to be written where, so that the provider reports the usage of a stream.
enum class usage_edit : std::uint8_t {
    none,                  // not a chat or text completion stream, or the client asked by itself
    insert_member,         // a whole stream_options member, at the offset
    insert_option,         // include_usage before other members of stream_options, at the offset
    insert_only_option,    // the same into an empty stream_options
    replace_options,       // stream_options was null
    replace_include_usage  // include_usage was false or null
};

// Views point into the body or into the parser: valid until the body goes or the next parse.
struct request_facts {
    endpoint where = endpoint::chat_completions;
    std::string_view model;  // unescaped; 1 to 256 bytes, no control characters
    byte_range model_token;  // the value as it was sent, quotes included
    bool stream = false;
    bool client_asked_usage = false;
    usage_edit edit = usage_edit::none;
    byte_range edit_at;  // length 0 for insertions
    // The largest of max_tokens, max_completion_tokens and max_output_tokens that were given.
    std::optional<std::uint64_t> max_tokens;
    // How many answers there will be, each as long as that: `n` or `best_of`, whichever is greater,
    // to each of the prompts; 1 to 2^53.
    std::uint64_t answers = 1;
    std::string_view user;  // unescaped `user`, else `safety_identifier`, else empty
};

// Why a body is not usable. `param` names the member or is empty; both are literals.
struct refusal {
    errc code = errc::invalid_json;
    std::string_view param;
    std::string_view message;
};

using parse_result = boost::system::result<request_facts, refusal>;

inline constexpr std::size_t max_model_bytes = 256;
inline constexpr std::uint64_t max_max_tokens = std::uint64_t{1} << 53U;
inline constexpr std::size_t max_json_depth = 128;  // objects and arrays open at once

// What parse_result::value() calls when there is none.
[[noreturn]] inline void throw_exception_from_error(
    const refusal& why, const boost::source_location&)
{
    throw std::runtime_error(std::string(why.message));
}

// One per worker, reused; not thread-safe.
//
// Checks that the whole body is one JSON object (RFC 8259: UTF-8, grammar, escapes, numbers,
// nothing behind it; lone surrogate escapes pass, they are grammatical) and takes the routing
// members out of its top level in the same pass. The members it acts on (model, stream,
// stream_options and its include_usage, the three max tokens, n, best_of, user, safety_identifier;
// of a text completion also prompt) may appear once and only in plain spelling: a name that means
// one of them with an escape in it, or differs from it in case (also by the two letters
// beyond ASCII that fold to one in it), is refused like a duplicate, because another parser behind
// us might take the other one. null counts as absent except for model. Every other member is the
// provider's business.
//
// simdjson's first stage (UTF-8, strings, structural positions) is followed by a walk over the
// positions instead of its second stage, which would unescape and copy every string.
class request_parser {
public:
    request_parser();
    ~request_parser();
    request_parser(request_parser&&) noexcept;
    request_parser& operator=(request_parser&&) noexcept;

    // The body needs no padding behind it. Up to 2 GiB; more is refused as invalid_json. Allocates
    // when a body is larger than any before (4 bytes per byte of body) and gives that memory back
    // after a body of more than 1 MiB.
    [[nodiscard]] parse_result parse(endpoint where, std::string_view body);

private:
    // A simdjson error code, 0 is success.
    int first_stage(std::string_view body);

    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage_;
    std::array<char, max_model_bytes> model_;  // an unescaped model name
    std::string user_;                         // an unescaped user
};

}  // namespace sluice::wire
