"""Bad input by the thousand: PDUs that make sense where the connection stands, and then something in them does not."""
import os
import re
import struct

from conformance import plain_socket
from conformance.iscsi import pdu
from conformance.iscsi import initiator as host
from conformance.iscsi.pdu import DATA_OUT, LOGIN, LOGOUT, NOP_OUT, RESERVED, SCSI_COMMAND, SNACK, TASK_MANAGEMENT, TEXT
from support import array
from support.crc32c import digest

TABLE = os.path.join(array.ROOT, "src", "scsi", "opcodes.def")
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, RESERVED)
NUMBERS = ("0", "1", "511", "512", "65536", "16777215", "16777216", "-1", "0x200", "4294967296", "9" * 40, "", "Yes", "No", "?")
WORDS = {"HeaderDigest": ("None", "CRC32C", "CRC32C,None", "MD5", ",", ""), "DataDigest": ("None", "CRC32C", "None,CRC32C", "x"),
         "AuthMethod": ("None", "CHAP", "CHAP,None", "KRB5", "SRP,CHAP"), "CHAP_A": ("5", "7", "8,7,6,5", "6,5", "99", ""),
         "CHAP_N": ("the-host", "x" * 300, ""), "CHAP_R": ("0x" + "ab" * 16, "0x" + "00" * 32, "0b" + "QUJD" * 8, "0x", "77"),
         "CHAP_I": ("1", "256", "-"), "CHAP_C": ("0x" + "11" * 16, "0x" + "11" * 1500, "0b="), "SessionType": ("Normal", "Discovery", "x"),
         "TargetAlias": ("a" * 255,), "InitiatorAlias": ("a" * 300, "\xff"), "X-com.example": ("1",), "TaskReporting": ("RFC3720", "x"),
         "iSCSIProtocolLevel": NUMBERS, "SendTargets": ("All", "", "x"), "InitialR2T": ("Yes", "No", "1"), "ImmediateData": ("Yes", "No"),
         "DataPDUInOrder": ("Yes", "No"), "DataSequenceInOrder": ("Yes", "No"), "OFMarker": ("No", "Yes"), "IFMarkInt": ("1~2",),
         **{name: NUMBERS for name in ("MaxRecvDataSegmentLength", "MaxBurstLength", "FirstBurstLength", "MaxConnections",
                                       "MaxOutstandingR2T", "DefaultTime2Wait", "DefaultTime2Retain", "ErrorRecoveryLevel")}}
ROW = re.compile(r'^OPCODE\("[^"]*",\s*(0x\w+),\s*(-1|0x\w+),\s*(\d+),[^,]*, \w+, (.*)\)$', re.M)


def commands():
    """(operation code, service action, bits that are looked at from byte 1 on) of all that the array knows."""
    with open(TABLE, encoding="ascii") as file:
        found = [(int(code, 16), int(action, 16 if "x" in action else 10), [int(byte, 16) for byte in usage.split(",")])
                 for code, action, _, usage in ROW.findall(file.read())]
    assert len(found) > 80, f"{TABLE} is not understood"
    return found


class Mutator:
    """What one worker sends; all chance comes from `rng`."""

    def __init__(self, rng):
        self.rng, self.commands = rng, commands()

    def number(self):
        """Small, at an edge, or anything."""
        rng = self.rng
        return rng.choice((rng.randrange(64), rng.choice(EDGES), rng.randrange(1 << 32)))

    def data(self):
        size = self.rng.choice((0, 0, 4, 24, 512, 512, 4096, 8192, self.rng.randrange(70000)))
        return self.rng.choice((bytes(size), b"\xff" * size, self.rng.randbytes(size)))

    # Commands.
    def cdb(self):
        code, action, usage = self.rng.choice(self.commands)
        if code == 0x7F:
            cdb = bytearray([code, 0, 0, 0, 0, 0, 0, 0x18]) + action.to_bytes(2, "big") + bytes(22)
        else:
            cdb = bytearray(16)
            cdb[0], cdb[1] = code, max(action, 0)
        style = self.rng.random()
        for at in range(10 if code == 0x7F else 1 if action < 0 else 2, min(len(usage) + 1, len(cdb))):
            value = 0 if style < 0.5 else self.rng.choice((0, 0, 0, 0xFF, self.rng.randrange(256)))
            cdb[at] = value & usage[at - 1]
        if style < 0.5 and code != 0x7F:   # a range on the medium
            wide = code >> 5 == 4
            struct.pack_into(">Q" if wide else ">I", cdb, 2, self.rng.randrange(70000))
            struct.pack_into(">I", cdb, 10 if wide else 6, self.rng.choice((0, 1, 8, 100, self.number())))
        return bytes(cdb)

    def scsi(self, link):
        cdb, data = self.cdb(), self.data()
        flags = self.rng.choice((0x81, 0xC1, 0xA1, 0xA1, 0xE1, 0x21, 0x80 | self.rng.randrange(8), self.rng.randrange(256)))
        ahs = pdu.additional_header(1, b"\0" + cdb[16:]) if len(cdb) > 16 else b""
        if self.rng.random() < 0.05:
            ahs = pdu.additional_header(self.rng.randrange(4), self.rng.randbytes(self.rng.choice((1, 5, 17, 200))))
        length = self.rng.choice((len(data), len(data), 512, 65536, self.number()))
        if not flags & 0x20:
            data = data if self.rng.random() < 0.1 else b""
        return link.pdu(SCSI_COMMAND, flags, data, ahs, lun=self.lun(), cdb=cdb[:16], expected_length=length)

    def lun(self):
        return self.rng.choice((1, 1, 2, 0, 77, b"\x40\x01", b"\xc1\x01", self.rng.randbytes(8)))

    # The other PDUs.
    def data_out(self, link):
        tag, ttt, offset, length = self.rng.choice(link.asked) if link.asked and self.rng.random() < 0.8 else \
            (self.some_tag(link), self.rng.choice((RESERVED, self.number())), self.number(), 512)
        data = bytes(min(length, 65536)) if self.rng.random() < 0.8 else self.data()
        return link.pdu(DATA_OUT, self.rng.choice((0x80, 0x80, 0)), data, itt=tag, ttt=ttt, lun=1, cmd_sn=0,
                        data_sn=self.rng.choice((0, 0, 1, self.number())), buffer_offset=self.rng.choice((offset, offset, self.number())))

    def some_tag(self, link):
        return self.rng.choice((max(link.next_tag - self.rng.randrange(1, 9), 0), RESERVED, self.number()))

    def manage(self, link):
        function = self.rng.choice((1, 1, 2, 4, 5, 8, self.rng.randrange(128), *((6, 7) if self.rng.random() < 0.02 else ())))
        return link.pdu(TASK_MANAGEMENT, 0x80 | function, lun=self.lun(), referenced_tag=self.some_tag(link),
                        ref_cmd_sn=link.cmd_sn - self.rng.randrange(4), immediate=self.rng.random() < 0.7)

    def ping(self, link):
        ttt = self.rng.choice((RESERVED, RESERVED, *link.transfer_tags, self.number()))
        return link.pdu(NOP_OUT, 0x80, self.data(), ttt=ttt, itt=self.rng.choice((None, RESERVED)), immediate=self.rng.random() < 0.5)

    def text(self, link):
        return link.pdu(TEXT, self.rng.choice((0x80, 0x80, 0x00, 0x40)), self.keys(),
                        ttt=self.rng.choice((RESERVED, *link.transfer_tags, self.number())))

    def snack(self, link):
        return link.pdu(SNACK, 0x80 | self.rng.randrange(4), itt=self.some_tag(link),
                        snack_tag=self.rng.choice((0, RESERVED, self.number())), begin_run=self.number(),
                        run_length=self.number(), cmd_sn=0)

    def logout(self, link):
        return link.pdu(LOGOUT, 0x80 | self.rng.randrange(4), cid=self.rng.choice((link.cid, 1, self.number())),
                        immediate=self.rng.random() < 0.5)

    def anything(self, link):
        return link.pdu(self.rng.randrange(64), self.rng.randrange(256), self.data(), self.rng.randbytes(self.rng.choice((0, 4, 16, 1020))))

    def keys(self):
        rng, text = self.rng, b""
        for name in rng.sample(sorted(WORDS), rng.choice((0, 1, 3, 8))):
            text += f"{name}={rng.choice(WORDS[name])}\0".encode("latin-1")
        if rng.random() < 0.2:
            text += rng.choice((b"=\0", b"\0\0\0", b"a=b", b"x" * 70 + b"=1\0", rng.randbytes(rng.randrange(400)),
                                b"k=" + b"v" * 9000 + b"\0"))
        return text[:65536]

    def login(self, link):
        """One of a login's requests: with the names that it needs, most times."""
        rng = self.rng
        names = host.login_keys(rng.choice((link.target, link.target, None, "iqn.x:y")), rng.choice(link.names))
        text = b"" if rng.random() < 0.2 else pdu.text_of(names if rng.random() < 0.8 else {})
        flags = rng.choice((0x87, 0x81, 0x04, 0x00, 0x83, 0x47, 0x40, 0x44, rng.randrange(256)))
        return link.pdu(LOGIN, flags, text + self.keys(), immediate=rng.random() < 0.95, isid=rng.choice((link.isid, rng.randbytes(6))),
                        tsih=rng.choice((0, 0, 0, link.tsih, rng.randrange(1 << 16))), itt=rng.choice((0, 0, self.number())),
                        cid=rng.choice((0, 0, rng.randrange(1 << 16))))

    def one(self, link, logged_in):
        """The bytes to send next."""
        if not logged_in and self.rng.random() < 0.85:
            octets = self.login(link)
        else:
            kinds = {self.scsi: 50, self.data_out: 20, self.manage: 8, self.ping: 5, self.text: 5, self.snack: 4, self.logout: 0.5,
                     self.login: 0.5, self.anything: 3}
            make = self.rng.choices(list(kinds), list(kinds.values()))[0]
            octets = make(link)
        return self.bend(link, octets)

    # What is wrong with it.
    def bend(self, link, octets):
        rng, chance = self.rng, self.rng.random()
        if chance < 0.75:
            return bytes(octets)
        octets = bytearray(octets)
        if chance < 0.93:
            for _ in range(rng.choice((1, 1, 2, 5))):
                at = rng.randrange(min(len(octets), rng.choice((48, 48, 48, len(octets)))))
                how = rng.randrange(4)
                if how == 0:
                    octets[at] ^= 1 << rng.randrange(8)
                elif how == 1:
                    octets[at] = rng.choice((0, 0xFF, rng.randrange(256)))
                elif how == 2 and at + 4 <= len(octets):
                    struct.pack_into(">I", octets, at & ~3, self.number())
                else:
                    octets[at] = (octets[at] + rng.choice((1, -1))) % 256
            link.seal(octets)   # the digest of a bent header is right most times: else it would not get far
        elif chance < 0.95:
            del octets[rng.randrange(1, len(octets)):]
        elif chance < 0.97:
            octets *= 2
        elif chance < 0.985:
            octets[rng.randrange(len(octets)):0] = rng.randbytes(rng.choice((1, 4, 48, 300)))
        else:
            octets += rng.randbytes(rng.choice((1, 3, 47)))
        return bytes(octets)


class Link(host.Connection):
    """A connection that keeps no rule, and remembers what the target asked of it."""

    def __init__(self, world, source, rng):
        where = rng.choice([portal for portal in world.document["portals"] if portal.get("protocol", "iscsi") == "iscsi"])
        super().__init__(where["address"], where["port"], source)
        self.rng, self.target, self.strict = rng, world.target, False
        self.names = [entry["initiators"][0] if entry.get("initiators") else host.NAME for entry in world.document["hosts"]]
        self.asked, self.transfer_tags = [], [RESERVED]

    def pdu(self, opcode, flags=0x80, data=b"", ahs=b"", immediate=False, **fields):
        fields = {"itt": None, "cmd_sn": self.cmd_sn, "exp_stat_sn": self.exp_stat_sn or 0, **fields}
        if fields["itt"] is None:
            fields["itt"] = self.tag()
        if not immediate and opcode not in (DATA_OUT, SNACK, LOGIN):
            self.cmd_sn = (self.cmd_sn + 1) & 0xFFFFFFFF
        return self.pack(pdu.build(opcode, flags, immediate, **fields), data, ahs)

    def seal(self, octets):
        head = 48 + octets[4] * 4
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
        while self.one_heard():
            pass
        return True

    def one_heard(self):
        if len(self.received) < 48:
            return False
        head, length = self.received[:48], int.from_bytes(self.received[5:8], "big")
        whole = 48 + head[4] * 4 + length + -length % 4 + 4 * self.header_digest + 4 * (self.data_digest and length > 0)
        if len(self.received) < whole:
            return False
        del self.received[:whole]
        told = pdu.Pdu(head)
        if told.opcode == pdu.R2T:
            self.asked = [*self.asked[-7:], (told.itt, told.ttt, told.buffer_offset, told.desired_length)]
        elif told.opcode in (pdu.NOP_IN, pdu.TEXT_RESPONSE):
            self.transfer_tags = [*self.transfer_tags[-7:], told.ttt]
        if told.takes_stat_sn():
            self.exp_stat_sn = (told.stat_sn + 1) & 0xFFFFFFFF
        return True
