"""What is wrong in a PDU, and the termination request that names it (NVMe/TCP 1.0 3.5, 3.6; UNH-IOL NVMe-oF, TCP transport)."""
import struct

from conformance.nvme import wire
from conformance.nvme.bench import check, family, good, one_of, same, status_is

LIVE = {"before Connect": lambda t: t.connect(), "admin queue": lambda t: t.admin().admin, "I/O queue": lambda t: t.controller().io}


def _in(states, values):
    return {f"{name}, {state}": (begin, value) for name, value in values.items() for state, begin in states.items()}


def _capsule(**fields):
    """The header of a capsule with fields that are wrong, and behind it what it needs."""
    values = {"flags": 0, "length": 72, "offset": 0, "total": 72, **fields}
    return wire.header(wire.COMMAND, values["flags"], values["length"], values["offset"], values["total"]) + bytes(64)


CAPSULES = {
    "HLEN 0": ({"length": 0}, 2), "HLEN 24": ({"length": 24}, 2), "HLEN 71": ({"length": 71}, 2), "HLEN 73": ({"length": 73}, 2),
    "HLEN 255": ({"length": 255}, 2), "PLEN 0": ({"total": 0}, 4), "PLEN 8": ({"total": 8}, 4), "PLEN 71": ({"total": 71}, 4),
    "PDO 0 with data": ({"total": 584}, 3), "PDO below HLEN": ({"total": 584, "offset": 64}, 3), "PDO of no dword": ({"total": 584,
                                                            "offset": 73}, 3),
    "PDO above PLEN": ({"total": 80, "offset": 84}, 4), "PDO at PLEN": ({"total": 84, "offset": 84}, 4),
    "HDGSTF that was not agreed on": ({"flags": wire.HDGST, "total": 76}, 1),
    "DDGSTF that was not agreed on": ({"flags": wire.DDGST, "total": 588, "offset": 72}, 1)}


@family(_in(LIVE, CAPSULES))
def capsule_header(t, begin, case):
    """TCP CapsuleCmd (NVMe/TCP 1.0 3.6.2.4, 3.5): a header field that is wrong is named by its offset, and the connection ends."""
    fields, at = case
    c = begin(t)
    c.send_raw(_capsule(**fields))
    same(c.terminated()[:2], (wire.BAD_FIELD, at), "FES and FEI")
    t.serves()


@family(_in(LIVE, {str(value): value for value in (8193 + 72, 1 << 20, 1 << 31, 0xFFFFFFFC)}))
def capsule_that_is_too_long(t, begin, total):
    """TCP CapsuleCmd (NVMe/TCP 1.0 3.6.2.4): more data than a capsule may have: a limit that is exceeded; no memory is taken for it."""
    c = begin(t)
    c.send_raw(_capsule(total=total, offset=72))
    one_of(c.terminated().error, (wire.LIMIT_EXCEEDED, wire.BAD_FIELD), "FES")
    t.serves()


OF_CONTROLLERS = {name: kind for kind, name in wire.NAMES.items() if kind in (wire.IC_RESP, wire.C2H_TERM, wire.RESPONSE, wire.C2H_DATA,
                                                            wire.R2T)}


@family(_in(LIVE, OF_CONTROLLERS))
def pdu_of_a_controller(t, begin, kind):
    """TCP PDU types (NVMe/TCP 1.0 3.6.1, 3.5): what only a controller sends ends the connection."""
    c = begin(t)
    size = wire.HEADER_BYTES[kind]
    data = bytes(512) if kind == wire.C2H_DATA else b""
    c.send_raw(wire.header(kind, offset=size if data else 0, total=size + len(data)) + bytes(size - 8) + data)
    one_of(c.terminated().error, (wire.SEQUENCE, wire.BAD_FIELD, wire.LIMIT_EXCEEDED), "FES")
    t.serves()


@family(_in(LIVE, {f"{kind:#04x}": kind for kind in (0x08, 0x0A, 0x0F, 0x20, 0x81, 0xFF)}))
def unknown_type(t, begin, kind):
    """TCP PDU types (NVMe/TCP 1.0 3.6.1): a type that is not there is an invalid field at byte 0."""
    c = begin(t)
    c.send_raw(wire.header(kind, length=24) + bytes(16))
    same(c.terminated()[:2], (wire.BAD_FIELD, 0), "FES and FEI")


@family(LIVE)
def data_that_nobody_asked_for(t, begin):
    """TCP H2CData (NVMe/TCP 1.0 3.6.2.6): without an R2T before it, it ends the connection."""
    c = begin(t)
    c.data_pdu(1, 0, 0, bytes(512))
    got = c.terminated()
    one_of(got.error, (wire.SEQUENCE, wire.BAD_FIELD, wire.OUT_OF_RANGE), "FES")
    t.serves()


def termination_quotes_the_header(t):
    """TCP C2HTermReq (NVMe/TCP 1.0 3.6.2.3): behind its header stands the header of the PDU that was wrong, at most 128 bytes of it."""
    c = t.controller().io
    head = _capsule(length=71)
    c.send_raw(head)
    quoted = c.terminated().quoted
    check(8 <= len(quoted) <= 128 and head.startswith(quoted), f"it quotes {quoted.hex()}")


def termination_has_no_reserved_bits(t):
    """TCP C2HTermReq (NVMe/TCP 1.0 3.6.2.3): bytes 14 to 23 are reserved and zero; HLEN is 24."""
    c = t.connect()
    c.send_raw(wire.ic_req())
    got = c.receive()
    same((got.kind, got.head[14:]), (wire.C2H_TERM, bytes(10)), "type and reserved bytes")


@family(_in(LIVE, {f"FES {value}": value for value in (1, 2, 3, 4, 5, 6, 7, 0xFFFF)}))
def termination_by_the_host(t, begin, error):
    """TCP H2CTermReq (NVMe/TCP 1.0 3.5, 3.6.2.3): the controller ends the connection and says nothing more of it."""
    c = begin(t)
    c.send_raw(wire.header(wire.H2C_TERM, total=24 + 72) + struct.pack("<HI10x", error, 2) + bytes(72))
    try:
        got = c.receive()
    except Exception:  # pylint: disable=broad-except
        got = None
    check(got is None or got.kind != wire.C2H_TERM, "a termination was answered with one")
    c.ended()
    t.serves()


@family({"129 bytes": 129, "64 KiB": 65536, "all": 0xFFFFFFE0})
def termination_that_quotes_too_much(t, size):
    """TCP H2CTermReq (NVMe/TCP 1.0 3.6.2.3): it has at most 152 bytes; a longer one ends the connection, too, and nothing is kept."""
    c = t.admin().admin
    c.send_raw(wire.header(wire.H2C_TERM, total=24 + size) + struct.pack("<HI10x", 1, 2) + bytes(min(size, 200)))
    c.ended()
    t.serves()


@family({"capsule": wire.COMMAND, "data": wire.H2C_DATA})
def wrong_header_digest(t, kind):
    """TCP header digest (NVMe/TCP 1.0 3.3.1.1): one that is wrong is fatal: FES 3, and FEI is what was received."""
    c = t.controller(how={"digests": 1}).io
    if kind == wire.COMMAND:
        c.send(wire.COMMAND, bytes(64), header_digest=b"\x11\x22\x33\x44")
    else:
        tag = c.submit(wire.blocks(wire.WRITE, 0, 64), bytes(32768), capsule=False)
        r2t = c.next_request()
        c.data_pdu(tag, r2t.tag, 0, bytes(32768), header_digest=b"\x11\x22\x33\x44")
    same(c.terminated()[:2], (wire.BAD_DIGEST, 0x44332211), "FES and FEI")
    t.serves()


@family({"in the capsule": True, "by H2CData": False})
def wrong_data_digest(t, inline):
    """TCP data digest (NVMe/TCP 1.0 3.3.1.1): not fatal: the command ends with Transient Transport Error, nothing is written, the queue
    lives."""
    c = t.controller(how={"digests": 2})
    old = bytes([0x0D]) * 512
    c.write(40, old)
    entry, data = c.io.complete(wire.blocks(wire.WRITE, 40, 1), bytes([0xEE]) * 512, capsule=inline)
    c.io.note(entry, bytes([0xEE]) * 512)
    if inline:
        c.io.send(wire.COMMAND, bytes(entry), data, data_digest=b"\1\2\3\4")
    else:
        c.io.send(wire.COMMAND, bytes(entry))
        r2t = c.io.next_request()
        c.io.data_pdu(r2t.command_id, r2t.tag, 0, bytes([0xEE]) * 512, data_digest=b"\1\2\3\4")
    answer = status_is(c.io.wait(wire.number(entry, 2, 2)), wire.TRANSPORT_ERROR)
    check(not answer.do_not_retry, "the host may try again: DNR is clear")
    c.io.serve = True
    same(c.read(40), old, "what is on the medium")


@family({"header": (1, {"flags": 0, "total": 72}), "data": (2, {"flags": 0, "total": 584, "offset": 72})})
def digest_that_is_left_out(t, agreed, fields):
    """TCP digests (NVMe/TCP 1.0 3.3.1): what was agreed on is in every PDU: FLAGS without it are an invalid field at byte 1."""
    c = t.controller(how={"digests": agreed}).io
    c.send_raw(_capsule(**fields) + bytes(512))
    same(c.terminated()[:2], (wire.BAD_FIELD, 1), "FES and FEI")


def _wrong_data(c, size=32768):
    tag = c.submit(wire.blocks(wire.WRITE, 0, size // 512), bytes(size), capsule=False)
    return tag, c.next_request()


WRONG_DATA = {
    "another transfer tag": (lambda r: {"tag": (r.tag + 1) & 0xFFFF}, (wire.BAD_FIELD, 10)),
    "tag ffff": (lambda r: {"tag": 0xFFFF}, (wire.BAD_FIELD, 10)),
    "another command": (lambda r: {"command_id": (r.command_id + 1) & 0xFFFF}, (wire.BAD_FIELD, 8)),
    "offset 4": (lambda r: {"offset": 4}, (wire.OUT_OF_RANGE, 12)),
    "offset of the end": (lambda r: {"offset": r.length}, (wire.OUT_OF_RANGE, 12)),
    "offset of 4 GiB": (lambda r: {"offset": 0xFFFFFFFC}, (wire.OUT_OF_RANGE, 12)),
    "more than was asked for": (lambda r: {"data": bytes(r.length + 4)}, (wire.OUT_OF_RANGE, 16)),
    "DATAL above its data": (lambda r: {"data": bytes(512), "length": 1024, "last": False}, (wire.BAD_FIELD, 16)),
    "DATAL below its data": (lambda r: {"data": bytes(512), "length": 8, "last": False}, (wire.BAD_FIELD, 16)),
    "DATAL 0": (lambda r: {"data": bytes(512), "length": 0, "last": False}, (wire.BAD_FIELD, 16)),
    "LAST too early": (lambda r: {"data": bytes(512), "last": True}, (wire.BAD_FIELD, 1)),
    "LAST left out": (lambda r: {"last": False}, (wire.BAD_FIELD, 1))}


@family(WRONG_DATA)
def wrong_host_data(t, change, expected):
    """TCP H2CData (NVMe/TCP 1.0 3.6.2.6, 3.5): data that is not what the R2T asked for ends the connection, and nothing is written."""
    c = t.controller()
    before = c.read(0, 64)
    tag, r2t = _wrong_data(c.io)
    c.io.data_pdu(**{"command_id": tag, "tag": r2t.tag, "offset": 0, "data": b"\xEE" * r2t.length, **change(r2t)})
    got = c.io.terminated()
    same(got.error, expected[0], "FES")
    one_of(got.information, (expected[1], 0), "FEI")
    same(t.controller().read(0, 64), before, "the medium")


def host_data_after_the_last(t):
    """TCP H2CData (NVMe/TCP 1.0 3.6.2.6): a transfer tag whose data is complete is not valid any more."""
    c = t.controller().io
    tag, r2t = _wrong_data(c)
    c.send_data(r2t, bytes(32768))
    good(c.wait(tag))
    c.data_pdu(tag, r2t.tag, 0, bytes(512))
    same(c.terminated().error, wire.BAD_FIELD, "FES")


def host_data_of_another_queue(t):
    """TCP H2CData (NVMe/TCP 1.0 3.6.2.6): the transfer tag of one connection is nothing on another."""
    c = t.controller(queues=2)
    tag, r2t = _wrong_data(c.queues[0])
    c.queues[1].data_pdu(tag, r2t.tag, 0, bytes(32768))
    one_of(c.queues[1].terminated().error, (wire.BAD_FIELD, wire.SEQUENCE), "FES")
    c.queues[0].send_data(r2t, bytes(32768))
    good(c.queues[0].wait(tag))


def host_data_above_the_maximum(t):
    """TCP H2CData (NVMe/TCP 1.0 3.6.2.6): a PDU with more than MAXH2CDATA exceeds a limit."""
    c = t.controller().io
    most = c.most_data
    tag, r2t = _wrong_data(c)
    c.send_raw(wire.header(wire.H2C_DATA, wire.LAST, 24, 24, 24 + most + 4) + wire.transfer(tag, r2t.tag, 0, most + 4))
    one_of(c.terminated().error, (wire.LIMIT_EXCEEDED, wire.OUT_OF_RANGE), "FES")
    t.serves()


@family({str(value): value for value in (0, 23, 25, 72, 255)})
def host_data_header_length(t, length):
    """TCP H2CData, HLEN (NVMe/TCP 1.0 3.6.2.6): 24, or an invalid field at byte 2."""
    c = t.controller().io
    c.send_raw(wire.header(wire.H2C_DATA, wire.LAST, length, 24, 536) + bytes(16))
    same(c.terminated()[:2], (wire.BAD_FIELD, 2), "FES and FEI")


def more_commands_than_entries(t):
    """TCP CapsuleCmd (NVMe-oF 1.1 2.4): a host that puts more into a queue than it has entries ends its connection, and no other."""
    c = t.controller(queues=0)
    queue = c.add_queue(entries=2)
    queue.serve = False
    for _ in range(3):
        entry, _ = queue.complete(wire.blocks(wire.WRITE, 0, 64), bytes(32768), capsule=False)
        queue.send(wire.COMMAND, bytes(entry))
    one_of(queue.terminated().error, (wire.SEQUENCE, wire.BAD_FIELD), "FES")
    good(c.identify(0x01))
    t.serves()
