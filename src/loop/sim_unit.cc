#include "loop/sim_unit.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace ashlar::loop {
namespace {

constexpr uint8_t check_condition = 0x02;
constexpr uint8_t illegal_request = 0x5;

void fail_with(ScsiOperation& operation, const ScsiSense& sense) {
  operation.status = check_condition;
  operation.sense = sense;
}

void give(ScsiOperation& operation, ConstBytes data, size_t allocation_length) {
  const size_t most = std::min<size_t>({data.size(), allocation_length, operation.length});
  if (operation.direction != ScsiDirection::from_device) return;
  size_t at = 0;
  for (const iovec& part : operation.parts) {
    const size_t count = std::min(part.iov_len, most - at);
    std::memcpy(part.iov_base, data.data() + at, count);
    at += count;
  }
  operation.transferred = static_cast<uint32_t>(most);
}

std::vector<uint8_t> taken(ScsiOperation& operation, size_t most) {
  std::vector<uint8_t> data;
  if (operation.direction != ScsiDirection::to_device) return data;
  for (const iovec& part : operation.parts) {
    const auto* bytes = static_cast<const uint8_t*>(part.iov_base);
    data.insert(data.end(), bytes, bytes + part.iov_len);
  }
  data.resize(std::min<size_t>({data.size(), most, operation.length}));
  operation.transferred = static_cast<uint32_t>(data.size());
  return data;
}

void append_text(std::vector<uint8_t>& data, std::string_view text, size_t width) {
  for (size_t i = 0; i < width; ++i) data.push_back(i < text.size() ? static_cast<uint8_t>(text[i]) : ' ');
}

// Of a tape: sense with FILEMARK, EOM and ILI, and what was missing (SSC-3 4.2.7).
ScsiSense tape_sense(uint8_t key, uint8_t flags, uint16_t code, int32_t information) {
  ScsiSense sense = fixed_sense(key, code);
  sense.bytes[0] |= 0x80;
  sense.bytes[2] |= flags;
  store_be32(sense.bytes.data() + 3, static_cast<uint32_t>(information));
  return sense;
}
constexpr uint8_t filemark = 0x80, wrong_length = 0x20;

}  // namespace

SimUnit::SimUnit(Settings settings) : settings_(std::move(settings)), mode_(12) {
  if (settings_.device_type == 0x00) medium_.resize(size_t{settings_.blocks} * settings_.block_bytes);
  store_be32(mode_.data() + 4, settings_.blocks);
  store_be32(mode_.data() + 8, settings_.block_bytes);
  mode_[3] = 8;
}

void SimUnit::execute(ScsiOperation& operation, SimRandom* chance) {
  operation.error = 0;
  operation.delivery = ScsiDelivery::answered;
  operation.status = 0;
  operation.sense = {};
  operation.transferred = 0;
  if (gone) {
    operation.error = ENODEV;
    return;
  }
  if (operation.reset) {
    ++resets;
    locked = false;
    return;
  }
  CHECK(operation.length <= settings_.max_transfer_bytes, "{} bytes for a device", operation.length);
  seen.emplace_back(operation.cdb.begin(), operation.cdb.begin() + operation.cdb_length);
  if (chance != nullptr && chance->chance(settings_.try_later)) {
    operation.delivery = ScsiDelivery::try_later;
    return;
  }
  if (chance != nullptr && chance->chance(settings_.adapter_failed)) {
    operation.delivery = ScsiDelivery::failed;
    return;
  }
  const bool late = chance != nullptr && chance->chance(settings_.timed_out);
  if (!late || chance->chance(0.5)) obey(operation);
  if (!late) return;
  operation.delivery = ScsiDelivery::timed_out;
  operation.status = 0;
  operation.transferred = 0;
}

void SimUnit::obey(ScsiOperation& operation) {
  const uint8_t* cdb = operation.cdb.data();
  const bool past_attention = cdb[0] == 0x12;
  if (!said_.empty() && !past_attention) {
    const ScsiSense sense = said_.front();
    said_.pop_front();
    if (cdb[0] == 0x03) return give(operation, sense.view(), cdb[4]);
    return fail_with(operation, sense);
  }
  if (script && script(operation)) return;
  switch (cdb[0]) {
    case 0x00: return;
    case 0x03: return give(operation, fixed_sense(0, 0).view(), cdb[4]);
    case 0x12: return inquiry(operation);
    case 0x15: {
      const std::vector<uint8_t> list = taken(operation, cdb[4]);
      if (list.size() == mode_.size()) mode_ = list;
      return;
    }
    case 0x1a: return give(operation, mode_, cdb[4]);
    case 0x1e: locked = (cdb[4] & 0x01) != 0; return;
    case 0x1b:
    case 0x1d: return;
    case 0x3b: taken(operation, operation.length); return;
    case 0x4c: taken(operation, operation.length); return;
    default: break;
  }
  const bool known = settings_.device_type == 0x00   ? obey_disk(operation)
                     : settings_.device_type == 0x01 ? obey_tape(operation)
                                                     : false;
  if (!known) fail_with(operation, fixed_sense(illegal_request, 0x2000));
}

void SimUnit::inquiry(ScsiOperation& operation) {
  const uint8_t* cdb = operation.cdb.data();
  std::vector<uint8_t> data = {settings_.device_type};
  if ((cdb[1] & 0x01) == 0) {
    // NORMACA, 3PC and TPGS are those of a device that knows ACA conditions, copies and has port groups of its own.
    data.insert(data.end(),
                {static_cast<uint8_t>(settings_.removable ? 0x80 : 0), 0x06, 0x22, 31, 0x38, 0, 0x02});
    append_text(data, settings_.vendor, 8);
    append_text(data, settings_.product, 16);
    append_text(data, settings_.revision, 4);
    return give(operation, data, load_be16(cdb + 3));
  }
  std::vector<uint8_t> body;
  switch (cdb[2]) {
    case 0x00: body = {0x00, 0x80, 0x83, 0x88, 0x8f, 0xb0}; break;
    case 0x80: append_text(body, settings_.serial, settings_.serial.size()); break;
    case 0x83:  // its own NAA, a port of its own, and the name of the device around it
      body = {0x01, 0x03, 0x00, 0x08, 0x50, 0, 0, 0, 0, 0, 0, 1,
              0x61, 0x93, 0x00, 0x08, 0x50, 0, 0, 0, 0, 0, 0, 2,
              0x61, 0xa3, 0x00, 0x08, 0x50, 0, 0, 0, 0, 0, 0, 3};
      break;
    case 0xb0:
      body.resize(60);
      store_be32(body.data() + 4, 65536);
      store_be32(body.data() + 8, 65536);
      break;
    default: return fail_with(operation, fixed_sense(illegal_request, 0x2400));
  }
  data.insert(data.end(),
              {cdb[2], static_cast<uint8_t>(body.size() >> 8), static_cast<uint8_t>(body.size())});
  data.insert(data.end(), body.begin(), body.end());
  give(operation, data, load_be16(cdb + 3));
}

void SimUnit::transfer(ScsiOperation& operation, uint64_t block, uint64_t count) {
  if (block > settings_.blocks || count > settings_.blocks - block)
    return fail_with(operation, fixed_sense(illegal_request, 0x2100));
  uint8_t* const at = medium_.data() + block * settings_.block_bytes;
  const size_t bytes = count * settings_.block_bytes;
  if (operation.direction == ScsiDirection::from_device) return give(operation, ConstBytes(at, bytes), bytes);
  const std::vector<uint8_t> data = taken(operation, bytes);
  std::copy(data.begin(), data.end(), at);
}

bool SimUnit::obey_disk(ScsiOperation& operation) {
  const uint8_t* cdb = operation.cdb.data();
  switch (cdb[0]) {
    case 0x25: {
      uint8_t data[8];
      store_be32(data, settings_.blocks - 1);
      store_be32(data + 4, settings_.block_bytes);
      give(operation, data, sizeof data);
      return true;
    }
    case 0x28:
    case 0x2a: transfer(operation, load_be32(cdb + 2), load_be16(cdb + 7)); return true;
    case 0x88:
    case 0x8a: transfer(operation, load_be64(cdb + 2), load_be32(cdb + 10)); return true;
    case 0x04:
    case 0x35:
    case 0x48:
    case 0xc5: return true;  // C5h: one of its maker's
    default: return false;
  }
}

// Blocks of any length (FIXED 0), each as it was written.
void SimUnit::read_tape(ScsiOperation& operation) {
  const uint32_t wanted = load_be24(operation.cdb.data() + 2);
  const auto length = static_cast<int32_t>(wanted);
  if (position_ >= tape_.size())
    return fail_with(operation, tape_sense(0x8, 0, 0x0005, length));  // END-OF-DATA
  const std::vector<uint8_t>& block = tape_[position_++];
  if (block.empty()) return fail_with(operation, tape_sense(0, filemark, 0x0001, length));
  give(operation, block, wanted);
  if (block.size() == wanted) return;
  fail_with(operation, tape_sense(0, wrong_length, 0x0000, length - static_cast<int32_t>(block.size())));
}

void SimUnit::write_tape(ScsiOperation& operation) {
  tape_.resize(position_);  // what stood behind is gone
  tape_.push_back(taken(operation, load_be24(operation.cdb.data() + 2)));
  ++position_;
}

bool SimUnit::obey_tape(ScsiOperation& operation) {
  const uint8_t* cdb = operation.cdb.data();
  switch (cdb[0]) {
    case 0x01: position_ = 0; return true;
    case 0x05: {
      const uint8_t limits[6] = {0, 0x7f, 0xff, 0xff, 0, 1};
      give(operation, limits, sizeof limits);
      return true;
    }
    case 0x08: read_tape(operation); return true;
    case 0x0a: write_tape(operation); return true;
    case 0x10:
      tape_.resize(position_);
      for (uint32_t i = load_be24(cdb + 2); i > 0; --i, ++position_) tape_.emplace_back();
      return true;
    case 0x04:
    case 0x11:
    case 0x19:
    case 0x34: return true;
    default: return false;
  }
}

}  // namespace ashlar::loop
