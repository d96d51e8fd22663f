#include <algorithm>

#include "initiator/nvme_controller.h"
#include "initiator/nvme_session.h"
#include "initiator/url_fault.h"
#include "load/path.h"

namespace ashlar::load {

using initiator::NvmeController;
using initiator::NvmeQueueOptions;
using initiator::NvmeSession;
using wire::nvme::IoOpcode;

namespace {

constexpr uint8_t number_of_queues = 0x07;  // feature (NVMe base 2.0 5.27.1.5)
constexpr uint32_t fua_bit = 1u << 30;      // of CDW12 (NVM 1.0 3.2.4, 3.2.6)

class NvmeIo final : public Io {
 public:
  NvmeIo(uint32_t namespace_id, uint32_t block_bytes)
      : namespace_id_(namespace_id), block_bytes_(block_bytes) {
    command.owner = this;
    command.done = [](initiator::NvmeCommand& done) { static_cast<NvmeIo*>(done.owner)->ended(); };
  }
  void prepare() {
    const auto blocks = static_cast<uint32_t>(data.iov_len / block_bytes_);
    command.entry =
        initiator::nvme_blocks(write ? IoOpcode::write : IoOpcode::read, namespace_id_, lba, blocks);
    if (write && durable) command.entry.set_word(12, (blocks - 1) | fua_bit);
    command.data_out = write ? std::span<const iovec>(&data, 1) : std::span<const iovec>();
    command.data_in = write ? std::span<const iovec>() : std::span<const iovec>(&data, 1);
  }
  std::string failure() const override {
    return fmt::format("status {:03x}h", static_cast<unsigned>(command.completion.outcome.status));
  }
  initiator::NvmeCommand command;

 private:
  void ended() {
    const bool answered = command.outcome == initiator::Outcome::answered;
    end = command.good() ? End::good : answered ? End::failed : End::lost;
    done(*this);
  }
  const uint32_t namespace_id_;
  const uint32_t block_bytes_;
};

class NvmePath final : public Connection {
 public:
  NvmePath(std::unique_ptr<NvmeSession> session, uint32_t namespace_id, uint32_t block_bytes)
      : session_(std::move(session)), namespace_id_(namespace_id), block_bytes_(block_bytes) {}
  std::unique_ptr<Io> make_io() override { return std::make_unique<NvmeIo>(namespace_id_, block_bytes_); }
  void submit(Io& io) override {
    auto& mine = static_cast<NvmeIo&>(io);
    mine.prepare();
    session_->submit(mine.command);
  }
  std::string closed_reason() const override {
    return session_->closed_reason() ? session_->closed_reason()->text() : std::string();
  }
  loop::Task<void> leave() override {
    session_->close("done");
    co_return;
  }

 private:
  std::unique_ptr<NvmeSession> session_;
  const uint32_t namespace_id_;
  const uint32_t block_bytes_;
};

/// The same for the same name, since a target holds a host to its id (NVMe base 2.0 5.27.1.25).
Uuid host_id_of(std::string_view name) {
  Uuid id{};
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < name.size() + id.size(); ++i) {
    hash = (hash ^ static_cast<uint8_t>(i < name.size() ? name[i] : 'x')) * 0x100000001b3;
    id[i % id.size()] ^= static_cast<uint8_t>(hash >> 32);
  }
  return make_uuid(id);
}

NvmeQueueOptions queue_options(const Options& options) {
  NvmeQueueOptions made;
  made.endpoint = options.url.endpoint;
  made.subsystem = options.url.target;
  made.host_name = options.host_name;
  made.host_id = host_id_of(options.host_name);
  made.header_digest = options.header_digest;
  made.data_digest = options.data_digest;
  made.flow_control = false;  // as Linux has it: the completion may come with the data
  return made;
}

/// By DH-HMAC-CHAP, by TLS, by both or not at all.
Result<void> prove(NvmeQueueOptions& queues, const Options& options, const Secrets& secrets) {
  if (!options.url.user.empty()) {
    return fail(ErrorCode::invalid_argument, "URL.user",
                "a host proves itself by its NQN over nvme-tcp: --secret-file alone has its key");
  }
  if (!secrets.host.empty()) {
    TRY_ASSIGN(DhchapKey key, parse_dhchap_key(secrets.host, "--secret-file"));
    queues.proof = initiator::NvmeProof{.key = std::move(key)};
  }
  if (!secrets.tls.empty()) {
    TRY_ASSIGN(const ConfiguredPsk configured, parse_tls_key(secrets.tls, "--tls-key-file"));
    TRY_ASSIGN(queues.tls_psk, derive_tls_psk(configured, queues.host_name, queues.subsystem, 1));
  }
  return {};
}

Result<wire::nvme::IdentifyPage> page_of(const Result<initiator::NvmeAnswer>& answer, const char* what) {
  if (!answer) return std::unexpected(answer.error());
  if (!answer->ok() || answer->data.size() != wire::nvme::identify_bytes) {
    return fail(ErrorCode::not_found, what, "Identify ended with status {:03x}h",
                static_cast<unsigned>(answer->completion.outcome.status));
  }
  wire::nvme::IdentifyPage page;
  std::ranges::copy(answer->data, page.begin());
  return page;
}

/// What bounds a load: entries of a queue, bytes of a command and of a capsule.
loop::Task<Result<void>> look(NvmeController* controller, const Options* options, Unit* unit,
                              NvmeQueueOptions* queues) {
  auto asking_limits = controller->get_property(wire::nvme::Property::capabilities);
  const Result<initiator::NvmeAnswer> limits = co_await asking_limits;
  CO_TRY(limits);
  const uint32_t most_entries = (limits->completion.result & 0xffff) + 1;  // MQES
  if (options->depth + 1 > most_entries)
    co_return fail(ErrorCode::out_of_range, "--iodepth", "{}: this controller takes {} in a queue",
                   options->depth, most_entries - 1);
  queues->entries = static_cast<uint16_t>(options->depth + 1);
  auto asking = controller->identify(wire::nvme::IdentifyKind::controller, 0);
  const Result<initiator::NvmeAnswer> answered = co_await asking;
  CO_TRY_ASSIGN(const wire::nvme::IdentifyPage told, page_of(answered, "controller"));
  const wire::nvme::ControllerSummary summary = wire::nvme::decode_controller(told);
  const uint64_t most_bytes = summary.most_transfer == 0
                                  ? UINT32_MAX
                                  : uint64_t{4096} << std::min<unsigned>(summary.most_transfer, 20);
  if (options->block_bytes > most_bytes)
    co_return fail(ErrorCode::out_of_range, "--bs", "{}: this controller takes {} bytes a command",
                   options->block_bytes, most_bytes);
  queues->in_capsule_bytes = summary.capsule_data_bytes;
  auto asking_space = controller->identify(wire::nvme::IdentifyKind::nvm_namespace, *options->url.unit);
  const Result<initiator::NvmeAnswer> space = co_await asking_space;
  CO_TRY_ASSIGN(const wire::nvme::IdentifyPage of_space, page_of(space, "namespace"));
  const wire::nvme::NamespaceSummary found = wire::nvme::decode_namespace(of_space);
  if (found.blocks == 0)
    co_return fail(ErrorCode::not_found, "namespace", "there is no namespace {}", *options->url.unit);
  unit->blocks = found.blocks;
  unit->block_bytes = found.block_bytes;
  const uint32_t counts = (options->connections - 1) | (options->connections - 1) << 16;
  auto setting = controller->set_feature(number_of_queues, counts);
  const Result<initiator::NvmeAnswer> queues_given = co_await setting;
  CO_TRY(queues_given);
  const uint64_t given =
      std::min(queues_given->completion.result & 0xffff, queues_given->completion.result >> 16 & 0xffff) + 1;
  if (!queues_given->ok() || given < options->connections)
    co_return fail(ErrorCode::out_of_range, "--connections", "{}: this controller gives {} queues",
                   options->connections, given);
  co_return Result<void>{};
}

}  // namespace

loop::Task<Result<Unit>> connect_nvme(loop::Loop& loop, Options options, Secrets secrets) {
  Unit unit;
  NvmeQueueOptions queues = queue_options(options);
  CO_TRY(prove(queues, options, secrets));
  auto attaching = NvmeController::attach(loop, queues, 0);
  Result<std::unique_ptr<NvmeController>> attached = co_await attaching;
  if (!attached) co_return std::unexpected(attached.error());
  std::shared_ptr<NvmeController> controller = std::move(*attached);
  auto looking = look(controller.get(), &options, &unit, &queues);
  const Result<void> looked = co_await looking;
  CO_TRY(looked);
  queues.controller_id = controller->id();
  for (uint32_t i = 0; i < options.connections; ++i) {
    queues.queue_id = static_cast<uint16_t>(i + 1);
    auto connecting = NvmeSession::connect(loop, queues);
    Result<std::unique_ptr<NvmeSession>> session = co_await connecting;
    if (!session) co_return std::unexpected(session.error());
    unit.connections.push_back(
        std::make_unique<NvmePath>(std::move(*session), *options.url.unit, unit.block_bytes));
  }
  unit.keeper = std::move(controller);
  co_return std::move(unit);
}

loop::Task<Result<Unit>> connect(loop::Loop& loop, Options options, Secrets secrets) {
  const bool iscsi = options.url.protocol == initiator::Protocol::iscsi;
  if (options.host_name.empty()) {
    options.host_name = iscsi ? "iqn.2026-11.io.ashlar:bench"
                              : "nqn.2014-08.org.nvmexpress:uuid:" + uuid_text(host_id_of("ashlar-bench"));
  }
  const initiator::Url url = options.url;
  auto connecting = iscsi ? connect_iscsi(loop, std::move(options), std::move(secrets))
                          : connect_nvme(loop, std::move(options), std::move(secrets));
  Result<Unit> unit = co_await connecting;
  if (!unit)
    co_return std::unexpected(initiator::fault_of_url(unit.error(), url.protocol, url.endpoint, "URL"));
  co_return std::move(unit);
}

}  // namespace ashlar::load
