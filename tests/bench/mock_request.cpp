#include "mock_request.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::bench {
namespace {

// The value of a field, its name given in lower case; empty when absent.
std::string_view field_of(std::string_view head, std::string_view name)
{
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;
         at = head.find("\r\n", at + 2)) {
        const std::string_view line = head.substr(at + 2);
        if (line.size() <= name.size() || line[name.size()] != ':')
            continue;
        if (!std::ranges::equal(line.substr(0, name.size()), name, [](char a, char b) {
                return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b;
            }))
            continue;
        std::string_view value = line.substr(name.size() + 1);
        value = value.substr(0, value.find("\r\n"));
        const std::size_t first = value.find_first_not_of(' ');
        return first == std::string_view::npos ? std::string_view{} : value.substr(first);
    }
    return {};
}

bool says(std::string_view body, std::string_view member)
{
    constexpr std::size_t window = 1024;
    const std::string_view front = body.substr(0, window);
    const std::string_view back = body.size() > window ? body.substr(body.size() - window) : front;
    for (const std::string_view part : {back, front}) {
        const std::size_t at = part.find(member);
        if (at == std::string_view::npos)
            continue;
        const std::string_view rest = part.substr(at + member.size());
        return rest.substr(std::min(rest.find_first_not_of(' '), rest.size())).starts_with("true");
    }
    return false;
}

}  // namespace

mock_request read_request(std::string_view bytes)
{
    mock_request request;
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos)
        return request;
    const std::string_view head = bytes.substr(0, end + 2);
    std::size_t length = 0;
    const std::string_view text = field_of(head, "content-length");
    const char* const last = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), last, length);
    const bool bad_length = !text.empty() && (error != std::errc{} || stop != last);
    if (bad_length || !field_of(head, "transfer-encoding").empty()) {
        request.found = mock_request::state::refused;
        return request;
    }
    request.bytes = end + 4 + length;
    if (bytes.size() < request.bytes)
        return request;
    const std::string_view body = bytes.substr(end + 4, length);
    request.found = mock_request::state::whole;
    request.post = head.starts_with("POST ");
    request.close = field_of(head, "connection") == "close";
    request.stream = says(body, "\"stream\":");
    request.usage = request.stream && says(body, "\"include_usage\":");
    return request;
}

}  // namespace sluice::bench
