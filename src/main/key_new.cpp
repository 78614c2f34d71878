#include "key_new.hpp"

#include <sluice/config/key.hpp>

#include <ostream>
#include <stdexcept>
#include <string>

namespace sluice {

int run_key_new(const key_new_options& options, std::ostream& out, std::ostream& err)
{
    std::string key;
    std::string hash;
    try {
        key = config::new_key();
        hash = config::key_hash(key);
    } catch (const std::runtime_error& error) {
        err << "sluice key new: " << error.what() << '\n';
        return 1;
    }
    const std::string tenant = options.tenant.empty() ? "default" : options.tenant;
    // Four digits of the hash, not of the key; before them as much of the tenant as a name may
    // have.
    constexpr std::size_t most = 59;
    const std::string id =
        options.id.empty() ? tenant.substr(0, most) + '-' + hash.substr(7, 4) : options.id;
    if (!config::is_name(tenant) || !config::is_name(id)) {
        err << "sluice key new: a tenant or id has to be 1 to 64 of A-Z a-z 0-9 . _ -\n";
        return 2;
    }
    out << key << "\n\n"
        << "# The key is shown only now. Its entry in the configuration:\n"
        << "keys:\n"
        << "  - id: \"" << id << "\"\n"
        << "    hash: \"" << hash << "\"\n"
        << "    tenant: \"" << tenant << "\"\n"
        << "    models: [\"*\"]\n";
    return 0;
}

}  // namespace sluice
