#include "tls/secure_stream.h"

#include <cerrno>
#include <utility>

namespace ashlar::tls {
// Between two shards: what is encrypted and not yet sent, or received and not yet decrypted, goes along.
class LooseSecureStream final : public loop::LooseStream {
 public:
  LooseSecureStream(std::unique_ptr<loop::LooseStream> carrier, std::unique_ptr<Session> session)
      : carrier_(std::move(carrier)), session_(std::move(session)) {}
  std::unique_ptr<loop::Stream> adopt(loop::Loop& loop) override {
    return std::unique_ptr<loop::Stream>(new SecureStream(loop, carrier_->adopt(loop), std::move(session_)));
  }

 private:
  std::unique_ptr<loop::LooseStream> carrier_;
  std::unique_ptr<Session> session_;
};

SecureStream::SecureStream(loop::Loop& loop, std::unique_ptr<loop::Stream> carrier,
                           std::unique_ptr<Session> session)
    : loop_(loop), carrier_(std::move(carrier)), session_(std::move(session)) {
  session_->carry(*carrier_);
}

// The peer is told that this is the end, if it can be told at once.
SecureStream::~SecureStream() {
  loop_.withdraw(static_cast<loop::Ready&>(*this));
  if (session_ == nullptr || ending_ || !session_->established() || !session_->failure().empty()) return;
  if (session_->flush()) session_->end_sending();
  session_->flush();
}

Result<std::unique_ptr<SecureStream>> SecureStream::serve(loop::Loop& loop,
                                                          std::unique_ptr<loop::Stream>& carrier,
                                                          FindPsk find, ConstBytes said) {
  TRY_ASSIGN(std::unique_ptr<Session> session, Session::serve(std::move(find), said));
  return std::unique_ptr<SecureStream>(new SecureStream(loop, std::move(carrier), std::move(session)));
}

Result<std::unique_ptr<SecureStream>> SecureStream::call(loop::Loop& loop,
                                                         std::unique_ptr<loop::Stream>& carrier, TlsPsk psk) {
  TRY_ASSIGN(std::unique_ptr<Session> session, Session::call(std::move(psk)));
  return std::unique_ptr<SecureStream>(new SecureStream(loop, std::move(carrier), std::move(session)));
}

void SecureStream::watch(loop::StreamWatcher& watcher) {
  watcher_ = &watcher;
  carrier_->watch(*this);
}

void SecureStream::readable() {
  session_->carrier_may_read();
  if (!session_->established()) {
    session_->advance();
    if (!session_->established() && session_->failure().empty()) return;
    if (std::exchange(wants_to_send_, false)) loop_.post(*this);
  }
  watcher_->readable();  // may destroy this
}

void SecureStream::run() { watcher_->writable(); }

void SecureStream::writable() {
  const bool nothing_left = session_->flush();
  if (!session_->failure().empty()) return watcher_->readable();
  if (!nothing_left) return;
  if (ending_ && !std::exchange(carrier_ended_, true)) carrier_->shutdown_send();
  if (!session_->established()) return;
  if (session_->waits_for_room()) carrier_->resume();
  if (std::exchange(wants_to_send_, false)) watcher_->writable();
}

int64_t SecureStream::receive(std::span<const iovec> parts) {
  const int64_t count = session_->read(parts);
  if (session_->read_again()) carrier_->resume();
  return count;
}

int64_t SecureStream::send(std::span<const iovec> parts) {
  if (ending_) return -EPIPE;
  const int64_t count = session_->write(parts);
  if (count == would_block || (count >= 0 && static_cast<size_t>(count) < total_of(parts)))
    wants_to_send_ = true;
  return count;
}

void SecureStream::shutdown_send() {
  if (std::exchange(ending_, true)) return;
  session_->end_sending();
  if (session_->flush() && !std::exchange(carrier_ended_, true)) carrier_->shutdown_send();
}

std::unique_ptr<loop::LooseStream> SecureStream::detach() {
  if (!session_->established() || !session_->failure().empty() || ending_) return nullptr;
  std::unique_ptr<loop::LooseStream> loose = carrier_->detach();
  if (loose == nullptr) return nullptr;
  loop_.withdraw(static_cast<loop::Ready&>(*this));
  return std::make_unique<LooseSecureStream>(std::move(loose), std::move(session_));
}

}  // namespace ashlar::tls
