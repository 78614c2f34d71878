#include "version.hpp"

#include <sluice/base/build_info.hpp>

#include <boost/version.hpp>
#include <openssl/crypto.h>
#include <simdjson.h>

#include <CLI/Version.hpp>
#include <algorithm>

namespace sluice {
namespace {

#define SLUICE_TEXT_OF(token) #token
#define SLUICE_TEXT(macro) SLUICE_TEXT_OF(macro)

std::string dotted(std::string_view underscored)
{
    std::string out(underscored);
    std::ranges::replace(out, '_', '.');
    return out;
}

}  // namespace

std::string version_text()
{
    const auto& build = this_build();
    std::string out = "sluice " + std::string(build.version);
    out += "\ncommit          " + std::string(build.commit);
    out +=
        "\ncompiler        " + std::string(build.compiler) + ", " + std::string(build.build_type);
    out += "\nBoost           " + dotted(BOOST_LIB_VERSION);
    out += "\nOpenSSL         " + std::string(OpenSSL_version(OPENSSL_VERSION_STRING));
    out += "\nsimdjson        " SLUICE_TEXT(SIMDJSON_VERSION);
    out += "\nyaml-cpp        " SLUICE_YAML_CPP_VERSION;
    out += "\nprometheus-cpp  " SLUICE_PROMETHEUS_CPP_VERSION;
    out += "\nCLI11           " CLI11_VERSION;
    return out;
}

}  // namespace sluice
