#include "initiator/login.h"
#include "initiator/scsi_block.h"
#include "load/path.h"

namespace ashlar::load {

using initiator::Session;

namespace {

constexpr uint8_t read_16 = 0x88, write_16 = 0x8a;
constexpr uint16_t no_such_unit = 0x2500;    // ASC and ASCQ (SPC-4 annex D)
constexpr uint8_t force_unit_access = 0x08;  // of byte 1 (SBC-3 5.13, 5.34)

class IscsiIo final : public Io {
 public:
  IscsiIo(const initiator::LunBytes& lun, uint32_t block_bytes) : block_bytes_(block_bytes) {
    command.lun = lun;
    command.owner = this;
    command.done = [](initiator::Command& done) { static_cast<IscsiIo*>(done.owner)->ended(); };
  }
  void prepare() {
    command.cdb[0] = write ? write_16 : read_16;
    command.cdb[1] = write && durable ? force_unit_access : 0;
    store_be64(&command.cdb[2], lba);
    store_be32(&command.cdb[10], static_cast<uint32_t>(data.iov_len / block_bytes_));
    command.data_out = write ? std::span<const iovec>(&data, 1) : std::span<const iovec>();
    command.data_in = write ? std::span<const iovec>() : std::span<const iovec>(&data, 1);
  }
  std::string failure() const override {
    initiator::Answer answer;
    answer.outcome = command.outcome;
    answer.status = command.status;
    answer.sense.assign(command.sense().begin(), command.sense().end());
    return answer.text();
  }
  initiator::Command command;

 private:
  void ended() {
    using initiator::Outcome;
    const bool answered = command.outcome == Outcome::answered ||
                          command.outcome == Outcome::target_failure || command.outcome == Outcome::aborted;
    end = command.good() ? End::good : answered ? End::failed : End::lost;
    done(*this);
  }
  const uint32_t block_bytes_;
};

class IscsiConnection final : public Connection {
 public:
  IscsiConnection(std::unique_ptr<Session> session, uint16_t lun)
      : session_(std::move(session)), lun_(initiator::lun_bytes(lun)) {}
  std::unique_ptr<Io> make_io() override { return std::make_unique<IscsiIo>(lun_, block_bytes); }
  void submit(Io& io) override {
    auto& mine = static_cast<IscsiIo&>(io);
    mine.prepare();
    session_->submit(mine.command);
  }
  std::string closed_reason() const override {
    return session_->closed_reason() ? session_->closed_reason()->text() : std::string();
  }
  loop::Task<void> leave() override {
    if (!session_->open()) co_return;
    auto leaving = session_->logout();
    co_await leaving;
  }
  Session& session() { return *session_; }
  uint32_t block_bytes = 512;

 private:
  std::unique_ptr<Session> session_;
  initiator::LunBytes lun_;
};

initiator::LoginOptions login_options(const Options& options, const std::string& secret) {
  using initiator::DigestWish;
  initiator::LoginOptions made;
  made.endpoint = options.url.endpoint;
  made.target_name = options.url.target;
  made.initiator_name = options.host_name;
  made.header_digest = options.header_digest ? DigestWish::crc32c : DigestWish::none;
  made.data_digest = options.data_digest ? DigestWish::crc32c : DigestWish::none;
  made.max_commands = static_cast<uint16_t>(options.depth);
  if (!options.url.user.empty()) made.chap = initiator::ChapCredentials{options.url.user, secret, {}, {}};
  return made;
}

loop::Task<Result<void>> measure(IscsiConnection* connection, uint16_t lun, Unit* unit) {
  initiator::BlockUnit block(connection->session(), lun);
  auto readying = block.become_ready();
  const Result<void> ready = co_await readying;
  if (!ready) {
    auto asking_why = block.test_unit_ready();
    const initiator::Answer why = co_await asking_why;
    if (why.outcome == initiator::Outcome::answered && why.additional_code() == no_such_unit)
      co_return fail(ErrorCode::not_found, "path", "the target has no LUN {} for us", lun);
    co_return ready;
  }
  auto asking = block.read_capacity();
  const Result<initiator::Capacity> capacity = co_await asking;
  CO_TRY(capacity);
  if (capacity->block_bytes < 512 || capacity->blocks == 0)
    co_return fail(ErrorCode::unsupported, "unit", "{} blocks of {} bytes", capacity->blocks,
                   capacity->block_bytes);
  unit->blocks = capacity->blocks;
  unit->block_bytes = connection->block_bytes = capacity->block_bytes;
  co_return Result<void>{};
}

}  // namespace

loop::Task<Result<Unit>> connect_iscsi(loop::Loop& loop, Options options, Secrets secrets) {
  Unit unit;
  const auto lun = static_cast<uint16_t>(*options.url.unit);
  initiator::LoginOptions asked = login_options(options, secrets.host);
  std::array<uint8_t, 2> ours{};
  loop.random(ours);
  for (uint32_t i = 0; i < options.connections; ++i) {
    // Sessions of one initiator port by their ISIDs (RFC 7143 4.4.3); two bytes of chance keep other processes' sessions alive.
    asked.isid = {0x80, ours[0], ours[1], 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    auto logging_in = initiator::login(loop, asked);
    Result<std::unique_ptr<Session>> session = co_await logging_in;
    if (!session) co_return std::unexpected(session.error());
    auto connection = std::make_unique<IscsiConnection>(std::move(*session), lun);
    auto measuring = measure(connection.get(), lun, &unit);
    const Result<void> measured = co_await measuring;
    CO_TRY(measured);
    unit.connections.push_back(std::move(connection));
  }
  co_return std::move(unit);
}

}  // namespace ashlar::load
