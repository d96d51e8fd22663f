// TLS 1.3 with one pre-shared key (NVMe/TCP 1.0 3.6.1) over any byte stream: the protocol and its buffers, without notifications.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/tls_psk.h"
#include "loop/stream.h"

struct ssl_st;
struct ssl_session_st;

namespace ashlar::tls {

/// The key that a host names, or why there is none: for the log, the host is not told.
using FindPsk = std::function<Result<TlsPsk>(std::string_view identity)>;

/// Bytes of all of them.
size_t total_of(std::span<const iovec> parts);

/// One connection's. No thread of its own: whoever has it may use it, one at a time.
class Session {
 public:
  /// What is received before the handshake is over; longer ones fail.
  static constexpr size_t most_handshake_bytes = 32768;
  /// Identities of a ClientHello that are looked at.
  static constexpr size_t most_identities = 8;
  /// What is encrypted ahead of the carrier.
  static constexpr size_t most_outgoing_bytes = 256 * 1024;

  /// The server's side. `said` has been received from the peer already.
  static Result<std::unique_ptr<Session>> serve(FindPsk find, ConstBytes said);
  /// The client's side.
  static Result<std::unique_ptr<Session>> call(TlsPsk psk);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// The stream below; it outlives what is called here, or is replaced.
  void carry(loop::Stream& carrier);
  /// The carrier said that it may be readable.
  void carrier_may_read() { carrier_drained_ = false; }

  bool established() const { return established_; }
  /// Empty: nothing has failed.
  const std::string& failure() const { return failure_; }
  /// Of the key that both have proved.
  const std::string& identity() const { return identity_; }
  /// "TLS_AES_128_GCM_SHA256"; empty before the handshake is over.
  std::string cipher() const;

  /// The handshake, as far as it goes now.
  void advance();
  /// As Stream::receive(). What a peer sends beside data costs time: then, and before the end or an error that data came in front of,
  /// `read_again()` asks to be called once more.
  int64_t read(std::span<const iovec> parts);
  bool read_again() const { return read_again_; }
  /// Nothing is read before flush() has made room for what answers the peer.
  bool waits_for_room() const { return waits_for_room_; }
  /// As Stream::send(): counted is what the carrier has taken. What follows a short count must begin with what was not counted,
  /// since some of it is encrypted already.
  int64_t write(std::span<const iovec> parts);
  /// Sends what is encrypted. True: nothing is left.
  bool flush();
  /// The end of what is sent (close_notify).
  void end_sending();
  /// New keys for what is sent from here on, and for the peer's as well (RFC 8446 4.6.3).
  void update_keys();

  // For OpenSSL.
  int64_t take_from_carrier(uint8_t* to, size_t bytes);
  bool append_outgoing(ConstBytes bytes);
  bool carrier_is_over() const { return carrier_ended_ || carrier_error_ != 0; }
  /// Chooses among the identities that a ClientHello names. False: none is known.
  bool choose(ConstBytes identities);
  const std::optional<TlsPsk>& chosen() const { return psk_; }
  ssl_session_st* make_ticket() const;
  void note(std::string what) { note_ = std::move(what); }

 private:
  Session() = default;
  enum class Outcome : uint8_t { waits, ended, failed };
  Outcome judge(int returned);
  void fail_for(unsigned long reason);
  bool encrypt(ConstBytes piece);
  size_t outgoing_bytes() const { return outgoing_.size() - sent_; }
  int64_t error() const;

  ssl_st* ssl_ = nullptr;
  loop::Stream* carrier_ = nullptr;
  FindPsk find_;
  std::optional<TlsPsk> psk_;
  std::vector<uint8_t> said_;
  std::vector<uint8_t> outgoing_;  // encrypted, not yet taken by the carrier
  size_t sent_ = 0;                // of outgoing_
  size_t ahead_ = 0;               // encrypted in outgoing_ and not yet counted to the caller
  size_t handshake_bytes_ = 0;
  size_t budget_ = 0;  // what may still be taken from the carrier in this call
  int64_t carrier_error_ = 0;
  bool carrier_drained_ = false;
  bool carrier_ended_ = false;
  bool established_ = false;
  bool sending_is_over_ = false;
  bool read_again_ = false, waits_for_room_ = false;
  std::string failure_, identity_;
  std::string note_;  // what we found wrong ourselves, which says more than the library's word for it
};

}  // namespace ashlar::tls
