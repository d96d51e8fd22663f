#include "scsi/pass_through.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "scsi/access.h"
#include "scsi/device_answer.h"
#include "scsi/device_pages.h"
#include "scsi/handlers.h"
#include "scsi/nexus_impl.h"
#include "scsi/passage.h"

namespace ashlar::scsi {
namespace {

using Way = Passage::Way;

// What the table of commands does not know.
constexpr Opcode passed_on{"passed on", 0x00, -1, 16, no_flags, Tallied::nothing, nullptr, {}};
// What is asked of a page that is put right: longer than what any device is known to say.
constexpr uint32_t page_bytes = 2048;

Passage passage_of(Handling handling, block::Passthrough& device) {
  const Task& task = handling.task();
  return scsi::passage_of(ConstBytes(task.cdb).first(std::max<size_t>(task.cdb_length, 16)),
                          device.traits().device_type, device.policy());
}

bool is_kept_out(const LunState& lun, const Passage& passage) {
  if (lun.kept_out_wholly) return !passage.past_attention && !passage.releases;
  if (passage.effect == unit::CommandEffect::writes) return lun.kept_from_writing;
  return passage.effect == unit::CommandEffect::reads && lun.kept_from_reading;
}

// True if the task has ended, or is held.
bool keep_back(Handling handling, const Passage& passage) {
  const LunState& lun = handling.lun();
  if (!unit::allows(lun.access, passage.need)) {
    hold_or_refuse(handling);
    return true;
  }
  if (!is_kept_out(lun, passage)) return false;
  handling.fail_status(ScsiStatus::reservation_conflict);
  return true;
}

void fill(DeviceWork& work, Handling handling, const Passage& passage) {
  Task& task = handling.task();
  work.cdb = task.cdb;
  work.cdb_length = passage.cdb_length;
  work.timeout = passage.timeout;
  work.length = task.buffer.size();
  work.parts = task.buffer.segments();
  if (work.length > 0)
    work.direction =
        task.expected_data_out_bytes > 0 ? loop::ScsiDirection::to_device : loop::ScsiDirection::from_device;
}

// Room for the data, as the transport says which way it goes and how much there may be of it: the CDB of a tape tells no bytes.
// False: the task has ended.
bool make_room(Handling handling) {
  Task& task = handling.task();
  const uint32_t out = task.expected_data_out_bytes, in = task.expected_data_in_bytes;
  block::Passthrough* const device = handling.unit().passthrough();
  const uint32_t most =
      device == nullptr ? 0 : std::min(device->traits().max_transfer_bytes, max_transfer_bytes);
  if ((out > 0 && in > 0) || std::max(out, in) > most) {
    handling.fail(Sense::of(SenseKey::illegal_request, 0x2400));
    return false;
  }
  if (out + in == 0) return true;
  if (!handling.allocate(out + in)) return false;
  // A device that tells nothing of what it left out must not give away what another host had here.
  if (in > 0) task.buffer.fill_zero(0, in);
  return true;
}

// What the device says of itself, and not to this command alone, goes to the others; to the asker too, when it gets no answer.
void spread(Handling handling, const loop::ScsiSense& sense) {
  const bool deferred = is_deferred(sense.view());
  if (!deferred && !is_attention(sense.view())) return;
  NexusState& nexus = handling.nexus();
  const bool answered = !handling.interrupted();
  nexus.domain().impl().spread(handling.lun().volume, sense, deferred, answered ? &nexus.nexus() : nullptr);
}

void spread_news(Handling handling, Passage::News news) {
  static constexpr unit::Attention attentions[] = {unit::Attention::mode_parameters_changed,
                                                   unit::Attention::log_parameters_changed,
                                                   unit::Attention::medium_changed};
  if (news == Passage::News::none) return;
  NexusState& nexus = handling.nexus();
  nexus.domain().raise_everywhere(handling.lun().volume, attentions[static_cast<size_t>(news) - 1],
                                  &nexus.nexus());
}

void finish(Handling handling, const DeviceWork& work, const Passage& passage) {
  Task& task = handling.task();
  const DeviceAnswer answer = answer_of(work);
  if (answer.from_device && answer.status == ScsiStatus::check_condition) spread(handling, work.sense);
  const bool good = answer.from_device && answer.status == ScsiStatus::good;
  if (good) spread_news(handling, passage.news);
  if (passage.changes && task.expected_data_out_bytes > 0) handling.lun().wrote = true;
  if (handling.interrupted()) return handling.end();
  if (!answer.from_device)
    return answer.status == ScsiStatus::check_condition ? handling.fail(answer.sense)
                                                        : handling.fail_status(answer.status);
  (work.direction == loop::ScsiDirection::to_device ? task.data_out_wanted_bytes : task.data_in_bytes) =
      work.transferred;
  task.data_in_wanted_bytes = task.data_in_bytes;
  handling.relay(answer.status, answer.sense, work.sense);
}

// Of standard INQUIRY data and of REQUEST SENSE, on its way to the host.
void look_at_data(Handling handling, const DeviceWork& work, const Passage& passage) {
  if (work.direction != loop::ScsiDirection::from_device) return;
  Buffer& buffer = handling.task().buffer;
  if (passage.way == Way::inquire) {
    if ((handling.cdb()[1] & 0x01) != 0 || work.transferred == 0) return;
    std::array<uint8_t, 6> bytes{};
    const Bytes begin = Bytes(bytes).first(std::min<size_t>(work.transferred, bytes.size()));
    buffer.copy_out(0, begin);
    adjust_standard_data(begin, target_port_group_support(*handling.state().access()));
    buffer.copy_in(0, begin);
  } else if (passage.way == Way::sense && work.transferred > 0) {
    loop::ScsiSense told;
    told.length = static_cast<uint8_t>(std::min<size_t>(work.transferred, loop::ScsiSense::most_bytes));
    buffer.copy_out(0, Bytes(told.bytes).first(told.length));
    spread(handling, told);
  }
}

// The data-out, then the device.
loop::Task<void> pass(Handling handling, Passage passage) {
  if (!make_room(handling)) co_return;
  if (handling.task().expected_data_out_bytes > 0) {
    DataOut data(handling);
    const bool arrived = co_await data;
    if (!arrived) {
      handling.end();
      co_return;
    }
  }
  DeviceWork work(handling.unit(), handling.loop());
  fill(work, handling, passage);
  co_await work;
  look_at_data(handling, work, passage);
  finish(handling, work, passage);
}

// Blocks of a disk that one command may move; 0: it does not say how long they are.
loop::Task<uint32_t> most_blocks(Handling handling) {
  std::array<uint8_t, 8> data{};
  const iovec part{data.data(), data.size()};
  DeviceWork work(handling.unit(), handling.loop());
  work.cdb = {0x25};
  work.cdb_length = 10;
  work.direction = loop::ScsiDirection::from_device;
  work.parts = {&part, 1};
  work.length = data.size();
  co_await work;
  const DeviceAnswer answer = answer_of(work);
  if (answer.from_device && answer.status == ScsiStatus::check_condition) spread(handling, work.sense);
  block::Passthrough* const device = handling.unit().passthrough();
  const uint32_t block_bytes = load_be32(data.data() + 4);
  if (device == nullptr || !answer.from_device || answer.status != ScsiStatus::good || block_bytes == 0)
    co_return 0;
  co_return std::min(device->traits().max_transfer_bytes, max_transfer_bytes) / block_bytes;
}

// The whole page, whatever the host has room for, since what is put right moves all that stands behind it.
loop::Task<void> inquire_page(Handling handling, Passage passage) {
  const uint8_t* const cdb = handling.cdb();
  std::vector<uint8_t> page(page_bytes);
  const iovec part{page.data(), page.size()};
  DeviceWork work(handling.unit(), handling.loop());
  work.cdb = handling.task().cdb;
  store_be16(work.cdb.data() + 3, page_bytes);
  work.cdb_length = 6;
  work.timeout = passage.timeout;
  work.direction = loop::ScsiDirection::from_device;
  work.parts = {&part, 1};
  work.length = page_bytes;
  co_await work;
  page.resize(work.transferred);
  work.transferred = 0;  // none of it is the host's yet
  const DeviceAnswer answer = answer_of(work);
  uint32_t blocks = 0;
  if (cdb[2] == 0xb0 && answer.from_device && answer.status == ScsiStatus::good) {
    auto asking = most_blocks(handling);
    blocks = co_await asking;
  }
  if (handling.interrupted() || !answer.from_device || answer.status != ScsiStatus::good) {
    finish(handling, work, passage);
    co_return;
  }
  const VpdAsker asker{handling.nexus().nexus(), handling.nexus().impl().view->target_ports};
  handling.reply(adjust_page(page, asker, blocks), load_be16(cdb + 3));
}

void inquire(Handling handling, const Passage& passage) {
  const uint8_t* const cdb = handling.cdb();
  const bool vital = (cdb[1] & 0x01) != 0;
  if (vital && cdb[2] == 0x8f) return handling.fail(Sense::invalid_cdb_field(2));  // of third-party copies
  vital&& is_adjusted(cdb[2]) ? inquire_page(handling, passage).detach() : pass(handling, passage).detach();
}

// SPC-4 6.39: what is pending is told, and gone, before the device is asked.
void sense_first(Handling handling, const Passage& passage) {
  LunState& lun = handling.lun();
  const uint8_t room = handling.cdb()[4];
  if (!lun.attentions.empty()) {
    uint8_t data[max_sense_bytes];
    const size_t length = encode(sense_of(lun.attentions.pop()), (handling.cdb()[1] & 0x01) != 0, data);
    return handling.reply({data, length}, room);
  }
  if (lun.news.empty()) return pass(handling, passage).detach();
  const loop::ScsiSense sense = lun.news.front();
  lun.news.erase(lun.news.begin());
  handling.reply(sense.view(), room);
}

// SPC-4 6.15: a medium is kept in while any nexus prevents its removal, and the device can tell none from the other.
loop::Task<void> prevent(Handling handling, Passage passage) {
  LunState& lun = handling.lun();
  const bool prevents = (handling.cdb()[4] & 0x01) != 0;
  if (!prevents && lun.prevents) {
    lun.prevents = false;
    --lun.state->prevents;
  }
  if (!prevents && lun.state->prevents > 0) {
    handling.good();
    co_return;
  }
  DeviceWork work(handling.unit(), handling.loop());
  fill(work, handling, passage);
  co_await work;
  const bool done = work.error == 0 && work.delivery == loop::ScsiDelivery::answered && work.status == 0;
  if (prevents && done && !handling.interrupted() && !lun.prevents) {
    lun.prevents = true;
    ++lun.state->prevents;
  }
  if (prevents && handling.interrupted() && lun.state->prevents == 0) let_medium_go(lun.unit);
  finish(handling, work, passage);
}

void go(Handling handling, const Passage& passage) {
  const LunState& lun = handling.lun();
  if (lun.restrained && keep_back(handling, passage)) return;
  if (passage.changes && (lun.read_only || handling.unit().geometry().read_only))
    return handling.fail(Sense::of(SenseKey::data_protect, 0x2700));
  switch (passage.way) {
    case Way::inquire: return inquire(handling, passage);
    case Way::sense: return sense_first(handling, passage);
    case Way::prevent: return prevent(handling, passage).detach();
    default: return pass(handling, passage).detach();
  }
}

// What other nexuses had the device say (spread()), before anything is done. True: the task has ended by it.
bool tell_news(Handling handling) {
  LunState& lun = handling.lun();
  if (lun.news.empty()) return false;
  const loop::ScsiSense sense = lun.news.front();
  lun.news.erase(lun.news.begin());
  handling.relay(ScsiStatus::check_condition, read_sense(sense.view()), sense);
  return true;
}

loop::Task<void> allow_removal_by(std::shared_ptr<unit::LogicalUnit> unit, loop::Loop& loop) {
  DeviceWork work(*unit, loop);
  work.cdb = {0x1e};
  work.cdb_length = 6;
  co_await work;
}

}  // namespace

void DeviceWork::await_suspend(std::coroutine_handle<> story) {
  story_ = story;
  taken_ = unit_.pass(*this);
  if (taken_) return;
  error = ESHUTDOWN;
  loop_.post(*this);
}

void DeviceWork::run() {
  if (taken_) unit_.passed(*this);
  story_.resume();
}

void let_medium_go(std::shared_ptr<unit::LogicalUnit> unit) {
  allow_removal_by(std::move(unit), loop::Loop::current()).detach();
}

loop::Task<int> reset_device(std::shared_ptr<unit::LogicalUnit> unit, loop::Loop& loop) {
  DeviceWork work(*unit, loop);
  work.reset = true;
  co_await work;
  co_return work.error;
}

bool go_on_to_device(Handling handling) {
  block::Passthrough* const device = handling.unit().passthrough();
  if (device == nullptr) {  // it closes: COMMANDS CLEARED BY DEVICE SERVER
    handling.fail(Sense::of(SenseKey::aborted_command, 0x2f02));
    return true;
  }
  const Passage passage = passage_of(handling, *device);
  if (passage.way == Way::ours) return false;
  go(handling, passage);
  return true;
}

bool pass_through(Handling handling) {
  block::Passthrough* const device = handling.unit().passthrough();
  bool known = false;
  if (find_opcode(handling.cdb()[0], service_action_of(handling.cdb()), known) == nullptr)
    handling.begin(passed_on);
  if (device == nullptr) return go_on_to_device(handling);
  const Passage passage = passage_of(handling, *device);
  LunState& lun = handling.lun();
  if (!passage.past_attention) {
    if (passage.way != Way::ours && !lun.attentions.empty()) {
      handling.fail(sense_of(lun.attentions.pop()));
      return true;
    }
    if (lun.attentions.empty() && tell_news(handling)) return true;
  }
  if (passage.way == Way::ours) return false;
  if (passage.way == Way::refuse) {
    handling.fail(passage.refusal);
    return true;
  }
  go(handling, passage);
  return true;
}

}  // namespace ashlar::scsi
