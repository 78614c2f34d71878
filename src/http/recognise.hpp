#pragma once
// The look-up behind recognise_header(), for the one caller that needs it inline.

#include <sluice/http/names.hpp>

#include <array>
#include <cstring>

namespace sluice::http {

namespace names {

inline constexpr std::array<std::string_view, header_count> header_names{
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "cookie",
    "set-cookie",
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "content-type",
    "content-encoding",
    "accept",
    "accept-encoding",
    "expect",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "via",
    "forwarded",
    "x-forwarded-for",
    "user-agent",
    "cache-control",
    "x-request-id",
    "request-id",
    "traceparent",
    "tracestate",
    "idempotency-key",
    "x-sluice-target",
    "x-sluice-timeout",
    "x-sluice-tags",
    "x-sluice-hops",
    "x-sluice-provider",
    "x-stainless-timeout",
    "x-stainless-read-timeout",
    "x-should-retry",
    "anthropic-version",
    "anthropic-beta",
    "retry-after",
    "retry-after-ms",
    "location",
    "date",
    "server",
    "alt-svc",
    "strict-transport-security",
};

// A perfect hash over the length and three octets; | 0x20 lowers letters and leaves the other
// octets of known names as they are.
struct perfect_hash {
    static constexpr unsigned slot_bits = 9;

    std::uint32_t multiplier = 0;
    std::array<header, 1U << slot_bits> slots{};

    [[nodiscard]] static constexpr std::uint32_t key(std::string_view name) noexcept
    {
        const auto octet = [name](std::size_t at) {
            return static_cast<std::uint32_t>(static_cast<unsigned char>(name[at]) | 0x20U);
        };
        const std::size_t size = name.size();
        return octet(0) | octet(size * 3 / 4) << 8U | octet(size - 1) << 16U
               | static_cast<std::uint32_t>(size) << 24U;
    }

    [[nodiscard]] constexpr std::size_t slot(std::string_view name) const noexcept
    {
        return (key(name) * multiplier) >> (32U - slot_bits);
    }

    [[nodiscard]] constexpr bool place_all() noexcept
    {
        slots.fill(header::other);
        for (std::size_t i = 0; i < header_count; ++i) {
            header& place = slots[slot(header_names[i])];
            if (place != header::other)
                return false;
            place = static_cast<header>(i);
        }
        return true;
    }
};

consteval perfect_hash find_perfect_hash()
{
    perfect_hash hash;
    hash.multiplier = 0x9e3779b1U;
    while (!hash.place_all())
        hash.multiplier += 0x3c6ef362U;
    return hash;
}

inline constexpr perfect_hash known = find_perfect_hash();
inline constexpr std::size_t longest_name =
    header_names[static_cast<std::size_t>(header::strict_transport_security)].size();

template <class Word>
[[nodiscard]] inline bool same_word(const char* name, const char* lower_case) noexcept
{
    Word a;
    Word b;
    std::memcpy(&a, name, sizeof a);
    std::memcpy(&b, lower_case, sizeof b);
    return (a | static_cast<Word>(0x2020202020202020U)) == b;
}

[[nodiscard]] inline bool same(const char* name, const char* lower_case, std::size_t size) noexcept
{
    if (size >= 8) {
        for (std::size_t i = 0; i + 8 < size; i += 8)
            if (!same_word<std::uint64_t>(name + i, lower_case + i))
                return false;
        return same_word<std::uint64_t>(name + size - 8, lower_case + size - 8);
    }
    if (size >= 4)
        return same_word<std::uint32_t>(name, lower_case)
               && same_word<std::uint32_t>(name + size - 4, lower_case + size - 4);
    return same_word<std::uint16_t>(name, lower_case)
           && same_word<std::uint16_t>(name + size - 2, lower_case + size - 2);
}

}  // namespace names

[[nodiscard]] inline header recognise(std::string_view name) noexcept
{
    if (name.size() < 2 || name.size() > names::longest_name)
        return header::other;
    const header id = names::known.slots[names::known.slot(name)];
    if (id == header::other)
        return id;
    const std::string_view candidate = names::header_names[static_cast<std::size_t>(id)];
    const bool equal =
        candidate.size() == name.size() && names::same(name.data(), candidate.data(), name.size());
    return equal ? id : header::other;
}

}  // namespace sluice::http
