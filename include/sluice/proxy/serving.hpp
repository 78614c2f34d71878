#pragma once
// What a worker serves by: one snapshot, the connection pools of its providers, and the header
// lines that are the same for every request. Replaced whole; a request keeps the one it began with.

#include <sluice/config/snapshot.hpp>
#include <sluice/net/pool.hpp>
#include <sluice/net/resolver.hpp>
#include <sluice/observe/bill.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/proxy/chains.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::proxy {

// "stable" or "canary"; empty: the model has no canary.
[[nodiscard]] std::string_view arm_of(
    const config::model& model, const config::target& target) noexcept;

struct serving {
    config::snapshot_ptr config;
    // By provider index; null: its TLS trust could not be loaded.
    std::vector<std::shared_ptr<net::pool>> pools;
    // The same for copies, so that they take no client's connection; null too where none go.
    std::vector<std::shared_ptr<net::pool>> shadow_pools;
    // Lines of a request to a provider, by provider and by which of its keys: host, authorization,
    // accept-encoding, via. A provider without keys has one entry.
    std::vector<std::vector<std::string>> provider_lines;
    chains routes;
    struct target_texts {
        std::string lines;            // of an answer from it
        observe::packed_place place;  // of bills for it
    };
    // By model and target index.
    std::vector<std::vector<target_texts>> target_texts_of;

    [[nodiscard]] const target_texts& texts_of(
        const config::model& model, const config::target& target) const noexcept;
};

using serving_ptr = std::shared_ptr<const serving>;

// Pools whose provider did not change keep their connections from one snapshot to the next; the
// others live on only in requests that still use them.
class server_of_snapshots {
public:
    server_of_snapshots(net::reactor& loop, observe::logger& log);

    // `trust`: whom to believe, by provider index; empty for what is not encrypted, and where it
    // could not be loaded.
    void install(config::snapshot_ptr config, const std::vector<net::tls_context>& trust = {});
    [[nodiscard]] const serving_ptr& current() const noexcept { return current_; }

    // Once a second.
    void sweep(time_point now) noexcept;
    // Closes every kept connection.
    void clear() noexcept { current_.reset(); }

private:
    using pools = std::vector<std::shared_ptr<net::pool>>;
    // One of `made` or of `kept`, else a new one.
    [[nodiscard]] std::shared_ptr<net::pool> pool_for(
        const config::provider& provider,
        net::tls_context trust,
        const pools& made,
        const pools* kept);
    void install_shadow_pools(serving& next, const std::vector<net::tls_context>& trust);

    net::reactor& loop_;
    observe::logger& log_;
    net::resolver names_;
    serving_ptr current_;
};

}  // namespace sluice::proxy
