"""NVMe/TCP over TLS as foreign programs do it: OpenSSL's client shakes hands, nvme-cli makes and checks keys."""
import shutil
import socket
import struct
import subprocess
import unittest

from case import Case
from support import array, tls_psk
from support.tls_psk import DISCOVERY, KEYS, SUITES

SUBSYSTEM = "nqn.2026-11.io.ashlar:demo"
HOST, OPTIONAL = (f"nqn.2014-08.org.nvmexpress:uuid:00000000-0000-4000-8000-00000000000{i}" for i in (1, 2))
ICREQ = struct.pack("<BBBBIHBBI", 0, 0, 128, 0, 128, 0, 0, 0, 0).ljust(128, b"\0")


def derive(text, host=HOST, subsystem=SUBSYSTEM, version=1):
    return tls_psk.derive(text, host, subsystem, version)


def document_with(tls, number="01"):
    document = array.document_of([array.memory_volume("one")], target=SUBSYSTEM, hosts=[
        {"name": "h1", "initiators": [HOST], "tls_key": KEYS[number]},
        {"name": "h2", "initiators": [OPTIONAL], "tls_key": KEYS[number], "tls_optional": True}])
    document["portals"][0].update(protocol="nvme-tcp", tls=tls)
    document["mappings"].append({**document["mappings"][0], "host": "h2"})
    return document


class NvmeTlsTest(Case):
    def handshake(self, served, identity, key, suite, *more, say=ICREQ):
        """OpenSSL's client sends `say` once hands are shaken: what comes back, and what it says of the handshake."""
        where = served.document["portals"][0]
        command = ["openssl", "s_client", "-connect", f"{where['address']}:{where['port']}", "-tls1_3", "-ciphersuites", suite,
                   "-psk_identity", identity, "-psk", key.hex(), "-quiet", "-no_ign_eof", *more]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
            try:
                client.stdin.write(say)
                client.stdin.flush()
                heard = client.stdout.read(128)
            except BrokenPipeError:
                heard = b""
            client.stdin.close()
            client.kill()
            return heard, client.stderr.read().decode(errors="replace")

    def assert_initialized(self, heard, said):
        self.assertEqual(heard[:1], b"\1", said)  # ICResp
        self.assertEqual(len(heard), 128)

    def test_openssl_shakes_hands(self):
        # s_client takes a key of -psk for SHA-256 alone.
        for version in (0, 1):
            with self.subTest(version=version):
                served = self.serve(document_with("required"))
                identity, key = derive(KEYS["01"], version=version)
                self.assert_initialized(*self.handshake(served, identity, key, SUITES["01"]))
                # It is offered behind others that it does not fit.
                self.assert_initialized(*self.handshake(served, identity, key, f"{SUITES['02']}:{SUITES['01']}"))
                identity, key = derive(KEYS["01"], subsystem=DISCOVERY, version=version)
                self.assert_initialized(*self.handshake(served, identity, key, SUITES["01"]))

    def test_who_has_no_key_is_refused(self):
        served = self.serve(document_with("allowed"))
        identity, key = derive(KEYS["01"])
        heard, said = self.handshake(served, identity, bytes(32), SUITES["01"])
        self.assertEqual(heard, b"", said)
        self.assertIn("is not the one that is kept for it here", served.log())
        heard, said = self.handshake(served, "Client_identity", key, SUITES["01"])
        self.assertEqual(heard, b"", said)
        self.assertIn("unknown psk identity", said.lower())
        identity, key = derive(KEYS["01"], subsystem="nqn.2026-11.io.ashlar:other")
        self.assertEqual(self.handshake(served, identity, key, SUITES["01"])[0], b"")
        where = served.document["portals"][0]
        without = subprocess.run(["openssl", "s_client", "-connect", f"{where['address']}:{where['port']}", "-quiet"],
                                 input=ICREQ, capture_output=True, timeout=60, check=False)
        self.assertEqual(without.stdout, b"")
        self.assertIn("offers no pre-shared key", served.log())
        older = subprocess.run(["openssl", "s_client", "-connect", f"{where['address']}:{where['port']}", "-quiet", "-tls1_2"],
                               input=ICREQ, capture_output=True, timeout=60, check=False)
        self.assertEqual(older.stdout, b"")
        self.assertIn("does not speak TLS 1.3", served.log())

    def say_in_the_clear(self, served, what=ICREQ):
        where = served.document["portals"][0]
        with socket.create_connection((where["address"], where["port"]), timeout=30) as host:
            host.sendall(what)
            return host.recv(4096)

    def test_in_the_clear(self):
        served = self.serve(document_with("required"))
        self.assertEqual(self.say_in_the_clear(served)[:1], b"\3")  # C2HTermReq
        self.assertIn("this portal takes TLS alone", array.wait_for(
            lambda: "login.refused" in served.log() and served.log(), "the refusal"))
        served.apply(document_with("allowed") | {"portals": [served.document["portals"][0] | {"tls": "allowed"}]})
        self.assertEqual(self.say_in_the_clear(served)[:1], b"\1")
        identity, key = derive(KEYS["01"])
        self.assert_initialized(*self.handshake(served, identity, key, SUITES["01"]))
        served.apply(served.document | {"portals": [served.document["portals"][0] | {"tls": "off"}]})
        self.assertEqual(self.handshake(served, identity, key, SUITES["01"])[0], b"")
        self.assertEqual(self.say_in_the_clear(served)[:1], b"\1")

    def test_no_key_is_told(self):
        served = self.serve(document_with("required"))
        self.handshake(served, *derive(KEYS["01"]), SUITES["01"])
        told = str([served.call(method) for method in ("status", "document", "stats", "sessions", "events")]) + served.log()
        self.assertNotIn(KEYS["01"].split(":")[2][:20], told)
        self.assertIn("(redacted)", told)

    @unittest.skipUnless(shutil.which("nvme"), "there is no nvme-cli here")
    def test_keys_of_nvme_cli(self):
        for number in ("1", "2"):
            made = array.run("nvme", "gen-tls-key", "/dev/null", "-m", number).stdout.strip()
            document = document_with("required")
            document["hosts"][0]["tls_key"] = made
            self.serve(document)
        spoilt = document_with("required")
        spoilt["hosts"][0]["tls_key"] = KEYS["01"].replace("VRLb", "VRLc")
        served = self.serve(document_with("required"))
        with self.assertRaises(array.Refusal) as refused:
            served.apply(spoilt)
        self.assertIn("check value", str(refused.exception))
        self.assertNotIn("VRLc", str(refused.exception))
