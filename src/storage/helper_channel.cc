#include "storage/helper_channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ashlar::storage {
namespace {

constexpr char peer[] = "root helper";

// The kernel's room for one descriptor beside the bytes.
struct alignas(cmsghdr) Beside {
  std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

Descriptor descriptor_in(msghdr& message) {
  Descriptor found;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int number = -1;
    std::memcpy(&number, CMSG_DATA(part), sizeof number);
    found = Descriptor(number);
  }
  return found;
}

}  // namespace

Result<void> HelperChannel::send(std::string_view text, int descriptor) {
  std::string line(text);
  line += '\n';
  std::string_view left = line;
  Beside beside;
  while (!left.empty()) {
    iovec part{const_cast<char*>(left.data()), left.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
      message.msg_control = beside.bytes.data();
      message.msg_controllen = beside.bytes.size();
      cmsghdr* const header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof descriptor);
      std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
      return fail(ErrorCode::closed, peer, "the other side has ended");
    if (sent < 0) return std::unexpected(error_of_errno(errno, peer, "cannot be spoken to"));
    descriptor = -1;  // goes with the first byte
    left.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

Result<size_t> HelperChannel::receive_some(Descriptor& descriptor) {
  std::array<char, 65536> chunk;
  Beside beside;
  iovec part{chunk.data(), chunk.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = beside.bytes.data();
  message.msg_controllen = beside.bytes.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got == 0 || (got < 0 && errno == ECONNRESET))
    return fail(ErrorCode::closed, peer, "the other side has ended");
  if (got < 0) return std::unexpected(error_of_errno(errno, peer, "cannot be heard"));
  if (Descriptor came = descriptor_in(message); came.valid()) descriptor = std::move(came);
  received_.append(chunk.data(), static_cast<size_t>(got));
  return static_cast<size_t>(got);
}

Result<HelperChannel::Line> HelperChannel::receive(size_t most, int timeout_milliseconds) {
  Line line;
  size_t scanned = 0;
  while (true) {
    const size_t end = received_.find('\n', scanned);
    if (std::min(end, received_.size()) > most)
      return fail(ErrorCode::out_of_range, peer, "a line of more than {} bytes", most);
    if (end != std::string::npos) {
      line.text = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    scanned = received_.size();
    pollfd waiting{socket_.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, timeout_milliseconds);
    if (ready == 0)
      return fail(ErrorCode::timed_out, peer, "says nothing for {} s", timeout_milliseconds / 1000);
    if (ready < 0 && errno != EINTR) return std::unexpected(error_of_errno(errno, peer, "cannot be heard"));
    if (ready > 0) TRY(receive_some(line.descriptor));
  }
}

}  // namespace ashlar::storage
