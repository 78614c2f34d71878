#pragma once
// Whom the gateway believes to be a provider. To read the system's authorities takes OpenSSL tens
// of milliseconds and a megabyte: it is done once for all providers and workers, and by none of
// these.

#include <sluice/config/environment.hpp>
#include <sluice/config/snapshot.hpp>
#include <sluice/net/tls.hpp>
#include <sluice/observe/log.hpp>

#include <map>
#include <string>
#include <vector>

namespace sluice::server {

class provider_trust {
public:
    provider_trust(const config::environment& environment, observe::logger& log);

    // By provider index; empty for what is not encrypted. The same as the last time unless its file
    // is another one since. What cannot be loaded is logged, and stays what it was.
    [[nodiscard]] std::vector<net::tls_context> of(const config::snapshot& config);

private:
    struct loaded {
        std::string files;  // what they were, as far as that shows without reading them
        net::tls_context context;
    };

    [[nodiscard]] loaded load(const std::string& ca_file, loaded before);

    observe::logger& log_;
    std::vector<std::string> system_;    // where the system's authorities are
    std::map<std::string, loaded> all_;  // by CA file; of the last time
};

}  // namespace sluice::server
