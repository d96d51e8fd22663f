"""One iSCSI connection on a plain socket, which says exactly what a case wants said. What the target answers is held against
the rules that every PDU must keep: digests, padding, StatSN, the command window, our MaxRecvDataSegmentLength."""
import os

from conformance.iscsi import pdu
from conformance.iscsi.bench import Wrong
from conformance.plain_socket import PlainSocket
from support.crc32c import digest
from support.initiator import NAME, TEST_UNIT_READY, Closed, sense_of

DEFAULTS = {"HeaderDigest": "None", "DataDigest": "None", "InitialR2T": "No", "ImmediateData": "Yes",
            "MaxRecvDataSegmentLength": 262144}


def before(left, right):
    """Serial number arithmetic (RFC 1982) on 32 bits."""
    return (left - right) & 0x80000000 != 0


class Connection(PlainSocket):
    def __init__(self, address, port, source):
        super().__init__(address, port, source)
        self.isid, self.tsih, self.cid = b"\x80" + os.urandom(5), 0, 0
        self.cmd_sn, self.exp_stat_sn, self.max_cmd_sn, self.exp_cmd_sn = 1, None, None, None
        self.next_tag = 1
        self.header_digest = self.data_digest = False
        self.max_receive = 8192          # what we declared; in login it is the default
        self.strict = True               # hold StatSN against the rules; not where answers are sent again
        self.answers = {}                # keys that the login was answered with

    def tag(self):
        self.next_tag += 1
        return self.next_tag - 1

    # Sending.
    def pack(self, header, data=b"", ahs=b"", padding=None, header_digest=None, data_digest=None):
        """The bytes of a PDU. Lengths are filled in, unless they were set; digests as negotiated, or as given."""
        header = bytearray(header)
        if not header[4]:
            header[4] = len(ahs) // 4
        if not any(header[5:8]):
            header[5:8] = len(data).to_bytes(3, "big")
        head = bytes(header) + ahs
        tail = data + (bytes(-len(data) % 4) if padding is None else padding)
        if self.header_digest:
            head += digest(head) if header_digest is None else header_digest
        if self.data_digest and data:
            tail += digest(tail) if data_digest is None else data_digest
        return head + tail

    def send(self, header, data=b"", **how):
        self.send_raw(self.pack(header, data, **how))

    def request(self, opcode, flags=pdu.FINAL, data=b"", immediate=False, how=None, **fields):
        """Sends a PDU with the numbers of this connection, unless given; its task tag. Not immediate: CmdSN moves on."""
        defaults = {"itt": None, "cmd_sn": self.cmd_sn, "exp_stat_sn": self.exp_stat_sn or 0}
        fields = {**defaults, **fields}
        if fields["itt"] is None:
            fields["itt"] = self.tag()
        if not immediate and "cmd_sn" in fields and opcode not in (pdu.DATA_OUT, pdu.SNACK, pdu.LOGIN):
            self.cmd_sn = (fields["cmd_sn"] + 1) & 0xFFFFFFFF
        self.send(pdu.build(opcode, flags, immediate, **fields), data, **(how or {}))
        return fields["itt"]

    # Receiving.
    def receive(self):
        head = self.take(48)
        ahs = self.take(head[4] * 4)
        if self.header_digest and self.take(4) != digest(head + ahs):
            raise Wrong("the header digest of an answer is wrong (RFC 7143 13.1)")
        length = int.from_bytes(head[5:8], "big")
        segment = self.take(length + -length % 4)
        if self.data_digest and length and self.take(4) != digest(segment):
            raise Wrong("the data digest of an answer is wrong (RFC 7143 13.1)")
        answer = pdu.Pdu(head, segment[:length], ahs)
        self.hold_against_rules(answer, segment[length:])
        return answer

    def hold_against_rules(self, answer, padding):
        if any(padding):
            raise Wrong(f"padding is not zero (RFC 7143 11.2.3): {answer}")
        if len(answer.data) > self.max_receive:
            raise Wrong(f"a data segment above our MaxRecvDataSegmentLength of {self.max_receive} (RFC 7143 13.12): {answer}")
        if answer.opcode == pdu.LOGIN_RESPONSE and answer.status_class:
            return   # its numbers mean nothing (RFC 7143 11.13.5)
        if answer.opcode == pdu.DATA_IN and not answer.takes_stat_sn():
            self.note_window(answer)
            return
        if self.strict and self.exp_stat_sn is not None and answer.stat_sn != self.exp_stat_sn:
            raise Wrong(f"StatSN is {answer.stat_sn}, not {self.exp_stat_sn} (RFC 7143 4.2.2.2): {answer}")
        if answer.takes_stat_sn() and (self.exp_stat_sn is None or not before(answer.stat_sn, self.exp_stat_sn)):
            self.exp_stat_sn = (answer.stat_sn + 1) & 0xFFFFFFFF
        self.note_window(answer)

    def note_window(self, answer):
        if before((answer.max_cmd_sn + 1) & 0xFFFFFFFF, answer.exp_cmd_sn):
            raise Wrong(f"MaxCmdSN is below ExpCmdSN - 1 (RFC 7143 4.2.2.1): {answer}")
        if self.exp_cmd_sn is None or not before(answer.exp_cmd_sn, self.exp_cmd_sn):
            self.exp_cmd_sn = answer.exp_cmd_sn
        if self.max_cmd_sn is None or not before(answer.max_cmd_sn, self.max_cmd_sn):
            self.max_cmd_sn = answer.max_cmd_sn

    def receive_of(self, *opcodes):
        """The next PDU, which must be one of these. Pings of the target are answered on the way."""
        while True:
            answer = self.receive()
            if answer.opcode == pdu.NOP_IN and answer.ttt != pdu.RESERVED and pdu.NOP_IN not in opcodes:
                self.pong(answer)
            elif answer.opcode in opcodes:
                return answer
            else:
                wanted = " or ".join(pdu.NAMES[opcode] for opcode in opcodes)
                raise Wrong(f"{answer} where {wanted} was expected")

    def pong(self, ping):
        self.request(pdu.NOP_OUT, immediate=True, itt=pdu.RESERVED, ttt=ping.ttt, lun=ping.header[8:16])

    def receive_end(self):
        """The connection must end now; asynchronous messages and rejects may come before."""
        try:
            while True:
                answer = self.receive()
                if answer.opcode not in (pdu.ASYNC, pdu.REJECT):
                    raise Wrong(f"{answer} where the end of the connection was expected")
        except Closed:
            return

    # Login.
    def login_request(self, stage, next_stage=None, keys=(), flags=None, data=None, **fields):
        """A Login Request; with `next_stage` the T bit is set."""
        if flags is None:
            flags = stage << 2 | (0x80 | next_stage if next_stage is not None else 0)
        fields = {"isid": self.isid, "tsih": self.tsih, "cid": self.cid, "itt": 0, **fields}
        self.request(pdu.LOGIN, flags, pdu.text_of(keys) if data is None else data, immediate=True, **fields)

    def login_response(self):
        answer = self.receive_of(pdu.LOGIN_RESPONSE)
        if answer.status_class == 0:
            self.answers.update(answer.keys)
        return answer

    def login_step(self, stage, next_stage=None, keys=(), **fields):
        """A request and its answer, which must be a success."""
        self.login_request(stage, next_stage, keys, **fields)
        answer = self.login_response()
        if answer.status_class:
            raise Wrong(f"the login was refused with {answer.status_class:02x}{answer.status_detail:02x}")
        return answer

    def login(self, keys):
        """From the operational stage to full feature phase in as many requests as it takes."""
        answer = self.login_step(pdu.OPERATIONAL, pdu.FULL_FEATURE, keys)
        while answer.flags & 0x83 != 0x83:
            answer = self.login_step(pdu.OPERATIONAL, pdu.FULL_FEATURE)
        return self.begin_full_feature(answer, dict(keys))

    def begin_full_feature(self, answer, offered):
        self.tsih = answer.tsih
        self.header_digest = self.answers.get("HeaderDigest") == "CRC32C"
        self.data_digest = self.answers.get("DataDigest") == "CRC32C"
        self.max_receive = int(offered.get("MaxRecvDataSegmentLength") or 8192)
        return self

    def agreed(self, key, default):
        """A number that the login came to."""
        return int(str(self.answers.get(key, default)), 0)

    # Full feature phase.
    def command(self, cdb, flags=pdu.FINAL | 1, length=0, data=b"", lun=1, ahs=b"", **fields):
        """A SCSI command: its task tag. `length` is the expected data transfer length."""
        return self.request(pdu.SCSI_COMMAND, flags, data, lun=lun, cdb=bytes(cdb[:16]), expected_length=length,
                            how={"ahs": ahs}, **fields)

    def read(self, cdb, length, **fields):
        return self.command(cdb, pdu.FINAL | pdu.READ | 1, length, **fields)

    def write(self, cdb, data, sent=None, final=True, **fields):
        """A write of `data`, of which the first `sent` bytes (all of it when none are named) go as immediate data."""
        flags = (pdu.FINAL if final else 0) | pdu.WRITE | 1
        return self.command(cdb, flags, len(data), data if sent is None else data[:sent], **fields)

    def data_out(self, tag, data, offset=0, data_sn=0, ttt=pdu.RESERVED, final=True, lun=1, **fields):
        return self.request(pdu.DATA_OUT, pdu.FINAL if final else 0, data, itt=tag, ttt=ttt, lun=lun if ttt != pdu.RESERVED else 0,
                            cmd_sn=0, data_sn=data_sn, buffer_offset=offset, **fields)

    def answer(self, tag=None):
        """The SCSI answer to `tag`: (the PDU with the status, its Data-In PDUs). R2Ts are not expected."""
        parts = []
        while True:
            got = self.receive_of(pdu.SCSI_RESPONSE, pdu.DATA_IN)
            if tag is not None and got.itt != tag:
                raise Wrong(f"an answer to task {got.itt:#x}, not {tag:#x}: {got}")
            if got.opcode == pdu.DATA_IN:
                parts.append(got)
            if got.takes_stat_sn():
                return got, parts

    def run(self, cdb, length=0, **how):
        """A command without data out: (status, data in or sense)."""
        got, parts = self.answer(self.read(cdb, length, **how) if length else self.command(cdb, **how))
        return got.status, b"".join(part.data for part in parts) or got.data

    def serve_r2t(self, tag, data):
        """Answers every R2T to `tag` until the status comes: (the SCSI Response, the R2Ts)."""
        asked = []
        while True:
            got = self.receive_of(pdu.R2T, pdu.SCSI_RESPONSE)
            if got.itt != tag:
                raise Wrong(f"for task {got.itt:#x}, not {tag:#x}: {got}")
            if got.opcode == pdu.SCSI_RESPONSE:
                return got, asked
            asked.append(got)
            self.send_burst(got, data)

    def send_burst(self, r2t, data, most=65536):
        """The data that an R2T asks for, in PDUs of at most `most` bytes."""
        start, end, number = r2t.buffer_offset, r2t.buffer_offset + r2t.desired_length, 0
        while start < end:
            part = data[start:min(start + most, end)]
            self.data_out(r2t.itt, part, start, number, r2t.ttt, start + len(part) >= end)
            start, number = start + len(part), number + 1

    def ready(self):
        """Takes the unit attentions of a new I_T nexus (SPC-4 6.47)."""
        for lun in (1, 2):
            for _ in range(8):
                status, data = self.run(TEST_UNIT_READY, lun=lun)
                if status != 2 or sense_of(data)[0] != 6:
                    break
        return self

    def ping(self, data=b"", **fields):
        """An immediate NOP-Out that wants an answer: its task tag."""
        return self.request(pdu.NOP_OUT, data=data, **{"immediate": True, "ttt": pdu.RESERVED, **fields})

    def alive(self):
        """The next answer must be the one to a ping: nothing else was under way, and the connection lives."""
        tag = self.ping()
        got = self.receive_of(pdu.NOP_IN)
        if got.itt != tag:
            raise Wrong(f"the answer to a ping was expected: {got}")
        return got

    def manage(self, function, immediate=True, lun=1, **fields):
        """A task management function and its response code."""
        fields = {"referenced_tag": pdu.RESERVED, **fields}
        tag = self.request(pdu.TASK_MANAGEMENT, pdu.FINAL | function, immediate=immediate, lun=lun, **fields)
        got = self.receive_of(pdu.TASK_MANAGEMENT_RESPONSE)
        if got.itt != tag:
            raise Wrong(f"a response to task {got.itt:#x}, not {tag:#x}")
        return got.response

    def text(self, keys=(), flags=pdu.FINAL, data=None, **fields):
        fields = {"ttt": pdu.RESERVED, **fields}
        return self.request(pdu.TEXT, flags, pdu.text_of(keys) if data is None else data, **fields)

    def text_exchange(self, keys):
        """One request, and the whole answer of however many responses: the pairs."""
        tag, said = self.text(keys), b""
        while True:
            got = self.receive_of(pdu.TEXT_RESPONSE)
            said += got.data
            if got.final:
                return pdu.Pdu(got.header, said).pairs()
            self.text(ttt=got.ttt, itt=tag)

    def logout(self, reason=0, **fields):
        tag = self.request(pdu.LOGOUT, pdu.FINAL | reason, **{"cid": self.cid, **fields})
        got = self.receive_of(pdu.LOGOUT_RESPONSE)
        if got.itt != tag:
            raise Wrong(f"a response to task {got.itt:#x}, not {tag:#x}")
        return got


def login_keys(target, initiator=NAME, **keys):
    """What a first request says: the names, and usual parameters. A key of None is left out."""
    names = {"InitiatorName": initiator, "SessionType": "Normal" if target else "Discovery", "TargetName": target}
    return {name: value for name, value in {**names, **DEFAULTS, **keys}.items() if value is not None}
