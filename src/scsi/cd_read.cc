// READ CD (MMC-6 6.19) of user data, SEEK(10) and SET CD SPEED.
#include "scsi/cd_medium.h"
#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t user_data = 0x10;
constexpr uint8_t any_sector = 0, mode_1_sector = 2;  // EXPECTED SECTOR TYPE

}  // namespace

// An image holds the 2048 bytes of user data of each sector and nothing of what stands around them: sync, headers, EDC and ECC,
// C2 errors and sub-channels are refused.
void read_cd(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const auto sector_type = static_cast<uint8_t>(cdb[1] >> 2 & 0x07);
  if ((cdb[1] & 0x02) != 0) return handling.fail(Sense::invalid_cdb_field(1, 1));  // DAP is of audio
  if (sector_type != any_sector && sector_type != mode_1_sector)
    return handling.fail(Sense::of(SenseKey::illegal_request, 0x6400));  // ILLEGAL MODE FOR THIS TRACK
  if ((cdb[9] & ~user_data) != 0) return handling.fail(Sense::invalid_cdb_field(9));
  if ((cdb[10] & 0x07) != 0) return handling.fail(Sense::invalid_cdb_field(10, 2));
  const wire::scsi::BlockRange range{load_be32(cdb + 2), load_be24(cdb + 6), 6};
  if (cdb[9] != 0) return read_range(handling, range);
  if (handling.in_range(range, handling.unit().geometry()))
    handling.good();  // nothing of a sector is asked for
}

void seek(Handling handling) {
  const wire::scsi::BlockRange range{load_be32(handling.cdb() + 2), 1, 2};
  if (handling.in_range(range, handling.unit().geometry())) handling.good();
}

// MMC-6 6.38: a wish that a drive may round, and this one is always faster.
void set_cd_speed(Handling handling) { handling.good(); }

}  // namespace ashlar::scsi
