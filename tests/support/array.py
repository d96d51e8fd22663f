"""What the tests talk to: an engine with a document, or Debian's tgt in its place. Both start on free loopback ports, keep
their state in a folder of their own and die with the test that started them."""
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.environ.get("ASHLAR_BIN", os.path.join(ROOT, "build", "bin"))
ENGINE = os.path.join(BIN, "ashlar-engine")
COMMAND = os.path.join(BIN, "ashlar")
TARGET = "iqn.2026-11.io.ashlar:test"
# A quiet machine needs a hundredth of this to start or stop; a busy one gets the rest.
PATIENCE = float(os.environ.get("ASHLAR_TEST_PATIENCE", "30"))
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class Broken(Exception):
    """What was started did not do what it must: the message says which and why."""


def free_port(address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def wait_for(condition, what, seconds=PATIENCE):
    """The condition's first true answer. It is asked again every 5 ms, then less often."""
    deadline, pause = time.monotonic() + seconds, 0.005
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Broken(f"waited {seconds:.0f} s for {what}")
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)


def accepts(address, port):
    try:
        with socket.create_connection((address, port), timeout=2):
            return True
    except OSError:
        return False


def identity_of(name):
    """The same for the same name: what a volume is given at random would change at each start."""
    drawn = hashlib.sha256(name.encode()).hexdigest()
    return {"naa": "3" + drawn[:15], "eui64": drawn[16:32], "uuid": str(uuid.UUID(drawn[:32], version=4)),
            "serial": drawn[32:48]}


def file_volume(name, path, size=GIB, **fields):
    return {"name": name, "size_bytes": size, "identity": identity_of(name),
            "store": {"kind": "file", "options": {"path": path}}, **fields}


def memory_volume(name, size=64 * MIB, **fields):
    return {"name": name, "size_bytes": size, "identity": identity_of(name), "store": {"kind": "memory"}, **fields}


def document_of(volumes, ports=None, hosts=None, address="127.0.0.1", target=TARGET, mappings=None):
    """The usual document: one target, every volume mapped to the host `any` from LUN 1 upwards."""
    ports = ports or [free_port(address)]
    hosts = hosts or [{"name": "any", "any": True}]
    if mappings is None:
        mappings = [{"host": hosts[0]["name"], "target": target, "volume": volume["name"], "lun": lun}
                    for lun, volume in enumerate(volumes, 1)]
    return {"volumes": volumes, "hosts": hosts, "targets": [{"name": target}], "mappings": mappings,
            "portals": [{"name": f"p{i}", "address": address, "port": port} for i, port in enumerate(ports)]}


def url_of(document, lun=1, target=None, portal=0, user="", password=""):
    where = document["portals"][portal]
    address = f"[{where['address']}]" if ":" in where["address"] else where["address"]
    who = f"{user}%{password}@" if user else ""
    return f"iscsi://{who}{address}:{where['port']}/{target or document['targets'][0]['name']}/{lun}"


class Refusal(Exception):
    """What the engine answered instead of a result."""

    def __init__(self, error):
        super().__init__(error.get("message", str(error)))
        self.error = error


def ask(socket_path, method, **params):
    """One request to the engine behind that socket: its result."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(PATIENCE)
        door.connect(socket_path)
        door.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(door.makefile("rb").readline() or b"null")
    if not answer or "error" in answer:
        raise Refusal(answer["error"] if answer else {"message": "no answer"})
    return answer["result"]


class Array:
    """What an engine and its stand-in have in common. Use as a context: it ends what it started."""

    def __init__(self, document, folder=None, prepare=None):
        self.document = document
        self.folder = folder or tempfile.mkdtemp(prefix="ashlar-test-")
        self.owns_folder = folder is None
        self.log_path = os.path.join(self.folder, "log")
        if prepare:
            prepare(self.folder)
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.kill()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, lun=1, **how):
        return url_of(self.document, lun, **how)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def spawn(self, arguments, environment=None):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *arguments], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, cwd=self.folder,
                                            env={**os.environ, **(environment or {})})

    def wait_ready(self, condition, what):
        def ready():
            if not self.alive():
                raise Broken(f"{what}: ended with {self.process.returncode}; it said:\n{self.log()}")
            return condition()
        wait_for(ready, what)

    def log(self):
        try:
            with open(self.log_path, errors="replace") as log:
                return log.read()[-8000:]
        except OSError:
            return ""

    def kill(self):
        if self.alive():
            self.process.kill()
        if self.process:
            self.process.wait()
            self.process = None

    def stop(self, by=signal.SIGTERM, seconds=PATIENCE):
        """Asks it to end; its exit code."""
        self.process.send_signal(by)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Broken(f"still there {seconds:.0f} s after signal {by}; it said:\n{self.log()}") from None
        self.process = None
        return code

    def restart(self):
        self.start()

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Engine(Array):
    """`document` stands in FOLDER/document.json, the socket is FOLDER/engine.sock."""

    def __init__(self, document, folder=None, prepare=None, arguments=()):
        super().__init__(document, folder, prepare)
        self.socket_path = os.path.join(self.folder, "engine.sock")
        self.document_path = os.path.join(self.folder, "document.json")
        self.arguments = list(arguments)

    def start(self):
        self.write_document(self.document)
        self.spawn([ENGINE, "--state-dir", self.folder, "--document", self.document_path, *self.arguments])
        self.wait_ready(self.serving, "the engine")

    def serving(self):
        try:
            status = self.call("status")
        except (OSError, Refusal):
            return False
        portals = [portal for portal in status["portals"] if portal["listening"]]
        return status["state"] == "serving" and len(portals) == len(self.document["portals"])

    def write_document(self, document):
        with open(self.document_path, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
        return self.document_path

    def call(self, method, **params):
        """One request by the engine's socket: its result."""
        return ask(self.socket_path, method, **params)

    def apply(self, document, **params):
        report = self.call("apply", document=document, **params)
        self.document = document
        return report

    def command(self, *arguments, check=True, text=None):
        """`ashlar ...`, talking to this engine."""
        return command(*arguments, socket_path=self.socket_path, check=check, text=text)


class Tgt(Array):
    """Debian's tgt, as far as it can serve a document: to see whether a test's own parts are sound."""

    control = "21"

    def start(self):
        # The portals come last: a host that returns must not be told that its target does not exist.
        self.spawn(["tgtd", "-f", "-C", self.control, "--iscsi", f"portal=127.0.0.1:{free_port()}"],
                   {"TGT_IPC_SOCKET": self.ipc})
        self.wait_ready(lambda: self.admin("--mode", "sys", "--op", "show", check=False).returncode == 0, "tgtd")
        for number, target in enumerate(self.document["targets"], 1):
            self.add_target(number, target)
        for portal in self.document["portals"]:
            self.admin("--mode", "portal", "--op", "new", "--param", f"portal={portal['address']}:{portal['port']}")

    @property
    def ipc(self):
        return os.path.join(self.folder, "ipc")

    def admin(self, *arguments, check=True):
        done = subprocess.run(["tgtadm", "-C", self.control, "--lld", "iscsi", *arguments], capture_output=True,
                              text=True, timeout=PATIENCE, env={**os.environ, "TGT_IPC_SOCKET": self.ipc})
        if check and done.returncode != 0:
            raise Broken(f"tgtadm {' '.join(arguments)}: {done.stderr}")
        return done

    def add_target(self, number, target):
        tid = str(number)
        self.admin("--mode", "target", "--op", "new", "--tid", tid, "-T", target["name"])
        volumes = {volume["name"]: volume for volume in self.document["volumes"]}
        for mapping in self.document["mappings"]:
            if mapping["target"] == target["name"]:
                self.add_unit(tid, str(mapping["lun"]), volumes[mapping["volume"]])
        for host in self.document["hosts"]:
            chap = host.get("chap")
            if chap:
                self.admin("--mode", "account", "--op", "new", "--user", chap["user"], "--password", chap["secret"])
                self.admin("--mode", "account", "--op", "bind", "--tid", tid, "--user", chap["user"])
        self.admin("--mode", "target", "--op", "bind", "--tid", tid, "-I", "ALL")

    def add_unit(self, tid, lun, volume):
        path = os.path.join(self.folder, volume["store"].get("options", {}).get("path", volume["name"]))
        with open(path, "ab") as file:
            if file.tell() == 0:
                file.truncate(volume["size_bytes"])
        self.admin("--mode", "logicalunit", "--op", "new", "--tid", tid, "--lun", lun, "-b", path,
                   f"--blocksize={volume.get('block_bytes', 512)}")
        flags = {"thin_provisioning": volume.get("thin", True), "removable": volume.get("removable", False),
                 "readonly": volume.get("read_only", False)}
        self.admin("--mode", "logicalunit", "--op", "update", "--tid", tid, "--lun", lun, "--params",
                   ",".join(f"{name}={int(value)}" for name, value in flags.items()))


def command(*arguments, socket_path=None, check=True, text=None):
    """Runs `ashlar`; the finished process, with stdout and stderr as text."""
    environment = {**os.environ, "ASHLAR_SOCKET": socket_path} if socket_path else None
    return run(COMMAND, *arguments, check=check, input=text, env=environment)


def engine_is_there():
    return os.access(ENGINE, os.X_OK) and os.access(COMMAND, os.X_OK)


def run(*arguments, check=True, seconds=120, **more):
    """A foreign program; the finished process, with stdout and stderr as text."""
    done = subprocess.run([str(word) for word in arguments], capture_output=True, text=True, errors="replace",
                          timeout=seconds, **more)
    if check and done.returncode != 0:
        raise Broken(f"{' '.join(map(str, arguments))}: exit {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done
