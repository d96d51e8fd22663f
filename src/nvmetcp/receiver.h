// PDUs of NVMe/TCP out of a byte stream: knows framing and digests (NVMe/TCP 1.0 3.3.1), and nothing of what a PDU means.
#pragma once

#include <array>
#include <cstdint>

#include "loop/pdu_receiver.h"
#include "wire/nvme_tcp_pdu.h"

namespace ashlar::nvmetcp {

using loop::DataPlan;
using wire::nvme::CommonHeader;

class PduHandler : public loop::PduStop {
 public:
  /// A header is complete, its fields fit its type and its digest is good. `bytes` are valid during the call.
  virtual DataPlan header_arrived(const CommonHeader& header, const uint8_t* bytes) = 0;
  /// The PDU is complete and its data digest is good. `data` is what was collected.
  virtual void pdu_arrived(const CommonHeader& header, const uint8_t* bytes, ConstBytes data) = 0;
  /// The stream cannot be followed any more; the handler has stopped then. `bytes`: what there is of the header.
  virtual void header_failed(wire::nvme::Termination why, ConstBytes bytes) = 0;
  virtual void data_digest_failed(const CommonHeader& header, const uint8_t* bytes) = 0;
  /// The most data that a PDU of that type may bring.
  virtual uint32_t most_data_bytes(wire::nvme::PduType type) const = 0;

 protected:
  ~PduHandler() = default;
};

/// One per connection.
class Receiver final : public loop::PduReceiver {
 public:
  Receiver(PduHandler& handler, Bytes shared) : PduReceiver(handler, shared), handler_(handler) {}
  void set_digests(bool header, bool data) {
    header_digest_ = header;
    data_digest_ = data;
  }

 private:
  Frame header_of(ConstBytes bytes) override;
  DataPlan header_arrived(ConstBytes header) override;
  void pdu_arrived(ConstBytes data) override { handler_.pdu_arrived(common_, header_.data(), data); }
  void data_digest_failed() override { handler_.data_digest_failed(common_, header_.data()); }

  PduHandler& handler_;
  std::array<uint8_t, wire::nvme::most_header_bytes> header_{};
  CommonHeader common_;
  bool header_digest_ = false, data_digest_ = false;
};

}  // namespace ashlar::nvmetcp
