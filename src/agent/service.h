// What the routes work with: the parts of the agent, each owned by the program.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "access/access.h"
#include "agent/array.h"
#include "agent/event_bus.h"
#include "agent/jobs.h"
#include "api/openapi.h"
#include "http/server.h"
#include "state/database.h"
#include "storage/privileged.h"

namespace ashlar::agent {

class Authentication;
class Alarms;
class IsnsClients;
class MdnsAnnouncer;
class Telemetry;

struct Service {
  Array& array;
  EngineLink& engine;
  state::Database& database;
  EventBus& events;
  Jobs& jobs;
  Authentication& authentication;
  Alarms& alarms;
  Telemetry& telemetry;
  IsnsClients& isns;
  MdnsAnnouncer& mdns;
  storage::Privileged& privileged;
  const api::OpenApi& api;
  std::string openapi_yaml;  ///< as in the repository
  std::string page_html, page_script;
  std::string folder;  ///< of the state
  std::string certificates_folder;
  std::string version;
  std::function<void()> reload_certificates;
  std::function<int64_t()> now;
};

}  // namespace ashlar::agent
