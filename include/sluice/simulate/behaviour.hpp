#pragma once
// How the simulated provider answers one request: when, how much, and what goes wrong.

#include <sluice/base/clock.hpp>

#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::simulate {

// Time until the first token, by quantile. Between the quantiles it is linear.
struct latency_table {
    milliseconds p0{0};
    milliseconds p50{0};
    milliseconds p90{0};
    milliseconds p99{0};

    // `draw` in [0, 1).
    [[nodiscard]] duration at(double draw) const noexcept;
};

enum class retry_after_form { seconds, date, junk, none };

// as_asked: a chunk of its own when the client set include_usage, else nowhere.
enum class usage_place { as_asked, nowhere, last_choice, separate, several };

// How an answer breaks off once `break_after` tokens are out.
enum class break_kind {
    none,
    fin,          // the connection is closed; the chunked body has no last chunk
    clean_fin,    // the last chunk is sent, but neither the finish reason nor [DONE]
    fin_inside,   // closed in the middle of an event and of its chunk
    reset,        // RST
    stall,        // silence until the client leaves
    error_event,  // an error object in the 200
};

// What happens before any byte of the answer.
enum class head_fault { none, reset, stall };

struct behaviour {
    latency_table latency;
    std::uint32_t spike_every = 0;  // every so many requests wait `spike` more; 0 never
    milliseconds spike{0};
    double tokens_per_second = 0;  // 0: as fast as they can be written
    std::uint32_t tokens = 16;     // per answer, before max_tokens and stop

    double error_rate = 0;  // share of the requests refused with error_status
    unsigned error_status = 503;
    milliseconds limited_for{0};      // 429 to everything for so long, ...
    std::uint32_t limited_every = 0;  // ... and again after so many served; 0: no window
    retry_after_form retry_after = retry_after_form::seconds;
    bool echo_key = false;  // 401 that quotes the Authorization header

    head_fault head = head_fault::none;
    milliseconds head_octet{0};  // pause after every octet of the head
    std::uint32_t interim = 0;   // so many 103 responses first
    bool redirect = false;       // 302 instead of an answer
    bool html = false;           // 200 with an HTML page instead of an answer

    break_kind breaks = break_kind::none;
    std::uint32_t break_after = 0;    // tokens
    bool half_utf8 = false;           // multi-byte text, every character split over two chunks
    std::size_t big_event_bytes = 0;  // one token of so many bytes; 0: none
    bool bad_event = false;           // one event that is not JSON, after the first token
    bool done = true;                 // streams end with [DONE]
    usage_place usage = usage_place::as_asked;
    milliseconds keep_alive{0};  // a comment line after so much silence; 0: none

    bool close = false;                 // `connection: close` and closed after the answer
    bool hang_up = false;               // closed after the answer without saying so
    bool extra_bytes = false;           // a whole unasked response follows the answer, ...
    milliseconds extra_bytes_after{0};  // ... after so long
};

// One row of the grammar: `pattern` with <n>, <time>, <size>, <percent>, <rate> for values.
struct clause_help {
    std::string_view pattern;
    std::string_view example;
    std::string_view meaning;
};

// Every clause there is, for --help, GET /sim/behaviour and the model list.
[[nodiscard]] std::vector<clause_help> behaviour_grammar();

// Clauses joined by `+`, each applied to the defaults in turn: "latency-250ms+tps-50+cut-10". A
// leading "sim-" on any of them is ignored; an empty text is the default behaviour. The error says
// which clause is not understood.
[[nodiscard]] boost::system::result<behaviour, std::string> parse_behaviour(std::string_view text);

}  // namespace sluice::simulate
