// PDUs of iSCSI out of a byte stream: knows framing and digests (RFC 7143 11.2), and nothing of what a PDU means.
#pragma once

#include <array>
#include <cstdint>

#include "loop/pdu_receiver.h"
#include "wire/iscsi_header.h"

namespace ashlar::iscsi {

using loop::DataPlan;

class PduHandler : public loop::PduStop {
 public:
  /// A header is complete and its digest is good. `header` and `additional` are valid during the call.
  virtual DataPlan header_arrived(const uint8_t* header, ConstBytes additional) = 0;
  /// The PDU is complete and its data digest is good. `data` is what was collected.
  virtual void pdu_arrived(const uint8_t* header, ConstBytes data) = 0;
  /// True: the PDU is passed over by the lengths that its header tells, for what they are worth. Else the handler has stopped.
  virtual bool header_digest_failed(const uint8_t* header) = 0;
  virtual void data_digest_failed(const uint8_t* header) = 0;

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
  void pdu_arrived(ConstBytes data) override { handler_.pdu_arrived(header_.data(), data); }
  void data_digest_failed() override { handler_.data_digest_failed(header_.data()); }

  PduHandler& handler_;
  std::array<uint8_t, wire::iscsi::basic_header_bytes> header_{};
  bool header_digest_ = false, data_digest_ = false;
};

}  // namespace ashlar::iscsi
