"""What each case of NVMe/TCP serves, and what its guest may ask for. What the guest does stands in case_*.sh."""
import os
import subprocess
import threading
import time

import guest as lab
from support import array, tls_psk

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 4420
PREFIX = "nqn.2026-11.io.ashlar.lab:"
SUBSYSTEM, PRIVATE, ELSEWHERE, LATER = (PREFIX + name for name in ("disks", "private", "elsewhere", "later"))
HOST, NEIGHBOUR = (f"nqn.2014-08.org.nvmexpress:uuid:00000000-0000-4000-8000-0000000000{end}" for end in ("01", "b2"))
SMALL = ["--shards", "2", "--memory-mib", "64"]


class Case:
    """One engine with a portal in each of two networks, and a guest in both."""

    name = ""
    guest_words = ()   # what its kernel is told beside the usual

    def __init__(self, folder):
        self.folder, self.engine, self.networks = folder, None, []
        self.passed, self.failures, self.ended = 0, [], False

    def document(self):
        """512-byte blocks as namespace 1, 4096-byte blocks as namespace 2; two portals, of two group tags."""
        volumes = [array.file_volume("v1", "v1.img", 128 * array.MIB),
                   array.file_volume("v2", "v2.img", 384 * array.MIB, block_bytes=4096)]
        made = array.document_of(volumes, ports=[PORT], target=SUBSYSTEM)
        made["portals"] = [portal_of(f"p{tag}", network, tag) for tag, network in enumerate(self.networks, 1)]
        for lun, mapping in enumerate(made["mappings"]):
            mapping["lun"] = lun
        return made

    # --- What the guest may ask for ---

    def kill(self):
        self.engine.kill()

    def start(self):
        self.engine.start()

    def cut(self, number):
        network = self.networks[int(number)]
        network.cut(network.first)

    def mend(self, number):
        network = self.networks[int(number)]
        network.mend(network.first)

    def states(self, *states):
        self.change(groups=[{"name": "lab", "volumes": ["v1", "v2"], "access": [
            {"group_tag": tag, "state": state} for tag, state in enumerate(states, 1)]}])

    def grow(self, name, size):
        self.engine.call("volume.resize", name=name, size=int(size))
        next(each for each in self.engine.document["volumes"] if each["name"] == name)["size_bytes"] = int(size)

    def unmap(self, name):
        self.change(mappings=[each for each in self.engine.document["mappings"] if each["volume"] != name])

    def key(self, key, own, group, hash_name):
        """Of the one host; "-": as it is usual."""
        dhchap = {"key": key}
        dhchap.update({} if own == "-" else {"controller_key": own})
        dhchap.update({} if group == "-" else {"groups": [group]})
        dhchap.update({} if hash_name == "-" else {"hashes": [hash_name]})
        self.change(hosts=[{**self.engine.document["hosts"][0], "dhchap": dhchap}])

    def controllers(self, count):
        """What came by a network that was cut is not kept for ever."""
        def there():
            return self.engine.call("sessions")["sessions"]
        array.wait_for(lambda: len(there()) == int(count), f"{count} controllers; there are {there()}")

    words = ("kill", "start", "cut", "mend", "states", "grow", "unmap", "key", "controllers")

    def change(self, **parts):
        self.engine.apply({**self.engine.document, **parts})

    def answer(self, word, *rest):
        if word not in self.words:
            return f"failed: there is no {word}"
        try:
            getattr(self, word)(*rest)
        except (array.Broken, array.Refusal, OSError) as error:
            return f"failed: {error}".replace("\n", " ")
        return "done"

    # --- The guest ---

    def read(self, guest, console):
        began = time.monotonic()
        for line in guest.stdout:
            text = line.decode(errors="replace").strip()
            console.write(f"{time.monotonic() - began:.1f} {text}\n")
            console.flush()
            if not text.startswith("LAB "):
                continue
            _, kind, *words = text.split()
            if kind == "ask":
                guest.stdin.write((self.answer(*words) + "\n").encode())
                guest.stdin.flush()
                continue
            print(f"{self.name}: {text[4:]}", flush=True)
            self.passed += kind == "ok"
            self.ended = self.ended or kind == "end"
            if kind == "FAIL":
                self.failures.append(f"{self.name}: {text[9:]}")

    def boot(self):
        portals = ",".join(network.first for network in self.networks)
        return subprocess.Popen([os.path.join(HERE, "guest"), self.folder, "01", *[network.tap for network in self.networks],
                                 f"lab.case={self.name}", f"lab.portals={portals}", f"lab.subsystem={SUBSYSTEM}",
                                 *self.guest_words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def drive(self):
        """Does what the guest asks for until it has ended. From the thread that runs the case: what it starts dies with it."""
        os.makedirs(lab.CONSOLES, exist_ok=True)
        with open(os.path.join(lab.CONSOLES, f"lab-nvme-{self.name}.log"), "w", encoding="utf-8") as console:
            guest = self.boot()
            timer = threading.Timer(lab.GUEST_SECONDS, guest.kill)
            timer.start()
            try:
                self.read(guest, console)
            finally:
                timer.cancel()
                guest.kill()
                guest.wait()

    def run(self):
        self.networks = [lab.Network(number) for number in range(2)]
        with array.Engine(self.document(), arguments=SMALL) as self.engine:
            self.drive()
            if self.engine.alive() and self.engine.stop() != 0:
                self.failures.append(f"{self.name}: the engine did not end well:\n{self.engine.log()}")
        if not self.ended:
            self.failures.append(f"{self.name}: the guest did not get to its end")


def portal_of(name, network, tag, port=PORT):
    return {"name": name, "protocol": "nvme-tcp", "address": network.first, "port": port, "group_tag": tag}


class Commands(Case):
    name = "commands"


class Paths(Case):
    name = "paths"


class Filesystem(Case):
    name = "filesystem"


class Hosts(Case):
    """Without multipath, as two hosts of one guest do not share a disk with it."""

    name = "hosts"
    guest_words = ("nvme_core.multipath=N",)


class Proofs(Case):
    name = "proofs"


class Discovery(Case):
    """Two hosts, each with a subsystem of its own, and another array that the first portal refers to."""

    name = "discovery"
    guest_words = (f"lab.private={PRIVATE}", f"lab.elsewhere={ELSEWHERE}", f"lab.later={LATER}")

    def document(self):
        made = super().document()
        made["volumes"].append(array.file_volume("v3", "v3.img", 64 * array.MIB))
        made["hosts"] = [{"name": "guest", "initiators": [HOST]}, {"name": "neighbour", "initiators": [NEIGHBOUR]}]
        made["targets"] = [{"name": name} for name in (SUBSYSTEM, PRIVATE, LATER)]
        made["mappings"] = [{"host": host, "target": target, "volume": volume, "lun": 0} for host, target, volume in (
            ("guest", SUBSYSTEM, "v1"), ("neighbour", PRIVATE, "v2"))]
        made["portals"][0]["referrals"] = [f"{self.networks[1].first}:8009"]
        return made

    def elsewhere(self):
        made = array.document_of([array.file_volume("far", "far.img", 64 * array.MIB)], ports=[8009], target=ELSEWHERE)
        made["portals"] = [portal_of("far", self.networks[1], 1, 8009)]
        return made

    def drive(self):
        with array.Engine(self.elsewhere(), arguments=SMALL):
            super().drive()

    def offer(self):
        self.change(mappings=[*self.engine.document["mappings"],
                              {"host": "guest", "target": LATER, "volume": "v3", "lun": 0}])

    def withdraw(self):
        self.unmap("v3")

    def portal(self, port):
        self.change(portals=[*self.engine.document["portals"], portal_of("p3", self.networks[0], 3, int(port))])

    words = (*Case.words, "offer", "withdraw", "portal")


class Tls(Case):
    """One host, with a key; the first portal requires TLS, the second allows it."""

    name = "tls"
    secret = tls_psk.KEYS["02"]

    @property
    def guest_words(self):
        """What the guest is to put into its keyring: commas stand for spaces."""
        words = []
        for name, subsystem in (("identity", SUBSYSTEM), ("discovery", tls_psk.DISCOVERY)):
            identity, psk = tls_psk.derive(self.secret, HOST, subsystem)
            words += [f"lab.{name}={identity.replace(' ', ',')}",
                      f"lab.{'psk' if name == 'identity' else name + '_psk'}={psk.hex()}"]
        return words

    def document(self):
        made = super().document()
        made["hosts"] = [{"name": "guest", "initiators": [HOST], "tls_key": self.secret}]
        for mapping in made["mappings"]:
            mapping["host"] = "guest"
        for each, tls in zip(made["portals"], ("required", "allowed")):
            each["tls"] = tls
        return made

    def secured(self):
        sessions = self.engine.call("sessions")["sessions"]
        if {each["authentication"] for each in sessions} != {"TLS PSK"}:
            raise array.Broken(f"not all came by TLS: {sessions}")

    words = (*Case.words, "secured")


# The longest first: two are run at a time.
CASES = {each.name: each for each in (Proofs, Paths, Commands, Filesystem, Discovery, Hosts, Tls)}
USUAL = [name for name in CASES if name != "tls"]
