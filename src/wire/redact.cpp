#include "blocks.hpp"

#include <algorithm>
#include <sluice/wire/redact.hpp>

namespace sluice::wire {
namespace {

constexpr char mask = '*';

// Whether `text`, from its start, is a secret or the front of one, as far as either goes.
bool agrees(std::string_view text, std::string_view secret)
{
    const auto common = std::min(text.size(), secret.size());
    return text.substr(0, common) == secret.substr(0, common);
}

// Masks what lies whole within the text.
bool mask_whole(std::span<char> text, std::string_view secret)
{
    constexpr auto gap = redactor::min_secret_bytes - 1;
    bool found = false;
    const char* p = text.data();
    const char* const end = p + text.size();
    while (const char* const hit = find_pair(p, end, secret[0], secret[gap], gap)) {
        const std::string_view rest(hit, static_cast<std::size_t>(end - hit));
        p = hit + 1;
        if (!rest.starts_with(secret))
            continue;
        std::fill_n(text.data() + (hit - text.data()), secret.size(), mask);
        p = hit + secret.size();
        found = true;
    }
    return found;
}

// The length of the longest proper front of the secret that the text ends with.
std::size_t front_at_end(std::string_view text, std::string_view secret)
{
    const auto longest = std::min(text.size(), secret.size() - 1);
    for (auto rest = text.substr(text.size() - longest); !rest.empty(); rest.remove_prefix(1)) {
        const auto at = rest.find(secret[0]);
        if (at == std::string_view::npos)
            return 0;
        rest.remove_prefix(at);
        if (agrees(rest, secret))
            return rest.size();
    }
    return 0;
}

}  // namespace

// What was sent before may be the front of a secret that goes on in this piece: masks the end of it
// there, or finds that the piece is still inside it.
redactor::front redactor::go_on(std::span<char> piece) const
{
    const std::string_view sent = std::string_view(secrets_[which_]).substr(0, matched_);
    const std::string_view text(piece.data(), piece.size());
    for (std::size_t skip = 0; skip < sent.size(); ++skip) {
        const auto begin = sent.substr(skip);
        for (std::size_t i = 0; i < secrets_.size(); ++i) {
            const std::string_view secret = secrets_[i];
            if (secret.size() < min_secret_bytes || begin.size() >= secret.size()
                || !secret.starts_with(begin))
                continue;
            const auto rest = secret.substr(begin.size());
            if (!agrees(text, rest))
                continue;
            if (text.size() < rest.size())
                return {i, begin.size() + text.size()};
            std::fill_n(piece.data(), rest.size(), mask);
            return {};
        }
    }
    return {};
}

std::size_t redactor::process(std::span<char> piece)
{
    if (piece.empty())
        return 0;
    front last;
    if (matched_ != 0)
        last = go_on(piece);
    if (last.bytes == 0) {
        const std::string_view text(piece.data(), piece.size());
        for (std::size_t i = 0; i < secrets_.size(); ++i) {
            if (secrets_[i].size() < min_secret_bytes)
                continue;
            mask_whole(piece, secrets_[i]);
            if (const auto bytes = front_at_end(text, secrets_[i]); bytes > last.bytes)
                last = {i, bytes};
        }
    }
    const auto held = last.bytes < min_secret_bytes ? 0 : std::min(last.bytes, piece.size());
    which_ = last.which;
    matched_ = last.bytes - held;
    return held;
}

bool redact(std::span<char> text, std::span<const std::string> secrets)
{
    bool found = false;
    for (const auto& secret : secrets)
        if (secret.size() >= redactor::min_secret_bytes)
            found = mask_whole(text, secret) || found;
    return found;
}

bool redact(std::string& text, std::span<const std::string> secrets)
{
    return redact(std::span(text), secrets);
}

}  // namespace sluice::wire
