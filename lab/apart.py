"""A program of the lab in a network, a process and a mount namespace of its own: all of it ends when its first process does, and
that one dies with us."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

APART = ["--net", "--pid", "--mount", "--fork", "--kill-child=KILL", "--mount-proc"]


def words():
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_root, *APART]


def may():
    """Whether this machine lets us."""
    return subprocess.run([*words(), "true"], capture_output=True, check=False).returncode == 0


def heed_no_signals():
    """A second one must not end the clean-up."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


class Apart:
    """PROGRAM --inside FOLDER ARGUMENTS, begun at once. `work` is that folder, which end() removes."""

    def __init__(self, program, arguments):
        self.work = tempfile.mkdtemp(prefix="ashlar-lab-")
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words(), sys.executable, os.path.abspath(program),
                                         "--inside", self.work, *arguments], env={**os.environ, "TMPDIR": self.work})

    def end(self):
        self.process.kill()
        self.process.wait()
        # What was killed with its namespace may write for another moment.
        for _ in range(50):
            shutil.rmtree(self.work, ignore_errors=True)
            if not os.path.exists(self.work):
                return
            time.sleep(0.1)
