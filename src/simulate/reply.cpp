#include <sluice/base/text.hpp>
#include <sluice/simulate/reply.hpp>

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace sluice::simulate {

fields& fields::add(std::string_view name, std::string_view value)
{
    text_ += name;
    text_ += ": ";
    text_ += value;
    text_ += "\r\n";
    return *this;
}

fields& fields::add_all(const fields& others)
{
    text_ += others.text_;
    return *this;
}

std::string make_head(unsigned status, const fields& lines)
{
    const std::string_view reason =
        boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
    return "HTTP/1.1 " + std::to_string(status) + ' ' + std::string(reason) + "\r\n" + lines.text()
           + "\r\n";
}

std::string chunk(std::string_view bytes)
{
    std::array<char, 20> size{};
    const int digits = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
    std::string out;
    out.reserve(bytes.size() + 24);
    out.append(size.data(), static_cast<std::size_t>(digits));
    out += bytes;
    out += "\r\n";
    return out;
}

std::string retry_after_value(
    retry_after_form form, duration left, std::chrono::system_clock::time_point now)
{
    const auto whole = std::chrono::ceil<seconds>(left);
    switch (form) {
    case retry_after_form::seconds:
        return std::to_string(whole.count());
    case retry_after_form::date:
        return http_date(now + whole + seconds{1});
    case retry_after_form::junk:
        return "soon";
    case retry_after_form::none:
        break;
    }
    return {};
}

std::pair<std::string_view, std::string_view> split_character(std::string_view bytes)
{
    const auto high = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
    const auto at = std::ranges::find_if(bytes, high);
    const auto size = static_cast<std::size_t>(at - bytes.begin());
    if (size == bytes.size())
        return {bytes, {}};
    return {bytes.substr(0, size + 1), bytes.substr(size + 1)};
}

}  // namespace sluice::simulate
