"""NVMe/TCP's discovery controllers announced by Debian's Avahi, and what another machine of the link sees of them."""
import os
import shutil

from case import Case
from support import agent, array

SERVICE = "_nvme-disc._tcp"
TEXT = '"nqn=nqn.2014-08.org.nvmexpress.discovery" "p=tcp"'
ARRAY_ADDRESS = "198.51.100.1"


class Machine:
    """A network and a /run with the bus and Avahi's daemon of its own; `pid` is who holds them open."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.configuration = os.path.join(folder, f"{name}.conf")
        with open(self.configuration, "w", encoding="utf-8") as out:
            out.write(f"[server]\nhost-name={name}\nuse-ipv4=yes\nuse-ipv6=no\nallow-interfaces={name}\n"
                      "[publish]\npublish-workstation=no\npublish-hinfo=no\n")
        self.pid, self.bus, self.avahi = os.getpid(), None, None

    def enter(self):
        return []

    def begin(self, address):
        array.run(*self.enter(), "mount", "-t", "tmpfs", "tmpfs", "/run")
        array.run(*self.enter(), "mkdir", "/run/dbus")
        array.run(*self.enter(), "ip", "address", "add", f"{address}/24", "dev", self.name)
        array.run(*self.enter(), "ip", "link", "set", self.name, "up")
        self.bus = agent.Program(f"dbus-{self.name}", self.folder,
                                 [*self.enter(), "dbus-daemon", "--system", "--nofork", "--nopidfile"])
        self.bus.start(lambda: self.run("test", "-S", "/run/dbus/system_bus_socket"))
        # Its bounds are counted by user id, over all that Avahi runs on the machine of the test.
        self.avahi = agent.Program(f"avahi-{self.name}", self.folder,
                                   [*self.enter(), "avahi-daemon", "--no-rlimits", "-f", self.configuration])
        self.start_avahi()

    def start_avahi(self):
        self.avahi.start(lambda: self.run("avahi-daemon", "--check"))

    def run(self, *words):
        return array.run(*self.enter(), *words, check=False).returncode == 0

    def end(self):
        for program in (self.avahi, self.bus):
            if program:
                program.kill()
        array.run(*self.enter(), "umount", "-l", "/run", check=False)

    def seen(self):
        """(name, host, address, port, text) of what is announced on the link."""
        said = array.run(*self.enter(), "avahi-browse", "-rpt", SERVICE, check=False).stdout
        found = [line.split(";") for line in said.splitlines() if line.startswith("=;")]
        return sorted((each[3].replace("\\032", " "), *each[6:10]) for each in found if each[1] == self.name)


class Neighbour(Machine):
    """In namespaces of its own, so that what it sees has come by the link."""

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.holder = agent.Program(name, folder, ["unshare", "--net", "--mount", "sleep", "infinity"])
        ours = os.stat("/proc/self/ns/mnt").st_ino
        self.holder.start(lambda: os.stat(f"/proc/{self.holder.pid}/ns/mnt").st_ino != ours)
        self.pid = self.holder.pid

    def enter(self):
        return ["nsenter", "-t", str(self.pid), "--net", "--mount"]

    def end(self):
        super().end()
        self.holder.kill()


class MdnsTest(Case):
    def setUp(self):
        self.folder = f"/tmp/ashlar-mdns-{os.getpid()}"
        os.makedirs(self.folder, exist_ok=True)
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.web = Neighbour("web1", self.folder)
        self.addCleanup(self.web.end)
        self.own = Machine("san1", self.folder)
        array.run("ip", "link", "add", "san1", "type", "veth", "peer", "name", "web1")
        self.addCleanup(array.run, "ip", "link", "delete", "san1", check=False)
        array.run("ip", "link", "set", "web1", "netns", str(self.web.pid))
        self.web.begin("198.51.100.2")
        self.addCleanup(self.own.end)
        self.own.begin(ARRAY_ADDRESS)

    def told(self, name, port):
        return (f"san1 {name}", "san1.local", ARRAY_ADDRESS, str(port), TEXT)

    def wait_seen(self, *portals):
        wanted = sorted(self.told(name, port) for name, port in portals)
        try:
            array.wait_for(lambda: self.web.seen() == wanted, "it to be announced")
        except array.Broken:
            self.assertEqual(self.web.seen(), wanted)

    def served(self):
        ashlar = self.begin()
        for name, port in (("n1", 8009), ("n2", 4420)):
            ashlar.post("/portals", {"name": name, "protocol": "nvme-tcp", "address": ARRAY_ADDRESS, "port": port})
        ashlar.do("PUT", "/settings/array.name", {"value": "san1"})
        self.assertEqual(self.web.seen(), [])
        ashlar.do("PUT", "/settings/nvme.mdns", {"value": True})
        self.wait_seen(("n1", 8009), ("n2", 4420))
        return ashlar

    def test_what_is_served_is_announced(self):
        ashlar = self.served()
        self.assertEqual([ashlar.get(f"/portals/{name}")["status"]["announced"] for name in ("n1", "n2")], [True, True])
        ashlar.delete("/portals/n1")
        self.wait_seen(("n2", 4420))
        ashlar.patch("/portals/n2", {"port": 4421})
        self.wait_seen(("n2", 4421))
        ashlar.do("PUT", "/settings/nvme.mdns", {"value": False})
        self.wait_seen()
        ashlar.do("PUT", "/settings/nvme.mdns", {"value": True})
        self.wait_seen(("n2", 4421))
        self.assertEqual(ashlar.agent.stop(), 0)
        self.wait_seen()

    def test_an_agent_that_is_killed_takes_it_back(self):
        ashlar = self.served()
        ashlar.agent.kill()
        self.wait_seen()
        ashlar.start_agent()
        self.wait_seen(("n1", 8009), ("n2", 4420))

    def test_an_avahi_that_is_away(self):
        """Its return is waited for, not asked for each second."""
        ashlar = self.served()
        self.own.avahi.stop()
        array.wait_for(lambda: not ashlar.get("/portals/n1")["status"]["announced"], "the portal to say so")
        self.wait_seen()
        self.own.start_avahi()
        array.wait_for(lambda: len(self.web.seen()) == 2, "both to be announced again", 2 * array.PATIENCE)
        self.assertTrue(ashlar.get("/portals/n1")["status"]["announced"])
