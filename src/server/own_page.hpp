#pragma once
// Whether a call may come from where it says it comes from.

#include "admin_http.hpp"

#include <optional>

namespace sluice::server {

// Where there is no token, every call has to be for this machine by its own name: another name that
// leads here is that of somebody whose page wants to look like ours (DNS rebinding), and of some of
// its calls a browser tells nothing else. None: it is.
[[nodiscard]] std::optional<admin_response> refuse_host(const admin_request& request);

// The answer to a call that a web page other than the console makes; none: it is none.
//
// Browsers tell where a page is from: by Sec-Fetch-Site, which no page can forge (W3C Fetch
// Metadata 2), or by an Origin, whose host and port have to be those the call is for.
[[nodiscard]] std::optional<admin_response> refuse_page(
    const admin_request& request, bool has_token);

}  // namespace sluice::server
