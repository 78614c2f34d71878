#pragma once
// A provider that speaks OpenAI's dialect and does as it is told, for demos and tests.

#include <sluice/simulate/ledger.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace sluice::simulate {

struct world;

struct simulator_options {
    std::string host = "127.0.0.1";       // an IP address
    std::uint16_t port = 0;               // 0: any free one, see simulator::port
    std::string name = "simulator";       // begins every generated text: "stable: ..."
    std::string key = "";                 // wanted as Authorization: Bearer; empty: none wanted
    std::string behaviour = "";           // of models not named sim-...: see parse_behaviour
    std::uint64_t seed = 1;               // same seed, same sequence of requests: same answers
    std::size_t body_bytes = 64U << 20U;  // 413 above
    seconds idle{300};                    // a connection without a request
    seconds write{60};                    // a client that does not read
    seconds stall{3600};                  // the longest a stalled answer lasts
};

// One listener on one thread. A request's behaviour is that of its model's name: `sim-` and the
// clauses of behaviour.hpp joined by `+`; any other name gets what PUT /sim/behaviour set for it,
// or the default. A sim- name that is not understood is 404 model_not_found.
//
// Serves /v1/models, /v1/models/{id}, /v1/chat/completions, /v1/completions, /v1/embeddings,
// /v1/responses; and, never asking for a key:
//   GET  /sim/behaviour  {"default":"...","models":{"m":"..."},"grammar":[...]}
//   PUT  /sim/behaviour  {"default":"latency-250ms","models":{"m":"error-503"}}: either or both
//   GET  /sim/stats      the counters of ledger.hpp
//   POST /sim/reset      counters to zero, behaviours and random sequence as at start
//
// A prompt "echo: TEXT" is answered with TEXT, nothing else of a prompt ever comes back. Every
// event and every answer carries "sim_sent_ns", the steady clock (CLOCK_MONOTONIC) just before it
// was written.
class simulator {
public:
    explicit simulator(simulator_options options);
    simulator(const simulator&) = delete;
    simulator& operator=(const simulator&) = delete;
    ~simulator();  // stop()

    // Binds, and serves on a thread of its own. Fails when the address cannot be bound, or with
    // invalid_argument when the host is no address or the behaviour is not understood.
    [[nodiscard]] boost::system::result<void> start();

    // The same on the caller's context, which has one thread and outlives this object.
    [[nodiscard]] boost::system::result<void> start(boost::asio::io_context& context);

    // Closes the listener and every connection; with a thread of its own also waits for it. From
    // any thread but its own; a second call does nothing.
    void stop();

    // Of a started simulator.
    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] std::string address() const;  // "127.0.0.1:9101", "[::1]:9101"

    // Counters and behaviours; thread-safe.
    [[nodiscard]] ledger& book() noexcept;

private:
    std::shared_ptr<world> world_;
    std::unique_ptr<boost::asio::io_context> own_;
    std::thread thread_;
    bool stopping_ = false;
};

}  // namespace sluice::simulate
