// READ TOC/PMA/ATIP, READ DISC INFORMATION and READ TRACK INFORMATION: MMC-6 6.25, 6.21 and 6.26.
#include <array>

#include "scsi/cd_medium.h"
#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t first_track = 1, first_session = 1;

enum class TocFormat : uint8_t { toc = 0, sessions = 1, full_toc = 2 };

void put_address(Writer& writer, uint32_t block, bool msf) {
  if (!msf) return writer.u32(block);
  writer.u8(0);
  put_msf(writer, block);
}

void put_track(Writer& writer, uint8_t track, uint32_t block, bool msf) {
  writer.u8(0);
  writer.u8(data_track);
  writer.u8(track);
  writer.u8(0);
  put_address(writer, block, msf);
}

// MMC-6 6.25.3.2: the tracks from `from` on, and always the lead-out.
void put_toc(Writer& writer, uint8_t from, uint32_t blocks, bool msf) {
  if (from <= first_track) put_track(writer, first_track, 0, msf);
  put_track(writer, lead_out_track, blocks, msf);
}

// An entry of the lead-in (MMC-6 6.25.3.4): what stands in MIN, SEC and FRAME of a finished disc is zero.
void put_point(Writer& writer, uint8_t point, std::array<uint8_t, 3> position) {
  writer.u8(first_session);
  writer.u8(data_track);
  writer.u8(0);
  writer.u8(point);
  writer.zeroes(4);
  writer.bytes(position);
}

void put_full_toc(Writer& writer, uint32_t blocks) {
  std::array<uint8_t, 3> begin{}, end{};
  Writer at_begin(begin), at_end(end);
  put_msf(at_begin, 0);
  put_msf(at_end, blocks);
  put_point(writer, 0xa0, {first_track, 0x00, 0x00});  // CD-ROM with data in Mode 1
  put_point(writer, 0xa1, {first_track, 0x00, 0x00});  // the last track
  put_point(writer, 0xa2, end);
  put_point(writer, first_track, begin);
}

// MMC-6 6.25.2.2; where it says zero, the two bits in which SFF-8020i had the format.
uint8_t format_of(const uint8_t* cdb) {
  const auto format = static_cast<uint8_t>(cdb[2] & 0x0f);
  return format != 0 ? format : static_cast<uint8_t>(cdb[9] >> 6);
}

}  // namespace

void read_toc(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const bool msf = (cdb[1] & 0x02) != 0;
  const uint8_t from = cdb[6];  // a track or, in the full TOC, a session
  const uint32_t blocks = blocks_of_medium(handling);
  std::array<uint8_t, 64> data{};
  Writer writer(data);
  writer.u16(0);
  writer.u8(first_track);
  writer.u8(first_track);
  switch (format_of(cdb)) {
    case static_cast<uint8_t>(TocFormat::toc):
      if (from > first_track && from != lead_out_track) return handling.fail(Sense::invalid_cdb_field(6));
      put_toc(writer, from, blocks, msf);
      break;
    case static_cast<uint8_t>(TocFormat::sessions): put_track(writer, first_track, 0, msf); break;
    case static_cast<uint8_t>(TocFormat::full_toc):
      if (from > first_session) return handling.fail(Sense::invalid_cdb_field(6));
      put_full_toc(writer, blocks);
      break;
    default:
      return handling.fail(Sense::invalid_cdb_field(2, 3));  // PMA, ATIP and CD-TEXT are not on pressed discs
  }
  CHECK(writer.ok());
  store_be16(data.data(), static_cast<uint16_t>(writer.size() - 2));
  handling.reply(writer.written(), load_be16(cdb + 7));
}

void read_disc_information(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  if ((cdb[1] & 0x07) != 0) return handling.fail(Sense::invalid_cdb_field(1, 2));
  std::array<uint8_t, 34> data{};
  store_be16(data.data(), data.size() - 2);
  data[2] = 0x0e;  // the last session is complete, the disc is finalized
  data[3] = first_track;
  data[4] = 1;  // sessions
  data[5] = data[6] = first_track;
  data[7] = 0x20;                                                // URU: no restriction of its use
  data[8] = 0x00;                                                // CD-DA or CD-ROM; of a DVD too
  std::ranges::fill(Bytes(data).subspan(16, 8), uint8_t{0xff});  // no further lead-in, no further lead-out
  handling.reply(data, load_be16(cdb + 7));
}

void read_track_information(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const uint32_t blocks = blocks_of_medium(handling);
  const uint32_t asked = load_be32(cdb + 2);
  switch (cdb[1] & 0x03) {
    case 0:
      if (asked >= blocks) return handling.fail(Sense::lba_out_of_range(blocks));
      break;
    case 1:
    case 2:  // by track, by session: there is one of each
      if (asked != first_track) return handling.fail(Sense::invalid_cdb_field(2));
      break;
    default: return handling.fail(Sense::invalid_cdb_field(1, 1));
  }
  std::array<uint8_t, 36> data{};
  store_be16(data.data(), data.size() - 2);
  data[2] = first_track;
  data[3] = first_session;
  data[5] = data_track & 0x0f;  // TRACK MODE
  data[6] = 0x01;               // DATA MODE: Mode 1
  data[7] = 0x02;               // LRA_V
  store_be32(&data[24], blocks);
  store_be32(&data[28], blocks - 1);
  handling.reply(data, load_be16(cdb + 7));
}

}  // namespace ashlar::scsi
