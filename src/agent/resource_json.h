// Resources of a configuration as JSON, whatever their kind: read, replace, remove, and their ETags.
#pragma once

#include <optional>
#include <string>

#include "api/configuration.h"
#include "base/result.h"

namespace ashlar::agent {

/// not_found names the kind and the nearest name.
Result<api::Json> find_resource(const api::Configuration& configuration, const api::Kind& kind,
                                const std::string& name, api::Secrets secrets);
std::vector<api::Json> list_resources(const api::Configuration& configuration, const api::Kind& kind);
/// Replaces the resource of the name that `body` has, or adds it.
Result<void> put_resource(api::Configuration& configuration, const api::Kind& kind, const api::Json& body);
/// False: there was none.
bool remove_resource(api::Configuration& configuration, const api::Kind& kind, const std::string& name);
/// busy: something else needs it, by name.
Result<void> check_unused(const api::Configuration& configuration, const api::Kind& kind,
                          const std::string& name);

/// A strong validator (RFC 9110 8.8.3) of a resource as it is kept: changes when any of its values does, a secret too.
std::string etag_of(const api::Json& resource_with_references);
/// stale (412) when `if_match` is neither "*" nor the ETag of what is there.
Result<void> check_match(const std::string& if_match, const api::Json& resource_with_references,
                         const std::string& place);

/// RFC 7396.
void merge_patch(api::Json& target, const api::Json& patch);
/// SHA-256, lower-case hex.
std::string sha256_hex(std::string_view bytes);

}  // namespace ashlar::agent
