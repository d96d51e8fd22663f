// READ DEFECT DATA(10) and (12), SBC-3 5.17 and 5.18: a volume has no defects, so the lists are there and empty, in whatever
// format they are asked for.
#include "scsi/handlers.h"

namespace ashlar::scsi {

void read_defect_data(Handling handling) {
  constexpr uint8_t last_format = 0x05;  // 110b is the vendor's, 111b is reserved
  const uint8_t* cdb = handling.cdb();
  const bool twelve = cdb[0] == 0xb7;
  const uint8_t wanted = cdb[twelve ? 1 : 2];  // REQ_PLIST, REQ_GLIST, DEFECT LIST FORMAT
  if ((wanted & 0x07) > last_format) return handling.fail(Sense::invalid_cdb_field(twelve ? 1 : 2, 2));
  uint8_t header[8] = {0x00, wanted};  // PLISTV and GLISTV stand where they were asked for
  // In (12) an ADDRESS DESCRIPTOR INDEX past the last descriptor, which any is, gets the header alone.
  handling.reply(ConstBytes(header).first(twelve ? 8 : 4), twelve ? load_be32(cdb + 6) : load_be16(cdb + 7));
}

}  // namespace ashlar::scsi
