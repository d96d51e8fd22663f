// A stream that is encrypted: TLS 1.3 with a pre-shared key over another stream, for whoever speaks over streams.
#pragma once

#include <memory>
#include <string>

#include "loop/loop.h"
#include "loop/stream.h"
#include "tls/session.h"

namespace ashlar::tls {

/// Of one shard, as the stream below. The handshake begins with watch() and has no deadline of its own: until it is over, nothing can
/// be received or sent, and readable() comes when it is over, or has failed. Short sends: see Session::write().
class SecureStream final : public loop::Stream, private loop::StreamWatcher, private loop::Ready {
 public:
  /// The side that is called. `carrier` is taken when this succeeds. `said` was received from `carrier` before.
  static Result<std::unique_ptr<SecureStream>> serve(loop::Loop& loop, std::unique_ptr<loop::Stream>& carrier,
                                                     FindPsk find, ConstBytes said);
  /// The side that calls.
  static Result<std::unique_ptr<SecureStream>> call(loop::Loop& loop, std::unique_ptr<loop::Stream>& carrier,
                                                    TlsPsk psk);
  ~SecureStream() override;

  void watch(loop::StreamWatcher& watcher) override;
  int64_t receive(std::span<const iovec> parts) override;
  int64_t send(std::span<const iovec> parts) override;
  void resume() override { carrier_->resume(); }
  void shutdown_send() override;
  loop::Endpoint local() const override { return carrier_->local(); }
  loop::Endpoint peer() const override { return carrier_->peer(); }
  std::string failure() const override { return session_->failure(); }
  /// Once the handshake is over.
  std::unique_ptr<loop::LooseStream> detach() override;

  Session& session() { return *session_; }
  const Session& session() const { return *session_; }

 private:
  friend class LooseSecureStream;
  SecureStream(loop::Loop& loop, std::unique_ptr<loop::Stream> carrier, std::unique_ptr<Session> session);
  void readable() override;
  void writable() override;
  void run() override;

  loop::Loop& loop_;
  std::unique_ptr<loop::Stream> carrier_;
  std::unique_ptr<Session> session_;
  loop::StreamWatcher* watcher_ = nullptr;
  bool wants_to_send_ = false;
  bool ending_ = false;         // shutdown_send() was called
  bool carrier_ended_ = false;  // and reached the carrier
};

}  // namespace ashlar::tls
