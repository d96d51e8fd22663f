"""What the programs may do to the machine, as the kernel sees it, and who may read what they keep."""
import os
import pwd
import stat
import subprocess

from case import Case
from support import agent, array

# capability(7): what the helper keeps, to reach into pools that belong to others.
CAP_DAC_OVERRIDE, CAP_FOWNER = 1 << 1, 1 << 3


def status_of(pid):
    """/proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


def is_alive(pid):
    try:
        return not status_of(pid)["State"].startswith("Z")
    except FileNotFoundError:
        return False


class PrivilegesTest(Case):
    def setUp(self):
        self.ashlar = self.begin()
        self.ashlar.serve("one", host={"chap": {"user": "u", "secret": "a-secret-of-20-bytes"}})
        self.user = pwd.getpwnam("ashlar")

    def test_agent(self):
        for task in os.listdir(f"/proc/{self.ashlar.agent.pid}/task"):
            status = status_of(task)
            self.assertEqual(status["Uid"].split(), [str(self.user.pw_uid)] * 4)
            self.assertEqual(status["Gid"].split(), [str(self.user.pw_gid)] * 4)
            self.assertNotIn("0", status["Groups"].split())
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(status[kind], 16), 0, kind)
            self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status_of(self.ashlar.agent.pid)["Name"], "ashlard")

    def test_helper(self):
        """The one part with rights: few of them, a filter for its system calls, and only its channel open."""
        helper, = agent.children_of(self.ashlar.agent.pid)
        status = status_of(helper)
        self.assertEqual(status["Name"], "ashlard-helper")
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")
        for kind in ("CapPrm", "CapEff"):
            self.assertEqual(int(status[kind], 16) & ~(CAP_DAC_OVERRIDE | CAP_FOWNER), 0, kind)
        for kind in ("CapInh", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        descriptors = os.listdir(f"/proc/{helper}/fd")
        self.assertEqual(sorted(descriptors, key=int), ["0", "1", "2", "3"])
        self.ashlar.agent.kill()
        array.wait_for(lambda: not is_alive(helper), "the helper to end with its agent")

    def test_modes(self):
        state = self.ashlar.state
        self.assert_private(os.path.join(state, "secrets"), folder=True)
        kept = os.listdir(os.path.join(state, "secrets"))
        self.assertTrue(kept)
        for name in kept:
            self.assert_private(os.path.join(state, "secrets", name))
        for name in ("state.db", "first-password", "certificates/ca.key", "certificates/server.key"):
            self.assert_private(os.path.join(state, name))
        for folder, _, files in os.walk(os.path.join(state, "config")):
            for name in files:
                self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o077, 0, name)
        there = os.stat(self.ashlar.engine_socket)
        self.assertEqual((there.st_uid, stat.S_IMODE(there.st_mode)), (0, 0o600))
        backing, = os.listdir(os.path.join(self.ashlar.folder, "p0"))
        there = os.stat(os.path.join(self.ashlar.folder, "p0", backing))
        self.assertEqual((there.st_uid, there.st_mode & 0o077), (0, 0), "volumes belong to root, not to the agent")

    def assert_private(self, path, folder=False):
        there = os.stat(path)
        self.assertEqual(stat.S_IMODE(there.st_mode), 0o700 if folder else 0o600, path)
        self.assertEqual(there.st_uid, self.user.pw_uid, path)

    def as_user(self, user, *words):
        return subprocess.run(["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups", *words],
                              capture_output=True, text=True, timeout=array.PATIENCE)

    def test_others(self):
        """Neither the agent's own user nor another reaches the engine; another user is nobody to the agent."""
        os.chmod(self.ashlar.folder, 0o755)
        os.chmod(self.ashlar.state, 0o755)
        knock = ("/usr/bin/python3", "-c", "import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])")
        for user in ("ashlar", "nobody"):
            done = self.as_user(user, *knock, self.ashlar.engine_socket)
            self.assertIn("PermissionError", done.stderr, user)
        for path in ("secrets", "config", "state.db", "certificates/ca.key"):
            done = self.as_user("nobody", "cat", os.path.join(self.ashlar.state, path))
            self.assertIn("Permission denied", done.stderr, path)
        # Whoever reaches the agent's socket and is not root has to say who it is.
        done = self.as_user("nobody", "curl", "-sS", "-w", "%{http_code}", "--unix-socket", self.ashlar.socket_path,
                            "http://localhost/api/v1/volumes")
        self.assertTrue(done.stdout.endswith("401"), done.stdout + done.stderr)

    def test_pools_are_places_for_volumes_only(self):
        """The helper does not lend its rights to reach into the system."""
        for path in ("/etc", "/proc", "/root/..", "/", "/dev", "/usr/lib"):
            answer = self.ashlar.call("POST", "/pools", {"name": "trap", "kind": "dir", "path": path})
            self.assertIn(answer.status, (403, 422), f"{path}: {answer}")
        for backing in ("../../etc/passwd", "/etc/passwd", "..", "a/b.img"):
            answer = self.ashlar.call("POST", "/volumes", {"name": "trap", "pool": "p0", "backing": backing})
            self.assertEqual(answer.status // 100, 4, f"{backing}: {answer}")
        os.symlink("/etc/passwd", os.path.join(self.ashlar.folder, "p0", "link.img"))
        answer = self.ashlar.call("PUT", "/configuration", {"volumes": [{"name": "trap", "pool": "p0", "backing": "link.img"}]})
        self.assertEqual(answer.status // 100, 4, answer)
