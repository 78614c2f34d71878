#pragma once
// The steps of a request that decide without a network: each reads the exchange, writes its part of
// it, and answers an error that exchange::fail() has already noted.

#include <sluice/proxy/exchange.hpp>

namespace sluice::proxy {

// Request id and trace id: the client's where its head, or what was read of it, has them.
void name_request(services& with, exchange& x) noexcept;

// Both of them, the client's own deadlines, loop detection.
[[nodiscard]] result<void> identify(services& with, exchange& x);

// Credentials: `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, in this order. The digest of
// the last one is kept with the connection, so a connection hashes its key once.
// What is no key may be a token, where `jwt` is configured.
[[nodiscard]] result<void> authenticate(services& with, client& from, exchange& x);

// The key's rights, and of those what its token leaves.
[[nodiscard]] bool may_use(
    const exchange& x, const config::model& model, std::string_view asked) noexcept;

// Media type, JSON, routing members; the model and the right to use it.
[[nodiscard]] result<void> parse(services& with, wire::endpoint where, exchange& x);

// Money of the budgets, then the limits of key, tenant and model: what was taken is in x.holds
// until settle(). May wait, at most as long as their max_wait.
net::task<result<void>> admit(services& with, exchange& x);

// Whether its budgets have what the request costs at the target of a fallback, which may be dearer
// than those it was admitted for; they have paid the difference then. May wait as admit() does. An
// error: the request was stopped meanwhile.
net::task<result<bool>> afford(
    services& with, exchange& x, const config::model& model, const config::target& target);

// What it owes is known, and what it holds is settled by that. Once the attempts have ended and
// before their connections go.
void settle(services& with, exchange& x) noexcept;

// The target the request is first meant for, by the split or because the client named one.
[[nodiscard]] result<void> choose(services& with, exchange& x);

}  // namespace sluice::proxy
