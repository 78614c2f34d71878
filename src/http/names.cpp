#include "recognise.hpp"
#include <sluice/http/names.hpp>

#include <array>
#include <cstring>

namespace sluice::http {

method recognise_method(std::string_view text) noexcept
{
    switch (text.size()) {
    case 3:
        return text == "GET" ? method::get : text == "PUT" ? method::put : method::other;
    case 4:
        return text == "POST" ? method::post : text == "HEAD" ? method::head : method::other;
    case 5:
        return text == "PATCH" ? method::patch : text == "TRACE" ? method::trace : method::other;
    case 6:
        return text == "DELETE" ? method::del : method::other;
    case 7:
        return text == "OPTIONS"   ? method::options
               : text == "CONNECT" ? method::connect
                                   : method::other;
    default:
        return method::other;
    }
}

header recognise_header(std::string_view name) noexcept
{
    return recognise(name);
}

std::string_view name_of(header id) noexcept
{
    return id == header::other ? std::string_view{}
                               : names::header_names[static_cast<std::size_t>(id)];
}

}  // namespace sluice::http
