// One iSCSI connection as whole PDUs: frames and digests both ways over a stream. It knows no opcode.
#pragma once

#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "initiator/batch.h"
#include "loop/loop.h"
#include "loop/stream.h"

namespace ashlar::initiator {

/// What stands above a Transport.
class PduHandler {
 public:
  /// One PDU, whole, its digests right. Both spans are valid during the call only. May close the transport. False: parse
  /// no further until Transport::go_on().
  virtual bool received(const uint8_t* header, ConstBytes data) = 0;
  /// The batch is empty: put into it what is to be sent. Called at the end of a turn after want_send(), and again while the
  /// network takes all of it.
  virtual void fill(Batch& batch) = 0;
  /// The batch that fill() made has been taken by the network: nothing points at its data any more.
  virtual void batch_sent() = 0;
  /// The connection is of no use: closed, failed, or the peer's framing is wrong. The transport has closed itself.
  virtual void lost(Error reason) = 0;

 protected:
  ~PduHandler() = default;
};

/// On one loop. Receives in bulk and parses in place; sends once a turn.
class Transport final : loop::StreamWatcher, loop::TurnEnd {
 public:
  static constexpr size_t receive_buffer_bytes = 256 * 1024;

  /// `max_data_segment_bytes`: our MaxRecvDataSegmentLength; more is a framing error. During login it is 8192 (RFC 7143
  /// 13.12), whatever we declare.
  Transport(loop::Loop& loop, PduHandler& handler, uint32_t max_data_segment_bytes);
  ~Transport() { close(); }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  void start(std::unique_ptr<loop::Stream> stream);
  /// From the next PDU on, both ways, digests are as said and our MaxRecvDataSegmentLength holds.
  void begin_full_feature_phase(bool header_digest, bool data_digest);
  void want_send();
  /// Parses on, after received() said false, in the next turn.
  void go_on();
  /// At once; the handler is not told.
  void close();
  bool open() const { return stream_ != nullptr; }
  bool sending() const { return !batch_.empty(); }
  uint64_t received_pdus() const { return received_pdus_; }

 private:
  void readable() override;
  void writable() override;
  void turn_end() override;
  void parse();
  /// Bytes of the PDU at `start` if it is whole and its digests are right; 0 if more must come, or after a framing error,
  /// which the handler has been told.
  size_t whole_pdu(const uint8_t* start, size_t available);
  bool header_right(const uint8_t* start);
  bool refuse(const uint8_t* start, std::string_view what);
  void fail_with(Error reason);

  loop::Loop& loop_;
  PduHandler& handler_;
  uint32_t declared_data_segment_bytes_;
  uint32_t max_data_segment_bytes_ = 8192;
  size_t buffer_bytes_;
  std::unique_ptr<uint8_t[]> buffer_;
  size_t begin_ = 0;  // of what was received and not parsed
  size_t end_ = 0;
  bool header_digest_ = false;
  bool data_digest_ = false;
  bool paused_ = false;
  bool blocked_ = false;  // the network takes no more; writable() will come
  uint64_t received_pdus_ = 0;
  Batch batch_;
  std::unique_ptr<loop::Stream> stream_;
};

}  // namespace ashlar::initiator
