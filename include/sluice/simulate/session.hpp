#pragma once
// A connection from its first request to its end.

#include <sluice/simulate/ledger.hpp>
#include <sluice/simulate/peer.hpp>
#include <sluice/simulate/reply.hpp>
#include <sluice/simulate/request.hpp>
#include <sluice/simulate/simulator.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

namespace sluice::simulate {

// What the sessions of one simulator share. All but the ledger belongs to its thread.
struct world {
    explicit world(simulator_options given);

    simulator_options options;
    ledger book;
    std::optional<boost::asio::ip::tcp::acceptor> acceptor;
    std::optional<boost::asio::steady_timer> sweep;
    boost::asio::ip::tcp::endpoint bound;
    std::unordered_set<peer*> peers;
    bool stopped = false;
};

[[nodiscard]] boost::asio::awaitable<void> serve_connection(
    std::shared_ptr<world> shared, boost::asio::ip::tcp::socket socket);

// A whole answer that is there at once: errors, models, the control API.
struct plain_reply {
    unsigned status = 200;
    std::string body;
    std::string content_type = "application/json";
    std::string allow;  // of a 405
};

// Head and body of a reply; `keep` false says `connection: close`.
[[nodiscard]] std::string whole(
    const world& shared, const http_request& request, const plain_reply& reply, bool keep);

// Answers everything but the four POST endpoints of the API: models, /sim/..., 404 and 405.
[[nodiscard]] plain_reply answer_simply(world& shared, const http_request& request);

// Checks the key if one is wanted; null: let in.
[[nodiscard]] std::optional<plain_reply> refuse_key(world& shared, const http_request& request);

// One POST to an endpoint of the API, until the last byte or the fault. False: close.
[[nodiscard]] boost::asio::awaitable<bool> serve_call(
    world& shared, std::shared_ptr<peer> client, endpoint where, const http_request& request);

// The fields every response of the API has.
[[nodiscard]] fields common_fields(
    const world& shared, const http_request& request, std::uint64_t number, duration took);

}  // namespace sluice::simulate
