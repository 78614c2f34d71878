#include <sluice/config/schema.hpp>
#include <sluice/config/units.hpp>

#include <algorithm>
#include <array>

namespace sluice::config {
namespace {

using kind = value_kind;

constexpr std::uint64_t second = 1000;
constexpr std::uint64_t hour = 3600 * second;
constexpr std::uint64_t day = 24 * hour;
constexpr std::uint64_t kib = std::uint64_t{1} << 10U;
constexpr std::uint64_t mib = std::uint64_t{1} << 20U;
constexpr std::uint64_t gib = std::uint64_t{1} << 30U;

constexpr std::array<std::string_view, 1> dialects = {"openai"};

constexpr std::string_view name_rule = "1 to 64 of A-Z a-z 0-9 . _ -";
constexpr std::string_view model_rule = "1 to 256 visible ASCII characters";

// clang-format off
constexpr schema_row rows[] = {
    {.path = "listen[].address", .fallback = "0.0.0.0:8080",
     .limit = "`host:port`, `[v6]:port` or `:port`; an IP literal or localhost", .restart = true,
     .meaning = "Where clients connect; `:port` means every IPv4 address, port 0 any free one."},
    {.path = "listen[].tls.certificate", .limit = "a readable file", .required = true,
     .meaning = "PEM chain, leaf first. With `tls` this address speaks TLS only."},
    {.path = "listen[].tls.private_key", .limit = "a readable file", .required = true,
     .meaning = "PEM key of the certificate."},
    {.path = "listen[].tls.client_ca", .limit = "a readable file",
     .meaning = "PEM authorities; clients have to show a certificate of one of them."},

    {.path = "admin.address", .fallback = "127.0.0.1:9090",
     .limit = "`host:port` as above, or `off`; loopback unless there is a token", .restart = true,
     .meaning = "Where the admin API and the metrics are."},
    {.path = "admin.token", .kind = kind::secret, .limit = "visible ASCII",
     .meaning = "Bearer token of the admin API."},

    {.path = "workers", .fallback = "auto", .limit = "`auto` or 1 to 256", .restart = true,
     .meaning = "Threads that serve; `auto` is one per core this process may use."},
    {.path = "state.directory", .fallback = "/var/lib/sluice", .limit = "a path, or `none`", .restart = true,
     .meaning = "Where live changes and the audit log outlive the process; `none` forgets them."},

    {.path = "limits.head_bytes", .kind = kind::size, .fallback = "32KiB", .min = kib, .max = mib,
     .meaning = "Of one request head; 431 above."},
    {.path = "limits.body_bytes", .kind = kind::size, .fallback = "32MiB", .min = kib, .max = gib,
     .meaning = "Of one request body; 413 above."},
    {.path = "limits.connections", .kind = kind::count, .fallback = "100000", .min = 1, .max = 10'000'000,
     .meaning = "Open client connections."},
    {.path = "limits.buffered_bytes", .kind = kind::size, .fallback = "1GiB", .min = mib, .max = 1024 * gib,
     .limit = "and at least `limits.body_bytes`",
     .meaning = "All requests and streams together; new requests get 503 above."},

    {.path = "timeouts.head", .kind = kind::duration, .fallback = "10s", .min = 1, .max = day,
     .meaning = "For the client's whole head."},
    {.path = "timeouts.body", .kind = kind::duration, .fallback = "60s", .min = 1, .max = day,
     .meaning = "For the client's whole body."},
    {.path = "timeouts.idle", .kind = kind::duration, .fallback = "75s", .min = 1, .max = day,
     .meaning = "Of a client connection between requests."},
    {.path = "timeouts.write", .kind = kind::duration, .fallback = "30s", .min = 1, .max = day,
     .meaning = "For a client that does not read."},
    {.path = "timeouts.connect", .kind = kind::duration, .fallback = "5s", .min = 1, .max = day,
     .meaning = "To a provider, TCP and TLS."},
    {.path = "timeouts.first_byte", .kind = kind::duration, .fallback = "60s", .min = 1, .max = day,
     .meaning = "Until the provider's response head."},
    {.path = "timeouts.first_token", .kind = kind::duration, .fallback = "60s", .min = 1, .max = day,
     .meaning = "Until the first token of a stream."},
    {.path = "timeouts.stream_idle", .kind = kind::duration, .fallback = "60s", .min = 1, .max = day,
     .meaning = "Between two pieces of a stream."},
    {.path = "timeouts.request", .kind = kind::duration, .fallback = "10m", .min = 1, .max = day,
     .meaning = "For everything."},
    {.path = "timeouts.drain", .kind = kind::duration, .fallback = "30s", .min = 1, .max = day, .zero = true,
     .meaning = "For open requests after SIGTERM; 0 cuts them at once."},
    {.path = "heartbeat", .kind = kind::duration, .fallback = "15s", .min = 10, .max = hour, .zero = true,
     .meaning = "An SSE comment after this much silence, between events; 0 turns it off."},
    {.path = "access_log", .fallback = "stderr", .limit = "`stderr`, `off` or a file",
     .meaning = "Where each request's JSON line goes; a file is appended to."},

    {.path = "providers.*.dialect", .kind = kind::choice, .fallback = "openai", .choices = dialects,
     .meaning = "What the provider speaks."},
    {.path = "providers.*.base_url",
     .limit = "`http://` or `https://`, host, port, path; no user, query, fragment or link-local address",
     .required = true,
     .meaning = "What stands before `/chat/completions`."},
    {.path = "providers.*.api_key", .kind = kind::secret, .limit = "visible ASCII; not beside `api_keys`",
     .meaning = "Sent as bearer token. None for a server that wants none."},
    {.path = "providers.*.api_keys", .kind = kind::secrets, .limit = "a list of at least one, all different",
     .meaning = "Several keys of one account, used in turn."},
    {.path = "providers.*.ca_file", .limit = "a readable file",
     .meaning = "PEM authorities to trust instead of the system's."},
    {.path = "providers.*.ask_usage", .kind = kind::boolean, .fallback = "true",
     .meaning = "Ask for usage in streams whose client did not, and take the extra chunk out again."},

    {.path = "models.*.aliases", .kind = kind::texts, .fallback = "[]",
     .limit = "a list of names no other model has",
     .meaning = "More names for the model. A name may end in `*`: it takes what no other takes."},
    {.path = "models.*.targets[].name", .fallback = "the provider's name", .limit = name_rule,
     .meaning = "Unique in the model; stands in metrics and `x-sluice-target`."},
    {.path = "models.*.targets[].provider", .limit = "one of `providers`", .required = true,
     .meaning = "Where the target is."},
    {.path = "models.*.targets[].model", .limit = model_rule,
     .meaning = "The provider's name of it; left out, the requested name is passed on."},
    {.path = "models.*.targets[].weight", .kind = kind::decimal, .fallback = "1", .max = 1'000'000,
     .limit = "and not all 0", .meaning = "Its part of the traffic is weight / sum of weights."},
    {.path = "models.*.canary", .limit = "a target's name, beside another",
     .meaning = "The target that `ctl canary` moves; the others share the rest by weight."},
    {.path = "models.*.sticky", .fallback = "none", .limit = "`none`, `key`, `user` or `header:NAME`",
     .meaning = "What keeps a client on the same target."},

    {.path = "keys[].id", .limit = name_rule, .required = true,
     .meaning = "Unique; stands in metrics and logs."},
    {.path = "keys[].hash", .limit = "`sha256:` and 64 lower-case hex digits, unique", .required = true,
     .meaning = "SHA-256 of the whole key, as `sluice key new` prints it."},
    {.path = "keys[].tenant", .fallback = "default", .limit = name_rule,
     .meaning = "Whom the key belongs to."},
    {.path = "keys[].models", .kind = kind::texts, .fallback = "[\"*\"]",
     .limit = "a list of models, aliases, `prefix*` or `*`", .meaning = "What the key may use."},
    {.path = "keys[].limits.requests", .kind = kind::rate,
     .meaning = "Requests in a time, exact over all workers. Left out: unlimited."},
    {.path = "keys[].limits.burst", .kind = kind::count, .fallback = "one second of the rate, at least 1",
     .min = 1, .max = 1'000'000'000, .limit = "only with `requests`; refilled within 3650d",
     .meaning = "Requests admitted at once."},
    {.path = "keys[].limits.concurrent", .kind = kind::count, .min = 1, .max = 1'000'000'000,
     .meaning = "Requests in flight. Left out: unlimited."},
    {.path = "keys[].limits.max_wait", .kind = kind::duration, .fallback = "0", .max = hour,
     .limit = "only with `requests`",
     .meaning = "How long a request may wait for its turn before it gets 429."},
    {.path = "keys[].may_choose_target", .kind = kind::boolean, .fallback = "false",
     .meaning = "Whether `x-sluice-target` is honoured."},
};

constexpr std::string_view later[] = {
    "state.redis", "metrics", "models.*.fallbacks", "models.*.retry", "models.*.breaker", "models.*.hedge",
    "models.*.shadow", "models.*.rollout", "models.*.context_window", "models.*.price", "keys[].budget",
    "keys[].limits.tokens",
};
// clang-format on

// `path` itself, or something below it.
bool is_below(std::string_view path, std::string_view above)
{
    return path.starts_with(above)
           && (path.size() == above.size() || path[above.size()] == '.'
               || path[above.size()] == '[');
}

std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row[b.size()];
}

std::string bound(const schema_row& row, std::uint64_t value)
{
    switch (row.kind) {
    case kind::duration:
        return format_duration(milliseconds(static_cast<std::int64_t>(value)));
    case kind::size:
        return format_size(value);
    default:
        return std::to_string(value);
    }
}

std::string range(const schema_row& row)
{
    return bound(row, row.min) + " to " + bound(row, row.max) + (row.zero ? ", or 0" : "");
}

std::string_view kind_name(value_kind of)
{
    constexpr std::string_view names[] = {
        "text",
        "list of texts",
        "secret",
        "list of secrets",
        "choice",
        "boolean",
        "whole number",
        "number",
        "duration",
        "size",
        "rate"};
    return names[static_cast<std::size_t>(of)];
}

}  // namespace

std::span<const schema_row> schema()
{
    return rows;
}

const schema_row* find_row(std::string_view path)
{
    const auto found = std::find_if(
        std::begin(rows), std::end(rows), [&](const schema_row& row) { return row.path == path; });
    return found == std::end(rows) ? nullptr : found;
}

std::vector<std::string_view> names_below(std::string_view path)
{
    std::vector<std::string_view> names;
    for (const auto& row : rows) {
        std::string_view rest = row.path;
        if (!path.empty()) {
            if (!rest.starts_with(path) || rest.substr(path.size(), 1) != ".")
                continue;
            rest.remove_prefix(path.size() + 1);
        }
        names.push_back(rest.substr(0, rest.find_first_of(".[")));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

bool comes_later(std::string_view path)
{
    return std::any_of(std::begin(later), std::end(later), [&](std::string_view one) {
        return is_below(path, one);
    });
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> known)
{
    std::string_view best;
    std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
    if (name.size() > 256)
        return best;
    for (const auto candidate : known) {
        const std::size_t distance = edit_distance(name, candidate);
        // A slip leaves more than half of the word standing.
        if (distance < least && 2 * distance <= candidate.size()) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

std::string allowed(const schema_row& row)
{
    std::string text;
    switch (row.kind) {
    case kind::boolean:
        text = "true or false";
        break;
    case kind::rate:
        text = "1 to 1000000000 per s, min, h or d, as 50/s or 3000/min";
        break;
    case kind::choice:
        for (const auto choice : row.choices)
            text += (text.empty() ? "" : ", ") + std::string(choice);
        break;
    case kind::count:
    case kind::decimal:
    case kind::duration:
    case kind::size:
        text = range(row);
        break;
    default:
        break;
    }
    if (!row.limit.empty())
        text += (text.empty() ? "" : ", ") + std::string(row.limit);
    return text;
}

std::string schema_table()
{
    std::string table = "| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
    for (const auto& row : rows) {
        const bool words = row.fallback.find(' ') != std::string_view::npos;
        const std::string mark = words ? "" : "`";
        const std::string fallback = row.required ? "(required)"
                                     : row.fallback.empty()
                                         ? "none"
                                         : mark + std::string(row.fallback) + mark;
        table += "| `" + std::string(row.path) + "` | " + std::string(kind_name(row.kind)) + " | "
                 + fallback + " | " + allowed(row) + " | " + std::string(row.meaning)
                 + (row.restart ? " Read at start only." : "") + " |\n";
    }
    return table;
}

}  // namespace sluice::config
