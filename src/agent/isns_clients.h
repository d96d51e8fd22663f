// The iSNS servers of the configuration, each with its client; and what they are told follows what is in force.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/array.h"
#include "agent/interface_addresses.h"
#include "agent/isns_client.h"

namespace ashlar::agent {

class IsnsClients {
 public:
  /// `now`: seconds since 1970; `interfaces`: the addresses of this machine.
  IsnsClients(Array& array, std::function<int64_t()> now, const IsnsTiming& timing = {},
              std::function<std::vector<IsnsAddress>()> interfaces = interface_addresses)
      : array_(array), now_(std::move(now)), timing_(timing), interfaces_(std::move(interfaces)) {}
  ~IsnsClients() { stop(); }

  /// Begins and ends clients, and tells them what is to be registered now. Takes no time; call it once a second, on one thread.
  void follow();
  /// Takes the array out of all servers, in the time of one farewell.
  void stop();
  /// Of the servers that have a client, by name. Any thread.
  std::vector<IsnsStatus> statuses() const;
  std::optional<IsnsStatus> status(const std::string& name) const;

 private:
  /// What a wish was made of, to see whether it must be made anew.
  struct Sources {
    std::shared_ptr<const View> view;
    std::map<std::string, std::string> failures;
    std::vector<IsnsAddress> interfaces;
    bool operator==(const Sources&) const = default;
  };
  void end_others(const std::vector<api::IsnsServer>& servers);
  void begin_new(const std::vector<api::IsnsServer>& servers);
  void tell_wish(const std::shared_ptr<const View>& view);

  Array& array_;
  const std::function<int64_t()> now_;
  const IsnsTiming timing_;
  const std::function<std::vector<IsnsAddress>()> interfaces_;
  Sources sources_;
  std::shared_ptr<const IsnsRegistration> wish_;
  mutable std::mutex mutex_;  // what follows
  std::map<std::string, std::unique_ptr<IsnsClient>> clients_;
  std::vector<std::unique_ptr<IsnsClient>> leaving_;  // say farewell, and are forgotten then
};

}  // namespace ashlar::agent
