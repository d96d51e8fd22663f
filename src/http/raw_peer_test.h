// A client that says what it likes: bytes over the unix socket, no library between.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace ashlar::http {

class RawPeer {
 public:
  explicit RawPeer(const std::string& path) : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    connected_ = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawPeer() { close(); }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  bool connected() const { return connected_; }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  /// False: the server is gone.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  /// All until the server closes, or a minute without a word.
  std::string read_all() {
    while (read_more()) {
    }
    return std::exchange(received_, {});
  }
  /// Up to and with `mark`; all that came if the server closes before.
  std::string read_until(std::string_view mark) {
    size_t at = received_.find(mark);
    while (at == std::string::npos && read_more()) at = received_.find(mark);
    return take(at == std::string::npos ? received_.size() : at + mark.size());
  }
  std::string read_bytes(size_t size) {
    while (received_.size() < size && read_more()) {
    }
    return take(std::min(size, received_.size()));
  }
  /// A whole answer: head, and the body that its Content-Length announces.
  std::string read_answer() {
    std::string answer = read_until("\r\n\r\n");
    const size_t at = answer.find("Content-Length: ");
    if (at != std::string::npos) answer += read_bytes(std::stoul(answer.substr(at + 16)));
    return answer;
  }
  std::string ask(std::string_view request) {
    send(request);
    return read_answer();
  }

 private:
  bool read_more() {
    pollfd waiting{descriptor_, POLLIN, 0};
    if (::poll(&waiting, 1, 60'000) <= 0) return false;
    char chunk[65536];
    const ssize_t got = ::recv(descriptor_, chunk, sizeof chunk, 0);
    if (got > 0) received_.append(chunk, static_cast<size_t>(got));
    return got > 0;
  }
  std::string take(size_t size) {
    std::string taken = received_.substr(0, size);
    received_.erase(0, size);
    return taken;
  }

  int descriptor_;
  bool connected_ = false;
  std::string received_;
};

}  // namespace ashlar::http
