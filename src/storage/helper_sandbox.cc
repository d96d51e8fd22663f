#include "storage/helper_sandbox.h"

#include <cap-ng.h>
#include <linux/blkzoned.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

namespace ashlar::storage {
namespace {

constexpr char place[] = "root helper";

// A file of ours belongs to root, as the engine runs as root: CAP_CHOWN is not needed. DAC_OVERRIDE: a pool's folder may belong
// to somebody else and be shut. FOWNER: it may be sticky. Not SYS_RAWIO, and not SYS_RESOURCE, which would let a volume eat the
// file system's reserve. Block devices are root's own.
constexpr std::array<unsigned, 2> kept = {CAP_DAC_OVERRIDE, CAP_FOWNER};

Result<void> reduce_capabilities() {
  if (::geteuid() != 0) return {};
  if (capng_get_caps_process() != 0)
    return fail(ErrorCode::io_error, place, "its capabilities cannot be told");
  std::array<bool, kept.size()> have{};
  for (size_t i = 0; i < kept.size(); ++i) have[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]) == 1;
  // Root in a container may lack what it takes to shrink the bounding set; without exec nothing is won by that set anyway.
  const bool bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1;
  capng_clear(CAPNG_SELECT_BOTH);
  for (size_t i = 0; i < kept.size(); ++i) {
    if (have[i])
      capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED), kept[i]);
  }
  if (capng_apply(bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0)
    return fail(ErrorCode::permission_denied, place, "its capabilities cannot be given up");
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return {};
}

// By what needs them. Paths cannot be told apart here; storage/folder_path.h does that.
constexpr std::array allowed_calls = {
    // the channel, and the engine's socket
    SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(connect),
    SCMP_SYS(setsockopt),
    // folders and files
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(readv),
    SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(stat),
    SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs),
    SCMP_SYS(getdents64), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(access), SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(fcntl), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fsync),
    SCMP_SYS(fdatasync), SCMP_SYS(renameat2), SCMP_SYS(linkat), SCMP_SYS(unlinkat), SCMP_SYS(fadvise64),
    SCMP_SYS(getcwd),
    // memory, time, chance, ending, aborting
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(uname), SCMP_SYS(sysinfo),
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getegid), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(tgkill),
    SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)};

// Builds for tests check pointers by writing what they point to into a pipe.
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
constexpr std::array sanitizer_calls = {SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(prlimit64)};
#else
constexpr std::array<int, 0> sanitizer_calls = {};
#endif

constexpr std::array deadly_calls = {SCMP_SYS(execve),
                                     SCMP_SYS(execveat),
                                     SCMP_SYS(fork),
                                     SCMP_SYS(vfork),
                                     SCMP_SYS(clone),
                                     SCMP_SYS(clone3),
                                     SCMP_SYS(ptrace),
                                     SCMP_SYS(process_vm_readv),
                                     SCMP_SYS(process_vm_writev),
                                     SCMP_SYS(mount),
                                     SCMP_SYS(umount2),
                                     SCMP_SYS(move_mount),
                                     SCMP_SYS(open_tree),
                                     SCMP_SYS(fsopen),
                                     SCMP_SYS(pivot_root),
                                     SCMP_SYS(chroot),
                                     SCMP_SYS(unshare),
                                     SCMP_SYS(setns),
                                     SCMP_SYS(init_module),
                                     SCMP_SYS(finit_module),
                                     SCMP_SYS(delete_module),
                                     SCMP_SYS(kexec_load),
                                     SCMP_SYS(kexec_file_load),
                                     SCMP_SYS(bpf),
                                     SCMP_SYS(perf_event_open),
                                     SCMP_SYS(iopl),
                                     SCMP_SYS(ioperm),
                                     SCMP_SYS(reboot),
                                     SCMP_SYS(swapon),
                                     SCMP_SYS(swapoff),
                                     SCMP_SYS(setuid),
                                     SCMP_SYS(setresuid),
                                     SCMP_SYS(setreuid),
                                     SCMP_SYS(capset),
                                     SCMP_SYS(chmod),
                                     SCMP_SYS(fchmod),
                                     SCMP_SYS(fchmodat),
                                     SCMP_SYS(chown),
                                     SCMP_SYS(fchown),
                                     SCMP_SYS(lchown),
                                     SCMP_SYS(fchownat),
                                     SCMP_SYS(mknod),
                                     SCMP_SYS(mknodat),
                                     SCMP_SYS(symlink),
                                     SCMP_SYS(symlinkat)};

// What the verbs and libblkid ask of files and devices; all of them only read, but FICLONE.
constexpr std::array<unsigned long, 12> allowed_requests = {
    FICLONE,           BLKGETSIZE64, BLKGETSIZE,           BLKSSZGET,          BLKPBSZGET,
    BLKIOMIN,          BLKGETZONESZ, CDROM_GET_CAPABILITY, CDROM_DRIVE_STATUS, CDROM_LAST_WRITTEN,
    CDROMREADTOCENTRY, BLKREPORTZONE};

int allow_with_arguments(scmp_filter_ctx filter) {
  int problem = 0;
  const auto keep = [&problem](int status) {
    if (status != 0 && problem == 0) problem = status;
  };
  // Memory that is code is not made here.
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)})
    keep(seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
  keep(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX)));
  for (const unsigned long request : allowed_requests) {
    keep(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                          SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, request)));
  }
  return problem;
}

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

Result<void> restrict_calls() {
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  int problem = filter ? 0 : -ENOMEM;
  for (const int call : allowed_calls) {
    if (problem == 0) problem = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
  }
  for (const int call : sanitizer_calls) {
    if (problem == 0) problem = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
  }
  for (const int call : deadly_calls) {
    if (problem == 0) problem = seccomp_rule_add(filter.get(), SCMP_ACT_KILL_PROCESS, call, 0);
  }
  if (problem == 0) problem = allow_with_arguments(filter.get());
  if (problem == 0) problem = seccomp_load(filter.get());
  if (problem != 0)
    return std::unexpected(error_of_errno(-problem, place, "its system calls cannot be restricted"));
  return {};
}

}  // namespace

Result<void> enter_helper_sandbox() {
  TRY(reduce_capabilities());
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return std::unexpected(error_of_errno(errno, place, "new privileges cannot be ruled out"));
  return restrict_calls();
}

}  // namespace ashlar::storage
