// For tests: a host that says bytes, right or wrong, and keeps what comes back.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {

/// Bytes as they are, and what comes back.
class RawHost final : public loop::StreamWatcher {
 public:
  explicit RawHost(std::unique_ptr<loop::Stream> stream) : stream_(std::move(stream)) {
    stream_->watch(*this);
  }
  void send(ConstBytes bytes) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    writable();
  }
  std::vector<uint8_t> received;
  bool ended = false;

 private:
  void readable() override {
    std::array<uint8_t, 4096> buffer;
    for (;;) {
      const iovec part{buffer.data(), buffer.size()};
      const int64_t count = stream_->receive({&part, 1});
      if (count == loop::Stream::would_block) return;
      if (count <= 0) {
        ended = true;
        return;
      }
      received.insert(received.end(), buffer.begin(), buffer.begin() + count);
    }
  }
  void writable() override {
    while (!pending_.empty()) {
      const iovec part{pending_.data(), pending_.size()};
      const int64_t count = stream_->send({&part, 1});
      if (count <= 0) return;
      pending_.erase(pending_.begin(), pending_.begin() + count);
    }
  }
  std::vector<uint8_t> pending_;
  std::unique_ptr<loop::Stream> stream_;
};

/// ICReq.
inline std::vector<uint8_t> initialization(uint16_t format = 0, uint8_t alignment = 0, bool digests = false) {
  std::vector<uint8_t> pdu(wire::nvme::most_header_bytes);
  const wire::nvme::Initialization asked{.format = format,
                                         .data_alignment = alignment,
                                         .header_digest = digests,
                                         .data_digest = digests,
                                         .most = 0};
  asked.encode(pdu.data(), wire::nvme::PduType::initialize_request);
  return pdu;
}

}  // namespace ashlar::nvmetcp::test
