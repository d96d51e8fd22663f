"""Whatever comes by the wire: the engine lives, and those who behave are served."""
import os
import random
import socket
import struct
import time

from case import Case
from support import array, initiator

SECONDS = 10


def login_pdu(rng):
    header = bytearray(48)
    header[0], header[1] = 0x43, rng.choice((0x87, 0x81, 0x04, 0x00, 0xC7, 0x87))
    header[8:14] = rng.randbytes(6)
    struct.pack_into(">I", header, 24, 1)
    keys = {"InitiatorName": initiator.NAME, "TargetName": array.TARGET, "SessionType": "Normal", "AuthMethod": "None,CHAP",
            "MaxRecvDataSegmentLength": rng.choice((0, 1, 512, 65536, 1 << 24, -1)), "HeaderDigest": "CRC32C,None"}
    chosen = {name: value for name, value in keys.items() if rng.random() < 0.9}
    return initiator.pack(header, initiator.keys_of(chosen) + rng.randbytes(rng.choice((0, 0, 0, 9, 300))))


def any_pdu(rng, session):
    """A PDU of some kind with mostly believable fields; then, most times, something in it is broken."""
    opcode = rng.choice((0, 1, 1, 1, 2, 3, 4, 5, 5, 6, 0x10, 0x1C, rng.randrange(64)))
    header = bytearray(48)
    header[0] = opcode | rng.choice((0, 0x40))
    header[1] = rng.choice((0x80, 0xA1, 0xC1, 0xE1, rng.randrange(256)))
    struct.pack_into(">H", header, 8, rng.choice((1, 1, 1, 0, 77, 0xC001)))
    struct.pack_into(">IIII", header, 16, rng.choice((session.next_tag, 0xFFFFFFFF, rng.randrange(1 << 32))),
                     rng.choice((512, 4096, 1 << 20, 0xFFFFFFFF, 0)), session.cmd_sn, session.exp_stat_sn)
    cdb = rng.choice((initiator.read_16(0, 8), initiator.write_16(0, 8), initiator.INQUIRY, rng.randbytes(16),
                      initiator.write_16(rng.randrange(1 << 64), rng.randrange(1 << 32)), bytes([0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0])))
    header[32:32 + len(cdb)] = cdb
    if opcode == 1 and rng.random() < 0.9:
        session.cmd_sn += 1
    session.next_tag += 1
    data = rng.randbytes(rng.choice((0, 0, 4, 512, 4096, 8192, rng.randrange(70000))))
    octets = bytearray(initiator.pack(header, data, rng.randbytes(rng.choice((0, 0, 0, 4, 16, 1020)))))
    for _ in range(rng.choice((0, 1, 1, 2, 5, 40))):
        octets[rng.randrange(min(len(octets), rng.choice((48, 48, len(octets)))))] = rng.choice((0, 255, rng.randrange(256)))
    if rng.random() < 0.05:
        del octets[rng.randrange(1, len(octets)):]
    return bytes(octets)


class MalformedTest(Case):
    def resources(self):
        """(open files, resident KiB) of the engine."""
        with open(f"/proc/{self.served.pid}/status", encoding="ascii") as status:
            memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        return len(os.listdir(f"/proc/{self.served.pid}/fd")), memory

    def setUp(self):
        self.seed = random.randrange(1 << 32)
        self.rng = random.Random(self.seed)
        hosts = [{"name": "any", "any": True}]
        self.served = self.serve(array.document_of([array.memory_volume("v1")], hosts=hosts))
        self.port = self.served.document["portals"][0]["port"]
        self.witness = self.session(self.served)

    def assert_still_serves(self, witness=True):
        self.assertTrue(self.served.alive(), f"the engine died; seed {self.seed}")
        if witness:
            self.assertEqual(self.witness.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD, "a session that was there")
        with self.session(self.served) as session:
            self.assertEqual(session.run(initiator.read_16(0, 8), read=4096)[0], initiator.GOOD)
            session.logout()

    def fuzz(self, begin, make):
        """Connection after connection until the time is up; (connections, PDUs)."""
        before = self.resources()
        deadline, connections, pdus = time.monotonic() + SECONDS, 0, 0
        while time.monotonic() < deadline:
            connections += 1
            session = begin()
            try:
                for _ in range(self.rng.randrange(1, 400)):
                    session.send_raw(make(session))
                    pdus += 1
                    self.swallow(session)
            except (OSError, initiator.Closed):
                pass
            finally:
                session.close()
            if connections % 50 == 0:
                self.assertTrue(self.served.alive(), f"the engine died; seed {self.seed}")
        array.wait_for(lambda: self.resources()[0] <= before[0] + 2, f"the engine to close what it opened; before: {before}")
        # Buffers that are touched for the first time stay: bounded, and taken at start.
        self.assertLess(self.resources()[1], before[1] + 192 * 1024, "memory grows")
        return connections, pdus

    def swallow(self, session):
        """Reads what is there, without waiting."""
        session.socket.settimeout(0)
        try:
            if session.socket.recv(1 << 20) == b"":
                raise initiator.Closed("end of stream")
        except BlockingIOError:
            pass
        finally:
            session.socket.settimeout(10)

    def test_after_login(self):
        connections, pdus = self.fuzz(lambda: self.session(self.served), lambda session: any_pdu(self.rng, session))
        print(f"         after login: {pdus} PDUs by {connections} connections, seed {self.seed}")
        self.assert_still_serves(witness=False)  # a cold reset among the PDUs may end sessions of others, rightly

    def test_before_login(self):
        def begin():
            return initiator.Session("127.0.0.1", self.port, timeout=10)

        def make(session):
            octets = bytearray(login_pdu(self.rng) if self.rng.random() < 0.8 else any_pdu(self.rng, session))
            for _ in range(self.rng.choice((0, 1, 3))):
                octets[self.rng.randrange(len(octets))] = self.rng.randrange(256)
            return bytes(octets)
        connections, pdus = self.fuzz(begin, make)
        print(f"         before login: {pdus} PDUs by {connections} connections, seed {self.seed}")
        self.assert_still_serves()

    def test_other_protocols(self):
        """What port scanners send."""
        for said in (b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), b"\n", b"\0" * 4096,
                     b"\xff" * 100000, b"SSH-2.0-OpenSSH_9.2\r\n"):
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as scanner:
                scanner.sendall(said)
                scanner.shutdown(socket.SHUT_WR)
                try:
                    while scanner.recv(4096):
                        pass
                except ConnectionError:
                    pass
        self.assert_still_serves()

    def test_half_logins_hold_nobody_up(self):
        """More connections that say nothing than may be half open; those who log in are served."""
        silent = [socket.create_connection(("127.0.0.1", self.port), timeout=10) for _ in range(150)]
        try:
            self.assert_still_serves()
        finally:
            for each in silent:
                each.close()

    def test_data_of_a_refused_login(self):
        """Keys of any length are echoed or refused, never more."""
        for length in (1, 63, 64, 255, 256, 4096, 8191, 16384, 65536):
            session = initiator.Session("127.0.0.1", self.port, timeout=10)
            try:
                session.send(session.login_header(), initiator.keys_of({"X" * length: "y" * length})[:65536])
                session.receive()
            except (initiator.Closed, OSError):
                pass
            finally:
                session.close()
        self.assert_still_serves()
