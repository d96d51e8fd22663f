#include "storage/helper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>

#include "base/log.h"
#include "storage/helper_client.h"
#include "storage/helper_message.h"
#include "storage/helper_sandbox.h"
#include "storage/helper_server.h"

namespace ashlar::storage {
namespace {

constexpr char component[] = "storage.helper";
constexpr int channel_number = 3;

// Ends with its peer and not before: a service manager's signal to the group must not take it from an agent that is still
// tidying up. That end is the socket's, so a death of the agent by SIGKILL ends it too.
void overlook_signals() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2})
    ::signal(number, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Keeps stderr for the log and `socket` as channel_number; everything else that the agent had open is closed.
Result<void> close_the_rest(int socket) {
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(nothing, 1) < 0)
    return std::unexpected(error_of_errno(errno, "/dev/null", "cannot be opened"));
  if (socket != channel_number && ::dup2(socket, channel_number) < 0)
    return std::unexpected(error_of_errno(errno, "root helper", "cannot keep its channel"));
  if (::close_range(channel_number + 1, ~0u, 0) != 0)
    return std::unexpected(error_of_errno(errno, "root helper", "cannot close what is not its own"));
  return {};
}

Result<void> shut_in(int socket) {
  overlook_signals();
  ::prctl(PR_SET_NAME, "ashlard-helper");
  ::umask(077);
  TRY(close_the_rest(socket));
  if (::chdir("/") != 0) return std::unexpected(error_of_errno(errno, "/", "cannot be entered"));
  set_log_sink(nullptr);  // to stderr: another sink's descriptors are closed
  return enter_helper_sandbox();
}

[[noreturn]] void run_helper(int socket) {
  int status = 0;
  try {
    const Result<void> ready = shut_in(socket);
    HelperChannel channel{Descriptor(channel_number)};
    if (ready) {
      const std::unique_ptr<Privileged> direct = make_direct();
      serve_helper(channel, *direct);
    } else {
      status = 1;
      (void)channel.send(print_answer(std::unexpected(ready.error())));
    }
  } catch (const std::exception& problem) {
    log_error(component, "ends: {}", problem.what());
    status = 1;
  }
  ::_exit(status);  // what the agent registered for its exit is not ours to run
}

}  // namespace

Result<std::unique_ptr<Privileged>> fork_helper() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return std::unexpected(error_of_errno(errno, "root helper", "no socket pair"));
  log_flush();
  const pid_t child = ::fork();
  if (child == 0) run_helper(ends[1]);
  const int error = errno;
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return std::unexpected(error_of_errno(error, "root helper", "cannot be forked"));
  }
  auto client = std::make_unique<HelperClient>(Descriptor(ends[0]), child);
  TRY(client->wait_ready());
  log_info(component, "ready pid={}", child);
  return client;
}

}  // namespace ashlar::storage
