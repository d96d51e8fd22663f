// A small array's configuration for tests: one of each kind, all rules kept.
#pragma once

#include "api/configuration.h"

namespace ashlar::api::testing {

inline Configuration small_configuration() {
  Configuration all;
  all.pools = {{.name = "p0", .kind = "memory"}};
  all.volumes = {{.name = "db1", .pool = "p0", .size_bytes = 1u << 30}};
  all.volumes[0].identity = {.naa = "3111111111111111",
                             .eui64 = "0211111111111111",
                             .uuid = "f47ac10b-58cc-4372-a567-0e02b2c3d479",
                             .serial = "A1"};
  all.snapshots = {{.name = "db1@monday", .volume = "db1"}};
  all.hosts = {{.name = "web1", .initiators = {"iqn.1993-08.org.debian:01:web1"}}, {.name = "web2"}};
  all.hosts[0].chap = Chap{.user = "web1", .secret = "secret:00112233445566778899aabbccddeeff"};
  all.host_groups = {{.name = "web", .hosts = {"web1", "web2"}}};
  all.portals = {{.name = "san-a", .address = "192.0.2.10"}};
  all.targets = {{.name = "iqn.2026-11.io.ashlar:one", .portals = {"san-a"}}};
  all.maps = {
      {.name = "db1.web1", .volume = "db1", .target = "iqn.2026-11.io.ashlar:one", .host = "web1", .lun = 0}};
  all.groups = {{.name = "ha", .volumes = {"db1"}, .access = {{.group_tag = 1, .state = "non_optimized"}}}};
  all.isns_servers = {{.name = "isns-a", .address = "192.0.2.53"}};
  all.users = {{.name = "alice", .role = "operator"}};
  all.tokens = {{.name = "ansible", .user = "alice"}};
  all.alert_channels = {{.name = "ops", .kind = "webhook", .options = {{"url", "https://127.0.0.1/hook"}}}};
  all.alert_rules = {
      {.name = "pool-full", .metric = "pool_used_percent", .threshold = 80, .channels = {"ops"}}};
  all.settings = {{.name = "array.name", .value = "san1"}};
  return all;
}

}  // namespace ashlar::api::testing
