// What comes before ICReq at a port with TLS (NVMe/TCP 1.0 3.6.1): a handshake, or nothing where the port lets it be.
#include "nvmetcp/server_impl.h"

namespace ashlar::nvmetcp {

// False: there is nothing to go on with now.
bool Connection::greet() {
  uint8_t first = 0;
  const iovec part{&first, 1};
  const int64_t count = stream_->receive({&part, 1});
  if (count == loop::Stream::would_block) return false;
  if (count <= 0) {
    close("session.dropped", count == 0 ? "the host closed the connection" : "the connection failed");
    return false;
  }
  if (first == tls_handshake_record) {
    secure(first);
    return false;
  }
  if (port_.tls == nvme::PortTls::required) {
    refuse_clear(first);
    return false;
  }
  phase_ = Phase::initializing;
  receiver_.feed({&first, 1});
  return true;
}

// A handshake costs the shard a tenth of a millisecond, and one that proves no key hardly anything: it is not moved elsewhere.
void Connection::secure(uint8_t first) {
  tls::FindPsk find = [&domain = server_.domain](std::string_view identity) {
    return domain.directory().psk_of(identity);
  };
  Result<std::unique_ptr<tls::SecureStream>> secured =
      tls::SecureStream::serve(server_.loop, stream_, std::move(find), {&first, 1});
  if (!secured) return close("login.refused", secured.error().text());
  handshake_ = &(*secured)->session();
  stream_ = std::move(*secured);
  phase_ = Phase::initializing;
  stream_->watch(*this);
}

void Connection::refuse_clear(uint8_t first) {
  terminate({wire::nvme::FatalError::sequence_error, 0}, {&first, 1},
            "this portal takes TLS alone, and the host did not begin it", "login.refused");
}

std::optional<nvme::Secured> Connection::take_secured() {
  if (handshake_ == nullptr) return {};
  ++server_.tls.established;
  const Result<PskIdentity> identity = parse_psk_identity(std::exchange(handshake_, nullptr)->identity());
  CHECK(identity.has_value(), "a key was found for what is no identity");
  return nvme::Secured{identity->host, identity->subsystem};
}

}  // namespace ashlar::nvmetcp
