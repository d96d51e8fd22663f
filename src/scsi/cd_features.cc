// GET CONFIGURATION (MMC-6 6.6): what the drive can do, and what of that the medium lets it.
#include <array>

#include "scsi/cd_medium.h"
#include "scsi/handlers.h"

namespace ashlar::scsi {
namespace {

enum class Feature : uint16_t {
  profile_list = 0x0000,
  core = 0x0001,
  morphing = 0x0002,
  removable_medium = 0x0003,
  random_readable = 0x0010,
  cd_read = 0x001e,
  dvd_read = 0x001f,
};
constexpr Feature features[] = {
    Feature::profile_list,    Feature::core,    Feature::morphing, Feature::removable_medium,
    Feature::random_readable, Feature::cd_read, Feature::dvd_read};

struct FeatureHead {
  uint8_t version;
  bool persistent;  // current whatever the medium is
  uint8_t data_bytes;
};

FeatureHead head_of(Feature feature) {
  switch (feature) {
    case Feature::profile_list: return {0, true, 8};
    case Feature::core: return {2, true, 8};
    case Feature::morphing: return {1, true, 4};
    case Feature::removable_medium: return {2, true, 4};
    case Feature::random_readable: return {0, false, 8};
    case Feature::cd_read: return {2, false, 4};
    case Feature::dvd_read: return {0, false, 0};
  }
  return {};
}

bool is_current(Feature feature, CdProfile profile) {
  if (head_of(feature).persistent) return true;
  if (feature == Feature::cd_read) return profile == CdProfile::cd_rom;
  if (feature == Feature::dvd_read) return profile == CdProfile::dvd_rom;
  return profile != CdProfile::none;
}

void put_profile(Writer& writer, CdProfile profile, CdProfile current) {
  writer.u16(static_cast<uint16_t>(profile));
  writer.u8(profile == current ? 0x01 : 0x00);
  writer.u8(0);
}

// MMC-6 5.3: the feature dependent data.
void put_data(Writer& writer, Feature feature, CdProfile current) {
  switch (feature) {
    case Feature::profile_list:
      put_profile(writer, CdProfile::dvd_rom, current);
      put_profile(writer, CdProfile::cd_rom, current);
      return;
    case Feature::core:
      writer.u32(1);    // PHYSICAL INTERFACE STANDARD: the SCSI family
      writer.u8(0x01);  // DBE: events of the class device busy
      return writer.zeroes(3);
    case Feature::morphing:
      writer.u8(0x02);  // OCEVENT; no asynchronous GET EVENT STATUS NOTIFICATION
      return writer.zeroes(3);
    case Feature::removable_medium:
      writer.u8(0x39);  // a tray; LOAD, EJECT, unlocked at power on (no PVNT JMPR), LOCK
      return writer.zeroes(3);
    case Feature::random_readable:
      writer.u32(cd_block_bytes);
      writer.u16(current == CdProfile::dvd_rom ? 16 : 1);  // BLOCKING: an ECC block of a DVD is 16
      writer.u8(0x01);                                     // PP: mode page 01h is there
      return writer.u8(0);
    case Feature::cd_read: return writer.zeroes(4);  // neither DAP nor C2 FLAGS nor CD-TEXT
    case Feature::dvd_read: return;
  }
}

void put_feature(Writer& writer, Feature feature, CdProfile current) {
  const FeatureHead head = head_of(feature);
  writer.u16(static_cast<uint16_t>(feature));
  writer.u8(static_cast<uint8_t>(head.version << 2 | (head.persistent ? 0x02 : 0x00) |
                                 (is_current(feature, current) ? 0x01 : 0x00)));
  writer.u8(head.data_bytes);
  put_data(writer, feature, current);
}

}  // namespace

void get_configuration(Handling handling) {
  constexpr uint8_t all = 0, one = 2;  // 1: those that are current
  const uint8_t* cdb = handling.cdb();
  const auto type = static_cast<uint8_t>(cdb[1] & 0x03);
  const uint16_t from = load_be16(cdb + 2);
  if (type > one) return handling.fail(Sense::invalid_cdb_field(1, 1));
  const CdProfile current =
      has_medium(handling.state()) ? profile_of(blocks_of_medium(handling)) : CdProfile::none;
  std::array<uint8_t, 128> data{};
  Writer writer(data);
  writer.zeroes(6);
  writer.u16(static_cast<uint16_t>(current));
  for (const Feature feature : features) {
    const auto code = static_cast<uint16_t>(feature);
    const bool wanted =
        type == one ? code == from : code >= from && (type == all || is_current(feature, current));
    if (wanted) put_feature(writer, feature, current);
  }
  CHECK(writer.ok());
  store_be32(data.data(), static_cast<uint32_t>(writer.size() - 4));
  handling.reply(writer.written(), load_be16(cdb + 7));
}

}  // namespace ashlar::scsi
