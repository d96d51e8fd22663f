"""Persistent Event log page (NVMe 2.0 5.16.1.14): the life of a reporting context, the header, how events lie one behind the other, and
what one host is told of another."""
import struct

from conformance.nvme import wire, world
from conformance.nvme.bench import check, family, good, same, status_is

PAGE, TIMESTAMP = 0x0D, 0x0E
READ, ESTABLISH, RELEASE, HEADER = range(4)
LONGEST = 65536   # PELS in 64 KiB


def _log(c, action, length=512, **how):
    return c.log(PAGE, length, specific=action, **how)


def _events(c):
    """(the header, [(type, controller, data)] with the newest first); the context is released."""
    page = good(_log(c, ESTABLISH, LONGEST)).data
    good(_log(c, RELEASE))
    count, length = struct.unpack_from("<IQ", page, 4)
    at, found = 20 + struct.unpack_from("<H", page, 18)[0], []
    for _ in range(count):
        vendor, size = struct.unpack_from("<HH", page, at + 20)
        head = 3 + page[at + 2]
        found.append((page[at], struct.unpack_from("<H", page, at + 4)[0], page[at + head + vendor:at + head + size]))
        at += head + size
    same(at, length, "where the events end, and TLL")
    return page[:512], found


def _reset(c):
    good(c.set(wire.CC, 0), "CC.EN 0")
    c.enable()


def support_is_told(t):
    """LPA bit 4, PELS and the Supported Log Pages (NVMe 2.0 5.16.1.14, 5.17.2.1): a controller of 2.0 reads the header
    alone, too (ECRH)."""
    c = t.admin()
    page = c.page(0x01)
    same(page[261] >> 4 & 1, 1, "LPA bit 4")
    check(struct.unpack_from("<I", page, 352)[0] >= 1, "PELS is zero")
    same(struct.unpack_from("<I", c.log_page(0x00, 1024), 4 * PAGE)[0] & 0x10001, 0x10001, "LSUPP and ECRH")


def read_without_a_context(t):
    """Action 0h (NVMe 2.0 figure 222): without a context: Command Sequence Error."""
    status_is(_log(t.admin(), READ), wire.SEQUENCE_ERROR)


def establish_twice(t):
    """Action 1h (NVMe 2.0 figure 222): while there is a context: Command Sequence Error, and it stays."""
    c = t.admin()
    first = good(_log(c, ESTABLISH)).data
    status_is(_log(c, ESTABLISH), wire.SEQUENCE_ERROR)
    same(good(_log(c, READ)).data[372:374], first[372:374], "the generation number")


@family({"once": 1, "twice": 2})
def release(t, times):
    """Action 2h (NVMe 2.0 figure 222): the context is gone; it is no error when there was none."""
    c = t.admin()
    good(_log(c, ESTABLISH))
    for _ in range(times):
        good(_log(c, RELEASE))
    status_is(_log(c, READ), wire.SEQUENCE_ERROR)


def header_alone(t):
    """Action 3h (NVMe 2.0 figure 222): establishes a context where there is none, and keeps one that there is; 512 bytes, whatever the
    length and the offset."""
    c = t.admin()
    made = good(c.admin.run(wire.log_entry(PAGE, 4, offset=1 << 20, specific=HEADER), room=512)).data
    same(len(made), 512, "bytes")
    kept = good(_log(c, HEADER)).data
    same((made[372:374], made[0]), (kept[372:374], PAGE), "generation number and identifier")
    good(_log(c, READ))


def header_alone_without_room(t):
    """Action 3h (NVMe 2.0 figure 222): room for less than the header is an error, and establishes nothing."""
    c = t.admin()
    status_is(c.admin.run(wire.log_entry(PAGE, 64, specific=HEADER), room=64), wire.DATA_LENGTH, wire.INVALID_FIELD)
    status_is(_log(c, READ), wire.SEQUENCE_ERROR)


def wrong_length_establishes_nothing(t):
    """Action 1h (NVMe 2.0 figure 222): a command that fails leaves no context behind."""
    c = t.admin()
    status_is(c.admin.run(wire.log_entry(PAGE, 512, specific=ESTABLISH), room=64), wire.DATA_LENGTH, wire.INVALID_FIELD)
    status_is(_log(c, READ), wire.SEQUENCE_ERROR)


def context_information(t):
    """RCI (NVMe 2.0 figure 224): whether there was a context before this command, and by which kind of port."""
    c = t.admin()
    fields = [struct.unpack_from("<I", good(_log(c, action)).data, 374)[0] for action in (ESTABLISH, READ, HEADER)]
    same(fields[0], 0, "RCI of the first")
    for each in fields[1:]:
        same(each >> 16, 0b101, "RCE and RCPIT")


def reset_ends_the_context(t):
    """A Controller Level Reset (NVMe 2.0 3.7.2) releases the context, and is an event of its own (04h)."""
    c = t.admin()
    good(_log(c, ESTABLISH))
    _reset(c)
    status_is(_log(c, READ), wire.SEQUENCE_ERROR)
    events = _events(c)[1]
    check(events and events[0][0] == 0x04 and events[0][1] == c.id, "no Power-on or Reset event of this controller")


def contexts_of_two_controllers(t):
    """Contexts (NVMe 2.0 5.16.1.14): one is a controller's: that of another is neither in its way nor read by it."""
    first, second = t.admin(), t.admin()
    good(_log(first, ESTABLISH))
    status_is(_log(second, READ), wire.SEQUENCE_ERROR)
    good(_log(second, ESTABLISH))
    good(_log(second, RELEASE))
    good(_log(first, READ))


def header_fields(t):
    """The header (NVMe 2.0 figure 224): identifier, lengths, serial number, model, name and events that are supported."""
    c = t.admin()
    page, identity = good(_log(c, ESTABLISH)).data, c.page(0x01)
    same((page[0], page[16], struct.unpack_from("<H", page, 18)[0]), (PAGE, 3, 492), "LID, LREV and LHL")
    same((page[56:76], page[76:116]), (identity[4:24], identity[24:64]), "SN and MN")
    same(page[116:372].rstrip(b"\0"), identity[768:1024].rstrip(b"\0"), "SUBNQN")
    same(page[1:4] + page[17:18] + page[378:480], bytes(106), "reserved bytes")
    bits = struct.unpack_from("<Q", page, 480)[0]
    for kind in (0x03, 0x04, 0x07, 0x08):
        same(bits >> kind & 1, 1, f"bit {kind:#x} of the Supported Events Bitmap")
    check(struct.unpack_from("<Q", page, 44)[0] >= 1, "no power cycle")


def events_are_those_of_the_bitmap(t):
    """Events (NVMe 2.0 5.16.1.14.1): of kinds that the bitmap tells; revision 1; within PELS."""
    c = t.admin()
    good(c.set_feature(TIMESTAMP, data=struct.pack("<Q", 1 << 40)))
    page, events = _events(c)
    bits = int.from_bytes(page[480:512], "little")
    check(events, "there are none")
    for kind, _, _ in events:
        same(bits >> kind & 1, 1, f"bit {kind:#x}")


def timestamp_change(t):
    """Timestamp Change (NVMe 2.0 5.16.1.14.1.3): tells the timestamp before, and its controller; the newest stands first."""
    c = t.admin()
    good(c.set_feature(TIMESTAMP, data=struct.pack("<Q", 1 << 40)))
    good(c.set_feature(TIMESTAMP, data=struct.pack("<Q", 1)))
    kind, controller, data = _events(c)[1][0]
    same((kind, controller, len(data)), (0x03, c.id, 16), "kind, controller and length")
    same(data[6] >> 1 & 7, 1, "the origin: Set Features")
    check(1 << 40 <= struct.unpack("<Q", data[:6] + bytes(2))[0] < (1 << 40) + 60000, "the previous timestamp")


def another_host_is_not_told(t):
    """Scope (NVMe 2.0 5.16.1.14): one host's controllers are nothing to another: its timestamps and resets are not in that one's log."""
    names = t.names()
    c, other = t.admin(host=names["host"], host_id=names["host_id"]), t.admin()
    good(c.set_feature(TIMESTAMP, data=struct.pack("<Q", 1 << 40)))
    _reset(c)
    same([controller for _, controller, _ in _events(other)[1] if controller == c.id], [], "events of the other host's controller")


def format_is_told(t):
    """Format NVM Start and Completion (NVMe 2.0 5.16.1.14.1.7 and 8): the namespace, CDW10, and how it ended."""
    c = t.admin()
    good(c.admin.run(wire.entry(0x80, world.TWO, cdw10=1 << 9)), "Format NVM")
    (ended, _, end), (began, _, start) = _events(c)[1][:2]
    same((ended, began), (0x08, 0x07), "the newest two events")
    same((struct.unpack_from("<I", start)[0], struct.unpack_from("<I", start, 8)[0]), (world.TWO, 1 << 9), "NSID and CDW10")
    same((struct.unpack_from("<I", end)[0], end[4:12]), (world.TWO, bytes(8)), "NSID and a good end")


@family({"between events": 4, "at the end of the header": 508})
def in_pieces(t, length):
    """Log Page Offset (NVMe 2.0 5.16): the log read in pieces is the log; past its end there is nothing."""
    c = t.admin()
    whole = good(_log(c, ESTABLISH, 2048)).data
    parts = b"".join(good(_log(c, READ, length, offset=at)).data for at in range(0, 2032, length))
    # RCI tells of the command that reads it.
    same(parts[:374] + parts[378:2032], whole[:374] + whole[378:2032], "the pieces")
