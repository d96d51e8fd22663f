#include "notify/resolve.h"

#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

namespace ashlar::notify {
namespace {

struct Lookup {
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  int problem = 0;
  std::vector<HostAddress> addresses;
};

int look_up(const ServerAddress& server, int flags, std::vector<HostAddress>& addresses) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int problem =
      ::getaddrinfo(server.host.c_str(), fmt::format("{}", server.port).c_str(), &hints, &list);
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    HostAddress address{.length = each->ai_addrlen};
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    char text[NI_MAXHOST];
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0)
      continue;
    address.text = ServerAddress{.scheme = "", .host = text, .port = server.port}.text();
    addresses.push_back(std::move(address));
  }
  if (list != nullptr) ::freeaddrinfo(list);
  return problem;
}

}  // namespace

Result<std::vector<HostAddress>> resolve_udp(const ServerAddress& server, std::chrono::milliseconds limit) {
  std::vector<HostAddress> literal;
  if (look_up(server, AI_NUMERICHOST, literal) == 0 && !literal.empty()) return literal;
  // getaddrinfo() may take longer than a delivery and cannot be stopped: it ends by itself, unheard.
  const auto lookup = std::make_shared<Lookup>();
  std::thread([lookup, server] {
    std::vector<HostAddress> addresses;
    const int problem = look_up(server, 0, addresses);
    const std::lock_guard lock(lookup->mutex);
    lookup->problem = problem;
    lookup->addresses = std::move(addresses);
    lookup->done = true;
    lookup->ended.notify_all();
  }).detach();
  std::unique_lock lock(lookup->mutex);
  if (!lookup->ended.wait_for(lock, limit, [&] { return lookup->done; })) {
    return fail(ErrorCode::timed_out, "options.server", "{}: the name servers do not answer in time",
                server.text());
  }
  if (lookup->problem != 0 || lookup->addresses.empty()) {
    return fail(ErrorCode::not_found, "options.server", "{}: the host's name is not known ({})",
                server.text(), ::gai_strerror(lookup->problem));
  }
  return std::move(lookup->addresses);
}

}  // namespace ashlar::notify
