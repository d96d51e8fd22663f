// From a byte stream to PDUs: bulk receive into the shard's buffer, parse in place, large data segments straight into the
// buffer of their command. Knows framing and digests, and nothing of what a PDU means.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/buffer_pool.h"
#include "base/crc32c.h"
#include "loop/stream.h"
#include "wire/iscsi_header.h"

namespace ashlar::iscsi {

/// Where the data segment of a PDU goes.
struct DataPlan {
  enum class Kind : uint8_t {
    discard,  ///< read and forget
    collect,  ///< handed over as one piece with pdu_arrived(); for control PDUs, at most `limit` bytes
    place,    ///< bytes [0, useful) into `buffer` at `offset`, the rest is forgotten
  };
  Kind kind = Kind::discard;
  Buffer* buffer = nullptr;
  uint32_t offset = 0;
  uint32_t useful = 0;
};

class PduHandler {
 public:
  /// A header is complete and its digest is good. `header` and `additional` are valid during the call.
  virtual DataPlan header_arrived(const uint8_t* header, ConstBytes additional) = 0;
  /// The PDU is complete and its data digest is good. `data` is what was collected.
  virtual void pdu_arrived(const uint8_t* header, ConstBytes data) = 0;
  virtual void header_digest_failed(const uint8_t* header) = 0;
  virtual void data_digest_failed(const uint8_t* header) = 0;
  /// True when no more PDUs are wanted (the connection is closing); asked after each call above.
  virtual bool stopped() const = 0;

 protected:
  ~PduHandler() = default;
};

/// One per connection. Memory of its own only while a PDU is incomplete.
class Receiver {
 public:
  /// `shared` is the shard's receive buffer, free between calls (256-512 KiB).
  Receiver(PduHandler& handler, Bytes shared) : handler_(handler), shared_(shared) {}
  void set_digests(bool header, bool data) {
    header_digest_ = header;
    data_digest_ = data;
  }
  enum class Outcome : uint8_t { drained, more, end_of_stream, failed };
  /// One receive and all PDUs in it. `more`: the stream may hold more, call again (after others had their turn).
  Outcome receive(loop::Stream& stream);
  /// Bytes that were received elsewhere, before the first receive().
  void feed(ConstBytes bytes) { parse(bytes); }
  /// What was received behind the PDU that stopped the handler; it is forgotten here.
  std::vector<uint8_t> take_rest() { return std::exchange(carry_, {}); }
  /// `buffer` is going away: what was to be placed there is forgotten.
  void forget(const Buffer& buffer);
  /// In the middle of a PDU (an end of the stream now is the peer's fault).
  bool inside_pdu() const { return in_data_ || !carry_.empty(); }

 private:
  // Below this, a copy out of the shared buffer is cheaper than another receive call.
  static constexpr uint32_t direct_bytes = 16384;
  int64_t receive_directly(loop::Stream& stream, Bytes& rest);
  void parse(ConstBytes bytes);
  bool take_header(ConstBytes& bytes);
  void take_data(ConstBytes& bytes);
  void take_trailer(ConstBytes& bytes);
  void finish_pdu(ConstBytes collected);
  bool collected_in_place(ConstBytes& bytes);
  uint32_t placeable() const {
    return plan_.kind == DataPlan::Kind::place && plan_.useful > data_done_ ? plan_.useful - data_done_ : 0;
  }

  PduHandler& handler_;
  Bytes shared_;
  std::vector<uint8_t> carry_;      // an incomplete header
  std::vector<uint8_t> collected_;  // an incomplete data segment that is to be collected
  std::array<uint8_t, wire::iscsi::basic_header_bytes> header_{};
  std::array<uint8_t, 8> trailer_{};  // padding, then data digest
  DataPlan plan_;
  bool header_digest_ = false;
  bool data_digest_ = false;
  bool in_data_ = false;
  uint32_t data_length_ = 0;
  uint32_t data_done_ = 0;
  uint8_t padding_ = 0;
  uint8_t trailer_length_ = 0;
  uint8_t trailer_done_ = 0;
  uint32_t crc_ = crc32c_start;
};

}  // namespace ashlar::iscsi
