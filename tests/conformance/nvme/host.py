"""One NVMe/TCP connection on a plain socket, which says exactly what a case wants said. What the target answers is held against
the rules that every PDU must keep: lengths, offsets, digests, the order of data, one answer to each command."""
import collections
import socket
import struct

from conformance.case_files import Wrong, check, same
from conformance.nvme import wire
from conformance.plain_socket import PlainSocket
from support.crc32c import digest
from support.initiator import Closed

Answer = collections.namedtuple("Answer", "status do_not_retry result data head")
Termination = collections.namedtuple("Termination", "error information quoted")


class Pdu:
    """What the target sent."""

    def __init__(self, head, data):
        self.head, self.data, self.kind, self.flags = head, data, head[0], head[1]

    def field(self, at, length):
        return wire.number(self.head, at, length)

    command_id = property(lambda self: self.field(20 if self.kind == wire.RESPONSE else 8, 2))
    tag = property(lambda self: self.field(10, 2))
    offset = property(lambda self: self.field(12, 4))
    length = property(lambda self: self.field(16, 4))

    def __repr__(self):
        return f"{wire.NAMES.get(self.kind, self.kind)} flags {self.flags:#x} {self.head[8:].hex()} and {len(self.data)} bytes"


class Outstanding:
    """A command that is not answered yet."""

    def __init__(self, data, room):
        self.data, self.room, self.received, self.asked, self.last = data, room, bytearray(), 0, False


class Queue(PlainSocket):
    def __init__(self, address, port, source):
        super().__init__(address, port, source)
        self.header_digest = self.data_digest = False
        self.alignment, self.most_data = 0, 4096
        self.next_id, self.outstanding, self.answers = 0, {}, {}
        self.capsule_room = 8192   # data up to this goes in the capsule, unless a command says otherwise
        self.serve = True          # answer R2Ts at once; else they are left in `asked`
        self.asked = []
        self.flow_control = True

    # Sending.
    def pack(self, kind, rest, data=b"", flags=0, header_digest=None, data_digest=None, **fields):
        """The bytes of a PDU; `rest` stands behind the common header. length, offset and total as they are, or as `fields` say."""
        size = 8 + len(rest)
        signed = size + (4 if self.header_digest else 0)
        unit = 4   # CPDA of the target is 0
        offset = (signed + unit - 1) // unit * unit if data else 0
        trailer = 4 if self.data_digest and data else 0
        flags |= (wire.HDGST if self.header_digest else 0) | (wire.DDGST if trailer else 0)
        total = max(offset, signed) + len(data) + trailer
        values = {"flags": flags, "length": size, "offset": offset, "total": total, **fields}
        head = wire.header(kind, values["flags"], values["length"], values["offset"], values["total"]) + rest
        made = head + ((digest(head) if header_digest is None else header_digest) if self.header_digest else b"")
        made += data
        return made + ((digest(data) if data_digest is None else data_digest) if trailer else b"")

    def send(self, kind, rest, data=b"", **how):
        self.send_raw(self.pack(kind, rest, data, **how))

    def command_id(self):
        self.next_id = (self.next_id + 1) % 0xFFF0
        return self.next_id

    def complete(self, entry, data=b"", room=0, capsule=None, descriptor=None):
        """Fills in the command id and the data descriptor, unless one is given: (the entry, the data of its capsule)."""
        made = bytearray(entry)
        if not made[2:4].strip(b"\0"):
            struct.pack_into("<H", made, 2, self.command_id())
        in_capsule = len(data) <= self.capsule_room if capsule is None else capsule
        if descriptor is not None:
            made[24:40] = descriptor
        elif data and in_capsule:
            made[24:40] = struct.pack("<QI3xB", 0, len(data), 0x01)
        elif data or room:
            made[24:40] = struct.pack("<QI3xB", 0, len(data) or room, 0x5A)
        return made, data if in_capsule else b""

    def submit(self, entry, data=b"", room=0, **how):
        """Sends a command: its id. `room`: for data from the target."""
        made, inline = self.complete(entry, data, room, **how)
        self.note(made, data, room)
        self.send(wire.COMMAND, bytes(made), inline)
        return wire.number(made, 2, 2)

    def note(self, made, data=b"", room=0):
        self.outstanding[wire.number(made, 2, 2)] = Outstanding(data, room)

    def send_data(self, r2t, data, most=None, last=True):
        """What an R2T asks for, in PDUs of at most `most` bytes."""
        start, end = r2t.offset, r2t.offset + r2t.length
        while start < end:
            part = data[start:min(start + (most or self.most_data), end)]
            self.data_pdu(r2t.command_id, r2t.tag, start, part, last and start + len(part) == end)
            start += len(part)

    def data_pdu(self, command_id, tag, offset, data, last=True, length=None, **how):
        rest = wire.transfer(command_id, tag, offset, len(data) if length is None else length)
        self.send(wire.H2C_DATA, rest, data, flags=wire.LAST if last else 0, **how)

    # Receiving.
    def receive(self):
        """The next PDU; what NVMe/TCP 1.0 3.6 says of its lengths and digests is checked."""
        common = self.take(8)
        kind, flags, size, offset = common[:4]
        total = wire.number(common, 4, 4)
        same(size, wire.HEADER_BYTES.get(kind), f"HLEN of PDU type {kind}")
        head = common + self.take(size - 8)
        if kind == wire.C2H_TERM:
            same((flags, offset), (0, 0), "FLAGS and PDO of a C2HTermReq")
            return Pdu(head, self.take(total - size))
        digests = kind != wire.IC_RESP
        at = size
        same(bool(flags & wire.HDGST), digests and self.header_digest, "HDGSTF")
        if flags & wire.HDGST:
            same(self.take(4), digest(head), "the header digest")
            at += 4
        if total == at:
            same((offset, flags & wire.DDGST), (0, 0), "PDO and DDGSTF without data")
            return Pdu(head, b"")
        same(kind, wire.C2H_DATA, "the type of a PDU with data")
        check(offset >= at and offset % (4 * (self.alignment + 1)) == 0, f"PDO {offset} under HPDA {self.alignment}")
        same(self.take(offset - at).strip(b"\0"), b"", "padding")
        same(bool(flags & wire.DDGST), self.data_digest, "DDGSTF")
        trailer = 4 if flags & wire.DDGST else 0
        data = self.take(total - offset - trailer)
        if trailer:
            same(self.take(4), digest(data), "the data digest")
        return Pdu(head, data)

    def step(self):
        """Takes one PDU and what it means."""
        got = self.receive()
        if got.kind == wire.C2H_TERM:
            raise Closed(f"the target ended the connection with FES {got.field(8, 2)}, FEI {got.field(10, 4):#x}")
        waits = self.outstanding.get(got.command_id)
        check(waits is not None, f"for a command that is not outstanding: {got}")
        if got.kind == wire.C2H_DATA:
            self.place(got, waits)
        elif got.kind == wire.R2T:
            check(got.length > 0 and got.offset == waits.asked and got.offset + got.length <= len(waits.data), f"asks for too much: {got}")
            waits.asked += got.length
            if self.serve:
                self.send_data(got, waits.data)
            else:
                self.asked.append(got)
        elif got.kind == wire.RESPONSE:
            self.end(got.command_id, waits, got)
        else:
            raise Wrong(f"a controller does not send this here: {got}")
        return got

    def place(self, got, waits):
        same((got.offset, got.length), (len(waits.received), len(got.data)), "DATAO and DATAL of C2HData")
        check(len(waits.received) + len(got.data) <= waits.room, f"more than the command has room for: {got}")
        check(not waits.last, f"data behind the last: {got}")
        waits.received += got.data
        waits.last = bool(got.flags & wire.LAST)
        if got.flags & wire.SUCCESS:
            check(waits.last, f"SUCCESS without LAST (NVMe/TCP 1.0 3.6.2.7): {got}")
            check(not self.flow_control, f"SUCCESS while the host uses the queue head (NVMe/TCP 1.0 3.3.2.2): {got}")
            self.end(got.command_id, waits, None)

    def end(self, command_id, waits, got):
        del self.outstanding[command_id]
        status = got.field(22, 2) if got else 0
        check(waits.last or not waits.received, "data without LAST_PDU")
        same(status & 1, 0, "the phase tag of a fabric")
        self.answers[command_id] = Answer(status >> 1 & 0x7FF, bool(status & 0x8000), got.field(8, 8) if got else 0,
                                          bytes(waits.received), got.field(16, 2) if got else None)

    def wait(self, command_id):
        while command_id not in self.answers:
            self.step()
        return self.answers.pop(command_id)

    def run(self, entry, data=b"", room=0, **how):
        return self.wait(self.submit(entry, data, room, **how))

    def next_request(self):
        """The next R2T, which is not served."""
        self.serve = False
        while not self.asked:
            self.step()
        return self.asked.pop(0)

    def terminated(self):
        """The connection must end now, with a C2HTermReq, whatever was answered before: what it says."""
        try:
            got = self.receive()
            while got.kind != wire.C2H_TERM:
                got = self.receive()
        except Closed:
            raise Wrong("the connection ended without a C2HTermReq (NVMe/TCP 1.0 3.5)") from None
        self.receive_end()
        return Termination(got.field(8, 2), got.field(10, 4), got.data)

    def receive_end(self):
        """The connection must end; what comes before is not looked at. Everything that was sent is out."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return
        try:
            while True:
                self.take(1)
        except Closed:
            return

    def ended(self):
        """The target ends the connection by itself."""
        try:
            while True:
                self.take(1)
        except Closed:
            return

    # Setting up.
    def initialize(self, digests=0, alignment=0, most=0):
        self.send_raw(wire.ic_req(alignment=alignment, digests=digests, most=most))
        got = self.receive()
        same(got.kind, wire.IC_RESP, "the answer to ICReq")
        self.alignment = alignment
        self.header_digest, self.data_digest = bool(got.head[11] & 1), bool(got.head[11] & 2)
        self.most_data = got.field(12, 4)
        return got

    def connect(self, queue_id, subsystem, host, host_id, controller_id=0xFFFF, entries=32, attributes=0, **fields):
        self.flow_control = not attributes & 4
        entry = wire.connect_entry(queue_id, entries, attributes=attributes, **fields)
        return self.run(entry, wire.connect_data(subsystem, host, host_id, controller_id), capsule=True)


def good(answer, what="the command"):
    if answer.status != wire.GOOD:
        raise Wrong(f"{what} ended with status {answer.status:03x}, result {answer.result:x}")
    return answer


def status_is(answer, *statuses):
    if answer.status not in statuses:
        raise Wrong(f"status {answer.status:03x}, not {' or '.join(f'{each:03x}' for each in statuses)}")
    return answer
