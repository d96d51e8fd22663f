// An array in one process for tests: over a disk, pools and an engine of memory; and with the API above it, without a network.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/alarms.h"
#include "agent/authentication.h"
#include "agent/fake_disk_test.h"
#include "agent/fake_engine_test.h"
#include "agent/isns_clients.h"
#include "agent/mdns_announcer.h"
#include "agent/router.h"
#include "agent/telemetry.h"
#include "api/lists.h"
#include "base/log.h"

namespace ashlar::agent {

constexpr const char* pool_folder = "/pools/p0";
constexpr const char* target_name = "iqn.2026-11.io.ashlar:one";
constexpr const char* initiator_name = "iqn.1993-08.org.debian:01:web1";
constexpr const char* chap_secret = "chap-secret-of-web1";
constexpr int64_t begin_of_time = 1'800'000'000;

class ArrayWorld {
 public:
  using Edit = std::function<void(api::Configuration&)>;
  struct Committed {
    uint64_t generation = 0;
    std::string author, comment;
  };

  ArrayWorld();
  /// What a power cut has left; the engine serves nothing.
  ArrayWorld(const state::DiskImage& image, FakePrivileged::Folders folders);
  virtual ~ArrayWorld() = default;

  Result<void> open();
  Array& array() { return *array_; }
  /// A pool p0, a volume db1, a host web1 with CHAP, a portal, a target, a map.
  void furnish();
  std::expected<Outcome, Refusal> change(const Edit& edit, bool force = false, bool dry_run = false,
                                         const std::string& comment = "");
  /// The same; fails the test when it is refused.
  Outcome must_change(const Edit& edit, bool force = true);
  const api::Configuration& configuration() const;
  uint64_t generation() const { return array_->view()->generation.number; }
  /// What the engine is to serve for what is in force.
  rpc::Document wanted() const;
  std::string wanted_text() const { return rpc::print_document(wanted()); }
  std::string served_text() const { return rpc::print_document(engine.served()); }
  /// Names of all files that a configuration has in p0.
  static std::set<std::string> named_files(const api::Configuration& configuration);
  std::set<std::string> files_in_pool() const;
  /// Secrets on the disk, by reference.
  std::set<std::string> kept_secrets() const;
  std::vector<Committed> committed() const;
  bool raised(const std::string& alarm) const { return alarms_raised_.contains(alarm); }

  Power power;
  state::CrashFileSystem disk;
  LockedFiles files{disk, power};
  FakePrivileged pools{power};
  FakeEngine engine{power};
  std::atomic<int64_t> now = begin_of_time;

 protected:
  virtual void told(const View& before, const View& after, const Change& change);
  std::unique_ptr<Array> array_;

 private:
  std::atomic<uint64_t> drawn_ = 0;
  std::set<std::string> alarms_raised_;
  mutable std::mutex mutex_;
  std::vector<Committed> committed_;
};

/// Tests of an array that has a volume for a host already.
class FurnishedArray : public testing::Test {
 protected:
  void SetUp() override {
    set_log_level(LogLevel::error);
    const auto opened = world.open();
    ASSERT_TRUE(opened) << opened.error().text();
    world.furnish();
  }
  void TearDown() override { set_log_level(LogLevel::info); }

  /// The engine, the pool and the disk are as the configuration says.
  void expect_whole(const std::string& when = "") {
    EXPECT_EQ(world.served_text(), world.wanted_text()) << when;
    EXPECT_EQ(world.files_in_pool(), ArrayWorld::named_files(world.configuration())) << when;
  }
  static void resize_db1(api::Configuration& next, uint64_t bytes) {
    api::find_named(next.volumes, "db1")->size_bytes = bytes;
  }

  ArrayWorld world;
};

std::string why(const std::expected<Outcome, Refusal>& outcome);
/// As a user of the API writes them.
api::Volume volume_of(const std::string& name, uint64_t size_bytes = uint64_t{1} << 30);
api::Host host_of(const std::string& name);

/// What an authenticator shows.
std::string totp_code(const std::string& secret, int64_t now);

struct Answered {
  int status = 0;
  api::Json body;    ///< null: none, or not JSON
  std::string text;  ///< the body as it came
  http::Headers headers;
  bool streams = false, upgrades = false;
  std::string header(std::string_view name) const;
  std::string code() const { return body.is_object() ? body.value("code", "") : ""; }
};

/// Who asks.
struct Caller {
  http::Headers headers;
  http::Peer peer;
};

class ApiWorld : public ArrayWorld {
 public:
  ApiWorld();
  ~ApiWorld() override;

  Answered ask(http::Request request);
  /// `target` may begin below /api/v1, and have a query, which is not encoded.
  Answered ask(const std::string& method, const std::string& target, const api::Json& body = nullptr,
               http::Headers headers = {});
  Answered ask(const Caller& caller, const std::string& method, const std::string& target,
               const api::Json& body = nullptr);
  /// That operation, by its id.
  http::Request request(const Caller& caller, const std::string& method, const std::string& target,
                        const api::Json& body = nullptr) const;

  static Caller root();
  static Caller remote(http::Headers headers = {});
  static Caller bearer(const std::string& credential);
  void add_user(const std::string& name, const std::string& role, std::vector<api::Grant> grants = {});
  /// A login without the cost of a password.
  Caller session(const std::string& user);
  Caller token(const std::string& name, const std::string& user, const std::string& role,
               std::vector<api::Grant> grants = {}, const std::string& expires_at = "");
  void make_certificates();
  std::string everything_said() const { return said_; }
  const std::set<std::string>& served_operations() const { return served_operations_; }

  static const api::OpenApi& api();
  state::Database& database() { return *database_; }
  Router& router() { return *router_; }
  Service& service() { return *service_; }
  const std::string& folder() const { return folder_; }
  /// Off for those who ask from many threads: answers are neither kept nor counted.
  bool keep_answers = true;

 protected:
  void told(const View& before, const View& after, const Change& change) override;

 private:
  std::string folder_;
  std::unique_ptr<state::Database> database_;
  std::unique_ptr<EventBus> events_;
  std::unique_ptr<Alarms> alarms_;
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<IsnsClients> isns_;
  std::unique_ptr<MdnsAnnouncer> mdns_;
  std::unique_ptr<Telemetry> telemetry_;
  std::unique_ptr<Authentication> authentication_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Router> router_;
  std::atomic<uint64_t> ids_ = 0;
  std::mutex said_mutex_;
  std::string said_;
  std::set<std::string> served_operations_;
};

}  // namespace ashlar::agent
