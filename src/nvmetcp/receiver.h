// From a byte stream to PDUs of NVMe/TCP: bulk receive into the shard's buffer, parse in place, large data straight into the
// buffer of its command. Knows framing and digests, and nothing of what a PDU means.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/buffer_pool.h"
#include "base/crc32c.h"
#include "loop/stream.h"
#include "wire/nvme_tcp_pdu.h"

namespace ashlar::nvmetcp {

using wire::nvme::CommonHeader;

/// Where the data of a PDU goes.
struct DataPlan {
  enum class Kind : uint8_t {
    discard,  ///< read and forget
    collect,  ///< handed over as one piece with pdu_arrived()
    place,    ///< into `buffer` at `offset`, which has room for all of it
  };
  Kind kind = Kind::discard;
  Buffer* buffer = nullptr;
  uint32_t offset = 0;
};

class PduHandler {
 public:
  /// A header is complete, its fields fit its type and its digest is good. `bytes` are valid during the call.
  virtual DataPlan header_arrived(const CommonHeader& header, const uint8_t* bytes) = 0;
  /// The PDU is complete and its data digest is good. `data` is what was collected.
  virtual void pdu_arrived(const CommonHeader& header, const uint8_t* bytes, ConstBytes data) = 0;
  /// The stream cannot be followed any more. `bytes`: what there is of the header.
  virtual void header_failed(wire::nvme::Termination why, ConstBytes bytes) = 0;
  virtual void data_digest_failed(const CommonHeader& header, const uint8_t* bytes) = 0;
  /// The most data that a PDU of that type may bring.
  virtual uint32_t most_data_bytes(wire::nvme::PduType type) const = 0;
  /// True when no more PDUs are wanted; asked after each call above.
  virtual bool stopped() const = 0;

 protected:
  ~PduHandler() = default;
};

/// One per connection. Memory of its own only while a PDU is incomplete.
class Receiver {
 public:
  /// `shared` is the shard's receive buffer, free between calls.
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
  void forget(const Buffer& buffer) {
    if (in_data_ && plan_.buffer == &buffer) plan_ = {};
  }
  /// In the middle of a PDU.
  bool inside_pdu() const { return in_data_ || !carry_.empty(); }

 private:
  // Below this, a copy out of the shared buffer is cheaper than another receive call.
  static constexpr uint32_t direct_bytes = 16384;
  int64_t receive_directly(loop::Stream& stream, Bytes& rest);
  void parse(ConstBytes bytes);
  bool take_header(ConstBytes& bytes);
  void begin_data(ConstBytes& bytes, size_t signed_bytes);
  void take_padding(ConstBytes& bytes);
  void take_data(ConstBytes& bytes);
  void take_trailer(ConstBytes& bytes);
  bool collected_in_place(ConstBytes& bytes);
  void finish_pdu(ConstBytes collected);
  uint32_t placeable() const {
    return plan_.kind == DataPlan::Kind::place && padding_ == 0 ? data_length_ - data_done_ : 0;
  }

  PduHandler& handler_;
  Bytes shared_;
  std::vector<uint8_t> carry_;      // an incomplete header
  std::vector<uint8_t> collected_;  // incomplete data that is to be collected
  std::array<uint8_t, wire::nvme::most_header_bytes> header_{};
  CommonHeader common_;
  DataPlan plan_;
  bool header_digest_ = false, data_digest_ = false;
  bool in_data_ = false;
  uint32_t padding_ = 0;  // still to skip before the data
  uint32_t data_length_ = 0, data_done_ = 0;
  std::array<uint8_t, wire::nvme::tcp_digest_bytes> trailer_{};
  uint8_t trailer_length_ = 0, trailer_done_ = 0;
  uint32_t crc_ = crc32c_start;
};

}  // namespace ashlar::nvmetcp
