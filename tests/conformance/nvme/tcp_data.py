"""Data both ways: capsules, R2T, H2CData, C2HData, completions (NVMe/TCP 1.0 3.3; UNH-IOL NVMe-oF, TCP transport)."""
import os
import struct

from conformance.nvme import wire
from conformance.nvme.bench import check, family, good, one_of, same, status_is

SIZES = {"1 block": 1, "2 blocks": 2, "8 blocks": 8, "15 blocks": 15, "16 blocks": 16, "17 blocks": 17, "256 blocks": 256,
         "2048 blocks": 2048}


@family({f"{name}, {way}": (count, capsule) for name, count in SIZES.items() for way, capsule in (("in the capsule", True), ("by R2T",
                                                            False))
         if count <= 16 or not capsule})
def write_and_read(t, count, capsule):
    """TCP data transfer (NVMe/TCP 1.0 3.3.2): what is written either way is read back."""
    c, data = t.controller(), os.urandom(512) * count
    c.write(1000, data, capsule=capsule)
    same(c.read(1000, count), data, "what is read")


@family({"512 bytes": 512, "4 KiB": 4096, "64 KiB": 65536, "100 bytes": 100})
def host_data_in_pieces(t, most):
    """TCP H2CData (NVMe/TCP 1.0 3.6.2.6): an R2T is answered by as many PDUs as the host likes; the last has LAST_PDU."""
    c, data = t.controller(), os.urandom(65536)
    tag = c.io.submit(wire.blocks(wire.WRITE, 2000, 128), data, capsule=False)
    c.io.send_data(c.io.next_request(), data, most // 4 * 4)
    good(c.io.wait(tag))
    same(c.read(2000, 128), data, "what is read")


def host_data_of_two_commands_by_turns(t):
    """TCP H2CData (NVMe/TCP 1.0 3.3.2.1): the data of several commands may come by turns."""
    c, data = t.controller(), [os.urandom(16384) for _ in range(2)]
    tags = [c.io.submit(wire.blocks(wire.WRITE, 3000 + 32 * i, 32), data[i], capsule=False) for i in range(2)]
    requests = {got.command_id: got for got in (c.io.next_request(), c.io.next_request())}
    for start in range(0, 16384, 4096):
        for i in range(2):
            r2t = requests[tags[i]]
            c.io.data_pdu(tags[i], r2t.tag, start, data[i][start:start + 4096], start == 12288)
    for tag in tags:
        good(c.io.wait(tag))
    same(c.read(3000, 64), data[0] + data[1], "what is read")


def requests_have_tags_of_their_own(t):
    """TCP R2T (NVMe/TCP 1.0 3.6.2.8): transfer tags that are outstanding differ."""
    c = t.controller().io
    for number in range(16):
        c.submit(wire.blocks(wire.WRITE, 64 * number, 64), bytes(32768), capsule=False)
    tags = [c.next_request().tag for _ in range(16)]
    same(len(set(tags)), 16, "how many tags there are")


def read_is_served_while_a_write_waits(t):
    """TCP data transfer (NVMe/TCP 1.0 3.3): a command whose data is still to come holds nobody up."""
    c = t.controller()
    tag = c.io.submit(wire.blocks(wire.WRITE, 0, 64), bytes(32768), capsule=False)
    r2t = c.io.next_request()
    c.read(500)
    c.io.send_data(r2t, bytes(32768))
    good(c.io.wait(tag))


@family({"with flow control": 0, "without": 4})
def success_without_a_response(t, attributes):
    """TCP C2HData, SUCCESS (NVMe/TCP 1.0 3.3.2.2): only where SQ flow control is disabled may the completion be left out."""
    c = t.controller(queues=0)
    queue = c.add_queue(attributes=attributes)
    for lba in range(8):
        c.read(lba, 16, queue=queue)
    good(queue.run(wire.blocks(wire.WRITE, 0, 1), bytes(512)))
    same(queue.outstanding, {}, "what is not answered")


def an_error_has_no_data(t):
    """TCP C2HData (NVMe/TCP 1.0 3.3.2.2): a read that fails sends its completion, and no data before it."""
    answer = t.controller().io.run(wire.blocks(wire.READ, 1 << 40, 1), room=512)
    same((answer.status, answer.data), (wire.OUT_OF_RANGE_LBA, b""), "status and data")


@family({"offset 4": struct.pack("<QI3xB", 4, 512, 1), "offset of 1 GiB": struct.pack("<QI3xB", 1 << 30, 512, 1),
         "offset of all ones": struct.pack("<QI3xB", 0xFFFFFFFFFFFFFFFF, 512, 1)})
def capsule_offset(t, descriptor):
    """TCP in-capsule data (NVMe-oF 1.1 2.3; ICDOFF is 0): an offset beyond the data of the capsule: SGL Offset Invalid."""
    c = t.controller().io
    status_is(c.run(wire.blocks(wire.WRITE, 0, 1), bytes(512), descriptor=descriptor), wire.BAD_OFFSET, wire.INVALID_FIELD)
    good(c.run(wire.blocks(wire.READ, 0, 1), room=512))


@family({"511": 511, "513": 513, "1024": 1024, "0": 0, "all ones": 0xFFFFFFFF})
def capsule_length(t, length):
    """TCP in-capsule data (NVMe/TCP 1.0 3.3.2.1): a descriptor of another length than its data: Data SGL Length Invalid."""
    c = t.controller().io
    answer = c.run(wire.blocks(wire.WRITE, 0, 1), bytes(512), descriptor=struct.pack("<QI3xB", 0, length, 1))
    status_is(answer, wire.DATA_LENGTH, wire.INVALID_FIELD)
    good(c.run(wire.blocks(wire.READ, 0, 1), room=512))


@family({f"{value:#04x}": value for value in (0x00, 0x0A, 0x10, 0x20, 0x30, 0x40, 0x4A, 0x50, 0x5F, 0xF0, 0xFF)})
def descriptor_type(t, kind):
    """TCP SGL descriptors (NVMe/TCP 1.0 3.3.2; NVMe 2.0 figure 108): a kind that this transport does not have: Type Invalid."""
    c = t.controller().io
    answer = c.run(wire.blocks(wire.READ, 0, 1), descriptor=struct.pack("<QI3xB", 0, 512, kind), room=512)
    status_is(answer, wire.DESCRIPTOR_TYPE, wire.INVALID_FIELD)
    good(c.run(wire.blocks(wire.READ, 0, 1), room=512))


def no_pages_on_a_fabric(t):
    """TCP data pointers (NVMe-oF 1.1 2.2): PSDT 00b, PRPs, is an invalid field on a fabric."""
    c = t.controller().io
    answer = c.run(wire.entry(wire.READ, 1, pointer=0), descriptor=struct.pack("<QI3xB", 0, 512, 0x5A), room=512)
    status_is(answer, wire.INVALID_FIELD)


@family({"below": 511, "above": 1024, "nothing": 0})
def room_for_another_length(t, length):
    """TCP data transfer (NVMe 2.0 figure 93): a Read with a descriptor of another length: Data SGL Length Invalid, and no data beyond
    it."""
    c = t.controller().io
    answer = c.run(wire.blocks(wire.READ, 0, 1), descriptor=struct.pack("<QI3xB", 0, length, 0x5A), room=length)
    status_is(answer, wire.DATA_LENGTH, wire.GOOD) if length > 512 else status_is(answer, wire.DATA_LENGTH)
    good(c.run(wire.blocks(wire.READ, 0, 1), room=512))


def read_into_a_capsule(t):
    """TCP in-capsule data (NVMe-oF 1.1 2.3.1): there is no room for data from the controller in a capsule."""
    c = t.controller().io
    answer = c.run(wire.blocks(wire.READ, 0, 1), descriptor=struct.pack("<QI3xB", 0, 512, 1), room=512)
    check(answer.status != wire.GOOD, "a Read with a descriptor of its capsule was done")
    good(c.run(wire.blocks(wire.READ, 0, 1), room=512))


@family({"1 byte": 1, "3 bytes": 3, "71 bytes": 71, "73 bytes": 73, "600 bytes": 600})
def stream_in_pieces(t, piece):
    """TCP byte stream (NVMe/TCP 1.0 3.1): PDUs are found wherever segments end."""
    c, data = t.controller(), os.urandom(1024)
    octets = b""
    tags = []
    for number in range(4):
        entry, inline = c.io.complete(wire.blocks(wire.WRITE, 4000 + 2 * number, 2), data, capsule=True)
        c.io.note(entry, data)
        tags.append(wire.number(entry, 2, 2))
        octets += c.io.pack(wire.COMMAND, bytes(entry), inline)
    for start in range(0, len(octets), piece):
        c.io.send_raw(octets[start:start + piece])
    for tag in tags:
        good(c.io.wait(tag))
    same(c.read(4000, 8), data * 4, "what is read")


@family({"2 entries": 2, "8 entries": 8, "32 entries": 32, "128 entries": 128})
def whole_queue_in_flight(t, entries):
    """TCP queue depth (NVMe-oF 1.1 2.4): as many commands as the queue has entries, less one, are all answered, each once."""
    c = t.controller(queues=0)
    queue = c.add_queue(entries=entries)
    tags = [queue.submit(wire.blocks(wire.READ, 8 * number, 8), room=4096) for number in range(entries - 1)]
    for tag in reversed(tags):
        same(len(good(queue.wait(tag)).data), 4096, "bytes")
    same((queue.outstanding, queue.answers), ({}, {}), "what is left")


@family({"8 entries": 8, "32 entries": 32})
def head_of_the_queue(t, entries):
    """TCP SQHD (NVMe-oF 1.1 2.4.1): the head goes round the queue: after each command that is alone it is one further."""
    c = t.controller(queues=0)
    queue = c.add_queue(entries=entries)
    head = good(queue.run(wire.blocks(wire.READ, 0, 1), room=512)).head
    for _ in range(entries * 2):
        now = good(queue.run(wire.blocks(wire.READ, 0, 1), room=512)).head
        same(now, (head + 1) % entries, "SQHD")
        head = now


def command_ids_are_the_hosts(t):
    """TCP command identifiers (NVMe 2.0 3.3.3.2): ids of all values are given back as they came."""
    c = t.controller().io
    for value in (0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF):
        entry, _ = c.complete(wire.blocks(wire.READ, 0, 1), room=512)
        struct.pack_into("<H", entry, 2, value)
        c.note(entry, b"", 512)
        c.send(wire.COMMAND, bytes(entry))
        good(c.wait(value))


def capsule_of_the_largest_size(t):
    """TCP in-capsule data (NVMe-oF 1.1 figure 14, IOCCSZ): the capsule may be as long as IOCCSZ says."""
    c = t.controller()
    room = int.from_bytes(c.page(0x01)[1792:1796], "little") * 16 - 64
    check(room % 512 == 0 and room >= 4096, f"IOCCSZ leaves room for {room} bytes")
    data = os.urandom(room)
    c.write(5000, data, capsule=True)
    same(c.read(5000, room // 512), data, "what is read")


def data_beyond_the_transfer_size(t):
    """TCP data transfer, MDTS (NVMe 2.0 figure 275): a command above MDTS is an invalid field; at MDTS it is done."""
    c = t.controller()
    most = 4096 << c.page(0x01)[77]
    c.read(0, most // 512)
    answer = c.io.run(wire.blocks(wire.READ, 0, most // 512 + 1), room=most + 512)
    status_is(answer, wire.INVALID_FIELD)


def responses_come_to_a_slow_reader(t):
    """TCP data transfer (NVMe/TCP 1.0 3.3): a host that reads late gets all of its answers, and holds nobody else up."""
    c = t.controller(queues=0)
    queue = c.add_queue(entries=32)
    tags = [queue.submit(wire.blocks(wire.READ, 0, 2048), room=1 << 20) for _ in range(24)]
    t.serves()
    for tag in tags:
        same(len(good(queue.wait(tag)).data), 1 << 20, "bytes")
    one_of(len(queue.outstanding), (0,), "what is outstanding")
