// ashlar-engine: shards, an engine on them, the door, and the signals that end it.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "engine/door.h"
#include "engine/engine.h"
#include "engine/identity_file.h"
#include "engine/program_options.h"
#include "engine/state_folder.h"
#include "initiator/remote_store.h"
#include "layers/layers.h"
#include "loop/on_worker.h"
#include "loop/real_shards.h"
#include "loop/signal_watcher.h"
#include "stores/stores.h"

namespace ashlar::engine {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

// Hosts' secrets and data are in this memory: it is not for core files, nor for other processes of the same user.
void close_memory() {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    log_warning("engine", "core files stay possible: PR_SET_DUMPABLE was refused");
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) log_warning("engine", "the limit of open files stays as it is");
}

// Another one after each start of the kernel; empty when it does not say, and then nothing is taken for older than it is.
std::string read_boot_id() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

// 1/12 small pieces, 1/6 medium, the rest large: the shares of the default pool.
BufferPool::Sizes pool_of(uint32_t mebibytes) {
  const uint64_t bytes = uint64_t{mebibytes} << 20;
  BufferPool::Sizes sizes;
  sizes.small = static_cast<uint32_t>(bytes / 12 / 4096);
  sizes.medium = static_cast<uint32_t>(bytes / 6 / 32768);
  sizes.large = static_cast<uint32_t>(bytes * 3 / 4 / 262144);
  return sizes;
}

Result<rpc::Document> read_document(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::not_found, path, "cannot be read");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Result<rpc::Document> document = rpc::parse_document(text);
  if (!document)
    document.error().place =
        document.error().place.empty() ? path : fmt::format("{}: {}", path, document.error().place);
  return document;
}

// The state folder is the engine's own: made when it is missing, and its identities are kept in it.
Result<DrawnIdentities> prepare_state(const std::string& folder) {
  if (folder.empty()) return DrawnIdentities{};
  TRY(make_state_folder(folder));
  return load_identities(folder + "/identities.json");
}

loop::Task<Result<void>> keep_identities(std::string path, std::vector<KeptIdentity> identities) {
  std::function<Result<void>()> save = [&path, &identities] { return save_identities(path, identities); };
  auto saving = loop::on_worker(loop::Loop::current(), std::move(save));
  co_return co_await saving;
}

/// The life of the program on shard 0.
class Program {
 public:
  Program(loop::RealShards& shards, const ProgramOptions& options, DrawnIdentities identities)
      : shards_(shards), options_(options) {
    stores::add_all(registry_);
    layers::add_all(registry_);
    initiator::add_remote(registry_);
    EngineOptions engine_options;
    engine_options.state_folder = options.state_folder;
    engine_options.identities = std::move(identities);
    engine_options.boot_id = read_boot_id();
    if (!options.state_folder.empty()) {
      engine_options.keep_identities = [path = options.state_folder +
                                               "/identities.json"](std::vector<KeptIdentity> kept) {
        return keep_identities(path, std::move(kept));
      };
    }
    engine_options.shard_counters = [](loop::Loop& loop, std::map<std::string, uint64_t>& counters) {
      counters["loop_turns"] = static_cast<loop::RealLoop&>(loop).turns();
    };
    engine_ = std::make_unique<Engine>(shards, registry_, std::move(engine_options));
    DoorOptions door;
    door.path = options.socket_path;
    door.stop_asked = [this](loop::Nanoseconds grace) { stop_asked("asked by its socket", grace); };
    door_ = std::make_unique<Door>(*engine_, std::move(door));
  }

  int exit_code() const { return exit_code_; }

  loop::Task<void> run() {
    auto starting = engine_->start();
    co_await starting;
    auto beginning = begin();
    const Result<void> begun = co_await beginning;
    if (!begun) {
      log_error("engine", "cannot start: {}", begun.error().text());
      exit_code_ = exit_failed;
    } else {
      sd_notifyf(0, "READY=1\nMAINPID=%d", getpid());
      log_info("engine", "ready pid={} socket={}", getpid(), options_.socket_path);
      co_await end_;
      sd_notify(0, "STOPPING=1");
    }
    auto stopping = engine_->stop(grace_);
    co_await stopping;
    auto closing = door_->close();
    co_await closing;
    door_.reset();
    engine_.reset();
    watcher_.reset();
    shards_.stop();
  }

 private:
  loop::Task<Result<void>> begin() {
    auto caught = [this](int signal) {
      stop_asked(signal == SIGINT ? "SIGINT" : "SIGTERM", loop::seconds(options_.stop_grace_seconds));
    };
    CO_TRY_ASSIGN(watcher_,
                  loop::SignalWatcher::open(shards_.real_at(0), {SIGTERM, SIGINT}, std::move(caught)));
    // The kernel closes what was in the ring of an engine that was killed a moment after its process is gone: until then somebody
    // seems to listen, and its files are locked.
    const loop::Instant patience_ends = loop::Loop::current().now() + loop::seconds(3);
    while (true) {
      auto trying = open_doors();
      const Result<void> opened = co_await trying;
      const bool later = loop::Loop::current().now() < patience_ends;
      if (opened || opened.error().code != ErrorCode::busy || !later) co_return opened;
      log_warning("engine", "cannot start yet: {}", opened.error().text());
      co_await loop::sleep_for(loop::milliseconds(250));
    }
  }

  // Again after a failure, too.
  loop::Task<Result<void>> open_doors() {
    if (!door_open_) CO_TRY(door_->open());
    door_open_ = true;
    if (options_.document_path.empty()) co_return Result<void>{};
    CO_TRY_ASSIGN(rpc::Document document, read_document(options_.document_path));
    auto applying = engine_->apply(std::move(document), false);
    const Result<rpc::ApplyReport> report = co_await applying;
    CO_TRY(report);
    for (const rpc::DrawnIdentity& drawn : report->drawn) {
      log_info("engine", "volume {} has no identity in its document and was given one: naa={} serial={}",
               drawn.volume, drawn.identity.naa, drawn.identity.serial);
    }
    co_return Result<void>{};
  }

  void stop_asked(std::string_view by, loop::Nanoseconds grace) {
    if (end_.is_set()) {
      log_error("engine", "{} again: ended at once, commands in flight are not answered", by);
      log_flush();
      _exit(exit_failed);
    }
    log_info("engine", "{}: stopping", by);
    grace_ = grace;
    end_.set();
  }

  loop::RealShards& shards_;
  const ProgramOptions& options_;
  block::Registry registry_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Door> door_;
  bool door_open_ = false;
  std::unique_ptr<loop::SignalWatcher> watcher_;
  loop::Event end_;
  loop::Nanoseconds grace_ = loop::seconds(1);
  int exit_code_ = 0;
};

std::vector<int> cores_of_this_process() {
  std::vector<int> cores;
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (sched_getaffinity(0, sizeof usable, &usable) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<size_t>(core), &usable)) cores.push_back(core);
  }
  return cores;
}

int run_program(const ProgramOptions& options) {
  set_log_level(options.log_level);
  close_memory();
  raise_file_limit();
  umask(0077);
  loop::SignalWatcher::block({SIGTERM, SIGINT});
  std::signal(SIGPIPE, SIG_IGN);
  Result<DrawnIdentities> identities = prepare_state(options.state_folder);
  if (!identities) {
    log_error("engine", "cannot start: {}", identities.error().text());
    return exit_failed;
  }
  loop::RealShardsOptions shards_options;
  shards_options.count = options.shards;
  shards_options.loop.buffers = pool_of(options.memory_mib);
  shards_options.loop.spin_microseconds = options.spin_microseconds;
  if (options.pin) shards_options.cores = cores_of_this_process();
  Result<std::unique_ptr<loop::RealShards>> shards = loop::RealShards::create(shards_options);
  if (!shards) {
    log_error("engine", "cannot start: {}", shards.error().text());
    return exit_failed;
  }
  Program program(**shards, options, std::move(*identities));
  const Result<void> started = (*shards)->start([&program](loop::Loop& loop) {
    if (loop.index() == 0) program.run().detach();
  });
  if (!started) {
    log_error("engine", "cannot start: {}", started.error().text());
    return exit_failed;
  }
  (*shards)->run();
  log_flush();
  return program.exit_code();
}

}  // namespace
}  // namespace ashlar::engine

int main(int count, char** words) {
  const auto options = ashlar::engine::parse_options(count, words);
  if (!options) {
    std::fprintf(stderr, "ashlar-engine: %s\n", options.error().text().c_str());
    return ashlar::engine::exit_usage;
  }
  return *options ? ashlar::engine::run_program(**options) : 0;
}
