#pragma once
// One immutable, validated configuration. Built by config::load, shared by every worker, replaced
// whole. A request keeps the snapshot it began with.

#include <sluice/base/clock.hpp>
#include <sluice/base/text.hpp>
#include <sluice/config/jwt.hpp>
#include <sluice/config/model.hpp>
#include <sluice/config/quota.hpp>
#include <sluice/config/tracing.hpp>
#include <sluice/policy/credential.hpp>
#include <sluice/policy/limit.hpp>
#include <sluice/policy/time_zone.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::config {

struct tls_files {
    std::string certificate;  // PEM chain, leaf first
    std::string private_key;
    std::string client_ca;  // empty: no client certificate is asked for
};

struct listen_address {
    std::string host;  // an IP literal; IPv6 without brackets
    std::uint16_t port = 8080;
    std::optional<tls_files> tls;
};

struct admin_settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 9090;
    std::string token;  // empty only where the host is loopback
};

// Where the gateways of a fleet meet.
struct redis_address {
    std::string url;  // as written; may hold a secret
    bool tls = false;
    std::string host;  // as in base_url
    std::uint16_t port = 6379;
    std::string user;      // empty: Redis' default user
    std::string password;  // empty: none is sent
    unsigned database = 0;
    std::string ca_file;  // empty: the system's trust store
    milliseconds timeout{50};
    std::string prefix = "sluice";
};

struct process_limits {
    std::size_t head_bytes = std::size_t{32} << 10U;
    std::size_t body_bytes = std::size_t{32} << 20U;
    std::size_t connections = 100'000;
    std::size_t buffered_bytes = std::size_t{1} << 30U;
};

struct timeouts {
    milliseconds head{10'000};
    milliseconds body{60'000};
    milliseconds idle{75'000};
    milliseconds write{30'000};
    milliseconds connect{5'000};
    milliseconds first_byte{60'000};
    milliseconds first_token{60'000};
    milliseconds stream_idle{60'000};
    milliseconds request{600'000};
    milliseconds drain{30'000};
};

// What a provider takes for models of this name; one that ends in `*` is a beginning of names.
struct named_prices {
    std::string name;
    policy::price_list prices;
};

// The name itself, else the longest beginning; null: not known.
[[nodiscard]] const policy::price_list* find_prices(
    const std::vector<named_prices>& table, std::string_view name) noexcept;

struct access_log_settings {
    std::string path = "stderr";  // "stderr", "off" or a file that is appended to
};

enum class dialect : std::uint8_t { openai };

struct provider {
    std::string name;
    config::dialect dialect = dialect::openai;
    bool tls = false;
    std::string host;  // as in base_url: a name or an IP literal without brackets
    std::uint16_t port = 0;
    std::string
        authority;  // what goes into Host: with brackets, and the port unless it is the default
    std::string path_prefix;            // "/v1" of https://host/v1; no trailing slash
    std::vector<std::string> api_keys;  // may be empty: a local server that wants none
    std::string ca_file;                // empty: the system's trust store
    policy::credential_settings credential_rules;
    // One per key, in the order of api_keys, and one where there is none. Shared by all workers,
    // carried over reloads by the provider's name and the key. Empty only before build().
    std::vector<std::shared_ptr<policy::credential_state>> credentials;
    policy::limit_settings limits;  // of each credential, never waited for
    // The same with the state of each, as `credentials`; made by build().
    std::vector<quota> credential_quotas;
    bool ask_usage = true;   // put stream_options.include_usage into streams that do not ask for it
    std::size_t index = 0;   // position in snapshot::providers
    std::size_t metric = 0;  // the catalogue's id, stable over reloads
};

// What a request brings along that a model can be sticky by; empty where it has none.
struct identities {
    std::string_view key;
    std::string_view user;
    std::string_view header;  // the value of model::sticky_header
};

// Whose requests stay on the same arm; empty: nobody's in particular, each is drawn by the shares.
[[nodiscard]] std::string_view identity_of(const model& model, const identities& known) noexcept;

// Several keys. One that only keys name has no entry.
struct tenant : quota {
    std::string name;
    double weight = 1;  // its part where it shares a model's limit with others; above 0
};

// One of the secrets that let a key's owner in; several while it is exchanged.
struct key_secret {
    std::array<std::uint8_t, 32> hash{};              // SHA-256 of the whole secret
    std::optional<std::chrono::sys_seconds> until{};  // lets nobody in from then on

    friend bool operator==(const key_secret&, const key_secret&) = default;
};

struct key : quota {
    // What it may spend a day on one model.
    struct model_budget {
        std::string model;          // the model's name, not an alias
        std::int64_t daily = 0;     // nano-dollars
        std::size_t model_at = 0;   // index into snapshot::models; this and the next: by build()
        std::size_t budget_at = 0;  // index into snapshot::budgets
    };

    std::string id;
    std::vector<key_secret> secrets;  // newest first
    std::optional<std::chrono::sys_seconds> expires;
    bool disabled = false;
    bool live = false;  // made through the admin API, not by the file
    std::string tenant;
    // Made by build(): an index into snapshot::tenants, and where it waits at its tenant's limits
    // and its tenant at models'.
    std::optional<std::size_t> tenant_at;
    turn at_tenant;
    turn at_models;
    std::vector<std::string> models;  // names, aliases, "gpt-*" or "*"
    std::vector<model_budget> model_budgets;
    bool may_choose_target = false;
    std::size_t metric = 0;  // the catalogue's id
    // What an answer tells of its rates while nothing of them is taken: whole header lines, made
    // by build(). Empty: to be worked out each time.
    std::string untouched_requests;
    std::string untouched_tokens;
};

struct snapshot {
    std::uint64_t version = 0;
    std::vector<listen_address> listen;
    std::optional<admin_settings> admin;
    std::size_t workers = 1;
    std::string state_directory;         // empty: nothing outlives the process
    std::optional<redis_address> redis;  // none: this gateway is alone
    process_limits limits;
    config::timeouts timeouts;
    milliseconds heartbeat{15'000};  // zero: off
    access_log_settings access_log;
    std::vector<named_prices> prices;  // the table; models have taken theirs from it
    std::vector<provider> providers;
    std::vector<model> models;
    std::string time_zone = "UTC";  // in which a day and a month begin
    policy::time_zone zone;         // the same
    std::optional<webhook> budget_webhook;
    std::vector<tenant> tenants;
    std::vector<budget> budgets;  // of all keys, tenants and models; made by build()
    std::vector<key> keys;
    bool closed = false;  // wants a key even when there is none
    std::optional<jwt_settings> jwt;
    std::optional<tracing_settings> tracing;  // none: no spans
    key anonymous;  // what an open gateway treats everyone as; unlimited, may choose no target

    // Exact name or alias first, then the longest wildcard. nullptr: nothing takes this name.
    [[nodiscard]] const model* find_model(std::string_view name) const noexcept;

    // Everyone may use the gateway, as `anonymous`.
    [[nodiscard]] bool open() const noexcept { return keys.empty() && !closed && !jwt; }

    // Whose secret that is the digest of, if it lets in at this time since the Unix epoch. The
    // comparison takes the same time wherever the digests differ.
    [[nodiscard]] const key* find_key(
        const std::array<std::uint8_t, 32>& sha256, nanoseconds system_now) const noexcept;

    // By its id, unless it is disabled or expired. For who is known without one of its secrets.
    [[nodiscard]] const key* key_of(std::string_view id, nanoseconds system_now) const noexcept;

    // `rights` as in key::models.
    [[nodiscard]] static bool may_use(
        const std::vector<std::string>& rights,
        const model& model,
        std::string_view asked) noexcept;
    [[nodiscard]] static bool may_use(
        const key& key, const model& model, std::string_view asked) noexcept
    {
        return may_use(key.models, model, asked);
    }

    // Filled by index(); looked up by the functions above.
    std::unordered_map<std::string, std::size_t, string_hash, std::equal_to<>> by_name;
    std::vector<std::pair<std::string, std::size_t>> by_prefix;  // longest first, without the '*'
    struct secret_place {
        std::size_t key;
        std::size_t secret;
    };
    std::unordered_map<std::string, std::size_t, string_hash, std::equal_to<>> by_id;
    std::unordered_multimap<std::uint64_t, secret_place> by_hash;  // digests' first eight bytes
    void index();
};

using snapshot_ptr = std::shared_ptr<const snapshot>;

}  // namespace sluice::config
