#include "agent/support_bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <fstream>
#include <memory>

#include "agent/alarms.h"
#include "agent/telemetry.h"
#include "rpc/status_fields.h"

namespace ashlar::agent {
namespace {

using api::Json;

class Bundle {
 public:
  explicit Bundle(int64_t now) : now_(now), archive_(archive_write_new(), archive_write_free) {}

  Result<void> open(const std::string& path) {
    archive_write_set_format_pax_restricted(archive_.get());
    archive_write_add_filter_gzip(archive_.get());
    const mode_t before = umask(0077);
    const int opened = archive_write_open_filename(archive_.get(), path.c_str());
    umask(before);
    return check(opened, path);
  }

  Result<void> add(const std::string& name, const std::string& text) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         archive_entry_free);
    archive_entry_set_pathname(entry.get(), ("ashlar-support/" + name).c_str());
    archive_entry_set_size(entry.get(), static_cast<int64_t>(text.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0600);
    archive_entry_set_mtime(entry.get(), now_, 0);
    TRY(check(archive_write_header(archive_.get(), entry.get()), name));
    if (archive_write_data(archive_.get(), text.data(), text.size()) < 0) return check(ARCHIVE_FATAL, name);
    return {};
  }

  Result<void> close() { return check(archive_write_close(archive_.get()), "support bundle"); }

 private:
  Result<void> check(int outcome, const std::string& place) {
    if (outcome == ARCHIVE_OK || outcome == ARCHIVE_WARN) return {};
    const char* why = archive_error_string(archive_.get());
    return fail(ErrorCode::io_error, place, "cannot be written: {}",
                why == nullptr ? "no reason given" : why);
  }
  int64_t now_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
};

std::string file_text(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string system_text(const std::string& version) {
  utsname names{};
  uname(&names);
  return fmt::format("ashlar {}\n{} {} {} {}\n\n{}\n{}", version, names.sysname, names.release, names.version,
                     names.machine, file_text("/etc/os-release"), file_text("/proc/meminfo"));
}

template <typename Rows, typename ToJson>
std::string lines_of(const Rows& rows, ToJson to_json) {
  std::string text;
  for (const auto& each : rows) text += api::print_json(to_json(each)) + "\n";
  return text;
}

}  // namespace

Result<void> write_support_bundle(Service& service, const std::string& path, JobHandle& job) {
  constexpr uint64_t parts = 8;
  uint64_t done = 0;
  Bundle bundle(service.now());
  TRY(bundle.open(path));
  const auto add = [&](const std::string& name, const std::string& text) -> Result<void> {
    job.log(fmt::format("{}: {} bytes", name, text.size()));
    job.progress(++done, parts, "files");
    return bundle.add(name, text);
  };
  const auto view = service.array.view();
  TRY(add("system.txt", system_text(service.version)));
  TRY(add("configuration.json",
          api::print_json(api::write_configuration(view->configuration, api::Secrets::redact), 2)));
  const auto status = service.engine.status();
  TRY(add("engine-status.json", status ? api::print_json(rpc::encode(*status), 2) : status.error().text()));
  const auto stats = service.engine.stats();
  TRY(add("engine-stats.json", stats ? api::print_json(rpc::encode(*stats), 2) : stats.error().text()));
  TRY(add("metrics.txt",
          service.telemetry.exposition(service.alarms.alerts(), service.jobs.running(), service.version)));
  constexpr size_t newest = 10'000;
  const uint64_t first = service.database.first_event();
  TRY_ASSIGN(const std::vector<state::EventRow> events,
             service.database.events({newest, first == 0 ? 0 : first - 1, {}}));
  TRY(add("events.jsonl", lines_of(events, event_json)));
  TRY_ASSIGN(const std::vector<state::JobRow> jobs, service.database.jobs(1000));
  TRY(add("jobs.jsonl",
          lines_of(jobs, [&](const state::JobRow& each) { return job_json(each, service.now()); })));
  TRY(add("alerts.jsonl", lines_of(service.alarms.alerts(), alert_json)));
  return bundle.close();
}

}  // namespace ashlar::agent
