#include "agent/program.h"

#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "agent/alarms.h"
#include "agent/authentication.h"
#include "agent/clock.h"
#include "agent/embedded.h"
#include "agent/engine_keeper.h"
#include "agent/first_start.h"
#include "agent/housekeeping.h"
#include "agent/isns_clients.h"
#include "agent/mdns_announcer.h"
#include "agent/router.h"
#include "agent/telemetry.h"
#include "base/version.h"
#include "convert/convert.h"
#include "http/certificates.h"
#include "storage/helper.h"

namespace ashlar::agent {
namespace {

constexpr int exit_failed = 1;
// Relative to the state folder, where the program stands: it may lie below folders that the unprivileged user may not enter.
constexpr const char* folder = ".";
constexpr const char* certificates_folder = "certificates";

void draw_random(Bytes out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got > 0) out = out.subspan(static_cast<size_t>(got));
  }
}

std::string new_id() {
  Uuid uuid;
  draw_random(uuid);
  return uuid_text(make_uuid(uuid));
}

// What root made here belongs to the user that works with it from now on. The engine's own folders stay root's.
Result<void> hand_over(const std::string& user) {
  if (geteuid() != 0 || user.empty()) return {};
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr) {
    return fail(
        ErrorCode::not_found, "--user",
        "there is no user '{}': make one (useradd --system {}), name another, or say --user \"\" to stay root",
        user, user);
  }
  const auto give = [entry](const std::string& path) {
    return lchown(path.c_str(), entry->pw_uid, entry->pw_gid);
  };
  if (give(folder) != 0)
    return std::unexpected(error_of_errno(errno, "--state-dir", "cannot be given to the agent's user"));
  for (const char* name : {"config", "secrets", certificates_folder, "state.db", "state.db-wal",
                           "state.db-shm", "support.tar.gz", "first-password"}) {
    std::error_code problem;
    if (!std::filesystem::exists(name, problem)) continue;
    give(name);
    for (const auto& each : std::filesystem::recursive_directory_iterator(name, problem))
      give(each.path().string());
  }
  return {};
}

std::vector<std::string> server_names(const ProgramOptions& options) {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) == 0 && host[0] != 0) names.push_back(host);
  names.insert(names.end(), options.server_names.begin(), options.server_names.end());
  return names;
}

Result<void> enter_state(const ProgramOptions& options) {
  std::error_code problem;
  std::filesystem::create_directories(options.state_folder, problem);
  if (chdir(options.state_folder.c_str()) != 0)
    return std::unexpected(error_of_errno(errno, options.state_folder, "cannot be the state folder"));
  return {};
}

/// Everything that lives while the agent does; taken down in reverse.
class Program {
 public:
  explicit Program(const ProgramOptions& options) : options_(options) {}

  Result<void> start() {
    TRY(enter_state(options_));
    TRY_ASSIGN(privileged_, storage::fork_helper());
    TRY(open_state());
    TRY(hand_over(options_.user));
    TRY(storage::drop_privileges(options_.user));
    TRY(open_array());
    return serve();
  }

  void stop() {
    log_info("agent", "stopping");
    if (server_) server_->stop();
    if (housekeeping_) housekeeping_->stop();
    if (keeper_) keeper_->stop();
    if (isns_) isns_->stop();
    if (mdns_) mdns_->stop();
  }

 private:
  // As root, if that is what we are: the database's files stay open when the folder can no longer be reached by its path.
  Result<void> open_state() {
    std::string notice;
    TRY_ASSIGN(database_, state::Database::open("state.db", notice));
    if (!notice.empty()) log_warning("agent", "{}", notice);
    TRY(http::ensure_certificates(certificates_folder, server_names(options_)));
    return {};
  }

  Result<void> open_array() {
    files_ = state::make_file_system();
    engine_ = make_engine_link([this] { return privileged_->connect_engine(options_.engine_socket); });
    events_ = std::make_unique<EventBus>(*database_, [] { return rfc3339(seconds_now()); });
    ArrayParts parts;
    parts.files = files_.get();
    parts.folder = folder;
    parts.privileged = privileged_.get();
    parts.engine = engine_.get();
    parts.random = draw_random;
    parts.now = seconds_now;
    parts.committed = [this](const View& before, const View& after, const Change& change) {
      tell_changes(*events_, before, after, change);
    };
    parts.alarm = [this](const std::string& name, const std::string& message, bool raised) {
      if (alarms_) alarms_->set(name, "state", "critical", message, raised);
    };
    // The helper serves the first socket that it is asked for, and no other: ask before anybody else can.
    static_cast<void>(engine_->status());
    TRY_ASSIGN(array_, Array::open(std::move(parts)));
    TRY(make_first_configuration(*array_, first_password_file));
    alarms_ = std::make_unique<Alarms>(*array_, *database_, *events_, seconds_now);
    jobs_ = std::make_unique<Jobs>(*database_, *events_, [] { return rfc3339(seconds_now()); }, new_id);
    isns_ = std::make_unique<IsnsClients>(*array_, seconds_now);
    mdns_ = std::make_unique<MdnsAnnouncer>(*array_, seconds_now);
    telemetry_ = std::make_unique<Telemetry>(*array_, *engine_, *database_, *isns_, *mdns_,
                                             http::certificate_files(certificates_folder).server_certificate,
                                             seconds_now);
    authentication_ = std::make_unique<Authentication>(
        *array_, seconds_now, [this](const std::string& user, const std::string& address) {
          events_->tell("logins", "locked_out", user, user, {{"address", address}});
          alarms_->set("login_lockout", "users/" + user, "warning",
                       fmt::format("too many failed logins as {} from {}", user, address), true);
        });
    return {};
  }

  Result<void> serve() {
    openapi_yaml_ = std::string(embedded_openapi_yaml());
    TRY_ASSIGN(api::Json document, convert::parse_yaml(openapi_yaml_));
    TRY_ASSIGN(api::OpenApi loaded, api::OpenApi::load(std::move(document)));
    api_ = std::make_unique<api::OpenApi>(std::move(loaded));
    service_ =
        std::make_unique<Service>(Service{*array_,
                                          *engine_,
                                          *database_,
                                          *events_,
                                          *jobs_,
                                          *authentication_,
                                          *alarms_,
                                          *telemetry_,
                                          *isns_,
                                          *mdns_,
                                          *privileged_,
                                          *api_,
                                          openapi_yaml_,
                                          std::string(embedded_page_html()),
                                          std::string(embedded_page_script()),
                                          folder,
                                          certificates_folder,
                                          ashlar_version,
                                          [this] { static_cast<void>(server_->reload_certificates()); },
                                          seconds_now});
    router_ = std::make_unique<Router>(*service_);
    keeper_ = std::make_unique<EngineKeeper>(*array_, *engine_, *events_);
    keeper_->start();
    housekeeping_ = std::make_unique<Housekeeping>(*service_);
    housekeeping_->start();
    const http::CertificateFiles certificates = http::certificate_files(certificates_folder);
    http::ServerOptions options;
    options.address = options_.address;
    options.port = options_.port;
    options.certificate_file = certificates.server_certificate;
    options.key_file = certificates.server_key;
    options.client_ca_file = certificates.ca_certificate;
    options.client_crl_file = certificates.revocation_list;
    // Short names of sockets bind from the state folder, whatever the length of its path.
    const std::string inside = options_.state_folder + "/";
    options.unix_socket = options_.socket_path.starts_with(inside)
                              ? options_.socket_path.substr(inside.size())
                              : options_.socket_path;
    TRY_ASSIGN(server_, http::Server::start(options, [this](http::Request request) {
                 return router_->handle(std::move(request));
               }));
    const auto fingerprint = http::certificate_fingerprint(certificates.server_certificate);
    log_info("agent", "the API is at https://{}:{}/api certificate_sha256={}",
             options_.address == "::" ? "localhost" : options_.address, server_->port(),
             fingerprint.value_or("unknown"));
    return {};
  }

  const ProgramOptions& options_;
  std::unique_ptr<storage::Privileged> privileged_;
  std::unique_ptr<state::FileSystem> files_;
  std::unique_ptr<state::Database> database_;
  std::unique_ptr<EngineLink> engine_;
  std::unique_ptr<EventBus> events_;
  std::unique_ptr<Array> array_;
  std::unique_ptr<Alarms> alarms_;
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<IsnsClients> isns_;
  std::unique_ptr<MdnsAnnouncer> mdns_;
  std::unique_ptr<Telemetry> telemetry_;
  std::unique_ptr<Authentication> authentication_;
  std::string openapi_yaml_;
  std::unique_ptr<api::OpenApi> api_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<EngineKeeper> keeper_;
  std::unique_ptr<Housekeeping> housekeeping_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace

int run_program(const ProgramOptions& options) {
  set_log_level(options.log_level);
  umask(0077);
  // One arena a thread is for programs that never rest. Here each worker would keep the trees of the largest answer that it ever
  // made: 220 MiB for a thousand volumes, where two arenas need 100.
  mallopt(M_ARENA_MAX, 2);
  std::signal(SIGPIPE, SIG_IGN);
  // Before any thread, so that all of them leave these signals to sigwait below.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  Program program(options);
  if (const auto started = program.start(); !started) {
    log_error("agent", "cannot start: {}", started.error().text());
    program.stop();
    log_flush();
    return exit_failed;
  }
  sd_notify(0, "READY=1");
  int signal = 0;
  sigwait(&ends, &signal);
  sd_notify(0, "STOPPING=1");
  program.stop();
  log_flush();
  return 0;
}

}  // namespace ashlar::agent
