#include <sluice/base/random.hpp>
#include <sluice/simulate/script.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace sluice::simulate {
namespace {

// FNV-1a: the same input has the same vector in every process.
std::uint64_t hash_of(std::string_view text)
{
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
}

std::vector<float> vector_of(std::string_view input, std::uint32_t dimensions)
{
    random_engine draws{hash_of(input)};
    std::vector<double> raw(dimensions);
    double squares = 0;
    for (double& value : raw) {
        value = draws.uniform() - 0.5;
        squares += value * value;
    }
    std::vector<float> unit(dimensions);
    std::ranges::transform(
        raw, unit.begin(), [&](double v) { return static_cast<float>(v / std::sqrt(squares)); });
    return unit;
}

std::string base64_of(const std::vector<float>& values)
{
    static_assert(std::endian::native == std::endian::little);
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    std::string out;
    out.reserve(bytes.size() / 3 * 4 + 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8U
                    | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            out += i + k > bytes.size() ? '=' : digits[group >> (18U - 6U * k) & 63U];
    }
    return out;
}

std::string decimal(const std::vector<float>& values)
{
    std::string out = "[";
    std::array<char, 32> text{};
    for (const float value : values) {
        const int length =
            std::snprintf(text.data(), text.size(), "%.9g", static_cast<double>(value));
        if (out.size() > 1)
            out += ',';
        out.append(text.data(), static_cast<std::size_t>(length));
    }
    return out + ']';
}

}  // namespace

std::string embeddings_body(const api_request& request, const behaviour& how)
{
    std::string out = R"("object":"list","model":)" + json_string(request.model) + R"(,"data":[)";
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < request.inputs.size(); ++i) {
        const auto values = vector_of(request.inputs[i], request.dimensions);
        bytes += request.inputs[i].size();
        out += (i == 0 ? R"({"object":"embedding","index":)" : R"(,{"object":"embedding","index":)")
               + std::to_string(i) + R"(,"embedding":)"
               + (request.base64 ? json_string(base64_of(values)) : decimal(values)) + '}';
    }
    out += ']';
    if (how.usage == usage_place::nowhere)
        return out;
    const std::string tokens = std::to_string(std::max<std::size_t>(1, bytes / 4));
    return out + R"(,"usage":{"prompt_tokens":)" + tokens + R"(,"total_tokens":)" + tokens + '}';
}

}  // namespace sluice::simulate
