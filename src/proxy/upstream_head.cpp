#include <sluice/base/text.hpp>
#include <sluice/http/writer.hpp>
#include <sluice/proxy/answer.hpp>
#include <sluice/proxy/services.hpp>
#include <sluice/proxy/upstream_head.hpp>
#include <sluice/wire/redact.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::proxy {
namespace {

using http::bit;
using http::header;

// What a provider has no business to see, or what is written anew.
constexpr std::uint64_t not_to_provider =
    bit(header::authorization) | bit(header::x_api_key) | bit(header::x_goog_api_key)
    | bit(header::cookie) | bit(header::host) | bit(header::content_length)
    | bit(header::accept_encoding) | bit(header::expect) | bit(header::forwarded)
    | bit(header::x_forwarded_for) | bit(header::via) | bit(header::x_sluice_target)
    | bit(header::x_sluice_timeout) | bit(header::x_sluice_tags) | bit(header::x_sluice_hops)
    | bit(header::x_sluice_provider) | bit(header::x_request_id);

// What belongs to the provider's own connection or origin, or is written anew.
constexpr std::uint64_t not_to_client =
    bit(header::content_length) | bit(header::set_cookie) | bit(header::alt_svc)
    | bit(header::strict_transport_security) | bit(header::via) | bit(header::x_request_id)
    | bit(header::x_sluice_target) | bit(header::x_sluice_hops);

constexpr bool in(std::uint64_t set, header id) noexcept
{
    return id != header::other && (set & bit(id)) != 0;
}

bool starts_with(std::string_view name, std::string_view lower_prefix) noexcept
{
    return name.size() >= lower_prefix.size()
           && iequals(name.substr(0, lower_prefix.size()), lower_prefix);
}

bool ends_with(std::string_view name, std::string_view lower_suffix) noexcept
{
    return name.size() >= lower_suffix.size()
           && iequals(name.substr(name.size() - lower_suffix.size()), lower_suffix);
}

// What follows the "x-" of a name, as a lower-case letter; 0: it does not begin so.
char extension_of(std::string_view name) noexcept
{
    return name.size() > 2 && lower(name[0]) == 'x' && name[1] == '-' ? lower(name[2]) : '\0';
}

// Who is in front of the gateway is no provider's business.
bool names_the_client(std::string_view name) noexcept
{
    switch (extension_of(name)) {
    case 'f':
        return starts_with(name, "x-forwarded-");
    case 'r':
        return starts_with(name, "x-real-ip");
    default:
        return false;
    }
}

// Belongs to the provider's key: a second credential, or which account is to pay. With another
// one's, the provider would refuse a key that is good.
bool belongs_to_the_key(std::string_view name) noexcept
{
    switch (lower(name.back())) {
    case 'y':
        return ends_with(name, "api-key");
    case 'n':
        return ends_with(name, "authorization") || iequals(name, "openai-organization");
    case 't':
        return iequals(name, "openai-project") || iequals(name, "x-goog-user-project");
    default:
        return false;
    }
}

// Names of the gateway's own that a provider (a gateway itself, perhaps) must not set for it, and
// the provider's limits where the key has its own.
bool is_ours(std::string_view name, const config::key& own) noexcept
{
    switch (extension_of(name)) {
    case 's':
        return starts_with(name, "x-sluice-");
    case 'r':
        return starts_with(name, "x-ratelimit-")
               && ((own.limits.requests && name.ends_with("requests"))
                   || (own.limits.tokens && name.ends_with("tokens")));
    default:
        return false;
    }
}

// What a vendor added to a trace says nothing about another one.
std::uint64_t replaced(const observe::trace& trace) noexcept
{
    return bit(header::traceparent) | (trace.begun_here ? bit(header::tracestate) : 0);
}

// The attempt's span is what the provider's hang under.
void write_traceparent(http::head_writer& to, const observe::attempt_trace& trace) noexcept
{
    auto here = trace.of->own;
    here.span = trace.id;
    const auto text = http::text_of(here);
    to.field(header::traceparent, std::string_view(text.data(), text.size()));
}

unsigned hops_of(const http::request_head& head) noexcept
{
    const auto text = head.find(header::x_sluice_hops);
    unsigned passed = 0;
    std::from_chars(text.data(), text.data() + text.size(), passed);
    return passed;
}

// scheme, host and path of a provider's URL up to its endpoint, and the client's query.
class target_text {
public:
    target_text(const question& asked, const config::provider& to)
    {
        add(to.path_prefix);
        add(wire::path_of(asked.facts.where));
        if (!asked.head.query().empty()) {
            add("?");
            add(asked.head.query());
        }
    }
    [[nodiscard]] std::string_view view() const noexcept
    {
        return long_.empty() ? std::string_view{short_.data(), size_} : std::string_view{long_};
    }

private:
    void add(std::string_view text)
    {
        if (long_.empty() && text.size() <= short_.size() - size_) {
            size_ += text.copy(short_.data() + size_, text.size());
            return;
        }
        if (long_.empty())
            long_.assign(short_.data(), size_);
        long_ += text;
    }

    std::array<char, 256> short_;
    std::size_t size_ = 0;
    std::string long_;
};

// A client's head may be as long as limits.head_bytes says, a provider's as long as is taken, and
// the gateway's own fields come on top.
constexpr std::size_t most_head = std::size_t{2} << 20U;

template <class Write>
std::string_view written(std::vector<char>& memory, const Write& write)
{
    for (;;) {
        http::head_writer to(memory);
        write(to);
        const auto text = to.finish();
        if (!to.overflowed() || memory.size() >= most_head)
            return text;
        memory.resize(2 * memory.size());
    }
}

// Overwrites the provider's keys where its answer echoes them. The fields lie in memory of ours
// that nobody else reads any more. True: there were some.
bool mask_keys(const http::field_table& fields, std::span<const std::string> keys)
{
    if (fields.size() == 0)
        return false;
    const auto first = fields[0].name;
    const auto last = fields[fields.size() - 1].value;
    const auto bytes = static_cast<std::size_t>(last.data() + last.size() - first.data());
    if (!wire::contains_secret({first.data(), bytes}, keys))
        return false;
    for (const auto field : fields)
        wire::redact(
            std::span<char>(const_cast<char*>(field.value.data()), field.value.size()), keys);
    return true;
}

}  // namespace

std::string_view write_request_head(
    services& with, const question& asked, const attempt& one, std::size_t body_bytes)
{
    const target_text target(asked, *one.provider);
    const auto* const trace = one.trace.of;
    const auto dropped = trace == nullptr ? not_to_provider : not_to_provider | replaced(*trace);
    return written(with.out, [&](http::head_writer& to) {
        to.request_line("POST", target.view());
        to.lines(asked.serving.provider_lines[one.target->provider][one.credential]);
        to.copy_if(asked.head.fields(), [dropped](const http::field& each) {
            const bool drop =
                each.hop_by_hop || in(dropped, each.id)
                || (each.id == header::other
                    && (names_the_client(each.name) || belongs_to_the_key(each.name)));
            return !drop;
        });
        to.field(header::content_length, body_bytes);
        to.trusted("x-request-id: ", asked.request_id);
        to.field(header::x_sluice_hops, hops_of(asked.head) + 1);
        if (trace != nullptr)
            write_traceparent(to, one.trace);
    });
}

namespace {

void write_framing(
    http::head_writer& to,
    const http::response_head& answer,
    const exchange& x,
    transfer::framing framing) noexcept
{
    switch (framing) {
    case transfer::framing::none:
        if (answer.status() != 204 && answer.status() != 304)
            to.field(header::content_length, std::uint64_t{0});
        break;
    case transfer::framing::length:
        to.field(header::content_length, answer.content_length());
        break;
    case transfer::framing::chunked:
        to.field(header::transfer_encoding, "chunked");
        break;
    case transfer::framing::until_close:
        break;
    }
    if (!x.keep_alive || framing == transfer::framing::until_close)
        to.field(header::connection, "close");
    else if (x.head.minor_version() == 0)
        to.field(header::connection, "keep-alive");
}

}  // namespace

std::string_view write_answer_head(
    services& with, const exchange& x, const transfer& body, const charge& known)
{
    const auto& answer = x.tried->response;
    if (mask_keys(answer.fields(), x.tried->provider->api_keys))
        with.cells.redactions.add();
    return written(with.out, [&](http::head_writer& to) {
        to.status_line(answer.status());
        to.copy_if(answer.fields(), [&x](const http::field& each) {
            const bool drop = each.hop_by_hop || in(not_to_client, each.id)
                              || (each.id == header::other && is_ours(each.name, *x.key))
                              || (x.exhausted && each.id == header::x_should_retry);
            return !drop;
        });
        if (answer.has(header::x_request_id))
            to.field("x-upstream-request-id", answer.find(header::x_request_id));
        write_own_fields(to, x);
        write_cost(to, known, x.dollars.view());
        write_framing(to, answer, x, body.to());
    });
}

}  // namespace sluice::proxy
