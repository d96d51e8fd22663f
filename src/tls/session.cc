#include "tls/session.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"
#include "tls/library.h"

namespace ashlar::tls {
namespace {

constexpr size_t most_record_bytes = 16384;  // RFC 8446 5.1
// Beyond the data that is asked for: headers and tags of its records, and what comes between them.
constexpr size_t overhead_bytes = 65536;
// An idle connection keeps no more than this for what it sends.
constexpr size_t kept_outgoing_bytes = 4096;

// A place in pieces of memory that moves on.
class Cursor {
 public:
  Cursor(std::span<const iovec> parts, size_t offset) : parts_(parts) { skip(offset); }
  // What one record takes from here: in place where a piece fills it, else gathered in `room`.
  ConstBytes next(std::span<uint8_t, most_record_bytes> room) {
    const size_t here = parts_[index_].iov_len - offset_;
    if (here >= room.size() || index_ + 1 == parts_.size()) {
      const ConstBytes piece(static_cast<const uint8_t*>(parts_[index_].iov_base) + offset_,
                             std::min(here, room.size()));
      skip(piece.size());
      return piece;
    }
    size_t done = 0;
    while (done < room.size() && index_ < parts_.size()) {
      const size_t part = std::min(room.size() - done, parts_[index_].iov_len - offset_);
      if (part > 0)
        std::memcpy(room.data() + done, static_cast<const uint8_t*>(parts_[index_].iov_base) + offset_, part);
      done += part;
      skip(part);
    }
    return room.first(done);
  }

 private:
  void skip(size_t bytes) {
    offset_ += bytes;
    while (index_ < parts_.size() && offset_ >= parts_[index_].iov_len) offset_ -= parts_[index_++].iov_len;
  }
  std::span<const iovec> parts_;
  size_t index_ = 0, offset_ = 0;
};

Result<std::unique_ptr<Session>> unusable() {
  return fail(ErrorCode::unsupported, "tls", "this OpenSSL has no TLS 1.3 with AES-GCM");
}

}  // namespace

size_t total_of(std::span<const iovec> parts) {
  size_t total = 0;
  for (const iovec& part : parts) total += part.iov_len;
  return total;
}

Session::~Session() {
  SSL_free(ssl_);
  if (psk_) OPENSSL_cleanse(psk_->key.data(), psk_->key.size());
}

Result<std::unique_ptr<Session>> Session::serve(FindPsk find, ConstBytes said) {
  SSL_CTX* const context = library_context(true);
  std::unique_ptr<Session> session(new Session);
  session->ssl_ = context == nullptr ? nullptr : SSL_new(context);
  BIO* const bio = session->ssl_ == nullptr ? nullptr : make_carrier_bio(*session);
  if (bio == nullptr) return unusable();
  SSL_set_bio(session->ssl_, bio, bio);
  SSL_set_app_data(session->ssl_, session.get());
  SSL_set_accept_state(session->ssl_);
  session->find_ = std::move(find);
  session->said_.assign(said.begin(), said.end());
  return session;
}

Result<std::unique_ptr<Session>> Session::call(TlsPsk psk) {
  SSL_CTX* const context = library_context(false);
  std::unique_ptr<Session> session(new Session);
  session->ssl_ = context == nullptr ? nullptr : SSL_new(context);
  BIO* const bio = session->ssl_ == nullptr ? nullptr : make_carrier_bio(*session);
  if (bio == nullptr) return unusable();
  SSL_set_bio(session->ssl_, bio, bio);
  SSL_set_app_data(session->ssl_, session.get());
  SSL_set_connect_state(session->ssl_);
  if (SSL_set_ciphersuites(session->ssl_, suite_of(psk.hash)) != 1) return unusable();
  session->psk_ = std::move(psk);
  return session;
}

void Session::carry(loop::Stream& carrier) {
  carrier_ = &carrier;
  carrier_drained_ = false;
}

std::string Session::cipher() const { return established_ ? SSL_get_cipher_name(ssl_) : ""; }

// Of the bytes that the library reads: how many there are, 0 at the end, -1 when none are there now.
int64_t Session::take_from_carrier(uint8_t* to, size_t bytes) {
  constexpr int64_t nothing_now = -1;
  if (!said_.empty()) {
    const size_t count = std::min(bytes, said_.size());
    std::copy_n(said_.begin(), count, to);
    said_.erase(said_.begin(), said_.begin() + static_cast<std::ptrdiff_t>(count));
    handshake_bytes_ += count;
    return static_cast<int64_t>(count);
  }
  if (carrier_is_over()) return 0;
  if (!established_ && handshake_bytes_ >= most_handshake_bytes) {
    note(fmt::format("the handshake has more than {} bytes", most_handshake_bytes));
    return 0;
  }
  if (carrier_drained_ || budget_ == 0) return nothing_now;
  size_t wanted = std::min(bytes, budget_);
  if (!established_) wanted = std::min(wanted, most_handshake_bytes - handshake_bytes_);
  const iovec part{to, wanted};
  const int64_t count = carrier_->receive({&part, 1});
  if (count == loop::Stream::would_block) {
    carrier_drained_ = true;
    return nothing_now;
  }
  if (count == 0) carrier_ended_ = true;
  if (count < 0) carrier_error_ = count;
  if (count <= 0) return 0;
  carrier_drained_ = static_cast<size_t>(count) < wanted;
  budget_ -= static_cast<size_t>(count);
  if (!established_) handshake_bytes_ += static_cast<size_t>(count);
  return count;
}

bool Session::append_outgoing(ConstBytes bytes) {
  if (sending_is_over_) return true;  // an answer to new keys: the peer needs none any more
  if (outgoing_bytes() > most_outgoing_bytes) return false;
  outgoing_.insert(outgoing_.end(), bytes.begin(), bytes.end());
  return true;
}

bool Session::choose(ConstBytes extension) {
  Reader outer(extension);
  Reader identities(outer.take(outer.u16()));
  std::string why = "the host offers no pre-shared key";
  psk_.reset();
  for (size_t i = 0; i < most_identities && identities.remaining() > 0; ++i) {
    const ConstBytes name = identities.take(identities.u16());
    identities.skip(4);  // the age of a ticket, which these are not
    if (!identities.ok()) break;
    Result<TlsPsk> found = find_(text_of(name));
    if (found) {
      psk_ = std::move(*found);
      return true;
    }
    if (i == 0) why = found.error().text();
  }
  note(std::move(why));
  return false;
}

// A key as the library knows it: a session that could be resumed.
ssl_session_st* Session::make_ticket() const {
  static constexpr unsigned char suite_sha256[] = {0x13, 0x01}, suite_sha384[] = {0x13, 0x02};
  const SSL_CIPHER* const cipher =
      SSL_CIPHER_find(ssl_, psk_->hash == PskHash::sha384 ? suite_sha384 : suite_sha256);
  SSL_SESSION* const ticket = cipher == nullptr ? nullptr : SSL_SESSION_new();
  if (ticket == nullptr) return nullptr;
  if (SSL_SESSION_set1_master_key(ticket, psk_->key.data(), psk_->key.size()) == 1 &&
      SSL_SESSION_set_cipher(ticket, cipher) == 1 &&
      SSL_SESSION_set_protocol_version(ticket, TLS1_3_VERSION) == 1)
    return ticket;
  SSL_SESSION_free(ticket);
  return nullptr;
}

Session::Outcome Session::judge(int returned) {
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ: return Outcome::waits;
    case SSL_ERROR_WANT_WRITE: waits_for_room_ = true; return Outcome::waits;
    case SSL_ERROR_ZERO_RETURN:
      if (carrier_error_ == 0 && note_.empty()) return Outcome::ended;
      break;
    default: break;
  }
  if (established_ && carrier_error_ == 0 && carrier_ended_ && note_.empty()) return Outcome::ended;
  fail_for(ERR_peek_error());
  return Outcome::failed;
}

void Session::fail_for(unsigned long reason) {
  if (!failure_.empty()) return;
  const int number = ERR_GET_REASON(reason);
  if (!note_.empty()) {
    failure_ = note_;
  } else if (carrier_error_ != 0) {
    failure_ = "the connection failed";
  } else if (carrier_ended_) {
    failure_ = "the peer closed the connection within the TLS handshake";
  } else if (ERR_GET_LIB(reason) == ERR_LIB_SSL && number == SSL_R_BINDER_DOES_NOT_VERIFY) {
    failure_ = fmt::format("the host's key for '{}' is not the one that is kept for it here",
                           psk_ ? psk_->identity : std::string());
  } else if (ERR_GET_LIB(reason) == ERR_LIB_SSL && number >= SSL_AD_REASON_OFFSET) {
    failure_ =
        fmt::format("the peer ended TLS: {}", SSL_alert_desc_string_long(number - SSL_AD_REASON_OFFSET));
  } else {
    const char* const words = reason == 0 ? nullptr : ERR_reason_error_string(reason);
    failure_ = fmt::format("TLS failed: {}", words == nullptr ? "no reason is known" : words);
  }
}

int64_t Session::error() const { return carrier_error_ != 0 ? carrier_error_ : -EPROTO; }

void Session::advance() {
  if (established_ || !failure_.empty()) return;
  budget_ = most_handshake_bytes;
  ERR_clear_error();
  const int returned = SSL_do_handshake(ssl_);
  if (returned != 1) {
    if (judge(returned) == Outcome::ended) fail_for(0);
  } else if (SSL_session_reused(ssl_) != 1 || !psk_) {
    failure_ = "the peer did not prove the pre-shared key";
  } else {
    established_ = true;
    identity_ = psk_->identity;
    find_ = nullptr;
    OPENSSL_cleanse(psk_->key.data(), psk_->key.size());
    psk_.reset();
  }
  flush();
}

int64_t Session::read(std::span<const iovec> parts) {
  read_again_ = waits_for_room_ = false;
  if (!failure_.empty()) return error();
  if (!established_) return loop::Stream::would_block;
  budget_ = total_of(parts) + overhead_bytes;
  size_t done = 0;
  Outcome outcome = Outcome::waits;
  bool full = true;
  for (size_t i = 0; i < parts.size() && full; ++i) {
    for (size_t filled = 0; filled < parts[i].iov_len;) {
      size_t count = 0;
      ERR_clear_error();
      const int returned = SSL_read_ex(ssl_, static_cast<uint8_t*>(parts[i].iov_base) + filled,
                                       parts[i].iov_len - filled, &count);
      if (returned != 1) {
        outcome = judge(returned);
        full = false;
        break;
      }
      filled += count;
      done += count;
    }
  }
  flush();  // what answers the peer: new keys, an alert
  read_again_ = !full && (budget_ == 0 || (done > 0 && outcome != Outcome::waits));
  if (done > 0 || full) return static_cast<int64_t>(done);
  if (outcome == Outcome::ended) return 0;
  return outcome == Outcome::failed ? error() : loop::Stream::would_block;
}

bool Session::encrypt(ConstBytes piece) {
  size_t count = 0;
  ERR_clear_error();
  const int returned = SSL_write_ex(ssl_, piece.data(), piece.size(), &count);
  if (returned == 1 && count == piece.size()) return true;
  fail_for(ERR_peek_error());
  return false;
}

int64_t Session::write(std::span<const iovec> parts) {
  if (!failure_.empty()) return error();
  if (!established_) return loop::Stream::would_block;
  const size_t asked = total_of(parts);
  CHECK(ahead_ <= asked, "{} bytes are to be sent, and {} of them were before", asked, ahead_);
  size_t taken = 0, encrypted = ahead_;
  Cursor cursor(parts, encrypted);
  std::array<uint8_t, most_record_bytes> room;
  for (;;) {
    while (encrypted < asked && outgoing_bytes() < most_outgoing_bytes) {
      const ConstBytes piece = cursor.next(room);
      if (!encrypt(piece)) return error();
      encrypted += piece.size();
    }
    if (!flush()) break;
    taken = encrypted;
    if (encrypted == asked) break;
  }
  ahead_ = encrypted - taken;
  if (!failure_.empty()) return error();
  return taken > 0 || asked == 0 ? static_cast<int64_t>(taken) : loop::Stream::would_block;
}

bool Session::flush() {
  while (sent_ < outgoing_.size() && carrier_error_ == 0) {
    const iovec part{outgoing_.data() + sent_, outgoing_.size() - sent_};
    const int64_t count = carrier_->send({&part, 1});
    if (count == loop::Stream::would_block) return false;
    if (count <= 0) {
      carrier_error_ = count == 0 ? -EPIPE : count;
      fail_for(0);
      break;
    }
    sent_ += static_cast<size_t>(count);
    if (static_cast<size_t>(count) < part.iov_len) return false;
  }
  outgoing_.clear();
  sent_ = 0;
  if (outgoing_.capacity() > kept_outgoing_bytes) outgoing_ = {};
  return carrier_error_ == 0;
}

void Session::end_sending() {
  if (!established_ || !failure_.empty()) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  sending_is_over_ = true;
}

void Session::update_keys() {
  if (!established_ || sending_is_over_ || !failure_.empty()) return;
  ERR_clear_error();
  SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED);
  SSL_do_handshake(ssl_);
  flush();
}

}  // namespace ashlar::tls
