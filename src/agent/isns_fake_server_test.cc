#include "agent/isns_fake_server_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/check.h"

namespace ashlar::agent {
namespace {

using namespace std::chrono_literals;
using wire::isns::AttributeWriter;
using wire::isns::Function;
using wire::isns::Message;
using wire::isns::Status;
using wire::isns::Tag;

std::string key_of(const Message& request) {
  const auto attributes = wire::isns::parse_attributes(request.payload);
  CHECK(attributes.has_value());
  for (const auto& each : *attributes) {
    if (each.tag == Tag::entity_identifier) return std::string(wire::isns::text_of(each));
  }
  return "";
}

}  // namespace

FakeIsnsServer::FakeIsnsServer(uint16_t port) : port_(port) {
  listen();
  thread_ = std::thread([this] { run(); });
}

void FakeIsnsServer::listen() {
  IsnsDescriptor opened(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(opened.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port_);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::bind(opened.number(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
  CHECK(::listen(opened.number(), 16) == 0);
  socklen_t length = sizeof name;
  ::getsockname(opened.number(), reinterpret_cast<sockaddr*>(&name), &length);
  port_ = ntohs(name.sin_port);
  listener_ = std::move(opened);
}

void FakeIsnsServer::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  listener_ = IsnsDescriptor();
}

void FakeIsnsServer::start_anew() {
  stop();
  forget();
  stopping_ = false;
  listen();
  thread_ = std::thread([this] { run(); });
}

void FakeIsnsServer::forget() {
  const std::lock_guard lock(mutex_);
  entities_.clear();
}

void FakeIsnsServer::run() {
  std::vector<std::unique_ptr<IsnsSocket>> open;
  while (!stopping_) {
    if (close_asked_.exchange(false)) open.clear();
    std::vector<pollfd> watched = {{listener_.number(), POLLIN, 0}};
    for (const auto& each : open) watched.push_back({each->descriptor(), POLLIN, 0});
    if (::poll(watched.data(), watched.size(), 5) <= 0) continue;
    for (size_t i = open.size(); i-- > 0;) {
      if (watched[i + 1].revents != 0 && !serve(*open[i]))
        open.erase(open.begin() + static_cast<ptrdiff_t>(i));
    }
    if (watched[0].revents == 0) continue;
    IsnsDescriptor accepted(::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (accepted.number() < 0) continue;
    ++connections_;
    open.push_back(std::make_unique<IsnsSocket>(std::move(accepted), "the array"));
  }
}

bool FakeIsnsServer::serve(IsnsSocket& socket) {
  const auto request = socket.receive(IsnsPatience::of(5s, -1));
  return request && respond(socket, *request);
}

void FakeIsnsServer::send_raw(const IsnsSocket& socket, ConstBytes bytes) const {
  static_cast<void>(::send(socket.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

bool FakeIsnsServer::respond(IsnsSocket& socket, const Message& request) {
  const IsnsPatience patience = IsnsPatience::of(5s, -1);
  const Manner manner = manner_;
  if (manner == Manner::silent) return true;
  if (manner == Manner::garbage) {
    send_raw(socket, bytes_of("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
    return true;
  }
  if (manner == Manner::asks_first) {
    AttributeWriter inquiry;
    inquiry.text(Tag::entity_identifier, key_of(request));
    if (!socket.send({0x000d, wire::isns::from_server, 500, inquiry.bytes()}, patience)) return false;
    const auto told = socket.receive(patience);
    if (!told || told->function != 0x800d) return false;
    const std::lock_guard lock(mutex_);
    inquiry_answers_.push_back(wire::isns::parse_answer(told->payload).value().status);
  }
  Message out = answer(request);
  if (manner == Manner::other_transaction) ++out.transaction;
  const std::vector<uint8_t> bytes = wire::isns::encode_message(out, 64);
  if (manner == Manner::half || manner == Manner::breaks_off) {
    send_raw(socket, ConstBytes(bytes).first(bytes.size() / 2));
    return manner == Manner::half;
  }
  if (manner != Manner::byte_by_byte) {
    send_raw(socket, bytes);
    return true;
  }
  for (const uint8_t& each : bytes) {
    send_raw(socket, {&each, 1});
    std::this_thread::sleep_for(20us);
  }
  return true;
}

Message FakeIsnsServer::answer(const Message& request) {
  AttributeWriter payload;
  const std::string name = key_of(request);
  if (request.is(Function::device_attribute_registration)) {
    const uint32_t status = take_registration(request);
    payload.status(static_cast<Status>(status));
    payload.text(Tag::entity_identifier, name);
    payload.delimiter();
    if (granted_seconds_ != 0) payload.number(Tag::registration_period, granted_seconds_);
  } else if (request.is(Function::device_attribute_query)) {
    ++queries_;
    payload.status(Status::success);
    payload.append(names_of(request));
  } else {
    const std::lock_guard lock(mutex_);
    payload.status(entities_.erase(name) > 0 ? Status::success : Status::no_such_entry);
  }
  return {static_cast<uint16_t>(request.function | wire::isns::response_bit), wire::isns::from_server,
          request.transaction, payload.bytes()};
}

uint32_t FakeIsnsServer::take_registration(const Message& request) {
  const auto attributes = wire::isns::parse_attributes(request.payload);
  const auto asks_for_esi = [](const auto& each) { return each.tag == Tag::esi_port; };
  if (manner_ == Manner::refuses) return 3;
  if (manner_ == Manner::without_esi && std::ranges::any_of(*attributes, asks_for_esi)) return 21;
  ++registrations_;
  const std::lock_guard lock(mutex_);
  Entity& entity = entities_[key_of(request)];
  if ((request.flags & wire::isns::replace) != 0) {
    ++replacements_;
    entity = {};
  }
  bool operating = false;
  for (const auto& each : *attributes) {
    if (each.is_delimiter()) operating = true;
    if (!operating) continue;
    if (each.tag == Tag::iscsi_name) entity.targets.insert(std::string(wire::isns::text_of(each)));
    if (each.tag == Tag::portal_address) ++entity.portals;
    if (each.tag == Tag::group_tag) ++(each.value.empty() ? entity.groups_without_tag : entity.groups);
  }
  return 0;
}

// As one whose nodes are each in a discovery domain of its own: it tells who asks, and nobody else.
std::vector<uint8_t> FakeIsnsServer::names_of(const Message& request) {
  const auto attributes = wire::isns::parse_attributes(request.payload);
  const std::string name(wire::isns::text_of(attributes->front()));
  AttributeWriter out;
  out.text(Tag::iscsi_name, name);
  out.delimiter();
  if (targets().contains(name)) out.text(Tag::iscsi_name, name);
  return out.bytes();
}

std::map<std::string, FakeIsnsServer::Entity> FakeIsnsServer::entities() const {
  const std::lock_guard lock(mutex_);
  return entities_;
}

FakeIsnsServer::Entity FakeIsnsServer::entity(const std::string& name) const {
  const auto all = entities();
  const auto found = all.find(name);
  return found == all.end() ? Entity{} : found->second;
}

std::set<std::string> FakeIsnsServer::targets() const {
  std::set<std::string> all;
  for (const auto& [name, entity] : entities()) all.insert(entity.targets.begin(), entity.targets.end());
  return all;
}

std::vector<uint32_t> FakeIsnsServer::inquiry_answers() const {
  const std::lock_guard lock(mutex_);
  return inquiry_answers_;
}

bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 5000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(2ms);
  }
  return false;
}

IsnsTiming quick_timing() {
  IsnsTiming timing;
  timing.answer = 300ms;
  timing.farewell = 300ms;
  timing.first_retry = 5ms;
  timing.longest_retry = 20ms;
  timing.shortest_refresh = 10ms;
  return timing;
}

}  // namespace ashlar::agent
