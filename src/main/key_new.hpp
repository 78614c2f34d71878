#pragma once
// sluice key new: a virtual key, shown this once, and the entry that lets it in.

#include <iosfwd>
#include <string>

namespace sluice {

struct key_new_options {
    std::string tenant;  // empty: "default"
    std::string id;      // empty: the tenant and four random digits
};

// Exit code: 0; 1 if the operating system gives no random bytes; 2 for a name that no key may have.
[[nodiscard]] int run_key_new(const key_new_options& options, std::ostream& out, std::ostream& err);

}  // namespace sluice
