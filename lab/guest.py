"""The guests of the lab, the networks between them and the array, and what they ask the lab to do."""
import os
import queue
import subprocess
import threading
import time

from support import array

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 3260
PREFIX = "iqn.2026-11.io.ashlar.lab:"
TARGET = PREFIX + "disks"
GUEST_SECONDS = 900   # ten times what a quiet machine needs
CONSOLES = os.path.join(array.ROOT, "build", "log")


class Network:
    """One tap device for each guest, with two addresses of the array on it."""

    def __init__(self, number):
        self.tap = f"lab{number}"
        self.first, self.second = f"10.99.{number}.254", f"10.99.{number}.253"
        self.guest = f"10.99.{number}.1"
        # Each address has no network of its own: with one of them the other would go.
        for words in (f"tuntap add dev {self.tap} mode tap", f"addr add {self.first} dev {self.tap}",
                      f"addr add {self.second} dev {self.tap}", f"link set {self.tap} up", "link set lo up",
                      f"route add {self.guest}/32 dev {self.tap}"):
            array.run("ip", *words.split())

    def close(self):
        array.run("ip", "tuntap", "del", "dev", self.tap, "mode", "tap")

    def cut(self, address):
        """Nobody answers there any more, and nothing says so: a pulled cable."""
        array.run("ip", "addr", "del", address, "dev", self.tap)

    def mend(self, address):
        array.run("ip", "addr", "add", address, "dev", self.tap)

    def bytes_from_guest(self):
        with open("/proc/net/dev", encoding="ascii") as devices:
            for line in devices:
                if line.strip().startswith(self.tap + ":"):
                    return int(line.split(":")[1].split()[0])
        return 0


class Guest:
    """A guest and what it says. Its lines are kept; those that begin with LAB steer us."""

    def __init__(self, case, name, network, work, preload):
        self.work = os.path.join(work, f"{case}-{name}")
        os.makedirs(self.work)
        os.makedirs(CONSOLES, exist_ok=True)
        self.console_path = os.path.join(CONSOLES, f"lab-{case}-{name}.log")
        self.name, self.lines, self.changed, self.ended = name, [], threading.Condition(), False
        self.requests = queue.Queue()
        self.process = subprocess.Popen(
            ["linux.uml", "mem=512M", "rootfstype=hostfs", "ro", f"init={os.path.join(HERE, 'guest.sh')}", "quiet",
             "con=null", "con0=fd:0,fd:1", f"uml_dir={self.work}/", "umid=guest",
             f"vec0:transport=tap,ifname={network.tap},depth=128,gro=1", f"LAB_CASE={case}", f"LAB_NAME={name}",
             f"LAB_PORTAL={network.first}:{PORT}", f"LAB_OTHER_PORTAL={network.second}:{PORT}", f"LAB_TARGET={TARGET}",
             f"LAB_ADDRESS={network.guest}", f"LAB_WORK={self.work}", f"LAB_BIN={array.BIN}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": self.work, "LD_PRELOAD": preload})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        with open(self.console_path, "w", encoding="utf-8") as console:
            for line in self.process.stdout:
                text = line.decode(errors="replace").rstrip()
                console.write(f"{time.monotonic():.1f} {text}\n")
                console.flush()
                if text.startswith("LAB ask "):
                    self.requests.put(text[8:].split())
                    continue
                with self.changed:
                    self.lines.append(text)
                    self.changed.notify_all()
                if text.startswith("LAB "):
                    print(f"{self.name}: {text[4:]}", flush=True)
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def said(self, text):
        with self.changed:
            return any(line.startswith(f"LAB {text}") for line in self.lines)

    def wait_said(self, text, seconds):
        """False: the guest ended without saying it, or the time is up."""
        with self.changed:
            self.changed.wait_for(lambda: self.said(text) or self.ended, seconds)
            return self.said(text)

    def answer(self, handlers):
        """Does the oldest thing that the guest asked for, if any. What a handler cannot do is the guest's failure."""
        try:
            request, word, *rest = self.requests.get_nowait()
        except queue.Empty:
            return
        try:
            code, text = 0, handlers[word](*rest)
        except (array.Broken, array.Refusal, OSError, KeyError) as error:
            code, text = 1, f"{word} {' '.join(rest)}: {error}"
        path = os.path.join(self.work, request)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(f"{code}\n{'' if text is None else text}\n")
        os.rename(path + ".new", path)

    def passed(self):
        return sum(line.startswith("LAB ok ") for line in self.lines)

    def failures(self):
        found = [f"{self.name}: {line[9:]}" for line in self.lines if line.startswith("LAB FAIL")]
        if not any(line == "LAB end" for line in self.lines):
            found.append(f"{self.name}: the guest did not get to its end")
        return found

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join(10)


def serve(guests, handlers, seconds=GUEST_SECONDS):
    """Does what the guests ask for until all have ended; what went wrong. The engine is only started from this thread: it
    dies with the thread that started it."""
    deadline = time.monotonic() + seconds
    while not all(guest.ended for guest in guests):
        for guest in guests:
            guest.answer(handlers)
        if time.monotonic() > deadline:
            return [f"{guest.name} was still there after {seconds:.0f} s" for guest in guests if not guest.ended]
        time.sleep(0.02)
    return []


def make_preload(work):
    preload = os.path.join(work, "host_xstate.so")
    array.run("clang-19", "-O2", "-shared", "-fPIC", "-o", preload, os.path.join(HERE, "host_xstate.c"))
    return preload
