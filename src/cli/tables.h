// How each kind of thing looks as a table.
#pragma once

#include <vector>

#include "cli/table.h"
#include "rpc/status.h"

namespace ashlar::cli {

Table table_of(const std::vector<rpc::VolumeStatus>& volumes);
Table table_of(const std::vector<rpc::SessionStatus>& sessions);
Table table_of(const std::vector<rpc::TargetStatus>& targets);
Table table_of(const std::vector<rpc::HostStatus>& hosts);
Table table_of(const std::vector<rpc::PortalStatus>& portals);
Table table_of(const std::vector<rpc::VolumeStats>& volumes);
Table table_of(const std::vector<rpc::ShardStats>& shards);
Table table_of(const std::vector<rpc::StepReport>& steps);

}  // namespace ashlar::cli
