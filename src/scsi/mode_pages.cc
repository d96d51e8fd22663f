#include "scsi/mode_pages.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::scsi {
namespace {

constexpr uint8_t error_recovery = 0x01;
constexpr uint8_t caching = 0x08;
constexpr uint8_t control = 0x0a;
constexpr uint8_t informational_exceptions = 0x1c;

constexpr uint8_t write_cache_bit = 0x04;             // byte 2 of page 08h
constexpr uint8_t descriptor_sense_bit = 0x04;        // byte 2 of page 0Ah
constexpr uint8_t software_write_protect_bit = 0x08;  // byte 4 of page 0Ah

void header(uint8_t code, Bytes page) {
  CHECK(page.size() == mode_page_bytes(code));
  std::ranges::fill(page, uint8_t{0});
  page[0] = code;  // PS is zero: nothing can be saved
  page[1] = static_cast<uint8_t>(page.size() - 2);
}

uint8_t bit_if(bool set, uint8_t bit) { return set ? bit : 0; }

}  // namespace

size_t mode_page_bytes(uint8_t code) {
  switch (code) {
    case error_recovery:
    case control:
    case informational_exceptions: return 12;
    case caching: return 20;
    default: return 0;
  }
}

void fill_mode_page(uint8_t code, const ModeParameters& parameters, Bytes page) {
  header(code, page);
  switch (code) {
    case error_recovery: page[2] = 0xc0; break;  // AWRE, ARRE: the storage below mends what it can
    case caching: page[2] = bit_if(parameters.write_cache, write_cache_bit); break;
    case control:
      page[2] = bit_if(parameters.descriptor_sense, descriptor_sense_bit);
      page[3] = 0x10;  // QUEUE ALGORITHM MODIFIER: SIMPLE commands in any order
      page[4] = bit_if(parameters.software_write_protect, software_write_protect_bit);
      store_be16(page.data() + 8, 0xffff);  // BUSY TIMEOUT PERIOD: not limited
      break;
    default: page[2] = 0x08; break;  // DEXCPT: no informational exceptions are reported
  }
}

void fill_changeable_mask(uint8_t code, Bytes page) {
  header(code, page);
  if (code == caching) page[2] = write_cache_bit;
  if (code == control) {
    page[2] = descriptor_sense_bit;
    page[4] = software_write_protect_bit;
  }
}

void read_mode_page(uint8_t code, ConstBytes page, ModeParameters& parameters) {
  if (code == caching) parameters.write_cache = (page[2] & write_cache_bit) != 0;
  if (code == control) {
    parameters.descriptor_sense = (page[2] & descriptor_sense_bit) != 0;
    parameters.software_write_protect = (page[4] & software_write_protect_bit) != 0;
  }
}

}  // namespace ashlar::scsi
