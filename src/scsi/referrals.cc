// REPORT REFERRALS (SBC-3 5.22) and VPD page B3h (SBC-3 6.6.7): by which target port groups the unit can be reached. It is one user data
// segment, so all of it is reached alike.
#include "scsi/access.h"
#include "scsi/handlers.h"
#include "scsi/vpd.h"

namespace ashlar::scsi {
namespace {

// SBC-3 4.25: by what is unavailable, offline or in standby nobody is referred to a block.
bool is_referred_to(unit::AccessState state) {
  return unit::is_active(state) || state == unit::AccessState::transitioning;
}

}  // namespace

// USER DATA SEGMENT SIZE of zero: the descriptors say where the segment ends.
void referrals(Writer& writer) { writer.zeroes(12); }

void report_referrals(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const unit::Geometry geometry = handling.unit().geometry();
  const uint64_t blocks = geometry.blocks();
  if (load_be64(cdb + 2) >= blocks) return handling.fail(Sense::lba_out_of_range(blocks));
  const std::shared_ptr<const unit::AccessStates> states = handling.state().access();
  std::vector<uint8_t> data(4 + 20);
  for (const uint16_t tag : port_group_tags(handling)) {
    const unit::AccessState state = states->of(tag).state;
    if (!is_referred_to(state)) continue;
    uint8_t descriptor[4] = {static_cast<uint8_t>(state)};
    store_be16(descriptor + 2, tag);
    data.insert(data.end(), std::begin(descriptor), std::end(descriptor));
  }
  store_be16(data.data() + 2, static_cast<uint16_t>(data.size() - 4));
  data[4 + 3] = static_cast<uint8_t>((data.size() - 24) / 4);
  store_be64(&data[4 + 12], blocks - 1);
  handling.reply(data, load_be32(cdb + 10));
}

}  // namespace ashlar::scsi
