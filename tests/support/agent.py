"""The whole array as it ships: ashlard and ashlar-engine as processes of their own, on loopback, in one folder that goes with
them. Python's own http.client and ssl are all that is needed to talk to it."""
import atexit
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

from support import array

AGENT = os.path.join(array.BIN, "ashlard")
PREFIX = "/api/v1"
LIVING = set()   # process ids to end with us: an agent that has changed its user forgets PR_SET_PDEATHSIG
MOUNTS, FOLDERS = set(), set()   # to go with us


@atexit.register
def end_all():
    for pid in LIVING:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for path in MOUNTS:
        array.run("umount", "-l", path, check=False)
    for folder in FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.text[:2000]}"


class Refused(array.Broken):
    """An answer that is no 2xx."""

    def __init__(self, method, path, answer):
        super().__init__(f"{method} {path}: {answer!r}")
        self.answer = answer


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Program:
    """One process: its log is FOLDER/NAME.log, and is told when it ends too early."""

    def __init__(self, name, folder, arguments):
        self.name, self.arguments = name, arguments
        self.log_path = os.path.join(folder, f"{name}.log")
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def start(self, ready):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.arguments], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT)
        LIVING.add(self.pid)

        def ready_or_gone():
            if not self.alive():
                raise array.Broken(f"{self.name} ended with {self.process.returncode}; it said:\n{self.log()}")
            return ready()
        array.wait_for(ready_or_gone, f"{self.name} to be ready")

    def log(self):
        try:
            with open(self.log_path, errors="replace") as log:
                return log.read()[-8000:]
        except OSError:
            return ""

    def reap(self):
        code = self.process.wait()
        LIVING.discard(self.pid)
        self.process = None
        return code

    def kill(self):
        """kill -9."""
        if self.process:
            if self.alive():
                self.process.kill()
            self.reap()

    def stop(self, seconds=array.PATIENCE):
        """Asks it to end; its exit code."""
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise array.Broken(f"{self.name} is still there {seconds:.0f} s after SIGTERM; it said:\n{self.log()}") from None
        return self.reap()


class Agent:
    """An array in `folder`, which is for whatever else a test needs, too; `state` is the agent's state folder in it. Use as a
    context, or close()."""

    def __init__(self, state="state", port=None, arguments=()):
        self.folder = tempfile.mkdtemp(prefix="ashlar-test-")
        FOLDERS.add(self.folder)
        self.state = os.path.join(self.folder, state)
        os.makedirs(os.path.join(self.state, "engine"), mode=0o711, exist_ok=True)
        self.port = port or array.free_port()
        self.socket_path = os.path.join(self.state, "agent.sock")
        self.engine_socket = os.path.join(self.state, "engine.sock")
        self.engine = Program("engine", self.folder, [
            array.ENGINE, "--state-dir", os.path.join(self.state, "engine"), "--socket", self.engine_socket, "--shards", "1"])
        self.agent = Program("agent", self.folder, [
            AGENT, "--state-dir", self.state, "--address", "127.0.0.1", "--port", str(self.port), *arguments])

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def start(self):
        self.start_engine()
        self.start_agent()
        return self

    def start_engine(self):
        self.engine.start(lambda: connects(self.engine_socket))

    def start_agent(self):
        self.agent.start(self.ready)

    def ready(self):
        try:
            return self.call("GET", "/status").json["engine"]["state"] == "serving" or not self.engine.alive()
        except (OSError, http.client.HTTPException):
            return False

    def close(self):
        self.agent.kill()
        self.engine.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        FOLDERS.discard(self.folder)

    def logs(self):
        return f"--- the agent said last:\n{self.agent.log()}--- the engine said last:\n{self.engine.log()}---"

    # --- Requests ---

    @property
    def certificate_folder(self):
        return os.path.join(self.state, "certificates")

    @property
    def authority(self):
        """The file of the CA that the array's certificate is of."""
        return os.path.join(self.certificate_folder, "ca.pem")

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def tls(self, authority=None, certificate=None):
        """`certificate`: the files of a client's certificate and key."""
        context = ssl.create_default_context(cafile=authority or self.authority)
        if certificate:
            context.load_cert_chain(*certificate)
        return context

    def connection(self, https=False, tls=None, timeout=array.PATIENCE):
        if not https:
            return UnixConnection(self.socket_path, timeout)
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=tls or self.tls(), timeout=timeout)

    def call(self, method, path, body=None, headers=None, https=False, token=None, tls=None):
        """One request, by the unix socket (root is admin there) or by HTTPS. `body`: JSON, or bytes or text as they are."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = self.connection(https, tls)
        try:
            connection.request(method, path_of(path), body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def do(self, method, path, body=None, **how):
        """call() that must succeed: its JSON, or its text when it is none."""
        answer = self.call(method, path, body, **how)
        if answer.status // 100 != 2:
            raise Refused(method, path, answer)
        is_json = "json" in (answer.headers.get("Content-Type") or "")
        return answer.json if is_json and answer.body else answer.text

    def get(self, path, **how):
        return self.do("GET", path, **how)

    def items(self, path, **how):
        return {each["name"]: each for each in self.get(path, **how)["items"]}

    def post(self, path, body=None, **how):
        return self.do("POST", path, body, **how)

    def patch(self, path, body, **how):
        """Of whatever is there."""
        return self.do("PATCH", path, body, headers={"If-Match": "*"}, **how)

    def delete(self, path, **how):
        return self.do("DELETE", path, **how)

    def login(self, user, password, **more):
        """A session's id, to be used as a token."""
        return self.post("/login", {"user": user, "password": password, **more}, https=True)["session"]

    # --- What most tests begin with ---

    def add_pool(self, name="p0", kind="dir"):
        body = {"name": name, "kind": kind}
        if kind == "dir":
            body["path"] = os.path.join(self.folder, name)
            # How full the disk of the machine is that runs the tests is no matter of theirs.
            body.update(warn_percent=100, critical_percent=100)
            os.makedirs(body["path"], exist_ok=True)
        return self.post("/pools", body)

    def add_portal(self, name="lo", address="127.0.0.1"):
        """Its port."""
        return self.post("/portals", {"name": name, "address": address, "port": array.free_port(address)})["port"]

    def serve(self, *volumes, kind="dir", size=64 * array.MIB, host=None):
        """Volumes on a pool of their own, mapped from LUN 0 upwards to a host that is everybody: the port of it all."""
        self.add_pool(kind=kind)
        port = self.add_portal()
        self.post("/targets", {"name": array.TARGET})
        self.post("/hosts", {"name": "any", "any": True, **(host or {})})
        for volume in volumes:
            self.post("/volumes", {"name": volume, "pool": "p0", "size_bytes": size})
            self.post("/maps", {"volume": volume, "host": "any", "target": array.TARGET})
        return port

    def wait_served(self):
        """Until every volume is online and every portal listens, or is known not to."""
        def settled():
            states = [each["status"]["state"] for each in self.items("/volumes").values()]
            states += [each["status"]["state"] for each in self.items("/portals").values()]
            return all(state in ("online", "failed", "listening") for state in states)
        array.wait_for(settled, "the engine to have everything")

    def look_often(self):
        """Alerts each second."""
        self.do("PUT", "/settings/alerts.interval_seconds", {"value": 1})

    def alerts(self, rule, state="raised"):
        return [each for each in self.get("/alerts?limit=1000")["items"] if each["rule"] == rule and each["state"] == state]

    def wait_alert(self, rule, state="raised"):
        return array.wait_for(lambda: self.alerts(rule, state), f"an alert {rule} that is {state}")[0]

    def run_job(self, method, path, body=None):
        """What answers with a job, which must succeed: its id."""
        answer = self.call(method, path, body, headers={"Prefer": "respond-async"})
        if answer.status != 202:
            raise Refused(method, path, answer)
        done = self.get(f"{answer.headers['Location']}?wait=30")
        if done["state"] != "succeeded":
            raise array.Broken(f"{method} {path}: {done}")
        return done["id"]


def path_of(path):
    return path if re.match(r"/(api|metrics)\b", path) else PREFIX + path


def connects(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        try:
            door.connect(path)
        except OSError:
            return False
        return True


def children_of(pid):
    """Process ids whose parent it is."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as stat:
                parent = int(stat.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(path.split("/")[2]))
    return found


class Mount:
    """A file system of its own for a test, mounted at `path`: XFS with reflinks in a file, or tmpfs. close() it."""

    def __init__(self, path, kind="xfs", size=512 * array.MIB):
        self.path, self.image = path, f"{path}.image"
        os.makedirs(path, exist_ok=True)
        MOUNTS.add(path)
        if kind == "tmpfs":
            array.run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path)
            return
        with open(self.image, "wb") as file:
            file.truncate(size)
        array.run("mkfs.xfs", "-q", "-m", "reflink=1", self.image)
        array.run("mount", "-o", "loop", self.image, path)

    def close(self):
        array.run("umount", "-l", self.path, check=False)
        MOUNTS.discard(self.path)
        if os.path.exists(self.image):
            os.unlink(self.image)
