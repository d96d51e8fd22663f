#include "agent/mdns_announcer.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "api/settings.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

constexpr size_t most_instance_bytes = 63;  // RFC 6763 4.1.1
constexpr std::string_view discovery_name = "nqn.2014-08.org.nvmexpress.discovery";

// Between fork and exec of a process with threads: only what is safe in a signal handler.
[[noreturn]] void become_publisher(const char* program, char* const* arguments, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died meanwhile
  // What this process does with signals would go on behind exec: it has those that end it blocked for sigwait().
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDWR);
  if (nothing < 0) ::_exit(126);
  for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, each);
  ::execv(program, arguments);
  ::_exit(127);
}

}  // namespace

std::vector<Announcement> announcements_of(const api::Configuration& configuration) {
  std::vector<Announcement> announcements;
  if (!api::setting_boolean(configuration, "nvme.mdns")) return announcements;
  std::map<uint16_t, Announcement> by_port;
  for (const api::Portal& portal : configuration.portals) {
    if (portal.protocol != "nvme-tcp") continue;
    std::string name = fmt::format("{} {}", api::setting_text(configuration, "array.name"), portal.name);
    if (name.size() > most_instance_bytes) name.resize(most_instance_bytes);
    by_port.emplace(portal.port, Announcement{std::move(name), portal.name, portal.port});
  }
  for (auto& [port, each] : by_port) announcements.push_back(std::move(each));
  return announcements;
}

std::vector<std::string> publisher_arguments(const Announcement& announcement) {
  // A name is no option, whatever it begins with.
  return {"avahi-publish-service",
          "--",
          announcement.name,
          "_nvme-disc._tcp",
          std::to_string(announcement.port),
          "p=tcp",
          fmt::format("nqn={}", discovery_name)};
}

PublisherProcess::PublisherProcess(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (const std::string& each : arguments) pointers.push_back(const_cast<char*>(each.c_str()));
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  child_ = ::fork();
  if (child_ == 0) become_publisher(program.c_str(), pointers.data(), parent);
}

PublisherProcess::~PublisherProcess() {
  if (!running()) return;
  // Nobody waits for what it would still do: Avahi takes its service back with its connection.
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

bool PublisherProcess::running() {
  if (child_ > 0 && ::waitpid(child_, nullptr, WNOHANG) == 0) return true;
  child_ = -1;
  return false;
}

void MdnsAnnouncer::keep_up(Publisher& publisher) {
  if (publisher.process != nullptr && publisher.process->running()) return;
  if (publisher.process != nullptr) {
    log_warning("agent", "the publisher of port {} by mDNS ended; is avahi-daemon there? program={}",
                publisher.announcement.port, program_);
    publisher.process.reset();
    publisher.try_at = now_() + retry_seconds;
  }
  if (now_() < publisher.try_at) return;
  publisher.process =
      std::make_unique<PublisherProcess>(program_, publisher_arguments(publisher.announcement));
}

void MdnsAnnouncer::follow() {
  const std::vector<Announcement> wanted = announcements_of(array_.view()->configuration);
  const std::lock_guard lock(mutex_);
  std::erase_if(publishers_, [&wanted](const auto& entry) {
    return std::ranges::find(wanted, entry.second.announcement) == wanted.end();
  });
  for (const Announcement& each : wanted) {
    Publisher& publisher = publishers_[each.port];
    publisher.announcement = each;
    keep_up(publisher);
  }
}

void MdnsAnnouncer::stop() {
  const std::lock_guard lock(mutex_);
  publishers_.clear();
}

std::vector<MdnsAnnouncer::Status> MdnsAnnouncer::statuses() const {
  const std::lock_guard lock(mutex_);
  std::vector<Status> all;
  all.reserve(publishers_.size());
  for (const auto& [port, each] : publishers_) all.push_back({each.announcement, each.process != nullptr});
  return all;
}

}  // namespace ashlar::agent
