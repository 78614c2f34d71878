#pragma once
// Sends the request to its target and reads the head of the answer.

#include <sluice/proxy/exchange.hpp>

#include <span>

namespace sluice::proxy {

// Makes an attempt at x.target; once more, on a new connection, when a kept one turned out to have
// died idle before a single octet of an answer. Afterwards x.response is parsed and `rest` is what
// came behind it; both lie in the worker's scratch or in `spill` and are valid until the next wait.
net::task<result<void>> forward(
    services& with, exchange& x, net::buffer& spill, std::span<char>& rest);

}  // namespace sluice::proxy
