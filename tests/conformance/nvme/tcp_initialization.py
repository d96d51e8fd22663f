"""ICReq and ICResp: the first PDUs of a connection (NVMe/TCP 1.0 3.1, 3.6.2.1; UNH-IOL NVMe-oF, TCP transport)."""
import struct

from conformance.nvme import wire
from conformance.nvme.bench import check, family, good, one_of, same
from support.initiator import Closed


def fields_of_the_response(t):
    """TCP ICResp (NVMe/TCP 1.0 3.6.2.2): version 0, no flags, no PDO, 128 bytes, the rest zero."""
    c = t.connect(raw=True)
    got = c.initialize()
    same((got.flags, got.head[3], len(got.head), got.field(8, 2), got.data), (0, 0, 128, 0, b""), "FLAGS, PDO, HLEN, PFV, data")
    same(got.head[16:].strip(b"\0"), b"", "the reserved bytes")


def maximum_of_host_data(t):
    """TCP ICResp (NVMe/TCP 1.0 3.6.2.2): MAXH2CDATA is at least 4096 bytes, in dwords; CPDA is at most 31."""
    got = t.connect(raw=True).initialize()
    check(got.field(12, 4) >= 4096 and got.field(12, 4) % 4 == 0, f"MAXH2CDATA {got.field(12, 4)}")
    check(got.head[10] <= 31, f"CPDA {got.head[10]}")


@family({"none": 0, "header": 1, "data": 2, "both": 3})
def digests(t, asked):
    """TCP ICReq, digests (NVMe/TCP 1.0 3.6.2.1): what the host does not ask for is not enabled, and what is agreed on is used both ways."""
    c = t.controller(how={"digests": asked})
    same((c.io.header_digest, c.io.data_digest), (bool(asked & 1), bool(asked & 2)), "what was enabled")
    data = bytes(range(256)) * 2
    c.write(20, data)
    c.write(21, data * 64, capsule=False)
    same(c.read(20, 65), data * 65, "what is read back")


@family({f"{bits:#04x}": bits for bits in (0x04, 0x80, 0xFC)})
def reserved_digest_bits(t, bits):
    """TCP ICReq (NVMe/TCP 1.0 3.6.2.1): reserved bits of DGST enable nothing."""
    got = t.connect(raw=True).initialize(digests=bits)
    same(got.head[11], 0, "DGST")


@family({str(value): value for value in (1, 2, 255, 0xFFFF)})
def format_version(t, value):
    """TCP ICReq, PFV (NVMe/TCP 1.0 3.6.2.1, 3.5): a version that is not there is an unsupported parameter at byte 8."""
    c = t.connect(raw=True)
    c.send_raw(wire.ic_req(version=value))
    same(c.terminated()[:2], (wire.UNSUPPORTED, 8), "FES and FEI")
    t.serves()


@family({f"{value}, digests {digests}": (value, digests) for value in (0, 1, 3, 7, 15, 30, 31) for digests in (0, 1, 3)})
def host_data_alignment(t, alignment, asked):
    """TCP ICReq, HPDA (NVMe/TCP 1.0 3.6.2.1): data for the host begins at a multiple of it, whatever digests there are."""
    c = t.controller(how={"alignment": alignment, "digests": asked})
    same(len(c.read(0, 32)), 32 * 512, "bytes read")
    same(len(c.page(0x01)), 4096, "bytes of Identify")


@family({str(value): value for value in (32, 64, 255)})
def host_data_alignment_above_its_maximum(t, alignment):
    """TCP ICReq, HPDA (NVMe/TCP 1.0 3.6.2.1): more than 31 is an invalid field at byte 10, or an unsupported parameter there."""
    c = t.connect(raw=True)
    c.send_raw(wire.ic_req(alignment=alignment))
    got = c.terminated()
    one_of(got.error, (wire.BAD_FIELD, wire.UNSUPPORTED), "FES")
    same(got.information, 10, "FEI")


@family({str(value): value for value in (0, 8, 24, 127, 129, 255)})
def wrong_header_length(t, length):
    """TCP ICReq, HLEN (NVMe/TCP 1.0 3.6.2.1): 128, or an invalid field at byte 2."""
    c = t.connect(raw=True)
    c.send_raw(wire.ic_req(head=wire.header(wire.IC_REQ, length=length, total=128)))
    same(c.terminated()[:2], (wire.BAD_FIELD, 2), "FES and FEI")


@family({str(value): value for value in (0, 8, 127, 129, 4096, 0x7FFFFFFF, 0xFFFFFFFF)})
def wrong_length(t, length):
    """TCP ICReq, PLEN (NVMe/TCP 1.0 3.6.2.1): 128, or an invalid field at byte 4; nothing is waited for or allocated."""
    c = t.connect(raw=True)
    c.send_raw(wire.ic_req(head=wire.header(wire.IC_REQ, total=length)))
    same(c.terminated()[:2], (wire.BAD_FIELD, 4), "FES and FEI")


def reserved_bytes(t):
    """TCP ICReq (NVMe/TCP 1.0 3.6.2.1): the reserved bytes at the end are not looked at."""
    c = t.connect(raw=True)
    c.send_raw(wire.ic_req(reserved=0xA5))
    same(c.receive().kind, wire.IC_RESP, "the answer")


@family({str(value): value for value in (0, 1, 15, 255, 0xFFFFFFFF)})
def most_requests_of_a_command(t, most):
    """TCP ICReq, MAXR2T (NVMe/TCP 1.0 3.6.2.1): no more R2Ts of a command are outstanding than the host allows."""
    c = t.controller(io={"most": most})
    entry = wire.blocks(wire.WRITE, 100, 64)
    tag = c.io.submit(entry, bytes(64 * 512), capsule=False)
    request = c.io.next_request()
    c.identify(0x01)   # what the target would have said by now has been said
    c.io.socket.settimeout(0.05)
    extra = 0
    try:
        while c.io.receive().kind == wire.R2T:
            extra += 1
    except Exception:  # pylint: disable=broad-except
        pass
    c.io.socket.settimeout(20)
    check(extra <= most, f"{extra + 1} R2Ts are outstanding")
    if not extra:
        c.io.send_data(request, bytes(64 * 512))
        c.io.serve = True
        good(c.io.wait(tag))


def initialized_twice(t):
    """TCP ICReq (NVMe/TCP 1.0 3.1): a second one is a sequence error."""
    c = t.connect()
    c.send_raw(wire.ic_req())
    same(c.terminated().error, wire.SEQUENCE, "FES")


def initialized_twice_after_connect(t):
    """TCP ICReq (NVMe/TCP 1.0 3.1): so it is when the queue is in use; other queues go on."""
    c = t.controller(queues=2)
    c.queues[0].send_raw(wire.ic_req())
    if not c.queues[0].header_digest:
        same(c.queues[0].terminated().error, wire.SEQUENCE, "FES")
    c.read(0, queue=c.queues[1])


@family({name: kind for kind, name in wire.NAMES.items() if kind != wire.IC_REQ})
def something_else_first(t, kind):
    """TCP connection establishment (NVMe/TCP 1.0 3.1): whatever comes before ICReq ends the connection, with a sequence error, or with
    what else is wrong in it."""
    c = t.connect(raw=True)
    size = wire.HEADER_BYTES[kind]
    c.send_raw(wire.header(kind) + bytes(size - 8))
    try:
        got = c.receive()
        same(got.kind, wire.C2H_TERM, "the type of the answer")
        one_of(got.field(8, 2), (wire.SEQUENCE, wire.BAD_FIELD), "FES")
    except Closed:
        pass
    c.ended()
    t.serves()


@family({f"{kind:#04x}": kind for kind in (0x08, 0x0A, 0x0B, 0x10, 0x40, 0x7F, 0x80, 0xFF)})
def unknown_type_first(t, kind):
    """TCP connection establishment (NVMe/TCP 1.0 3.6.1): a type that is not there: an invalid field at byte 0, or a sequence error."""
    c = t.connect(raw=True)
    c.send_raw(wire.header(kind, length=24) + bytes(16))
    got = c.terminated()
    one_of((got.error, got.information), ((wire.BAD_FIELD, 0), (wire.SEQUENCE, 0)), "FES and FEI")


@family({"1 byte": 1, "7 bytes": 7, "63 bytes": 63, "127 bytes": 127})
def in_pieces(t, piece):
    """TCP ICReq (NVMe/TCP 1.0 3.1): the byte stream has no borders: ICReq and Connect come as they come."""
    c = t.connect(raw=True)
    request = wire.ic_req()
    for start in range(0, len(request), piece):
        c.send_raw(request[start:start + piece])
    same(c.receive().kind, wire.IC_RESP, "the answer")
    names = t.names()
    entry, data = c.complete(wire.connect_entry(0), wire.connect_data(names["subsystem"], names["host"], names["host_id"]), capsule=True)
    c.note(entry)
    octets = c.pack(wire.COMMAND, bytes(entry), data)
    for start in range(0, len(octets), piece * 16):
        c.send_raw(octets[start:start + piece * 16])
    good(c.wait(1))


def with_connect_behind_it(t):
    """TCP ICReq (NVMe/TCP 1.0 3.1): a host waits for ICResp; one that does not is served or refused, and nobody else is hurt."""
    c = t.connect(raw=True)
    names = t.names()
    entry, data = c.complete(wire.connect_entry(0), wire.connect_data(names["subsystem"], names["host"], names["host_id"]), capsule=True)
    c.note(entry)
    c.send_raw(wire.ic_req() + c.pack(wire.COMMAND, bytes(entry), data))
    same(c.receive().kind, wire.IC_RESP, "the answer")
    good(c.wait(1))
    t.serves()


def many_connections_that_say_nothing(t):
    """TCP connection establishment (NVMe/TCP 1.0 3.1): connections without ICReq keep nobody out."""
    for _ in range(300):
        t.connect(raw=True)
    t.serves()


def closed_in_the_middle(t):
    """TCP ICReq (NVMe/TCP 1.0 3.1): a connection that breaks off within it leaves nothing."""
    for cut in range(0, 128, 9):
        c = t.connect(raw=True)
        c.send_raw(wire.ic_req()[:cut])
        c.close()
    t.serves()


def little_endian(t):
    """TCP ICResp (NVMe/TCP 1.0 3.6): numbers are little-endian: PLEN is 128."""
    c = t.connect(raw=True)
    c.send_raw(wire.ic_req())
    same(struct.unpack("<BBBBI", c.take(8)), (wire.IC_RESP, 0, 128, 0, 128), "the common header")
