#include "sim/runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "sim/simulation.h"

namespace ashlar::simulation {
namespace {

// A child works through `next`, next + step, ... and writes a record for each seed: '+' or '!', the text, a zero byte.
struct Child {
  pid_t pid = -1;
  int pipe = -1;
  uint64_t seed = 0;  // the one it works on
  std::string buffer;
};

void write_all(int descriptor, const std::string& text) {
  size_t done = 0;
  while (done < text.size() + 1) {
    const ssize_t count = ::write(descriptor, text.c_str() + done, text.size() + 1 - done);
    if (count <= 0) std::_Exit(3);
    done += static_cast<size_t>(count);
  }
}

[[noreturn]] void work(const RunOptions& options, uint64_t seed, uint64_t end, int pipe) {
  for (; seed < end; seed += options.jobs) {
    ::alarm(options.seconds_per_seed);
    auto* simulation = new Simulation({.seed = seed, .planted = options.planted, .paths = options.paths});
    const Report report = simulation->run();
    write_all(pipe, (report.violation ? "!" : "+") + report.text());
    if (report.violation) std::_Exit(1);  // its objects are in no state to be destroyed
    delete simulation;
  }
  std::_Exit(0);
}

Child spawn(const RunOptions& options, uint64_t seed, uint64_t end) {
  int ends[2];
  CHECK(::pipe(ends) == 0);
  const pid_t pid = ::fork();
  CHECK(pid >= 0, "fork: {}", std::strerror(errno));
  if (pid == 0) {
    ::close(ends[0]);
    // What a dying child says goes into its record, not between the lines of others.
    ::dup2(ends[1], STDERR_FILENO);
    work(options, seed, end, ends[1]);
  }
  ::close(ends[1]);
  return Child{pid, ends[0], seed, {}};
}

std::string how_it_died(int status, const std::string& said) {
  const std::string how = WIFSIGNALED(status)
                              ? fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)))
                              : fmt::format("exit code {}", WEXITSTATUS(status));
  const std::string hint = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ": the run does not end" : "";
  return fmt::format("the process died by {}{}\n  {}", how, hint, said);
}

}  // namespace

uint64_t run_seeds(const RunOptions& options, const std::function<void(const Finding&)>& found) {
  const uint64_t end = options.first + options.seeds;
  std::vector<Child> children;
  for (uint64_t i = 0; i < std::min<uint64_t>(options.jobs, options.seeds); ++i) {
    children.push_back(spawn(options, options.first + i, end));
  }
  uint64_t failed = 0;
  const auto report = [&](Child& child, bool failure, std::string text) {
    failed += failure ? 1 : 0;
    found(Finding{child.seed, failure, std::move(text)});
    child.seed += options.jobs;
  };
  while (!children.empty()) {
    std::vector<pollfd> waits;
    waits.reserve(children.size());
    for (const Child& child : children) waits.push_back(pollfd{child.pipe, POLLIN, 0});
    ::poll(waits.data(), waits.size(), -1);
    for (size_t i = children.size(); i-- > 0;) {
      Child& child = children[i];
      if (waits[i].revents == 0) continue;
      std::array<char, 65536> bytes;
      const ssize_t count = ::read(child.pipe, bytes.data(), bytes.size());
      if (count > 0) child.buffer.append(bytes.data(), static_cast<size_t>(count));
      for (size_t zero; (zero = child.buffer.find('\0')) != std::string::npos;
           child.buffer.erase(0, zero + 1)) {
        const size_t mark = child.buffer.find_first_of("+!");
        report(child, child.buffer[mark] == '!', child.buffer.substr(mark + 1, zero - mark - 1));
      }
      if (count > 0) continue;
      int status = 0;
      ::waitpid(child.pid, &status, 0);
      ::close(child.pipe);
      const bool violated = WIFEXITED(status) && WEXITSTATUS(status) == 1;
      if (!violated && status != 0) report(child, true, how_it_died(status, child.buffer));
      const uint64_t next = child.seed;
      children.erase(children.begin() + static_cast<ptrdiff_t>(i));
      if (next < end && !(failed > 0 && options.stop_at_failure))
        children.push_back(spawn(options, next, end));
    }
    if (failed > 0 && options.stop_at_failure) {
      for (const Child& child : children)
        ::kill(child.pid, SIGKILL), ::waitpid(child.pid, nullptr, 0), ::close(child.pipe);
      break;
    }
  }
  return failed;
}

}  // namespace ashlar::simulation
