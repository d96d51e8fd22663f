// Connect (NVMe-oF 1.1 3.3): who gets a controller, and who another queue of it.
#include <algorithm>

#include "base/log.h"
#include "nvme/authenticator.h"
#include "nvme/domain.h"

namespace ashlar::nvme {
namespace {

using wire::nvme::ConnectField;

// A queue of one entry holds nothing (NVMe base 2.0 3.3.3.1).
bool holds(const Bounds& bounds, const ConnectRequest& request) {
  const uint32_t entries = uint32_t{request.connect.queue_entries} + 1;
  return entries >= 2 && entries <= bounds.queue_entries;
}

ConnectAnswer refuse(Outcome outcome) { return {outcome, 0, nullptr}; }
ConnectAnswer wrong_entry(uint16_t offset) {
  return {refusal(Status::connect_invalid_parameters), wire::nvme::invalid_connect_parameter(offset, false),
          nullptr};
}
ConnectAnswer wrong_data(uint16_t offset) {
  return {refusal(Status::connect_invalid_parameters), wire::nvme::invalid_connect_parameter(offset, true),
          nullptr};
}

// What its port does with TLS now: the connection may be older than that.
PortTls tls_of(const Directory& directory, const ConnectRequest& request) {
  const auto found = directory.subsystems.find(*request.data.subsystem);
  const Port* const port =
      found == directory.subsystems.end() ? nullptr : found->second->find_port(request.port);
  return port == nullptr ? request.port.tls : port->tls;
}

// Who came by TLS is whom it proved, and goes where it said; who has to prove itself so does not come otherwise.
std::optional<ConnectAnswer> unfit_channel(const Directory& directory, const ConnectRequest& request) {
  const wire::nvme::ConnectData& data = request.data;
  if (request.secured) {
    ConnectAnswer answer = wrong_data(ConnectField::host);
    answer.reason = "another host proved its key in the TLS handshake";
    if (*data.host != request.secured->host) return answer;
    answer = wrong_data(ConnectField::subsystem);
    answer.reason = "the TLS handshake was for another subsystem";
    if (*data.subsystem != request.secured->subsystem) return answer;
    return {};
  }
  const bool discovery = *data.subsystem == wire::nvme::discovery_name;
  if (tls_of(directory, request) != PortTls::required &&
      (discovery || !directory.must_be_secured(*data.host)))
    return {};
  ConnectAnswer answer = refuse(refusal(Status::connect_invalid_host));
  answer.reason = "the host must come by TLS";
  return answer;
}

// DW0: the controller's id, and whether the host must prove itself now (NVMe-oF 1.1 figure 22).
ConnectAnswer admitted(const Controller& controller, std::unique_ptr<Queue> queue) {
  const uint32_t proof = queue->barred() ? wire::nvme::authentication_required_bit : 0;
  return {{}, controller.facts.id | proof, std::move(queue)};
}

}  // namespace

uint32_t Domain::shard_for(const ConnectRequest& request) {
  if (request.connect.queue_id == 0) return loop_.index();
  const std::shared_ptr<Controller> controller = controllers().find(request.data.controller_id);
  if (controller == nullptr) return loop_.index();  // refused here
  return (controller->facts.home + request.connect.queue_id - 1) % static_cast<uint32_t>(group_.size());
}

ConnectAnswer Domain::connect(QueueHost& host, const ConnectRequest& request) {
  if (request.connect.record_format != 0) return refuse(refusal(Status::connect_incompatible_format));
  if (!request.data.subsystem) return wrong_data(ConnectField::subsystem);
  if (!request.data.host) return wrong_data(ConnectField::host);
  if (std::optional<ConnectAnswer> unfit = unfit_channel(*directory_, request)) return std::move(*unfit);
  return request.connect.queue_id == 0 ? connect_admin(host, request) : connect_io(host, request);
}

ConnectAnswer Domain::connect_admin(QueueHost& host, const ConnectRequest& request) {
  const wire::nvme::ConnectData& data = request.data;
  if (data.host_id == Uuid{}) return wrong_data(ConnectField::host_id);
  const bool any = data.controller_id == wire::nvme::dynamic_controller ||
                   data.controller_id == wire::nvme::static_controller;
  ControllerFacts facts{.id = data.controller_id,
                        .discovery = *data.subsystem == wire::nvme::discovery_name,
                        .subsystem = *data.subsystem,
                        .host_name = *data.host,
                        .host_id = data.host_id,
                        .host = {},
                        .group_tag = request.port.group_tag,
                        .home = loop_.index(),
                        .local_address = request.local.text(),
                        .peer_address = request.peer.address,
                        .began_nanoseconds = loop_.now().nanoseconds,
                        .secured = request.secured.has_value(),
                        .bounds = settings().bounds};
  std::shared_ptr<const unit::HostView> view;
  Controllers::Most most{.all = settings().most_controllers};
  if (!facts.discovery) {
    const auto found = directory_->subsystems.find(facts.subsystem);
    if (found == directory_->subsystems.end() || found->second->find_port(request.port) == nullptr)
      return wrong_data(ConnectField::subsystem);
    view = found->second->view_of(facts.host_name, request.peer.address);
    if (view == nullptr) return refuse(refusal(Status::connect_invalid_host));
    facts.host = view->host;
    most.of_subsystem = found->second->most_controllers;
    most.of_host = view->max_sessions;
    facts.bounds = found->second->bounds;
  }
  if (!any && (facts.id < facts.bounds.first_controller || facts.id > facts.bounds.last_controller))
    return wrong_data(ConnectField::controller_id);
  if (!holds(facts.bounds, request)) return wrong_entry(ConnectField::queue_entries);
  const std::shared_ptr<Controller> controller =
      controllers().create(std::move(facts), most, needs_proof(view));
  if (controller == nullptr) return refuse({Status::connect_controller_busy, false});
  controller->take_queue(0, loop_.index());
  const Queue::Making making{host,
                             controller,
                             std::move(view),
                             request.port,
                             0,
                             static_cast<uint16_t>(request.connect.queue_entries + 1),
                             !request.connect.no_flow_control,
                             request.connect.keep_alive_milliseconds};
  return admitted(*controller, std::make_unique<Queue>(*this, making));
}

bool Domain::admit(Controller& controller) {
  const auto found = directory_->subsystems.find(controller.facts.subsystem);
  if (found == directory_->subsystems.end()) return false;
  const auto view = found->second->view_of(controller.facts.host_name, controller.facts.peer_address);
  if (view == nullptr) return false;
  return controllers().admit(
      controller, {.of_subsystem = found->second->most_controllers, .of_host = view->max_sessions});
}

ConnectAnswer Domain::connect_io(QueueHost& host, const ConnectRequest& request) {
  const wire::nvme::ConnectData& data = request.data;
  const std::shared_ptr<Controller> controller = controllers().find(data.controller_id);
  if (controller == nullptr) return wrong_data(ConnectField::controller_id);
  const ControllerFacts& facts = controller->facts;
  if (facts.subsystem != *data.subsystem) return wrong_data(ConnectField::subsystem);
  if (facts.host_name != *data.host) return wrong_data(ConnectField::host);
  if (facts.host_id != data.host_id) return wrong_data(ConnectField::host_id);
  if (facts.discovery || request.connect.queue_id > facts.bounds.io_queues)
    return wrong_entry(ConnectField::queue_id);
  if (facts.secured != request.secured.has_value()) {
    ConnectAnswer answer = refuse(refusal(Status::connect_invalid_host));
    answer.reason = "the queues of a controller all come by TLS, or none";
    return answer;
  }
  if (!holds(facts.bounds, request)) return wrong_entry(ConnectField::queue_entries);
  if (!controller->ready()) return refuse(refusal(Status::command_sequence_error));
  const auto found = directory_->subsystems.find(facts.subsystem);
  if (found == directory_->subsystems.end() || found->second->find_port(request.port) == nullptr)
    return wrong_data(ConnectField::subsystem);
  auto view = found->second->view_of(facts.host_name, request.peer.address);
  if (view == nullptr) return refuse(refusal(Status::connect_invalid_host));
  if (!controller->take_queue(request.connect.queue_id, loop_.index()))
    return refuse(refusal(Status::connect_controller_busy));
  controller->has_io_queues.store(true, std::memory_order_relaxed);
  const Queue::Making making{host,
                             controller,
                             std::move(view),
                             request.port,
                             request.connect.queue_id,
                             static_cast<uint16_t>(request.connect.queue_entries + 1),
                             !request.connect.no_flow_control,
                             0};
  return admitted(*controller, std::make_unique<Queue>(*this, making));
}

}  // namespace ashlar::nvme
