"""A small iSCSI host on plain sockets (RFC 7143): many sessions, many commands in flight, and PDUs that are wrong on purpose.
No digests, no negotiation beyond what the tests need."""
import hashlib
import os
import socket
import struct

NOP_OUT, SCSI_COMMAND, TASK_MANAGEMENT, LOGIN, TEXT, DATA_OUT, LOGOUT = 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
NOP_IN, SCSI_RESPONSE, TASK_MANAGEMENT_RESPONSE, LOGIN_RESPONSE, DATA_IN, LOGOUT_RESPONSE, R2T, ASYNC, REJECT = \
    0x20, 0x21, 0x22, 0x23, 0x25, 0x26, 0x31, 0x32, 0x3F
ABORT_TASK, ABORT_TASK_SET, CLEAR_TASK_SET, LUN_RESET, WARM_RESET, COLD_RESET = 1, 2, 4, 5, 6, 7
NAME = "iqn.2026-11.io.ashlar.test:host"
GOOD, CHECK_CONDITION = 0x00, 0x02


class Closed(Exception):
    """The target closed the connection, or reset it."""


class Refused(Exception):
    """The login was answered with another status than success."""

    def __init__(self, status_class, detail):
        super().__init__(f"login refused: {status_class:02x}{detail:02x}")
        self.status = (status_class, detail)


class Pdu:
    def __init__(self, header, data=b""):
        self.header, self.data = header, data

    opcode = property(lambda self: self.header[0] & 0x3F)
    flags = property(lambda self: self.header[1])
    tag = property(lambda self: struct.unpack_from(">I", self.header, 16)[0])
    status = property(lambda self: self.header[3])
    stat_sn = property(lambda self: struct.unpack_from(">I", self.header, 24)[0])
    max_cmd_sn = property(lambda self: struct.unpack_from(">I", self.header, 32)[0])


def pack(header, data=b"", ahs=b""):
    """The bytes of a PDU; lengths are filled in, the data padded to four bytes."""
    whole = bytearray(header)
    whole[4] = len(ahs) // 4
    whole[5:8] = len(data).to_bytes(3, "big")
    return bytes(whole) + ahs + data + b"\0" * (-len(data) % 4)


def keys_of(pairs):
    return b"".join(f"{name}={value}\0".encode() for name, value in pairs.items())


class Session:
    """One session of one connection. `login()` first; then commands by tag, answers in any order."""

    def __init__(self, address, port, timeout=30):
        self.socket = socket.create_connection((address, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.cmd_sn, self.exp_stat_sn, self.max_cmd_sn = 1, 0, 1
        self.next_tag = 1
        self.isid = b"\x80" + os.urandom(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, header, data=b"", ahs=b""):
        self.send_raw(pack(header, data, ahs))

    def send_raw(self, octets):
        try:
            self.socket.sendall(octets)
        except OSError as problem:
            raise Closed(str(problem)) from None

    def receive(self):
        header = self.take(48)
        length = int.from_bytes(header[5:8], "big")
        self.take(header[4] * 4)
        pdu = Pdu(header, self.take(length + -length % 4)[:length])
        if pdu.opcode not in (R2T, DATA_IN):
            self.exp_stat_sn = (pdu.stat_sn + 1) & 0xFFFFFFFF
        self.max_cmd_sn = pdu.max_cmd_sn
        return pdu

    def take(self, count):
        while len(self.received) < count:
            try:
                got = self.socket.recv(1 << 18)
            except ConnectionError as problem:
                raise Closed(str(problem)) from None
            if not got:
                raise Closed("end of stream")
            self.received += got
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken

    def login_header(self, flags=0x87, stage_tag=0):
        header = bytearray(48)
        header[0], header[1] = 0x40 | LOGIN, flags
        header[8:14] = self.isid
        struct.pack_into(">I", header, 16, stage_tag)
        struct.pack_into(">II", header, 24, self.cmd_sn, self.exp_stat_sn)
        return header

    def login(self, target, initiator=NAME, chap=None, **keys):
        """Straight to the operational stage; with `chap`, a user and its secret, after that is proven."""
        pairs = {"InitiatorName": initiator, "SessionType": "Normal" if target else "Discovery", "HeaderDigest": "None",
                 "DataDigest": "None", "ImmediateData": "Yes", "InitialR2T": "No", "MaxRecvDataSegmentLength": 262144}
        if target:
            pairs["TargetName"] = target
        pairs.update(keys)
        if chap:
            names = {name: pairs.pop(name) for name in ("InitiatorName", "SessionType", "TargetName") if name in pairs}
            self.prove(names, *chap)
        self.send(self.login_header(), keys_of(pairs))
        while self.login_answer().flags & 0x83 != 0x83:
            self.send(self.login_header())
        return self

    def login_answer(self):
        answer = self.receive()
        if answer.opcode != LOGIN_RESPONSE:
            raise Closed(f"opcode {answer.opcode:02x} in answer to a login")
        if answer.header[36] != 0:
            raise Refused(answer.header[36], answer.header[37])
        return answer

    def prove(self, names, user, secret):
        """The security stage, by CHAP with MD5 (RFC 7143 12.1.3)."""
        for pairs in ({**names, "AuthMethod": "CHAP"}, {"CHAP_A": 5}):
            self.send(self.login_header(flags=0x00), keys_of(pairs))
            answer = self.login_answer()
        said = dict(pair.split("=", 1) for pair in answer.data.decode().split("\0") if pair)
        identifier, challenge = int(said["CHAP_I"], 0), bytes.fromhex(said["CHAP_C"][2:])
        proof = hashlib.md5(bytes([identifier]) + secret.encode() + challenge).hexdigest()
        self.send(self.login_header(flags=0x81), keys_of({"CHAP_N": user, "CHAP_R": f"0x{proof}"}))
        self.login_answer()

    def command(self, cdb, lun=1, read=0, write=b""):
        """Sends it, with all its data as immediate data; its tag."""
        tag, self.next_tag = self.next_tag, self.next_tag + 1
        header = bytearray(48)
        header[0] = SCSI_COMMAND
        header[1] = 0x80 | (0x40 if read else 0) | (0x20 if write else 0) | 0x01
        struct.pack_into(">H", header, 8, lun)
        struct.pack_into(">IIII", header, 16, tag, read or len(write), self.cmd_sn, self.exp_stat_sn)
        header[32:32 + len(cdb)] = cdb
        self.cmd_sn = (self.cmd_sn + 1) & 0xFFFFFFFF
        self.send(header, write)
        return tag

    def answer(self):
        """The next command that ended: (tag, status, sense or data)."""
        data = {}
        while True:
            pdu = self.receive()
            if pdu.opcode == DATA_IN:
                data.setdefault(pdu.tag, bytearray()).extend(pdu.data)
                if pdu.flags & 0x01:
                    self.exp_stat_sn = (pdu.stat_sn + 1) & 0xFFFFFFFF
                    return pdu.tag, pdu.status, bytes(data.pop(pdu.tag))
            elif pdu.opcode == SCSI_RESPONSE:
                return pdu.tag, pdu.status, bytes(data.pop(pdu.tag, b"")) or pdu.data[2:]
            elif pdu.opcode == NOP_IN and pdu.tag == 0xFFFFFFFF:
                self.answer_nop(pdu)
            elif pdu.opcode == ASYNC and pdu.header[36] == 1:
                self.exp_stat_sn = (pdu.stat_sn + 1) & 0xFFFFFFFF  # a request to log out, which may wait
            else:
                raise Closed(f"opcode {pdu.opcode:02x} in answer to a command")

    def answer_nop(self, pdu):
        header = bytearray(48)
        header[0], header[1] = 0x40 | NOP_OUT, 0x80
        header[8:16] = pdu.header[8:16]
        header[16:24] = b"\xff" * 4 + pdu.header[20:24]
        struct.pack_into(">II", header, 24, self.cmd_sn, self.exp_stat_sn)
        self.send(header)

    def run(self, cdb, **how):
        """One command, nothing else in flight: (status, sense or data). A unit attention is taken and the command repeated."""
        for _ in range(8):
            self.command(cdb, **how)
            _, status, data = self.answer()
            if status != CHECK_CONDITION or sense_of(data)[0] != 6:
                break
        return status, data

    def manage(self, function, lun=1, referenced_tag=0xFFFFFFFF, referenced_sn=0):
        """Sends a task management request, immediate: its tag. The answer is a TASK_MANAGEMENT_RESPONSE."""
        tag, self.next_tag = self.next_tag, self.next_tag + 1
        header = bytearray(48)
        header[0], header[1] = 0x40 | TASK_MANAGEMENT, 0x80 | function
        struct.pack_into(">H", header, 8, lun)
        struct.pack_into(">IIIII", header, 16, tag, referenced_tag, self.cmd_sn, self.exp_stat_sn, referenced_sn)
        self.send(header)
        return tag

    def logout(self):
        header = bytearray(48)
        header[0], header[1] = 0x40 | LOGOUT, 0x80
        struct.pack_into(">I", header, 16, self.next_tag)
        struct.pack_into(">II", header, 24, self.cmd_sn, self.exp_stat_sn)
        self.send(header)
        while self.receive().opcode != LOGOUT_RESPONSE:
            pass
        self.close()


def sense_of(data):
    """(key, additional code, qualifier) of fixed or descriptor sense, with or without its two bytes of length."""
    if data and data[0] & 0x7F not in (0x70, 0x71, 0x72, 0x73):
        data = data[2:]
    if len(data) < 8:
        return (0, 0, 0)
    if data[0] & 0x7F in (0x72, 0x73):
        return (data[1] & 0xF, data[2], data[3])
    return (data[2] & 0xF, data[12], data[13]) if len(data) > 13 else (data[2] & 0xF, 0, 0)


def read_16(block, count):
    return struct.pack(">BBQIBB", 0x88, 0, block, count, 0, 0)


def write_16(block, count):
    return struct.pack(">BBQIBB", 0x8A, 0, block, count, 0, 0)


TEST_UNIT_READY = bytes(6)
READ_CAPACITY_16 = struct.pack(">BBQIBB", 0x9E, 0x10, 0, 32, 0, 0)
SYNCHRONIZE_CACHE = struct.pack(">BBIBHB", 0x35, 0, 0, 0, 0, 0)
INQUIRY = struct.pack(">BBBHB", 0x12, 0, 0, 96, 0)


def vital_product_data(page):
    return struct.pack(">BBBHB", 0x12, 1, page, 1024, 0)


def designators_of(page):
    """Of VPD page 83 (SPC-4 7.8.6): (association, type, its bytes) each."""
    found, place = [], 4
    while place < 4 + int.from_bytes(page[2:4], "big"):
        length = page[place + 3]
        found.append((page[place + 1] >> 4 & 3, page[place + 1] & 0xF, page[place + 4:place + 4 + length]))
        place += 4 + length
    return found
