#include "agent/world_test.h"

#include <gtest/gtest.h>
#include <liboath/oath.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>

#include "agent/clock.h"
#include "agent/compile.h"
#include "agent/embedded.h"
#include "agent/first_start.h"
#include "api/lists.h"
#include "base/check.h"
#include "convert/convert.h"
#include "http/certificates.h"

namespace ashlar::agent {
namespace {

uint64_t mixed(uint64_t number) {  // splitmix64
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

std::string make_folder() {
  std::string pattern = testing::TempDir() + "/ashlar_agent.XXXXXX";
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

}  // namespace

ArrayWorld::ArrayWorld() { pools.set_folders({{pool_folder, {}}}); }

ArrayWorld::ArrayWorld(const state::DiskImage& image, FakePrivileged::Folders folders) : disk(image) {
  pools.set_folders(std::move(folders));
  drawn_ = 1u << 20;
}

Result<void> ArrayWorld::open() {
  array_.reset();
  ArrayParts parts;
  parts.files = &files;
  parts.folder = ".";
  parts.privileged = &pools;
  parts.engine = &engine;
  parts.random = [this](Bytes out) {
    for (uint8_t& each : out) each = static_cast<uint8_t>(mixed(drawn_++));
  };
  parts.now = [this] { return now.load(); };
  parts.committed = [this](const View& before, const View& after, const Change& change) {
    told(before, after, change);
  };
  parts.alarm = [this](const std::string& name, const std::string&, bool raised) {
    if (raised) alarms_raised_.insert(name);
    if (!raised) alarms_raised_.erase(name);
  };
  TRY_ASSIGN(array_, Array::open(std::move(parts)));
  return {};
}

void ArrayWorld::told(const View& /*before*/, const View& after, const Change& change) {
  const std::lock_guard lock(mutex_);
  committed_.push_back({after.generation.number, change.author, change.comment});
}

std::vector<ArrayWorld::Committed> ArrayWorld::committed() const {
  const std::lock_guard lock(mutex_);
  return committed_;
}

void ArrayWorld::furnish() {
  must_change([](api::Configuration& next) {
    next.pools = {{.name = "p0", .kind = "dir", .path = pool_folder}};
    next.volumes = {volume_of("db1")};
    next.hosts = {{.name = "web1", .initiators = {initiator_name}}};
    next.hosts[0].chap = api::Chap{.user = "web1", .secret = chap_secret};
    next.portals = {{.name = "san-a", .address = "192.0.2.10"}};
    next.targets = {{.name = target_name}};
    next.maps = {{.volume = "db1", .target = target_name, .host = "web1"}};
  });
}

std::expected<Outcome, Refusal> ArrayWorld::change(const Edit& edit, bool force, bool dry_run,
                                                   const std::string& comment) {
  Change change;
  change.author = "alice";
  change.comment = comment;
  change.force = force;
  change.dry_run = dry_run;
  change.edit = [&edit](api::Configuration& next) -> Result<void> {
    edit(next);
    return {};
  };
  return array_->change(change);
}

Outcome ArrayWorld::must_change(const Edit& edit, bool force) {
  auto outcome = change(edit, force);
  EXPECT_TRUE(outcome) << why(outcome);
  return outcome ? std::move(*outcome) : Outcome{};
}

const api::Configuration& ArrayWorld::configuration() const {
  thread_local std::shared_ptr<const View> held;
  held = array_->view();
  return held->configuration;
}

rpc::Document ArrayWorld::wanted() const {
  const std::shared_ptr<const View> view = array_->view();
  CompileSources sources;
  sources.secret_of = [this](const std::string& reference) { return array_->secret(reference); };
  sources.store_of = [&](const api::Volume& volume) -> Result<rpc::StoreDocument> {
    TRY_ASSIGN(const auto driver, array_->pool(volume.pool));
    const storage::EngineStore store = driver->engine_store(volume);
    return rpc::StoreDocument{store.kind, store.options};
  };
  const auto document = compile(view->configuration, sources);
  EXPECT_TRUE(document) << document.error().text();
  return document.value_or(rpc::Document{});
}

std::set<std::string> ArrayWorld::named_files(const api::Configuration& all) {
  std::set<std::string> names;
  for (const api::Volume& each : all.volumes) names.insert(each.backing);
  for (const api::Snapshot& each : all.snapshots) names.insert(each.backing);
  for (const api::DeletedVolume& each : all.recycle_bin) {
    names.insert(each.volume.backing);
    for (const api::Snapshot& snapshot : each.snapshots) names.insert(snapshot.backing);
  }
  return names;
}

std::set<std::string> ArrayWorld::files_in_pool() const {
  std::set<std::string> names;
  const FakePrivileged::Folders folders = pools.folders();
  for (const auto& [name, file] : folders.at(pool_folder)) names.insert(name);
  return names;
}

std::set<std::string> ArrayWorld::kept_secrets() const {
  std::set<std::string> references;
  constexpr std::string_view folder = "./secrets/";
  for (const auto& [path, entry] : disk.view()) {
    if (path.starts_with(folder)) references.insert("secret:" + path.substr(folder.size()));
  }
  return references;
}

std::string why(const std::expected<Outcome, Refusal>& outcome) {
  return outcome ? "done" : outcome.error().error.text();
}

api::Volume volume_of(const std::string& name, uint64_t size_bytes) {
  return {.name = name, .pool = "p0", .size_bytes = size_bytes};
}

api::Host host_of(const std::string& name) {
  return {.name = name, .initiators = {"iqn.1993-08.org.debian:01:" + name}};
}

std::string totp_code(const std::string& secret, int64_t now) {
  char* key = nullptr;
  size_t size = 0;
  EXPECT_EQ(::oath_base32_decode(secret.data(), secret.size(), &key, &size), OATH_OK);
  char code[7] = {};
  EXPECT_EQ(::oath_totp_generate(key, size, now, 30, 0, 6, code), OATH_OK);
  std::free(key);
  return code;
}

std::string Answered::header(std::string_view name) const {
  const std::string* found = http::find_header(headers, name);
  return found == nullptr ? "" : *found;
}

const api::OpenApi& ApiWorld::api() {
  static const api::OpenApi loaded = [] {
    auto document = convert::parse_yaml(embedded_openapi_yaml());
    CHECK(document.has_value(), "{}", document.error().text());
    auto api = api::OpenApi::load(std::move(*document));
    CHECK(api.has_value(), "{}", api.error().text());
    return *api;
  }();
  return loaded;
}

ApiWorld::ApiWorld() : folder_(make_folder()) {
  std::string notice;
  state::DatabaseOptions options;
  options.clock = [this] { return now.load(); };
  auto database = state::Database::open(folder_ + "/state.db", notice, options);
  CHECK(database.has_value(), "{}", database.error().text());
  database_ = std::move(*database);
  const auto seconds = [this] { return now.load(); };
  const auto text = [this] { return rfc3339(now); };
  events_ = std::make_unique<EventBus>(*database_, text);
  const auto opened = open();
  CHECK(opened.has_value(), "{}", opened.error().text());
  alarms_ = std::make_unique<Alarms>(array(), *database_, *events_, seconds);
  jobs_ =
      std::make_unique<Jobs>(*database_, *events_, text, [this] { return fmt::format("job-{}", ++ids_); });
  const std::string certificates = folder_ + "/certificates";
  isns_ = std::make_unique<IsnsClients>(array(), seconds);
  mdns_ = std::make_unique<MdnsAnnouncer>(array(), seconds, "/nonexistent/publisher");
  telemetry_ = std::make_unique<Telemetry>(array(), engine, *database_, *isns_, *mdns_,
                                           http::certificate_files(certificates).server_certificate, seconds);
  authentication_ = std::make_unique<Authentication>(
      array(), seconds, [this](const std::string& user, const std::string& address) {
        alarms_->set("login_lockout", "users/" + user, "warning", "too many failed logins from " + address,
                     true);
      });
  service_ = std::make_unique<Service>(Service{array(),
                                               engine,
                                               *database_,
                                               *events_,
                                               *jobs_,
                                               *authentication_,
                                               *alarms_,
                                               *telemetry_,
                                               *isns_,
                                               *mdns_,
                                               pools,
                                               api(),
                                               std::string(embedded_openapi_yaml()),
                                               std::string(embedded_page_html()),
                                               std::string(embedded_page_script()),
                                               folder_,
                                               certificates,
                                               "0",
                                               [] {},
                                               seconds});
  router_ = std::make_unique<Router>(*service_);
}

ApiWorld::~ApiWorld() {
  jobs_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void ApiWorld::told(const View& before, const View& after, const Change& change) {
  ArrayWorld::told(before, after, change);
  tell_changes(*events_, before, after, change);
}

void ApiWorld::make_certificates() {
  const auto made = http::ensure_certificates(folder_ + "/certificates", {"localhost"});
  ASSERT_TRUE(made) << made.error().text();
}

Caller ApiWorld::root() {
  Caller caller;
  caller.peer.local = true;
  return caller;
}
Caller ApiWorld::remote(http::Headers headers) {
  Caller caller{std::move(headers), {}};
  caller.peer.address = "192.0.2.7";
  return caller;
}
Caller ApiWorld::bearer(const std::string& credential) {
  return remote({{"Authorization", "Bearer " + credential}});
}

void ApiWorld::add_user(const std::string& name, const std::string& role, std::vector<api::Grant> grants) {
  must_change([&](api::Configuration& next) {
    api::User user{.name = name, .role = role};
    user.grants = grants;
    next.users.push_back(std::move(user));
  });
}

Caller ApiWorld::session(const std::string& user) {
  return bearer(authentication_->sessions().begin(user, "192.0.2.7", now).first);
}

Caller ApiWorld::token(const std::string& name, const std::string& user, const std::string& role,
                       std::vector<api::Grant> grants, const std::string& expires_at) {
  const std::string token = access::make_token();
  must_change([&](api::Configuration& next) {
    api::Token made{.name = name, .user = user, .role = role};
    made.grants = grants;
    made.expires_at = expires_at;
    made.hash = access::hash_token(token);
    next.tokens.push_back(std::move(made));
  });
  return bearer(token);
}

http::Request ApiWorld::request(const Caller& caller, const std::string& method, const std::string& target,
                                const api::Json& body) const {
  http::Request request;
  request.method = method;
  const size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  const bool whole = request.path.starts_with("/api") || request.path == "/metrics";
  if (!whole) request.path = "/api/v1" + request.path;
  for (size_t at = mark; at != std::string::npos && at + 1 < target.size();) {
    const size_t end = std::min(target.find('&', at + 1), target.size());
    const std::string pair = target.substr(at + 1, end - at - 1);
    const size_t equals = std::min(pair.find('='), pair.size());
    request.query.emplace_back(pair.substr(0, equals),
                               equals < pair.size() ? pair.substr(equals + 1) : std::string());
    at = end < target.size() ? end : std::string::npos;
  }
  request.headers = caller.headers;
  request.peer = caller.peer;
  if (!body.is_null()) {
    request.body = api::print_json(body);
    if (http::find_header(request.headers, "Content-Type") == nullptr)
      request.headers.emplace_back("Content-Type", "application/json");
  }
  return request;
}

Answered ApiWorld::ask(const Caller& caller, const std::string& method, const std::string& target,
                       const api::Json& body) {
  return ask(request(caller, method, target, body));
}

Answered ApiWorld::ask(const std::string& method, const std::string& target, const api::Json& body,
                       http::Headers headers) {
  Caller caller = root();
  caller.headers = std::move(headers);
  return ask(request(caller, method, target, body));
}

// Every answer of every test is held against the description of the API.
Answered ApiWorld::ask(http::Request request) {
  const std::string what = request.method + " " + request.path;
  const auto match = api().match(request.method == "HEAD" ? "GET" : request.method, request.path);
  http::Response response = router_->handle(std::move(request));
  Answered answered;
  answered.status = response.status;
  answered.text = std::move(response.body);
  answered.headers = std::move(response.headers);
  answered.streams = response.stream != nullptr;
  answered.upgrades = response.socket != nullptr;
  const bool is_json = answered.header("Content-Type").find("json") != std::string::npos;
  if (is_json) {
    auto parsed = api::parse_json(answered.text);
    EXPECT_TRUE(parsed) << what << ": " << parsed.error().text();
    if (parsed) answered.body = std::move(*parsed);
  }
  const std::lock_guard lock(said_mutex_);  // requests come from several threads
  if (match.operation != nullptr) {
    const auto checked =
        api().check_response(*match.operation, answered.status, is_json ? &answered.body : nullptr);
    EXPECT_TRUE(checked || answered.streams) << what << ": " << checked.error().text() << "\n"
                                             << answered.text.substr(0, 2000);
    const bool served = answered.status < 300 || answered.upgrades;
    if (keep_answers && served) served_operations_.insert(match.operation->id);
  }
  if (keep_answers && said_.size() < (64u << 20)) {
    said_ += answered.text + "\n";
    for (const auto& [name, value] : answered.headers) {
      said_.append(name).append(": ").append(value).append("\n");
    }
  }
  return answered;
}

}  // namespace ashlar::agent
