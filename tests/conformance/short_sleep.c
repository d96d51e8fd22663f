// Preloaded into iscsi-test-cu for Sanitize.Reset. Between its questions for the end the tool sleeps for 60 s without a look at its
// connection, which is when a target whose pings it does not answer drops the session; the next one begins with an attention, and
// the tool sleeps once more. Its pauses of some seconds stay as they are.
#include <time.h>

unsigned sleep(unsigned seconds) {
  const struct timespec pause = {.tv_sec = seconds > 10 ? 1 : seconds};
  nanosleep(&pause, NULL);
  return 0;
}
