// For tests: a resource of each kind that the API has.
#pragma once

#include <string>
#include <vector>

#include "agent/world_test.h"

namespace ashlar::agent {

/// A resource, how it is made, and a change of it.
struct Kind {
  std::string path, name;
  api::Json body, patch;
};

/// One of each, in an order in which they can be made.
inline std::vector<Kind> kinds() {
  const std::string target = target_name;
  return {
      {"pools", "p0", {{"name", "p0"}, {"kind", "dir"}, {"path", pool_folder}}, {{"warn_percent", 70}}},
      {"portals", "san-a", {{"name", "san-a"}, {"address", "192.0.2.10"}}, {{"comment", "left"}}},
      {"targets", target, {{"name", target}}, {{"alias", "one"}}},
      {"hosts",
       "web1",
       {{"name", "web1"},
        {"initiators", {initiator_name}},
        {"chap", {{"user", "web1"}, {"secret", chap_secret}}}},
       {{"os", "linux"}}},
      {"host-groups", "web", {{"name", "web"}, {"hosts", {"web1"}}}, {{"comment", "all of them"}}},
      {"volumes", "db1", {{"name", "db1"}, {"pool", "p0"}, {"size_bytes", "1GiB"}}, {{"comment", "mine"}}},
      {"snapshots", "db1@a", {{"name", "db1@a"}}, {{"comment", "monday"}}},
      {"maps",
       "db1.web1",
       {{"volume", "db1"}, {"target", target}, {"host", "web1"}},
       {{"comment", "of web1"}}},
      {"groups",
       "ha",
       {{"name", "ha"},
        {"volumes", {"db1"}},
        {"access", {{{"group_tag", 1}, {"state", "non_optimized"}, {"preferred", true}}}}},
       {{"explicit", true}}},
      {"isns-servers", "isns-a", {{"name", "isns-a"}, {"address", "192.0.2.53"}}, {{"enabled", false}}},
      {"alert-channels",
       "ops",
       {{"name", "ops"},
        {"kind", "webhook"},
        {"options", {{"url", "https://127.0.0.1:1/hook"}}},
        {"secret", "the signing key"}},
       {{"enabled", false}}},
      {"alert-rules",
       "full",
       {{"name", "full"}, {"metric", "pool_used_percent"}, {"threshold", 80.5}, {"channels", {"ops"}}},
       {{"severity", "critical"}}},
      {"users",
       "bob",
       {{"name", "bob"}, {"role", "operator"}, {"password", "correct horse battery"}},
       {{"disabled", true}}},
      {"tokens", "ci", {{"name", "ci"}, {"user", "bob"}, {"role", "viewer"}}, {{"comment", "of the CI"}}}};
}

}  // namespace ashlar::agent
