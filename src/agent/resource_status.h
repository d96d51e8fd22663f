// The `status` of resources: what is, beside what is wished for.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/service.h"

namespace ashlar::agent {

/// Asks the engine and the pools once, when the first resource wants to know; for one request.
class ResourceStatus {
 public:
  ResourceStatus(Service& service, const api::Kind& kind)
      : service_(service), kind_(kind), wanted_(kind.path) {}
  /// For the one of that name.
  ResourceStatus(Service& service, const api::Kind& kind, const std::string& name)
      : service_(service), kind_(kind), single_(true), wanted_(fmt::format("{}/{}", kind.path, name)) {}
  /// Adds "status" to a resource's JSON.
  void add(api::Json& resource);

 private:
  void load();
  api::Json volume(const std::string& name, const api::Json& resource);
  api::Json pool(const std::string& name);
  api::Json host(const std::string& name);
  api::Json portal(const std::string& name);
  api::Json target(const std::string& name);
  api::Json group(const std::string& name);
  api::Json isns_server(const std::string& name, const api::Json& resource);
  api::Json setting(const std::string& name);
  static api::Json medium(const rpc::VolumeStatus& volume);
  std::optional<uint64_t> allocated_bytes(const std::string& pool, const std::string& backing);
  const std::map<std::string, storage::FoundBacking>& backings_of(const std::string& pool);

  Service& service_;
  const api::Kind& kind_;
  const bool single_ = false;
  const std::string wanted_;  ///< as rpc::StatusParams
  bool loaded_ = false;
  bool engine_up_ = false;
  std::map<std::string, std::string> failures_;
  std::map<std::string, rpc::VolumeStatus> volumes_;
  std::map<std::string, rpc::HostStatus> hosts_;
  std::map<std::string, rpc::PortalStatus> portals_;
  std::map<std::string, rpc::TargetStatus> targets_;
  std::map<std::string, rpc::GroupStatus> groups_;
  std::map<std::string, std::map<std::string, storage::FoundBacking>> backings_;
  std::shared_ptr<const View> view_;
};

}  // namespace ashlar::agent
