#include "initiator/inspection.h"

#include <algorithm>

#include "initiator/login.h"
#include "initiator/nvme_controller.h"
#include "initiator/url_fault.h"

namespace ashlar::initiator {

namespace {

constexpr loop::Nanoseconds inspection_time = loop::seconds(10), look_interval = loop::milliseconds(20);
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
    co_return fail(ErrorCode::protocol_error, "controller", "the controller does not give its discovery log");
  std::vector<ReachableTarget> targets;
  for (const wire::nvme::DiscoveryEntry& entry : wire::nvme::decode_discovery(answer->data).entries) {
    if (entry.kind != wire::nvme::DiscoveryEntry::Kind::subsystem) continue;
    auto known = std::ranges::find(targets, entry.subsystem, &ReachableTarget::name);
    if (known == targets.end()) known = targets.insert(targets.end(), {entry.subsystem, {}});
    known->portals.push_back(loop::Endpoint{entry.address, entry.port}.text());
  }
  co_return targets;
}

bool is_up(const Path& path) { return path.state() == Path::State::up; }

/// Every path is up, or has failed once: whoever looks can look again.
bool all_settled(const Multipath& probe) {
  for (uint16_t i = 0; i < probe.path_count(); ++i)
    if (!is_up(probe.path(i)) && !probe.path(i).last_error()) return false;
  return true;
}

Error fault_of(const Path& path, const RemoteUrl& url) {
  const std::string place = fmt::format("urls[{}]", path.index());
  if (is_up(path))
    return {ErrorCode::unsupported, place, "in standby, where the unit does not tell its size"};
  if (!path.last_error()) return {ErrorCode::timed_out, place, "it does not answer"};
  Error error = fault_of_url(*path.last_error(), url.protocol, url.endpoint, place);
  // What the other side calls wrong of ours is still its answer, and nothing wrong with what we were asked.
  if (error.code == ErrorCode::invalid_argument || error.code == ErrorCode::out_of_range)
    error.code = ErrorCode::protocol_error;
  return error;
}

/// By one path it is its fault; by several, whose faults may differ, all of them.
Error nothing_found(const Multipath& probe, const std::vector<RemoteUrl>& urls) {
  Error first = fault_of(probe.path(0), urls[0]);
  if (urls.size() == 1) return first;
  std::string text;
  for (uint16_t i = 0; i < probe.path_count(); ++i) {
    const Error error = fault_of(probe.path(i), urls[i]);
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", error.place, error.message);
    if (first.code == ErrorCode::timed_out) first.code = error.code;
  }
  return {first.code, "urls", fmt::format("no path came up: {}", text)};
}

Result<Inspection> inspection_of(const Multipath& probe, const std::vector<RemoteUrl>& urls) {
  Inspection inspection;
  bool found = false;
  for (uint16_t i = 0; i < probe.path_count(); ++i) {
    const Path& path = probe.path(i);
    PathReport report{.url = urls[i].text(), .up = is_up(path)};
    if (report.up) {
      report.access = path.findings().access;
    } else {
      const Error error = fault_of(path, urls[i]);
      report.error = fmt::format("{}: {}", error.place, error.message);
    }
    inspection.paths.push_back(std::move(report));
    if (found || !is_up(path) || path.findings().block_bytes == 0) continue;
    inspection.findings = path.findings();
    found = true;
  }
  if (!found) return std::unexpected(nothing_found(probe, urls));
  return inspection;
}

}  // namespace

loop::Task<Result<std::vector<ReachableTarget>>> targets_of(loop::Loop& loop, RemoteUrl url,
                                                            RemoteOptions options) {
  if (url.protocol == Protocol::iscsi) return iscsi_targets(loop, std::move(url), std::move(options));
  return nvme_targets(loop, std::move(url), std::move(options));
}

loop::Task<Result<Inspection>> inspect(loop::Loop& loop, RemoteOptions options) {
  const std::string label = options.urls.front().text();
  auto shared = std::make_shared<RemoteShared>(std::move(options), label, loop.shards().count());
  auto probe = std::make_unique<Multipath>(loop, shared);
  probe->start();
  const loop::Instant deadline = loop.now() + inspection_time;
  while (!all_settled(*probe) && loop.now() < deadline) co_await loop::sleep_for(look_interval);
  Result<Inspection> inspection = inspection_of(*probe, shared->options.urls);
  auto stopping = probe->stop();
  co_await stopping;
  probe.reset();
  co_return inspection;
}

}  // namespace ashlar::initiator
