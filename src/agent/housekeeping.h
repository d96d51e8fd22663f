// What is done by the clock: samples for the history, alert rules, messages that wait, the recycle bin, iSNS.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "agent/service.h"

namespace ashlar::agent {

/// Two threads from start() to stop(): one that must not be held up, one that sends messages.
class Housekeeping {
 public:
  explicit Housekeeping(Service& service) : service_(service) {}
  ~Housekeeping() { stop(); }
  void start();
  void stop();

 private:
  void keep_time();
  void watch();
  void send();
  void purge_due();
  bool wait_a_second();

  Service& service_;
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stopping_ = false;
  std::thread clock_, sender_;
};

}  // namespace ashlar::agent
