#pragma once
// Carries the answer from the provider to the client as it comes.

#include <sluice/proxy/exchange.hpp>

#include <span>

namespace sluice::proxy {

// Right after forward(): x.response and `rest` are still where that left them. On an error nothing
// has been sent and the client can be answered otherwise (only before the first octet of a stream's
// body); what goes wrong later is told to the client in the stream, noted in the exchange, and the
// connection is not kept.
net::task<result<void>> relay(
    services& with, client& to, exchange& x, net::buffer& spill, std::span<char> rest);

}  // namespace sluice::proxy
