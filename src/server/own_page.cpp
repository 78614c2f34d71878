#include "own_page.hpp"

#include <sluice/base/text.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <string>

namespace sluice::server {
namespace {

namespace http = boost::beast::http;

// "127.0.0.1:9090", "localhost", "[::1]:9090".
bool names_this_machine(std::string_view host)
{
    const auto bracket = host.find(']');
    const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
    auto name = host.substr(0, std::min(colon, host.size()));
    if (name.starts_with('[') && name.ends_with(']'))
        name = name.substr(1, name.size() - 2);
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(std::string(name), ec);
    return iequals(name, "localhost") || (!ec && address.is_loopback());
}

bool is_own(const admin_request& request, bool has_token)
{
    const auto site = view(request["sec-fetch-site"]);
    if (!site.empty() && site != "same-origin" && site != "none")
        return false;
    if (request.count(http::field::origin) == 0 || (has_token && site == "same-origin"))
        return true;
    const auto origin = view(request[http::field::origin]);
    const auto scheme = origin.find("://");
    return scheme != std::string_view::npos
           && iequals(origin.substr(scheme + 3), view(request[http::field::host]));
}

}  // namespace

std::optional<admin_response> refuse_host(const admin_request& request)
{
    const auto host = view(request[http::field::host]);
    if (host.empty() || names_this_machine(host))
        return std::nullopt;
    return error_answer(admin_error{
        .status = 403,
        .code = "host_not_allowed",
        .message = "without admin.token the admin address answers for 127.0.0.1, [::1] and "
                   "localhost only, not for '"
                   + std::string(host) + "'"});
}

std::optional<admin_response> refuse_page(const admin_request& request, bool has_token)
{
    if (is_own(request, has_token))
        return std::nullopt;
    return error_answer(admin_error{
        .status = 403,
        .code = "origin_not_allowed",
        .message = "the admin API is for no web page but its own console"});
}

}  // namespace sluice::server
