"""The array told to Debian's iSNS server, and what isnsadm and a host find there."""
import os
import re
import subprocess

from case import Case
from support import agent, array

ONE, TWO = "iqn.2026-11.io.ashlar:one", "iqn.2026-11.io.ashlar:two"


class NameServer(agent.Program):
    """isnsd in the foreground, with a database of its own."""

    def __init__(self, folder, name="isnsd"):
        self.port, self.folder = array.free_port(), folder
        self.configuration = os.path.join(folder, f"{name}.conf")
        super().__init__(name, folder, ["isnsd", "-f", "-c", self.configuration])
        with open(self.configuration, "w", encoding="utf-8") as out:
            out.write(f"SourceName = iqn.2026-11.test:server\nDatabase = {folder}/{name}.db\nPIDFile = {folder}/{name}.pid\n"
                      f"BindAddress = 127.0.0.1:{self.port}\nControlSocket = {folder}/{name}.socket\nSecurity = 0\n"
                      "RegistrationPeriod = 10m\nDefaultDiscoveryDomain = 1\nSLPRegister = 0\nESIMinInterval = 1s\n")

    def begin(self):
        self.start(lambda: array.accepts("127.0.0.1", self.port))

    def forget(self):
        """A new one, with an empty database."""
        self.kill()
        array.run("rm", "-rf", os.path.join(self.folder, f"{self.name}.db"))
        self.begin()

    def ask(self, *words, source="iqn.2026-11.test:admin"):
        client = os.path.join(self.folder, f"{self.name}-admin.conf")
        with open(client, "w", encoding="utf-8") as out:
            out.write(f"SourceName = {source}\nServerAddress = 127.0.0.1:{self.port}\nSecurity = 0\n")
        done = subprocess.run(["isnsadm", "-c", client, *words], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def listed(self, kind, attribute):
        """The values of one attribute, of all objects of a kind."""
        return sorted(re.findall(rf"{attribute} = \"?([^\"\n]+)\"?", self.ask("--list", kind)))

    def targets(self):
        """All nodes, of which a test that registers no host has targets alone."""
        return self.listed("nodes", "iSCSI name")

    def found_by(self, node, *words):
        """The names that are told to a node."""
        return sorted(re.findall(r'iSCSI name = "([^"]+)"', self.ask(*words, source=node)))

    def portals(self):
        return sorted(f"{address} {port}" for address, port in re.findall(
            r"Portal IP address = (\S+)\s.*?port = (\d+)/tcp", self.ask("--list", "portals"), re.S))

    def paths(self, target):
        """Address, port and tag of each portal where the server says that a target is."""
        said = self.ask("--query", f"pg-name={target}")
        return sorted(tuple(found) for found in re.findall(
            r"group address = (\S+)\s.*?group port = (\d+)/tcp\s.*?group tag = (\d+)", said, re.S))


class IsnsTest(Case):
    def served(self, server, **more):
        """An array with one target at one portal, told to a server: the array and its port."""
        ashlar = self.begin()
        self.begin_server(server)
        port = ashlar.add_portal()
        ashlar.post("/targets", {"name": ONE, "alias": "first"})
        ashlar.post("/isns-servers", {"name": "isns-a", "address": "127.0.0.1", "port": server.port, **more})
        self.wait_state(ashlar, "registered")
        return ashlar, port

    def begin_server(self, server):
        server.begin()
        self.addCleanup(server.kill)

    def server(self, name="isnsd"):
        folder = os.path.join("/tmp", f"ashlar-isns-{os.getpid()}-{name}")
        os.makedirs(folder, exist_ok=True)
        self.addCleanup(array.run, "rm", "-rf", folder)
        return NameServer(folder, name)

    def wait_state(self, ashlar, state, name="isns-a"):
        array.wait_for(lambda: ashlar.get(f"/isns-servers/{name}")["status"]["state"] == state, f"{name} to be {state}")

    def wait_targets(self, server, targets):
        array.wait_for(lambda: server.targets() == targets, f"{targets} to be registered")

    def test_what_is_registered_is_what_is_there(self):
        server = self.server()
        ashlar, port = self.served(server)
        self.assertEqual(server.targets(), [ONE])
        self.assertEqual(server.portals(), [f"127.0.0.1 {port}"])
        self.assertEqual(server.paths(ONE), [("127.0.0.1", str(port), "1")])
        entity = ashlar.get("/isns-servers/isns-a")["entity"]
        self.assertEqual(server.listed("entities", "Entity identifier"), [entity])
        # A change of targets, of portals, and of which is where.
        other = ashlar.post("/portals", {"name": "lo2", "address": "127.0.0.2", "port": port, "group_tag": 7})["port"]
        ashlar.post("/targets", {"name": TWO, "portals": ["lo2"]})
        self.wait_targets(server, [ONE, TWO])
        array.wait_for(lambda: len(server.paths(ONE)) == 2, "the first target at both portals")
        self.assertEqual(server.paths(ONE), [("127.0.0.1", str(port), "1"), ("127.0.0.2", str(other), "7")])
        self.assertEqual(server.paths(TWO), [("127.0.0.2", str(other), "7")])
        ashlar.delete(f"/targets/{ONE}")
        self.wait_targets(server, [TWO])
        self.assertEqual(server.portals(), [f"127.0.0.2 {other}"])
        self.assertEqual(server.listed("entities", "Entity identifier"), [entity])

    def test_a_server_that_forgets_is_told_again(self):
        server = self.server()
        ashlar, _ = self.served(server)
        server.forget()
        self.wait_targets(server, [ONE])
        # And one that is away while something changes.
        server.kill()
        self.wait_state(ashlar, "unreachable")
        ashlar.post("/targets", {"name": TWO})
        server.begin()
        self.wait_targets(server, [ONE, TWO])
        self.wait_state(ashlar, "registered")

    def test_an_orderly_end_takes_the_array_out(self):
        server = self.server()
        ashlar, _ = self.served(server)
        self.assertEqual(ashlar.agent.stop(), 0)
        self.assertEqual(server.targets(), [])
        self.assertEqual(server.listed("entities", "Entity identifier"), [])
        ashlar.start_agent()
        self.wait_targets(server, [ONE])
        ashlar.patch("/isns-servers/isns-a", {"enabled": False})
        self.wait_targets(server, [])
        ashlar.patch("/isns-servers/isns-a", {"enabled": True})
        self.wait_targets(server, [ONE])
        # What a killed agent has left there is replaced by the next one, under the same name.
        ashlar.agent.kill()
        ashlar.start_agent()
        self.wait_state(ashlar, "registered")
        self.assertEqual(server.targets(), [ONE])
        ashlar.delete("/isns-servers/isns-a")
        self.wait_targets(server, [])

    def test_many_targets_at_several_addresses(self):
        server = self.server()
        ashlar, port = self.served(server)
        array.run("ip", "address", "add", "192.0.2.10/32", "dev", "lo")
        array.run("ip", "address", "add", "192.0.2.11/32", "dev", "lo")
        names = [f"iqn.2026-11.io.ashlar:t{number:03}" for number in range(120)]
        ashlar.post("/portals", {"name": "all", "address": "0.0.0.0", "port": array.free_port("0.0.0.0")})
        ashlar.do("PUT", "/configuration", {"targets": [{"name": name} for name in names]})
        self.wait_targets(server, [ONE, *names])
        wide = str(ashlar.get("/portals/all")["port"])
        array.wait_for(lambda: server.portals() == [f"192.0.2.10 {wide}", f"192.0.2.11 {wide}"], "the addresses without loopback")
        self.assertEqual(server.paths(names[-1]), [("192.0.2.10", wide, "1"), ("192.0.2.11", wide, "1")])
        array.run("ip", "address", "del", "192.0.2.11/32", "dev", "lo")
        array.wait_for(lambda: server.portals() == [f"192.0.2.10 {wide}"], "an address that went")
        array.run("ip", "address", "del", "192.0.2.10/32", "dev", "lo")
        array.wait_for(lambda: f"127.0.0.1 {port}" in server.portals(), "loopback, as there is nothing else")

    def test_two_servers_and_one_away(self):
        first, second = self.server("first"), self.server("second")
        ashlar, _ = self.served(first)
        ashlar.post("/isns-servers", {"name": "isns-b", "address": "127.0.0.1", "port": second.port})
        self.wait_state(ashlar, "unreachable", "isns-b")
        self.assertIn("refused", ashlar.get("/isns-servers/isns-b")["status"]["message"])
        self.wait_state(ashlar, "registered")
        self.begin_server(second)
        self.wait_targets(second, [ONE])
        told = subprocess.run([array.COMMAND, "--url", f"unix:{ashlar.socket_path}", "isns-server", "list"], capture_output=True,
                              text=True, check=False)
        self.assertRegex(told.stdout, rf"isns-a +127.0.0.1 +{first.port} +registered", told.stderr)

    def test_inquiries_are_answered(self):
        server = self.server()
        ashlar, port = self.served(server, esi_port=array.free_port())
        esi = ashlar.get("/isns-servers/isns-a")["esi_port"]
        self.assertIn(f"ESI port = {esi}", server.ask("--list", "portals"))
        self.assertEqual(server.portals(), [f"127.0.0.1 {port}"])

    def test_a_host_finds_what_is_in_its_domain(self):
        server = self.server()
        ashlar, _ = self.served(server)
        host = "iqn.1993-08.org.debian:01:web1"
        server.ask("--register", f"initiator={host}")
        find = ("--query", "iscsi-node-type=target")
        self.assertEqual(server.found_by(host, *find), [ONE])
        ashlar.post("/targets", {"name": TWO})
        self.wait_targets(server, [host, ONE, TWO])
        self.assertEqual(server.found_by(host, *find), [ONE, TWO])
        server.ask("--dd-register", "name=db", f"member-name={host}", f"member-name={TWO}")
        self.assertEqual(server.found_by(host, *find), [TWO])
        # A registration that is replaced leaves the domain as it is.
        ashlar.patch(f"/targets/{TWO}", {"alias": "second"})
        array.wait_for(lambda: "second" in server.ask("--query", f"iscsi-name={TWO}", source=host), "the alias")
        self.assertEqual(server.found_by(host, *find), [TWO])
        # A server that has kept everything is asked, and not told again.
        before = ashlar.get("/isns-servers/isns-a")["status"]["registrations"]
        server.kill()
        self.wait_state(ashlar, "unreachable")
        server.begin()
        self.wait_state(ashlar, "registered")
        self.assertEqual(ashlar.get("/isns-servers/isns-a")["status"]["registrations"], before)
