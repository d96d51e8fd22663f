#include "initiator/nvme_path.h"

#include <algorithm>
#include <cstring>

namespace ashlar::initiator {

using block::Operation;
using loop::Task;
using namespace wire::nvme;

namespace {

constexpr uint32_t most_blocks = 65536;            // NLB has 16 bits
constexpr uint32_t usual_command_bytes = 1 << 20;  // of who says no bound
constexpr uint32_t most_command_bytes = 2 << 20;
constexpr uint32_t transfer_bytes = 4 << 20;   // more than a command moves goes in several
constexpr uint8_t event_configuration = 0x0b;  // a feature (base 2.0 figure 317)
constexpr size_t access_log_bytes = 4096;
constexpr uint8_t kind_notice = 2;           // of an event (figure 144)
constexpr uint8_t tls_identity_version = 1;  // names the key by a digest (NVMe/TCP 1.0 3.6.1.3)

std::string padded_text(ConstBytes bytes) {
  std::string text(bytes.begin(), bytes.end());
  text.resize(text.find_last_not_of(' ') + 1);
  return text;
}

std::unexpected<Error> not_given(const char* what, const NvmeAnswer& answer) {
  return fail(ErrorCode::protocol_error, "path", "{} was refused with status {:03x}h", what,
              static_cast<unsigned>(answer.completion.outcome.status));
}

bool all_zeroes(ConstBytes bytes) {
  return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

/// Calls `visit` with each piece of [offset, offset + length) of the parts.
template <typename Visit>
void each_piece(std::span<const iovec> parts, uint64_t offset, uint64_t length, Visit visit) {
  for (const iovec& part : parts) {
    if (offset >= part.iov_len) {
      offset -= part.iov_len;
      continue;
    }
    const uint64_t bytes = std::min<uint64_t>(part.iov_len - offset, length);
    if (bytes == 0) return;
    visit(static_cast<uint8_t*>(part.iov_base) + offset, bytes);
    length -= bytes;
    offset = 0;
  }
}

std::vector<uint8_t> gathered(std::span<const iovec> parts, uint64_t offset, uint64_t length) {
  std::vector<uint8_t> data;
  data.reserve(length);
  each_piece(parts, offset, length,
             [&](const uint8_t* from, uint64_t bytes) { data.insert(data.end(), from, from + bytes); });
  return data;
}

void spread(ConstBytes data, std::span<const iovec> parts, uint64_t offset) {
  each_piece(parts, offset, data.size(), [&](uint8_t* to, uint64_t bytes) {
    std::memcpy(to, data.data(), bytes);
    data = data.subspan(bytes);
  });
}

PathAccess access_of(AccessGroupState state) {
  switch (state) {
    case AccessGroupState::optimized: return PathAccess::optimized;
    case AccessGroupState::non_optimized: return PathAccess::non_optimized;
    case AccessGroupState::change: return PathAccess::transitioning;
    default: return PathAccess::unavailable;
  }
}

}  // namespace

NvmePath::NvmePath(loop::Loop& loop, uint16_t index, NvmeQueueOptions queue, SecretSource secrets,
                   uint32_t namespace_id, uint16_t depth, const PathTiming& timing, PathWatcher& watcher)
    : Path(loop, index, timing, watcher),
      queue_([&] {
        // One entry of a queue is never used (base 2.0 3.3.1).
        queue.entries = static_cast<uint16_t>(depth + 1);
        queue.keep_alive_milliseconds = static_cast<uint32_t>(timing.keep_alive / loop::milliseconds(1) * 2);
        queue.timeout = timing.connect_timeout;
        queue.answer_timeout = loop::seconds(60);
        queue.cancellation = &cancellation_;
        return std::move(queue);
      }()),
      secrets_(std::move(secrets)),
      namespace_id_(namespace_id) {}

Result<NvmeQueueOptions> NvmePath::prepared() const {
  NvmeQueueOptions queue = queue_;
  Secrets secrets = secrets_();
  queue.proof = std::move(secrets.proof);
  if (!secrets.tls_key) return queue;
  TRY_ASSIGN(queue.tls_psk,
             derive_tls_psk(*secrets.tls_key, queue.host_name, queue.subsystem, tls_identity_version));
  return queue;
}

Task<Result<Findings>> NvmePath::attach() {
  leaving_ = false;
  CO_TRY_ASSIGN(NvmeQueueOptions queue, prepared());
  const bool secured = queue.tls_psk.has_value();
  auto attaching = NvmeController::attach(loop_, std::move(queue), 1);
  Result<std::unique_ptr<NvmeController>> attached = co_await attaching;
  if (!attached) co_return std::unexpected(attached.error());
  controller_ = std::move(*attached);
  CO_TRY(loop::Cancellation::check(&cancellation_, "path"));
  ++stories_;
  keep_alive().detach();
  Findings found;
  const std::string& proof = controller_->admin().authentication();
  found.authentication = secured && proof == "none" ? "TLS PSK" : secured ? proof + ", TLS PSK" : proof;
  auto asking = examine_controller(found);
  const Result<void> asked = co_await asking;
  CO_TRY(asked);
  auto examining = examine_namespace(found);
  const Result<void> examined = co_await examining;
  CO_TRY(examined);
  if (reports_changes_) {
    ++stories_;
    listen().detach();
  }
  co_return std::move(found);
}

Task<Result<void>> NvmePath::examine_controller(Findings& found) {
  auto asking = controller_->get_property(Property::capabilities);
  const Result<NvmeAnswer> capabilities = co_await asking;
  CO_TRY(capabilities);
  const unsigned page_shift = 12 + (capabilities->completion.result >> 48 & 0xf);
  auto identifying = controller_->identify(IdentifyKind::controller, 0);
  const Result<NvmeAnswer> answer = co_await identifying;
  CO_TRY(answer);
  if (!answer->ok() || answer->data.size() < identify_bytes) co_return not_given("Identify", *answer);
  const ConstBytes page = answer->data;
  found.serial = padded_text(page.subspan(4, 20));
  found.product = padded_text(page.subspan(24, 40));
  found.revision = padded_text(page.subspan(64, 8));
  const uint8_t most = page[77];
  command_bytes_ = most == 0 || most + page_shift > 30 ? usual_command_bytes : 1u << (most + page_shift);
  command_bytes_ = std::min(command_bytes_, most_command_bytes);
  asymmetric_ = (page[76] & 0x08) != 0;
  for (size_t i = 1; i < retry_delays_.size(); ++i)
    retry_delays_[i] = loop::milliseconds(100) * load_le16(&page[126 + 2 * i]);
  const uint16_t commands = load_le16(&page[520]);
  found.most_discard_blocks = (commands & CommandSupport::dataset_management) != 0 ? UINT32_MAX : 0;
  found.most_zeroes_blocks = (commands & CommandSupport::write_zeroes) != 0 ? most_blocks : 0;
  found.write_cache = (page[525] & 1) != 0;
  found.force_unit_access = true;
  const uint32_t events =
      load_le32(&page[92]) & (EventSupport::namespace_attributes | EventSupport::access_change);
  reports_changes_ = events != 0;
  if (!reports_changes_) co_return Result<void>();
  auto setting = controller_->set_feature(event_configuration, events);
  const Result<NvmeAnswer> set = co_await setting;
  CO_TRY(set);
  co_return Result<void>();
}

Task<Result<void>> NvmePath::examine_namespace(Findings& found) {
  auto identifying = controller_->identify(IdentifyKind::nvm_namespace, namespace_id_);
  const Result<NvmeAnswer> answer = co_await identifying;
  CO_TRY(answer);
  if (!answer->ok() || answer->data.size() < identify_bytes || load_le64(answer->data.data()) == 0)
    co_return fail(ErrorCode::not_found, "path", "the subsystem has no namespace {} for us", namespace_id_);
  IdentifyPage page;
  std::copy_n(answer->data.begin(), page.size(), page.begin());
  const NamespaceSummary summary = decode_namespace(page);
  if (summary.block_bytes == 0)
    co_return fail(ErrorCode::unsupported, "path", "the blocks of namespace {} have no size that is known",
                   namespace_id_);
  found.blocks = summary.blocks;
  found.block_bytes = found.physical_block_bytes = summary.block_bytes;
  found.write_protected = summary.write_protected;
  found.access_group = asymmetric_ ? summary.access_group : 0;
  found.most_transfer_blocks = transfer_bytes / summary.block_bytes;
  // NPWG, from 0, when OPTPERF says that it is there; DLFEAT: DEAC is known, and deallocated blocks read as zeroes.
  if ((page[24] & 0x10) != 0) found.physical_block_bytes *= load_le16(&page[64]) + 1u;
  found.zeroes_may_discard = (page[33] & 0x0f) == 0x09;
  auto naming = take_names(found);
  const Result<void> named = co_await naming;
  CO_TRY(named);
  auto looking = ask_access(found);
  co_return co_await looking;
}

/// Namespace identification descriptors (base 2.0 figure 277).
Task<Result<void>> NvmePath::take_names(Findings& found) {
  auto identifying = controller_->identify(IdentifyKind::namespace_descriptors, namespace_id_);
  const Result<NvmeAnswer> answer = co_await identifying;
  CO_TRY(answer);
  if (!answer->ok()) co_return not_given("Identify", *answer);
  const ConstBytes page = answer->data;
  found.names.clear();
  for (size_t at = 0; at + 4 <= page.size() && page[at] != 0;) {
    const size_t length = page[at + 1];
    if (at + 4 + length > page.size()) break;
    const ConstBytes name = page.subspan(at + 4, length);
    if (!all_zeroes(name)) {
      if (page[at] == 1 && length == 8) found.names["eui"] = hex_of(name);
      if (page[at] == 2 && length == 16) found.names["nguid"] = hex_of(name);
      if (page[at] == 3 && length == 16) found.names["uuid"] = hex_of(name);
    }
    at += 4 + length;
  }
  co_return Result<void>();
}

Task<Result<void>> NvmePath::ask_access(Findings& found) {
  found.access = PathAccess::optimized;
  if (!asymmetric_) co_return Result<void>();
  auto reading = controller_->log({.page = LogPage::access_groups, .bytes = access_log_bytes});
  const Result<NvmeAnswer> answer = co_await reading;
  CO_TRY(answer);
  if (!answer->ok()) co_return not_given("the log of access groups", *answer);
  for (const AccessGroup& group : decode_access_groups(answer->data)) {
    if (group.id == found.access_group) found.access = access_of(group.state);
  }
  co_return Result<void>();
}

Task<Result<Findings>> NvmePath::look() {
  Findings found = findings();
  auto examining = examine_namespace(found);
  const Result<void> examined = co_await examining;
  CO_TRY(examined);
  co_return std::move(found);
}

Task<void> NvmePath::detach(bool /*lost*/) {
  if (!controller_) co_return;
  leaving_ = true;
  abandon();
  next_.wake.set();
  while (stories_ > 0) {
    idle_.reset();
    co_await idle_;
  }
  controller_.reset();
}

void NvmePath::abandon() {
  if (!controller_) return;
  const Error reason{ErrorCode::closed, "path", "the path is given up"};
  controller_->io().close(reason);
  controller_->admin().close(reason);
}

void NvmePath::story_ended() {
  --stories_;
  idle_.set();
}

/// Twice within the time that we promised. One that is not answered until the next is due is the end.
Task<void> NvmePath::keep_alive() {
  while (!leaving_) {
    next_.wake.reset();
    loop_.arm_after(next_, timing_.keep_alive);
    co_await next_.wake;
    loop_.cancel(next_);
    if (leaving_) break;
    Submission entry;
    entry.set_opcode(static_cast<uint8_t>(AdminOpcode::keep_alive));
    // Waits in the queue's own time; a silent network is noticed by the timer.
    struct Deadline final : loop::Timer {
      explicit Deadline(NvmeQueue& watched) : queue(watched) {}
      void expired() override {
        queue.close({ErrorCode::timed_out, "path", "a keep alive was not answered"});
      }
      NvmeQueue& queue;
    } deadline(controller_->admin());
    loop_.arm_after(deadline, timing_.keep_alive * 2);
    auto running = controller_->admin().run(entry);
    const Result<NvmeAnswer> answer = co_await running;
    loop_.cancel(deadline);
    if (leaving_) break;
    if (!answer || !controller_->io().open()) {
      lose(answer ? controller_->io().reason() : answer.error());
      break;
    }
  }
  story_ended();
}

Task<void> NvmePath::listen() {
  while (!leaving_) {
    Submission entry;
    entry.set_opcode(static_cast<uint8_t>(AdminOpcode::asynchronous_event_request));
    auto running = controller_->admin().run(entry);
    const Result<NvmeAnswer> answer = co_await running;
    if (!answer) {
      lose(answer.error());
      break;
    }
    if (leaving_ || !answer->ok()) break;
    const uint64_t event = answer->completion.result;
    if ((event & 7) != kind_notice) continue;
    // Reading its log page arms the event again (base 2.0 5.2).
    auto reading =
        controller_->log({.page = static_cast<LogPage>(event >> 16 & 0xff), .bytes = access_log_bytes});
    const Result<NvmeAnswer> read = co_await reading;
    if (!read || leaving_) break;
    look_again();
  }
  story_ended();
}

void NvmePath::submit(PathCommand& command) {
  if (command.operation == Operation::discard && findings().most_discard_blocks == 0) {
    command.disposition = {};  // a hint that this path cannot pass on
    return loop_.post(command);
  }
  ++stories_;
  perform(command).detach();
}

Task<void> NvmePath::perform(PathCommand& command) {
  // Zeroes as data, too, where there is no command for them.
  const bool moves = command.operation == Operation::read || command.operation == Operation::write ||
                     (command.operation == Operation::write_zeroes && findings().most_zeroes_blocks == 0);
  const uint32_t most = std::min(command_bytes_ / findings().block_bytes, most_blocks);
  uint32_t done = 0;
  do {
    const uint32_t piece = moves ? std::min(command.blocks - done, most) : command.blocks;
    auto sending = send(command, done, piece);
    command.disposition = co_await sending;
    // Pieces that are done are done, whatever becomes of the rest.
    if (!command.disposition.done() && done > 0) command.disposition.maybe_done = true;
    done += piece;
  } while (command.disposition.done() && done < command.blocks);
  if (command.disposition.look_again) look_again();
  loop_.post(command);
  story_ended();
}

/// `blocks` of the command, from its block `first` on.
Task<Disposition> NvmePath::send(PathCommand& command, uint32_t first, uint32_t blocks) {
  std::vector<uint8_t> data;
  const uint32_t block_bytes = findings().block_bytes;
  const uint64_t offset = uint64_t{first} * block_bytes, bytes = uint64_t{blocks} * block_bytes;
  const Submission entry = entry_of(command, first, blocks, data);
  if (command.operation == Operation::write) data = gathered(command.parts, offset, bytes);
  const uint32_t room = command.operation == Operation::read ? static_cast<uint32_t>(bytes) : 0;
  const bool open = controller_->io().open();
  auto running = controller_->io().run(entry, std::move(data), room);
  const Result<NvmeAnswer> answer = co_await running;
  if (!answer) {
    lose(answer.error());
    co_return disposition_of_loss(open || first > 0);
  }
  const wire::nvme::Outcome outcome = answer->completion.outcome;
  if (outcome.ok() && answer->data.size() != room)
    co_return Disposition{.verdict = Verdict::retry_elsewhere,
                          .status = block::Status::medium_error,
                          .look_again = true,
                          .cause = "less was read than was asked for"};
  if (outcome.ok() && room > 0) spread(answer->data, command.parts, offset);
  co_return disposition_of(outcome, retry_delays_[outcome.retry_delay & 3]);
}

/// Without what a write sends.
Submission NvmePath::entry_of(const PathCommand& command, uint32_t first, uint32_t blocks,
                              std::vector<uint8_t>& data) const {
  const uint64_t lba = command.lba + first;
  Submission entry;
  const auto is = [&](IoOpcode opcode) { entry = nvme_blocks(opcode, namespace_id_, lba, blocks); };
  switch (command.operation) {
    case Operation::read: is(IoOpcode::read); break;
    case Operation::write: is(IoOpcode::write); break;
    case Operation::discard: {
      is(IoOpcode::dataset_management);
      entry.set_pair(10, uint64_t{1} << 34);  // one range; AD: deallocate
      entry.set_word(12, 0);
      data.resize(16);
      std::memcpy(&data[4], &blocks, sizeof blocks);
      std::memcpy(&data[8], &lba, sizeof lba);
      break;
    }
    case Operation::write_zeroes:
      is(findings().most_zeroes_blocks != 0 ? IoOpcode::write_zeroes : IoOpcode::write);
      if (findings().most_zeroes_blocks == 0) data.assign(size_t{blocks} * findings().block_bytes, 0);
      if (findings().most_zeroes_blocks != 0 && command.may_discard && findings().zeroes_may_discard)
        entry.set_word(12, entry.word(12) | 1u << 25);
      break;
    default:
      is(IoOpcode::flush);
      entry.set_pair(10, 0);
      entry.set_word(12, 0);
      break;
  }
  const bool writes = command.operation == Operation::write || command.operation == Operation::write_zeroes;
  if (writes && command.durable) entry.set_word(12, entry.word(12) | 1u << 30);
  return entry;
}

}  // namespace ashlar::initiator
