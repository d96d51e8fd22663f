// Any entries at all by an honest transport: every bit of a command but its id and its descriptor, on either kind of queue, before
// and after the controller is enabled, and Connect with any data. Each is answered once. For the fuzzer, and for a test of chance.
#pragma once

#include <algorithm>

#include "nvmetcp/array_test.h"
#include "wire/nvme_fabrics.h"

namespace ashlar::nvmetcp::test {

/// One entry out of `reader`: an opcode that there is, most times, and all other bytes as they come or zero.
inline Submission any_entry(Reader& reader, bool admin) {
  static constexpr uint8_t of_admin[] = {0x02, 0x06, 0x08, 0x09, 0x0a, 0x18,
                                         0x02, 0x06, 0x09, 0x0a, 0x7f, 0x7f};
  static constexpr uint8_t of_io[] = {0x00, 0x01, 0x02, 0x05, 0x08, 0x09, 0x0c, 0x0d, 0x0e, 0x11, 0x15, 0x19};
  Submission entry;
  const uint8_t style = reader.u8(), choice = reader.u8();
  for (size_t at = 4; at < entry.bytes.size(); ++at) {
    const bool kept = (style & 1) != 0 || at < 8 || at >= 40;
    if (kept && (style & 2) == 0) entry.bytes[at] = reader.u8();
  }
  entry.set_opcode(style >> 4 == 15 ? choice
                   : admin          ? of_admin[choice % sizeof of_admin]
                                    : of_io[choice % sizeof of_io]);
  if (!entry.is_fabrics() && (style & 4) == 0) entry.set_namespace_id(entry.namespace_id() % 4);
  if ((style & 8) != 0) entry.set_fuse(static_cast<wire::nvme::Fuse>(choice >> 6));
  if (!admin && (style & 0x30) == 0) entry.set_word(12, entry.word(12) & 0xff00001f);
  // An event request is answered when something happens: here nothing does.
  const auto event_request = static_cast<uint8_t>(wire::nvme::AdminOpcode::asynchronous_event_request);
  if (admin && entry.opcode() == event_request) entry.set_opcode(0x18);
  return entry;
}

inline Task<bool> connect_with_any_data(Array* array, Reader& reader) {
  NvmeQueueOptions options = array->options(reader.u8() % 3);
  const uint8_t what = reader.u8();
  if ((what & 1) != 0) options.queue_id = reader.u16();
  if ((what & 2) != 0) options.controller_id = reader.u16();
  if ((what & 4) != 0) options.entries = reader.u16();
  if ((what & 8) != 0) options.host_id[reader.u8() % 16] = reader.u8();
  std::string& name = (what & 0x10) != 0 ? options.subsystem : options.host_name;
  if ((what & 0x20) != 0) name.resize(reader.u8(), static_cast<char>(reader.u8()));
  auto connecting = NvmeQueue::connect(loop::Loop::current(), options);
  const auto queue = co_await connecting;
  co_return queue.has_value();
}

inline Task<void> run_entry(NvmeQueue& queue, Submission entry, size_t bytes) {
  std::vector<uint8_t> data(entry.sends_data() ? bytes : 0, static_cast<uint8_t>(bytes));
  const auto room = static_cast<uint32_t>(entry.takes_data() ? bytes : 0);
  auto running = queue.run(entry, std::move(data), room);
  co_await running;
}

inline Task<bool> play_entries(Array* array, ConstBytes script) {
  Reader reader(script);
  auto attaching = NvmeController::attach(loop::Loop::current(), array->options(1), 2);
  auto attached = co_await attaching;
  CHECK(attached.has_value(), "an honest host was refused: {}", attached.error().text());
  NvmeController& controller = **attached;
  for (uint32_t step = 0; step < 48 && reader.remaining() > 0; ++step) {
    const uint8_t which = reader.u8();
    if (which % 16 == 15) {
      auto connecting = connect_with_any_data(array, reader);
      co_await connecting;
      continue;
    }
    static constexpr size_t sizes[] = {4, 8, 16, 64, 512, 512, 4096, 16384};
    NvmeQueue& queue = which % 2 == 0 ? controller.admin() : controller.io(which / 2 % 2);
    const Submission entry = any_entry(reader, which % 2 == 0);
    if (!queue.open()) continue;
    // The first half of a pair waits for its second: something else comes behind it.
    auto running = run_entry(queue, entry, sizes[which >> 5]);
    co_await loop::sleep_for(loop::milliseconds(1));
    if (!running.done() && queue.open()) {
      auto flushing = run_entry(queue, {}, 0);
      co_await flushing;
    }
    co_await running;
  }
  co_return true;
}

/// Plays it and sees that nothing is left of it.
inline void play_entries_and_check(Array& array, ConstBytes script) {
  run_story(array.host.loop(0), play_entries, &array, script);
  const bool gone = array.world.run_until([&] { return array.connections() == 0; }, loop::seconds(30));
  CHECK(gone, "{} connections are left", array.connections());
  array.world.run_for(loop::seconds(1));
  for (const auto& server : array.servers)
    CHECK(server->impl().commands.in_use() == 0, "{} commands are left", server->impl().commands.in_use());
  CHECK(array.buffers_in_use() == 0, "{} pieces of memory are left", array.buffers_in_use());
}

}  // namespace ashlar::nvmetcp::test
