#include "initiator/iscsi_path.h"

#include <algorithm>

namespace ashlar::initiator {

using block::Operation;
using loop::Task;

namespace {

constexpr int most_attentions = 8;
constexpr uint64_t zero_bytes = 64 << 10;
alignas(4096) constexpr std::array<uint8_t, zero_bytes> zero_block{};
// What a target that says nothing is given at once, and what zeroes as data may take: Command::max_pieces of the above.
constexpr uint32_t session_transfer_bytes = 8u << 20;

iovec zero_part(uint64_t bytes) {
  return {const_cast<uint8_t*>(zero_block.data()), static_cast<size_t>(bytes)};
}

Cdb block_cdb(uint8_t opcode, uint8_t flags, uint64_t lba, uint32_t blocks) {
  Cdb cdb{};
  cdb[0] = opcode;
  cdb[1] = flags;
  store_be64(&cdb[2], lba);
  store_be32(&cdb[10], blocks);
  return cdb;
}

}  // namespace

IscsiPath::IscsiPath(loop::Loop& loop, uint16_t index, LoginOptions login, ChapSource chap, uint16_t lun,
                     uint16_t depth, const PathTiming& timing, PathWatcher& watcher)
    : Path(loop, index, timing, watcher),
      login_([&] {
        login.watcher = this;
        login.cancellation = &cancellation_;
        login.ping_interval = timing.keep_alive;
        login.connect_timeout = timing.connect_timeout;
        login.login_timeout = timing.connect_timeout * 2;
        login.max_commands = static_cast<uint16_t>(depth + 8);
        return std::move(login);
      }()),
      chap_(std::move(chap)),
      lun_(lun),
      // Nothing in the standard bounds it; a target notices a dead connection by its own NOP-In.
      doubt_(timing.doubt.count() != 0 ? timing.doubt : timing.keep_alive * 12) {
  for (uint16_t i = 0; i < depth; ++i) {
    carriers_.push_back(std::make_unique<Carrier>());
    carriers_.back()->path = this;
    free_.push_back(carriers_.back().get());
  }
}

IscsiPath::~IscsiPath() { CHECK(free_.size() == carriers_.size(), "commands are under way"); }

Task<Result<Findings>> IscsiPath::attach() {
  LoginOptions options = login_;
  options.chap = chap_();
  auto logging_in = login(loop_, std::move(options));
  Result<std::unique_ptr<Session>> session = co_await logging_in;
  if (!session) co_return std::unexpected(session.error());
  session_ = std::move(*session);
  unit_.emplace(*session_, lun_);
  CO_TRY(loop::Cancellation::check(&cancellation_, "path"));
  Findings found;
  auto examining = examine(found);
  const Result<void> examined = co_await examining;
  CO_TRY(examined);
  co_return std::move(found);
}

/// A command of the story, past what the unit wants to tell first.
Task<Answer> IscsiPath::ask(Cdb cdb, Bytes into) {
  Answer answer;
  for (int i = 0; i < most_attentions; ++i) {
    auto asking = unit_->execute(cdb, {}, into);
    answer = co_await asking;
    if (answer.outcome != Outcome::answered || answer.sense_key() != 0x6) break;
  }
  co_return answer;
}

Task<Result<void>> IscsiPath::take_page(uint8_t page, Findings& found, void (*take)(ConstBytes, Findings&)) {
  std::array<uint8_t, 255> data{};
  Cdb cdb{};
  cdb[0] = 0x12;
  cdb[1] = 1;
  cdb[2] = page;
  store_be16(&cdb[3], data.size());
  auto asking = ask(cdb, data);
  const Answer answer = co_await asking;
  if (answer.outcome != Outcome::answered) co_return answer.result();
  if (answer.good()) take(ConstBytes(data).first(answer.received_bytes), found);
  co_return Result<void>();
}

Task<Result<void>> IscsiPath::examine(Findings& found) {
  std::array<uint8_t, 252> data{};
  Cdb cdb{};
  cdb[0] = 0x12;
  store_be16(&cdb[3], data.size());
  auto inquiring = ask(cdb, data);
  const Answer answer = co_await inquiring;
  if (!answer.good()) co_return answer.result();
  if (data[0] == 0x7f) co_return fail(ErrorCode::not_found, "path", "the target has no LUN {} for us", lun_);
  if ((data[0] & 0x1f) != 0)
    co_return fail(ErrorCode::unsupported, "path", "LUN {} is no disk, but of type {:02x}h", lun_,
                   data[0] & 0x1f);
  take_inquiry(ConstBytes(data).first(answer.received_bytes), found);
  asymmetric_ = (data[5] & 0x30) != 0;  // TPGS (SPC-4 6.6.2)
  std::array<uint8_t, 1024> names{};
  cdb[1] = 1;
  cdb[2] = 0x83;
  store_be16(&cdb[3], names.size());
  auto naming = ask(cdb, names);
  const Answer named = co_await naming;
  if (!named.good()) co_return named.result();
  found.authentication = session_->parameters().authentication;
  const DevicePage page = parse_device_page(ConstBytes(names).first(named.received_bytes));
  found.names = page.names;
  port_group_ = page.port_group;
  using Take = void (*)(ConstBytes, Findings&);
  constexpr std::pair<uint8_t, Take> pages[] = {
      {0xb0, take_block_limits}, {0xb1, take_characteristics}, {0xb2, take_provisioning}};
  for (const auto& [number, take] : pages) {
    auto taking = take_page(number, found, take);
    const Result<void> taken = co_await taking;
    CO_TRY(taken);
  }
  auto looking = ask_access(found);
  const Result<void> looked = co_await looking;
  CO_TRY(looked);
  auto caching = ask_caching(found);
  const Result<void> cached = co_await caching;
  CO_TRY(cached);
  auto measuring = ask_capacity(found);
  co_return co_await measuring;
}

/// MODE SENSE(10), the Caching mode page. Whoever does not know it may have a cache all the same; a path that is not ready to
/// tell is not ready for writes either.
Task<Result<void>> IscsiPath::ask_caching(Findings& found) {
  std::array<uint8_t, 252> modes{};
  const Cdb mode_sense = {0x5a, 0x08, 0x08, 0, 0, 0, 0, 0, modes.size(), 0};
  auto asking = ask(mode_sense, modes);
  const Answer answer = co_await asking;
  if (answer.outcome != Outcome::answered) co_return answer.result();
  if (answer.good()) {
    take_caching(ConstBytes(modes).first(answer.received_bytes), found);
  } else if (answer.sense_key() == 0x5) {
    found.write_cache = true;
    found.force_unit_access = false;
  } else if (usable(found.access)) {
    found.access = PathAccess::transitioning;
  }
  co_return Result<void>();
}

/// REPORT TARGET PORT GROUPS, of our port's group.
Task<Result<void>> IscsiPath::ask_access(Findings& found) {
  found.access = PathAccess::optimized;
  if (!asymmetric_) co_return Result<void>();
  std::array<uint8_t, 2048> data{};
  Cdb cdb{};
  cdb[0] = 0xa3;
  cdb[1] = 0x0a;
  store_be32(&cdb[6], data.size());
  auto asking = ask(cdb, data);
  const Answer answer = co_await asking;
  if (answer.outcome != Outcome::answered) co_return answer.result();
  // A unit in transition may not even answer this (SPC-4 5.15.2.5).
  found.access = PathAccess::transitioning;
  found.access_group = port_group_;
  if (!answer.good()) co_return Result<void>();
  const auto access = parse_port_groups(ConstBytes(data).first(answer.received_bytes), port_group_);
  found.access = access.value_or(PathAccess::optimized);
  co_return Result<void>();
}

/// A path in standby may not tell: what another one told stands.
Task<Result<void>> IscsiPath::ask_capacity(Findings& found) {
  std::array<uint8_t, 32> data{};
  Cdb cdb{};
  cdb[0] = 0x9e;
  cdb[1] = 0x10;
  store_be32(&cdb[10], data.size());
  auto asking = ask(cdb, data);
  const Answer answer = co_await asking;
  if (!answer.good() && usable(found.access)) co_return answer.result();
  if (answer.outcome != Outcome::answered) co_return answer.result();
  const bool told = answer.good() && answer.received_bytes >= 16 && load_be32(&data[8]) != 0;
  if (!told && usable(found.access))
    co_return fail(ErrorCode::protocol_error, "path", "READ CAPACITY tells no size of blocks");
  if (!told) co_return Result<void>();
  found.blocks = load_be64(data.data()) + 1;
  found.block_bytes = load_be32(&data[8]);
  found.physical_block_bytes = found.block_bytes << (data[13] & 0xf);
  const uint32_t usual = session_transfer_bytes / found.block_bytes;
  if (found.most_transfer_blocks == 0 || found.most_transfer_blocks > usual)
    found.most_transfer_blocks = usual;
  if (found.most_zeroes_blocks == 0) found.most_zeroes_blocks = usual;
  co_return Result<void>();
}

Task<Result<Findings>> IscsiPath::look() {
  // What the unit has to tell comes with this; REPORT TARGET PORT GROUPS and INQUIRY would not say it (SPC-4 5.14).
  auto trying = ask(Cdb{}, {});
  const Answer ready = co_await trying;
  if (ready.outcome != Outcome::answered) co_return std::unexpected(ready.result().error());
  // All of it: a path that was in standby when it came up could not tell everything.
  Findings found;
  auto examining = examine(found);
  const Result<void> examined = co_await examining;
  CO_TRY(examined);
  co_return std::move(found);
}

Task<void> IscsiPath::detach(bool lost) {
  if (!session_) co_return;
  if (session_->open() && !lost) {
    auto leaving = session_->logout();
    co_await leaving;
  }
  session_->close("the path is given up");
  while (free_.size() != carriers_.size()) {
    idle_.reset();
    co_await idle_;
  }
  unit_.reset();
  session_.reset();
}

void IscsiPath::abandon() {
  if (session_) session_->close("the path is given up");
}

void IscsiPath::asynchronous_message(const wire::iscsi::AsyncMessage& message) {
  using wire::iscsi::AsyncEvent;
  switch (message.event) {
    case AsyncEvent::scsi_event: return look_again();
    case AsyncEvent::logout_request:
    case AsyncEvent::connection_drop:
    case AsyncEvent::all_connections_drop:
      return lose({ErrorCode::closed, "path", "the target asks us to leave"});
    default: return;
  }
}

void IscsiPath::submit(PathCommand& command) {
  CHECK(!free_.empty(), "more commands than were promised");
  Carrier& carrier = *free_.back();
  free_.pop_back();
  carrier.user = &command;
  carrier.flushing = false;
  // A hint that this path cannot pass on, or not as much at once as the path by which the volume was opened.
  if (command.operation == Operation::discard && findings().most_discard_blocks < command.blocks)
    return over(carrier, {});
  begin(carrier);
  send(carrier);
}

void IscsiPath::over(Carrier& carrier, Disposition disposition) {
  carrier.user->disposition = disposition;
  if (disposition.look_again) look_again();
  PathCommand& user = *std::exchange(carrier.user, nullptr);
  free_.push_back(&carrier);
  idle_.set();
  // Called from the ready list: the watcher is told in its own turn.
  loop_.post(user);
}

void IscsiPath::begin(Carrier& carrier) {
  const PathCommand& user = *carrier.user;
  Command& command = carrier.command;
  command.data_out = {};
  command.data_in = {};
  const bool writes = user.operation == Operation::write;
  const bool changes =
      writes || user.operation == Operation::write_zeroes || user.operation == Operation::discard;
  const uint8_t fua = writes && user.durable && findings().force_unit_access ? 0x08 : 0;
  carrier.flushes_after = user.durable && changes && fua == 0 && findings().write_cache;
  carrier.read_bytes = user.operation == Operation::read ? uint64_t{user.blocks} * findings().block_bytes : 0;
  switch (user.operation) {
    case Operation::read:
      command.cdb = block_cdb(0x88, 0, user.lba, user.blocks);
      command.data_in = user.parts;
      return;
    case Operation::write:
      command.cdb = block_cdb(0x8a, fua, user.lba, user.blocks);
      command.data_out = user.parts;
      return;
    case Operation::discard:
      carrier.unmap = {};
      store_be16(carrier.unmap.data(), unmap_bytes - 2);
      store_be16(&carrier.unmap[2], unmap_bytes - 8);
      store_be64(&carrier.unmap[8], user.lba);
      store_be32(&carrier.unmap[16], user.blocks);
      command.cdb = {0x42, 0, 0, 0, 0, 0, 0, 0, unmap_bytes, 0};
      carrier.part = {carrier.unmap.data(), unmap_bytes};
      command.data_out = {&carrier.part, 1};
      return;
    case Operation::write_zeroes: return begin_write_zeroes(carrier);
    default: return begin_flush(carrier);
  }
}

/// WRITE SAME(16) of one block (SBC-3 5.47). Who has no B0h page gets the zeroes as data, for it may not know the opcode.
void IscsiPath::begin_write_zeroes(Carrier& carrier) {
  const PathCommand& user = *carrier.user;
  const uint32_t block_bytes = findings().block_bytes;
  if (findings().most_zeroes_blocks > findings().most_transfer_blocks) {
    const bool unmap = user.may_discard && findings().zeroes_may_discard;
    carrier.command.cdb = block_cdb(0x93, unmap ? 0x08 : 0, user.lba, user.blocks);
    carrier.part = zero_part(block_bytes);
    carrier.command.data_out = {&carrier.part, 1};
    return;
  }
  carrier.zeroes.clear();
  for (uint64_t left = uint64_t{user.blocks} * block_bytes; left > 0;) {
    carrier.zeroes.push_back(zero_part(std::min(left, zero_bytes)));
    left -= carrier.zeroes.back().iov_len;
  }
  carrier.command.cdb = block_cdb(0x8a, 0, user.lba, user.blocks);
  carrier.command.data_out = carrier.zeroes;
}

void IscsiPath::begin_flush(Carrier& carrier) {
  carrier.command.cdb = block_cdb(0x91, 0, 0, 0);
  carrier.command.data_out = {};
  carrier.command.data_in = {};
}

void IscsiPath::send(Carrier& carrier) {
  carrier.command.lun = lun_bytes(lun_);
  carrier.command.owner = &carrier;
  carrier.command.done = [](Command& done) {
    auto& ended = *static_cast<Carrier*>(done.owner);
    ended.path->ended(ended);
  };
  session_->submit(carrier.command);
}

void IscsiPath::ended(Carrier& carrier) {
  PathCommand& user = *carrier.user;
  const Command& command = carrier.command;
  user.disposition = disposition_of(command.outcome, command.status, command.sense());
  const bool short_read = user.operation == Operation::read && user.disposition.done() &&
                          command.received_bytes != carrier.read_bytes;
  if (short_read) {
    user.disposition = {.verdict = Verdict::retry_elsewhere,
                        .status = block::Status::medium_error,
                        .look_again = true,
                        .pause = loop::milliseconds(200),
                        .cause = "less was read than was asked for"};
  }
  if (user.disposition.done() && carrier.flushes_after && !carrier.flushing) {
    carrier.flushing = true;
    carrier.flushes = 0;
    begin_flush(carrier);
    return send(carrier);
  }
  if (carrier.flushing && !user.disposition.done()) {
    // The first step is done: what comes of the flush must not hide that. An attention only asks for it once more.
    const Disposition& sorted = user.disposition;
    if (sorted.verdict == Verdict::retry_here && sorted.pause.count() == 0 &&
        ++carrier.flushes < most_attentions) {
      if (sorted.look_again) look_again();
      return send(carrier);
    }
    user.disposition.maybe_done = true;
    if (user.disposition.verdict == Verdict::not_sent) user.disposition.verdict = Verdict::lost;
  }
  over(carrier, user.disposition);
}

}  // namespace ashlar::initiator
