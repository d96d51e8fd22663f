// GET LBA STATUS (SBC-3 5.5): which blocks are mapped, as runs of equal state.
#include <algorithm>

#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

constexpr uint32_t header_bytes = 8;
constexpr uint32_t descriptor_bytes = 16;
constexpr uint32_t max_descriptors = 64;  // the host asks again from where the last one ends
constexpr uint32_t max_questions = 1024;  // to the device, for one command: fragments cost time
constexpr uint8_t mapped = 0x0;
constexpr uint8_t deallocated = 0x1;

struct Extent {
  uint64_t blocks = 0;
  bool is_mapped = true;
};

// The blocks from `lba` on (at least one) with one state. A block that is mapped in part is mapped.
Extent to_blocks(const block::Request& request, uint32_t block, uint64_t left) {
  const bool is_mapped = request.extent_allocated;
  const uint64_t whole =
      is_mapped ? (request.extent_length + block - 1) / block : request.extent_length / block;
  if (whole == 0) return {1, true};
  return {std::min(whole, left), is_mapped};
}

// Runs of equal state, written as LBA status descriptors.
class StatusList {
 public:
  StatusList(Bytes out, uint64_t lba, uint32_t most) : writer_(out), lba_(lba), most_(most) {
    writer_.zeroes(header_bytes);
  }
  bool full() const { return count_ == most_; }
  void add(const Extent& extent) {
    if (extent.is_mapped != run_.is_mapped) flush();
    run_.is_mapped = extent.is_mapped;
    run_.blocks += extent.blocks;
  }
  void flush() {
    while (run_.blocks > 0 && !full()) {  // NUMBER OF LOGICAL BLOCKS has 32 bits
      const uint32_t now = static_cast<uint32_t>(std::min<uint64_t>(run_.blocks, UINT32_MAX));
      writer_.u64(lba_);
      writer_.u32(now);
      writer_.u8(run_.is_mapped ? mapped : deallocated);
      writer_.zeroes(3);
      lba_ += now;
      run_.blocks -= now;
      ++count_;
    }
  }
  Bytes finish() {
    flush();
    store_be32(writer_.written().data(), static_cast<uint32_t>(writer_.size() - 4));
    return writer_.written();
  }

 private:
  Writer writer_;
  uint64_t lba_;
  uint32_t most_;
  uint32_t count_ = 0;
  Extent run_;
};

loop::Task<void> status_story(Handling handling, uint64_t lba, uint32_t allocation_length) {
  const unit::Geometry geometry = handling.unit().geometry();
  const uint32_t block = geometry.block_bytes;
  const uint64_t end = geometry.size_bytes / block;
  std::array<uint8_t, header_bytes + max_descriptors * descriptor_bytes> data;
  const uint32_t room =
      allocation_length > header_bytes ? (allocation_length - header_bytes) / descriptor_bytes : 0;
  StatusList list(data, lba, std::clamp(room, 1u, max_descriptors));
  for (uint32_t asked = 0; lba < end && !list.full() && asked < max_questions && !handling.interrupted();
       ++asked) {
    const block::Request& request =
        handling.request(block::Operation::find_extent, lba * block, (end - lba) * block);
    UnitWork work(handling);
    const block::Status status = co_await work;
    if (status != block::Status::ok) {
      handling.fail(sense_of(status, false, lba));
      co_return;
    }
    const Extent extent = to_blocks(request, block, end - lba);
    list.add(extent);
    lba += extent.blocks;
  }
  handling.reply(list.finish(), allocation_length);
}

}  // namespace

void get_lba_status(Handling handling) {
  const unit::Geometry geometry = handling.unit().geometry();
  const uint64_t lba = load_be64(handling.cdb() + 2);
  const uint32_t allocation_length = load_be32(handling.cdb() + 10);
  const uint64_t blocks = geometry.blocks();
  if (lba >= blocks) return handling.fail(Sense::lba_out_of_range(lba));
  if (handling.unit().limits().find_extent) return status_story(handling, lba, allocation_length).detach();
  std::array<uint8_t, header_bytes + descriptor_bytes> data;
  StatusList list(data, lba, 1);  // a device that cannot tell: all of it is mapped
  list.add({blocks - lba, true});
  handling.reply(list.finish(), allocation_length);
}

}  // namespace ashlar::scsi
