#pragma once
// What has limits in a configuration, by names that are the same in every process that has it.

#include <sluice/config/snapshot.hpp>

#include <cstddef>
#include <functional>
#include <string>

namespace sluice::server {

// "PROVIDER:DIGEST", with the beginning of the SHA-256 of its key: two of one provider are told
// apart without either being named.
[[nodiscard]] std::string credential_name(const config::provider& provider, std::size_t number);

// "key:ID", "tenant:NAME", "model:NAME", "credential:" and the name of that. Those that limit
// nothing are left out.
using quota_function = std::function<void(const std::string& name, const config::quota&)>;
void each_quota(const config::snapshot& of, const quota_function& what);

}  // namespace sluice::server
