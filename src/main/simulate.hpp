#pragma once
// `sluice simulate`: a simulated provider until a signal ends it.

#include <cstdint>
#include <iosfwd>
#include <string>

namespace sluice {

struct simulate_options {
    std::string listen = "127.0.0.1:9101";  // --listen ADDRESS:PORT, port 0 for any free one
    std::string name = "simulator";         // --name: every generated text begins with it
    std::string behaviour;   // --behaviour CLAUSE+CLAUSE: of models not named sim-...
    std::string key;         // --key: wanted as Authorization: Bearer; empty: none
    std::uint64_t seed = 1;  // --seed: same seed and requests, same answers
};

// The clauses a behaviour or a model name is made of, a line each, for --help.
[[nodiscard]] std::string simulate_grammar();

// Prints one line with the address to `out` when ready, and returns 0 when SIGTERM or SIGINT
// stopped it. Complaints go to `err`: 2 for bad options, 1 when the address cannot be bound.
[[nodiscard]] int run_simulate(
    const simulate_options& options, std::ostream& out, std::ostream& err);

}  // namespace sluice
