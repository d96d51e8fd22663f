#include "initiator/nvme_controller.h"

namespace ashlar::initiator {

using namespace wire::nvme;

namespace {

// CC: enabled, entries of 64 and 16 bytes.
constexpr uint32_t enabled = 1 | 6u << 16 | 4u << 20;

std::unexpected<Error> refused(const char* what, const NvmeAnswer& answer) {
  return fail(ErrorCode::protocol_error, "controller", "{} was refused with status {:03x}h", what,
              static_cast<unsigned>(answer.completion.outcome.status));
}

Submission admin_entry(AdminOpcode opcode) {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(opcode));
  return entry;
}

}  // namespace

Submission nvme_blocks(IoOpcode opcode, uint32_t namespace_id, uint64_t lba, uint32_t blocks) {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(opcode));
  entry.set_namespace_id(namespace_id);
  entry.set_pair(10, lba);
  entry.set_word(12, blocks - 1);
  return entry;
}

loop::Task<Result<std::unique_ptr<NvmeController>>> NvmeController::attach(loop::Loop& loop,
                                                                           NvmeQueueOptions options,
                                                                           uint16_t io_queues) {
  auto controller = std::make_unique<NvmeController>();
  options.queue_id = 0;
  auto connecting = NvmeQueue::connect(loop, options);
  Result<std::unique_ptr<NvmeQueue>> admin = co_await connecting;
  if (!admin) co_return std::unexpected(admin.error());
  controller->admin_ = std::move(*admin);
  CO_TRY(loop::Cancellation::check(options.cancellation, "controller"));
  const loop::Cancellation::Scope scope(options.cancellation, [&controller] {
    controller->admin_->close({ErrorCode::aborted, "controller", "given up"});
  });
  auto enabling = controller->set_property(Property::configuration, enabled);
  const Result<NvmeAnswer> configured = co_await enabling;
  CO_TRY(configured);
  if (!configured->ok()) co_return refused("CC", *configured);
  auto asking = controller->get_property(Property::status);
  const Result<NvmeAnswer> status = co_await asking;
  CO_TRY(status);
  if ((status->completion.result & 1) == 0) co_return refused("CC.EN", *status);
  options.controller_id = controller->id();
  options.keep_alive_milliseconds = 0;
  for (uint16_t i = 0; i < io_queues; ++i) {
    options.queue_id = static_cast<uint16_t>(i + 1);
    auto connecting_io = NvmeQueue::connect(loop, options);
    Result<std::unique_ptr<NvmeQueue>> queue = co_await connecting_io;
    if (!queue) co_return std::unexpected(queue.error());
    controller->io_.push_back(std::move(*queue));
  }
  co_return std::move(controller);
}

loop::Task<Result<NvmeAnswer>> NvmeController::identify(IdentifyKind kind, uint32_t namespace_id) {
  Submission entry = admin_entry(AdminOpcode::identify);
  entry.set_namespace_id(namespace_id);
  entry.set_word(10, static_cast<uint32_t>(kind));
  return admin_->run(entry, {}, identify_bytes);
}

loop::Task<Result<NvmeAnswer>> NvmeController::log(LogRequest request) {
  Submission entry;
  request.encode(entry);
  return admin_->run(entry, {}, static_cast<uint32_t>(request.bytes));
}

loop::Task<Result<NvmeAnswer>> NvmeController::set_feature(uint8_t feature, uint32_t value,
                                                           uint32_t namespace_id) {
  Submission entry = admin_entry(AdminOpcode::set_features);
  entry.set_namespace_id(namespace_id);
  entry.set_word(10, feature);
  entry.set_word(11, value);
  return admin_->run(entry);
}

loop::Task<Result<NvmeAnswer>> NvmeController::get_feature(uint8_t feature, uint32_t room) {
  Submission entry = admin_entry(AdminOpcode::get_features);
  entry.set_word(10, feature);
  if (room == 16) entry.set_word(11, 1);  // EXHID
  return admin_->run(entry, {}, room);
}

loop::Task<Result<NvmeAnswer>> NvmeController::get_property(Property property) {
  Submission entry;
  PropertyAccess{property == Property::capabilities, property, 0}.encode(entry, FabricsType::property_get);
  return admin_->run(entry);
}

loop::Task<Result<NvmeAnswer>> NvmeController::set_property(Property property, uint32_t value) {
  Submission entry;
  PropertyAccess{false, property, value}.encode(entry, FabricsType::property_set);
  return admin_->run(entry);
}

}  // namespace ashlar::initiator
