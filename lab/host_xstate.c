// Preloaded into linux.uml. Its 6.1 kernel hands PTRACE_SETREGSET a floating-point state of at most 2696 bytes; a host
// whose processor has more of it (AMX: 11008 bytes) refuses anything but the whole (EFAULT), and the guest's first
// process dies. The missing part belongs to units that the guest does not use: its header says so, and zeroes will do.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

// Static: linux.uml calls from stacks of 16 KiB, and has one thread that uses ptrace.
static char whole[65536];

long ptrace(enum __ptrace_request request, ...) {
  static long (*next)(enum __ptrace_request, ...);
  if (next == NULL) next = (long (*)(enum __ptrace_request, ...))dlsym(RTLD_NEXT, "ptrace");

  va_list arguments;
  va_start(arguments, request);
  const pid_t pid = va_arg(arguments, pid_t);
  void* const address = va_arg(arguments, void*);
  void* const data = va_arg(arguments, void*);
  va_end(arguments);

  if (request != PTRACE_SETREGSET || address != (void*)NT_X86_XSTATE) return next(request, pid, address, data);
  const struct iovec* const given = data;
  if (given->iov_len > sizeof(whole)) return next(request, pid, address, data);
  memcpy(whole, given->iov_base, given->iov_len);
  memset(whole + given->iov_len, 0, sizeof(whole) - given->iov_len);
  struct iovec all = {.iov_base = whole, .iov_len = sizeof(whole)};  // the host takes what it wants of it
  return next(request, pid, address, &all);
}
