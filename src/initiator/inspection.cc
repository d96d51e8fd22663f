#include "initiator/inspection.h"

#include <algorithm>

#include "initiator/login.h"
#include "initiator/nvme_controller.h"

namespace ashlar::initiator {

namespace {

constexpr loop::Nanoseconds inspection_time = loop::seconds(10), further_time = loop::seconds(1);
constexpr size_t discovery_log_bytes = 256 << 10;

loop::Task<Result<std::vector<ReachableTarget>>> iscsi_targets(loop::Loop& loop, RemoteUrl url,
                                                               RemoteOptions options) {
  LoginOptions login;
  login.endpoint = url.endpoint;
  login.initiator_name = options.initiator_name;
  login.chap = options.credentials.chap;
  auto discovering = discover(loop, std::move(login));
  const Result<std::vector<DiscoveredTarget>> found = co_await discovering;
  CO_TRY(found);
  std::vector<ReachableTarget> targets;
  for (const DiscoveredTarget& each : *found) {
    targets.push_back({each.name, {}});
    for (const DiscoveredPortal& portal : each.portals) targets.back().portals.push_back(portal.address);
    // None is told when it is the one that was asked (RFC 7143 Appendix C).
    if (each.portals.empty()) targets.back().portals.push_back(url.endpoint.text());
  }
  co_return targets;
}

loop::Task<Result<std::vector<ReachableTarget>>> nvme_targets(loop::Loop& loop, RemoteUrl url,
                                                              RemoteOptions options) {
  NvmeQueueOptions queue;
  queue.endpoint = url.endpoint;
  queue.subsystem = wire::nvme::discovery_name;
  queue.host_name = options.host_name;
  queue.host_id = options.host_id;
  queue.answer_timeout = inspection_time;
  queue.proof = options.credentials.proof;
  auto attaching = NvmeController::attach(loop, std::move(queue), 0);
  Result<std::unique_ptr<NvmeController>> attached = co_await attaching;
  if (!attached) co_return std::unexpected(attached.error());
  const std::unique_ptr<NvmeController> controller = std::move(*attached);
  auto reading = controller->log({.page = wire::nvme::LogPage::discovery, .bytes = discovery_log_bytes});
  const Result<NvmeAnswer> answer = co_await reading;
  CO_TRY(answer);
  if (!answer->ok())
    co_return fail(ErrorCode::protocol_error, url.endpoint.text(),
                   "the controller does not give its discovery log");
  std::vector<ReachableTarget> targets;
  for (const wire::nvme::DiscoveryEntry& entry : wire::nvme::decode_discovery(answer->data).entries) {
    if (entry.kind != wire::nvme::DiscoveryEntry::Kind::subsystem) continue;
    auto known = std::ranges::find(targets, entry.subsystem, &ReachableTarget::name);
    if (known == targets.end()) known = targets.insert(targets.end(), {entry.subsystem, {}});
    known->portals.push_back(loop::Endpoint{entry.address, entry.port}.text());
  }
  co_return targets;
}

}  // namespace

loop::Task<Result<std::vector<ReachableTarget>>> targets_of(loop::Loop& loop, RemoteUrl url,
                                                            RemoteOptions options) {
  if (url.protocol == RemoteUrl::Protocol::iscsi)
    return iscsi_targets(loop, std::move(url), std::move(options));
  return nvme_targets(loop, std::move(url), std::move(options));
}

loop::Task<Result<Inspection>> inspect(loop::Loop& loop, RemoteOptions options) {
  const std::string label = options.urls.front().text();
  auto shared = std::make_shared<RemoteShared>(std::move(options), label, loop.shards().count());
  auto probe = std::make_unique<Multipath>(loop, shared);
  probe->start();
  auto finding = probe->first_findings(inspection_time);
  Result<Findings> found = co_await finding;
  if (found && probe->path_count() > 1) co_await loop::sleep_for(further_time);
  Inspection inspection;
  for (uint16_t i = 0; i < probe->path_count(); ++i) {
    const Path& path = probe->path(i);
    PathReport report{.url = shared->options.urls[i].text()};
    report.up = path.state() == Path::State::up;
    if (report.up) report.access = path.findings().access;
    if (!report.up) report.error = path.last_error() ? path.last_error()->message : "it does not answer";
    inspection.paths.push_back(std::move(report));
  }
  auto stopping = probe->stop();
  co_await stopping;
  probe.reset();
  CO_TRY(found);
  inspection.findings = std::move(*found);
  co_return inspection;
}

}  // namespace ashlar::initiator
