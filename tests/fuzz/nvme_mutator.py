"""The same for NVMe/TCP: PDUs and commands that make sense where the queue stands, and then something in them does not."""
import struct

from conformance import plain_socket
from conformance.nvme import wire
from conformance.nvme.host import Queue
from mutator import Mutator
from support.crc32c import digest

IO = (wire.READ, wire.READ, wire.WRITE, wire.WRITE, wire.COMPARE, wire.ZEROES, wire.DATASET, wire.VERIFY, wire.COPY, wire.FLUSH,
      wire.REGISTER, wire.REPORT, wire.ACQUIRE, wire.RELEASE)
ADMIN = (wire.GET_LOG, wire.IDENTIFY, wire.ABORT, wire.SET_FEATURES, wire.GET_FEATURES, wire.EVENT_REQUEST, wire.KEEP_ALIVE)
PAGES = (0, 1, 2, 3, 4, 5, 0x0C, 0x70, 0x80, 0x81, 0xFF)
FEATURES = (1, 2, 4, 5, 6, 7, 0x0A, 0x0B, 0x0E, 0x0F, 0x16, 0x81, 0x82, 0x83)
KINDS = (wire.PROPERTY_GET, wire.PROPERTY_GET, wire.PROPERTY_SET, wire.CONNECT, wire.AUTH_SEND, wire.AUTH_RECEIVE, wire.DISCONNECT)


class NvmeMutator(Mutator):
    def one(self, link, connected):
        """The bytes to send next."""
        rng = self.rng
        if not connected:
            kinds = {self.initialization: 5, self.fabrics: 20, self.command: 5, self.anything: 2}
        else:
            kinds = {self.command: 60, self.host_data: 20, self.fabrics: 8, self.anything: 3, self.termination: 0.5,
                     self.initialization: 0.5}
        return self.bend(link, rng.choices(list(kinds), list(kinds.values()))[0](link))

    def capsule(self, link, entry, data):
        """With a descriptor that fits, most times."""
        rng = self.rng
        room = rng.choice((512, 512, 4096, 4096, 8192, 65536, 0, self.number()))
        entry, inline = link.complete(entry, data, room, capsule=len(data) <= 8192 and rng.random() < 0.8)
        if rng.random() < 0.05:
            entry[24 + rng.randrange(16)] = rng.randrange(256)
        return link.pack(wire.COMMAND, bytes(entry), inline)

    def command(self, link):
        rng = self.rng
        opcode = rng.choice(ADMIN if link.admin else IO)
        if rng.random() < 0.05:
            opcode = rng.randrange(256)
        entry = wire.entry(opcode, rng.choice((1, 1, 1, 2, 0, 77, 0xFFFFFFFF, self.number())),
                           fuse=rng.choice((0, 0, 0, 0, 0, 1, 2, rng.randrange(4))))
        if link.admin:
            low = {wire.GET_LOG: PAGES, wire.IDENTIFY: range(0x20), wire.GET_FEATURES: FEATURES, wire.SET_FEATURES: FEATURES}
            word = rng.choice(list(low.get(opcode, range(256)))) | rng.choice((0, 0x0F << 16, 0x3FF << 16, self.number() << 8))
            struct.pack_into("<I", entry, 40, word & 0xFFFFFFFF)
            struct.pack_into("<I", entry, 44, rng.choice((0, 0, 1, self.number())))
        else:
            count = rng.choice((0, 7, 15, 255, self.number() & 0xFFFF)) | rng.choice((0, 0, 0, self.number() << 16 & 0xFFFFFFFF))
            struct.pack_into("<QI", entry, 40, rng.choice((rng.randrange(70000), self.number())), count)
            if opcode >= wire.REGISTER and opcode != wire.COPY:
                struct.pack_into("<I", entry, 40, rng.choice((0, 1, 2, 0x101, 0x302, 0x600, 0xFF, self.number())))
        if rng.random() < 0.1:
            struct.pack_into("<I", entry, 4 * rng.randrange(10, 16), self.number())
        if opcode & 3 != 1:
            return self.capsule(link, entry, b"")
        of_blocks = opcode in (wire.WRITE, wire.COMPARE)
        fitting = bytes((wire.number(entry, 48, 2) + 1) * 512) if of_blocks else struct.pack("<QQ", 1, 2) * rng.choice((1, 1, 2, 64))
        return self.capsule(link, entry, fitting[:1 << 17] if rng.random() < 0.8 else self.data())

    def fabrics(self, link):
        rng = self.rng
        kind = rng.choice(KINDS if rng.random() < 0.95 else range(256))
        if kind == wire.CONNECT:
            entry = wire.connect_entry(rng.choice((0, 0, 1, 2, self.number() & 0xFFFF)), rng.choice((32, 128, 2, 1, 1024)),
                                       attributes=rng.choice((0, 0, 4, rng.randrange(256))),
                                       keep_alive=rng.choice((0, 5000, self.number())))
            data = wire.connect_data(rng.choice(link.subsystems), rng.choice((link.facts["host"], b"", b"n" * 256)), link.facts["host_id"],
                                     rng.choice((0xFFFF, 0xFFFF, link.controller, self.number() & 0xFFFF)))
            return self.capsule(link, entry, data if rng.random() < 0.9 else self.data())
        entry = wire.fabrics(kind, cdw10=rng.choice((0, 0, 1, rng.randrange(256))),
                             cdw11=rng.choice((0, 8, 0x14, 0x14, 0x1C, self.number())),
                             cdw12=rng.choice((0x460001, 0x460001, 0, 0x464001, self.number())))
        return self.capsule(link, entry, b"")

    def host_data(self, link):
        rng = self.rng
        known = link.asked and rng.random() < 0.8
        command, tag, offset, length = rng.choice(link.asked) if known else (
            self.number() & 0xFFFF, self.number() & 0xFFFF, self.number(), 512)
        data = bytes(min(length, 65536)) if rng.random() < 0.8 else self.data()
        length = rng.choice((len(data), len(data), len(data), self.number()))
        return link.pack(wire.H2C_DATA, wire.transfer(command, tag, offset, length), data, flags=rng.choice((4, 4, 4, 0)))

    def termination(self, link):
        quoted = self.rng.randbytes(self.rng.choice((0, 24, 128)))
        return link.pack(wire.H2C_TERM, struct.pack("<HI10x", self.rng.randrange(9), self.number()) + quoted, length=24)

    def initialization(self, _link):
        rng = self.rng
        return wire.ic_req(rng.choice((0, 0, 0, 1)), rng.choice((0, 0, 3, 31, 32, 255)), rng.randrange(4),
                           rng.choice((0, 15, self.number())))

    def anything(self, link):
        return link.pack(self.rng.randrange(256), self.rng.randbytes(self.rng.choice((16, 64, 120))), self.data()[:9000],
                         flags=self.rng.randrange(256))


class NvmeLink(Queue):
    """A queue that keeps no rule, and remembers what the target asked of it."""

    def __init__(self, world, source, rng, facts, subsystems, admin=True):
        where = rng.choice([portal for portal in world.document["portals"] if portal.get("protocol") == "nvme-tcp"])
        super().__init__(where["address"], where["port"], source)
        self.rng, self.facts, self.subsystems, self.admin, self.controller = rng, facts, subsystems, admin, 1

    def seal(self, octets):
        head = octets[2] if len(octets) > 2 else 0
        if self.header_digest and len(octets) >= head + 4 and self.rng.random() < 0.9:
            octets[head:head + 4] = digest(bytes(octets[:head]))

    def listen(self):
        """Takes what is there, without waiting; False at the end of the stream."""
        self.socket.setblocking(False)
        try:
            got = self.socket.recv(1 << 20)
            if not got:
                return False
            self.received += got
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(plain_socket.SECONDS)
        while len(self.received) >= 24:
            total = wire.number(self.received, 4, 4)
            if len(self.received) < total:
                break
            if self.received[0] == wire.R2T:
                self.asked = [*self.asked[-7:], struct.unpack_from("<HHII", self.received, 8)]
            del self.received[:max(total, 8)]
        return True
