// From a byte stream to PDUs, whatever the protocol: bulk receive into the shard's buffer, parse in place, large data straight into
// the buffer of its command. What a header is, and what stands around the data, the protocol's receiver says.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/buffer_pool.h"
#include "base/crc32c.h"
#include "loop/stream.h"

namespace ashlar::loop {

/// Where the data of a PDU goes.
struct DataPlan {
  enum class Kind : uint8_t {
    discard,  ///< read and forget
    collect,  ///< handed over as one piece with pdu_arrived(); for data whose length its handler has bounded
    place,    ///< bytes [0, useful) into `buffer` at `offset`, which has room for them; the rest is forgotten
  };
  Kind kind = Kind::discard;
  Buffer* buffer = nullptr;
  uint32_t offset = 0;
  uint32_t useful = 0;
};

/// What all handlers of PDUs tell their receiver.
class PduStop {
 public:
  /// True when no more PDUs are wanted (the connection is closing); asked after each call of the handler.
  virtual bool stopped() const = 0;

 protected:
  ~PduStop() = default;
};

/// One per connection, on its shard. Memory of its own only while a PDU is incomplete.
class PduReceiver {
 public:
  PduReceiver(const PduReceiver&) = delete;
  PduReceiver& operator=(const PduReceiver&) = delete;

  enum class Outcome : uint8_t { drained, more, end_of_stream, failed };
  /// One receive and all PDUs in it. `more`: the stream may hold more, call again (after others had their turn).
  Outcome receive(Stream& stream);
  /// Bytes that were received elsewhere, before the first receive().
  void feed(ConstBytes bytes) { parse(bytes); }
  /// What was received behind the PDU that stopped the handler; it is forgotten here.
  std::vector<uint8_t> take_rest() { return std::exchange(carry_, {}); }
  /// `buffer` is going away: what was to be placed there is forgotten.
  void forget(const Buffer& buffer) {
    if (in_data_ && plan_.buffer == &buffer) plan_ = {};
  }
  /// What is being placed into `from`, which may go away after this, goes on into `to`, up to byte `end` of that. Returns how many
  /// bytes of `from` have come by it, to be moved by the caller; 0 when nothing is being placed there.
  uint32_t redirect(const Buffer& from, Buffer& to, uint32_t end) {
    if (!in_data_ || plan_.buffer != &from) return 0;
    plan_.buffer = &to;
    plan_.useful = std::min(plan_.useful, end - std::min(end, plan_.offset));
    return plan_.offset + std::min(data_done_, plan_.useful);
  }
  /// In the middle of a PDU (an end of the stream now is the peer's fault).
  bool inside_pdu() const { return in_data_ || !carry_.empty(); }

 protected:
  static constexpr size_t digest_bytes = 4;  // CRC32C, little-endian, in all of these protocols
  /// A PDU by its header.
  struct Frame {
    /// Digest included; 0: not all of it has come, or it is wrong and the handler has stopped.
    size_t header_bytes = 0;
    uint32_t gap_bytes = 0;  ///< between the header and the data, in no digest
    uint32_t data_bytes = 0;
    uint8_t padding_bytes = 0;  ///< behind the data, in its digest; at most 3
    bool data_digest = false;   ///< follows the padding; only with data
    bool passed_over = false;   ///< nobody is told of it
  };

  /// `shared` is the shard's receive buffer, free between calls (256-512 KiB), and larger than any header.
  PduReceiver(const PduStop& stop, Bytes shared) : stop_(stop), shared_(shared) {}
  ~PduReceiver() = default;

  /// What `bytes` begins with; asked again when more has come.
  virtual Frame header_of(ConstBytes bytes) = 0;
  /// All of `header` is there and right; it is to be kept for the calls below.
  virtual DataPlan header_arrived(ConstBytes header) = 0;
  /// The PDU is complete and its data digest is good. `data` is what was collected.
  virtual void pdu_arrived(ConstBytes data) = 0;
  virtual void data_digest_failed() = 0;

 private:
  // Below this, a copy out of the shared buffer is cheaper than another receive call.
  static constexpr uint32_t direct_bytes = 16384;
  int64_t receive_directly(Stream& stream, Bytes& rest);
  void parse(ConstBytes bytes);
  bool take_header(ConstBytes& bytes);
  void take_gap(ConstBytes& bytes);
  void take_data(ConstBytes& bytes);
  void take_trailer(ConstBytes& bytes);
  bool collected_in_place(ConstBytes& bytes);
  void finish_pdu(ConstBytes collected);
  size_t trailer_bytes() const { return frame_.padding_bytes + (frame_.data_digest ? digest_bytes : 0); }
  uint32_t placeable() const {
    const bool places = plan_.kind == DataPlan::Kind::place && frame_.gap_bytes == 0;
    return places && plan_.useful > data_done_ ? plan_.useful - data_done_ : 0;
  }

  const PduStop& stop_;
  Bytes shared_;
  std::vector<uint8_t> carry_;      // an incomplete header
  std::vector<uint8_t> collected_;  // incomplete data that is to be collected
  Frame frame_;                     // its gap: what is still to come of it
  DataPlan plan_;
  bool in_data_ = false;
  uint32_t data_done_ = 0;
  std::array<uint8_t, 3 + digest_bytes> trailer_{};  // padding, then data digest
  uint8_t trailer_done_ = 0;
  uint32_t crc_ = crc32c_start;
};

}  // namespace ashlar::loop
