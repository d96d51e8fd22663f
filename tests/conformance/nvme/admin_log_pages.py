"""Get Log Page (NVMe 2.0 5.16; UNH-IOL NVMe 1.3): what each page says, lengths and offsets, what is not there."""
import struct

from conformance.nvme import wire, world
from conformance.nvme.bench import check, family, good, same, status_is

SUPPORTED, ERRORS, HEALTH, FIRMWARE, CHANGED, EFFECTS, ACCESS, RESERVATION = 0, 1, 2, 3, 4, 5, 0x0C, 0x80
PAGES = {"Supported Log Pages": (SUPPORTED, 1024), "Error Information": (ERRORS, 64), "SMART / Health": (HEALTH, 512),
         "Firmware Slot": (FIRMWARE, 512),
         "Changed Namespaces": (CHANGED, 4096), "Commands Supported and Effects": (EFFECTS, 4096), "ANA": (ACCESS, 4096),
         "Reservation Notification": (RESERVATION, 64)}


@family(PAGES)
def page(t, number, length):
    """1.3.1 Get Log Page (NVMe 2.0 5.16): each page that is supported comes in the length that was asked for."""
    same(len(t.admin().log_page(number, length)), length, "bytes")


@family({name: PAGES[name] for name in PAGES if name not in ("SMART / Health", "Changed Namespaces")})
def page_in_two_parts(t, number, length):
    """1.3.5 Get Log Page, offset (NVMe 2.0 5.16, LPA bit 2): two halves are the whole."""
    c = t.admin()
    whole = c.log_page(number, length)
    half = length // 2
    same(c.log_page(number, half) + c.log_page(number, half, offset=half), whole, "the halves")


@family({f"{name}, {kind}": (number, length, value) for name, (number, length) in PAGES.items()
         for kind, value in (("offset 2", 2), ("offset 1", 1), ("offset 4097", 4097))})
def offset_of_no_dword(t, number, length, offset):
    """1.3.5 Get Log Page, offset (NVMe 2.0 5.16): bits 1:0 of LPOL are reserved: Invalid Field."""
    status_is(t.admin().log(number, length, offset=offset), wire.INVALID_FIELD)


@family({name: PAGES[name] for name in PAGES})
def offset_by_index(t, number, length):
    """1.3.5 Get Log Page, OT (NVMe 2.0 5.16): an index where none is supported: Invalid Field."""
    status_is(t.admin().log(number, length, cdw14=1 << 23), wire.INVALID_FIELD)


@family({name: PAGES[name] for name in PAGES})
def offset_beyond_the_page(t, number, length):
    """1.3.5 Get Log Page, offset (NVMe 2.0 5.16): past the end of a page: Invalid Field, or nothing but zeroes."""
    answer = t.admin().log(number, length, offset=1 << 40)
    status_is(answer, wire.GOOD, wire.INVALID_FIELD)
    same(answer.data.strip(b"\0"), b"", "what is there")


@family({f"{number:#04x}": number for number in (0x14, 0x15, 0x1F, 0x6F, 0x7F, 0x82, 0xBF, 0xC0, 0xFF)})
def page_that_is_not_there(t, number):
    """1.3.2 Get Log Page, reserved identifier (NVMe 2.0 figure 202): Invalid Log Page or Invalid Field."""
    status_is(t.admin().log(number, 512), wire.INVALID_LOG, wire.INVALID_FIELD)


def supported_pages_are_supported(t):
    """1.3 Supported Log Pages (NVMe 2.0 5.16.1.1): what is listed is there, what is not is not."""
    c = t.admin()
    listed = struct.unpack("<256I", c.log_page(SUPPORTED, 1024))
    for number in range(256):
        answer = c.log(number, 512)
        same(answer.status in (wire.INVALID_LOG, wire.INVALID_FIELD), not listed[number] & 1, f"whether page {number:#x} is refused")


@family({"in dwords below": 508, "above": 516, "nothing": 0})
def room_for_another_length(t, room):
    """1.3 Get Log Page, data (NVMe 2.0 5.16): another room than NUMD says: no data beyond it, or an error."""
    c = t.admin()
    answer = c.admin.run(wire.log_entry(HEALTH, 512), room=room)
    if answer.status == wire.GOOD:
        check(len(answer.data) <= min(room, 512), f"{len(answer.data)} bytes came")
    else:
        status_is(answer, wire.DATA_LENGTH, wire.INVALID_FIELD)
    good(c.log(HEALTH, 512))


def dwords_above_the_transfer_size(t):
    """1.3 Get Log Page, NUMDU (NVMe 2.0 5.16): a length above MDTS is refused; no memory is taken for it."""
    status_is(t.admin().admin.run(wire.log_entry(ERRORS, 1 << 31), room=1 << 31), wire.INVALID_FIELD, wire.DATA_LENGTH)


# Error Information.
def error_page_of_a_new_controller(t):
    """1.3 Error Information (NVMe 2.0 5.16.1.2): no errors yet: entries of zeroes."""
    same(t.admin().log_page(ERRORS, 64)[:8], bytes(8), "the error count")


def error_entries_are_as_many_as_elpe_says(t):
    """1.3 Error Information (NVMe 2.0 5.16.1.2): ELPE + 1 entries, and no more."""
    c = t.admin()
    count = c.page(0x01)[262] + 1
    same(len(c.log_page(ERRORS, 64 * count)), 64 * count, "bytes")


# Health.
def _units(page, at):
    return wire.number(page, at, 16)


def health_of_a_namespace(t):
    """1.3 SMART / Health (NVMe 2.0 5.16.1.3): of the controller: NSID FFFFFFFFh and 0; of a namespace only when LPA bit 0 is set."""
    c = t.admin()
    good(c.log(HEALTH, 512, nsid=0xFFFFFFFF))
    good(c.log(HEALTH, 512, nsid=0))
    answer = c.log(HEALTH, 512, nsid=1)
    check(answer.status == wire.GOOD or not c.page(0x01)[261] & 1, "LPA bit 0 says that it is there")


def health_is_good(t):
    """1.3 SMART / Health (NVMe 2.0 figure 207): no critical warning; spare above its threshold; a temperature in kelvins; wear is none."""
    page = t.admin().log_page(HEALTH, 512)
    same(page[0], 0, "the critical warnings")
    check(page[3] >= page[4] and page[3] <= 100, "the available spare")
    check(273 <= struct.unpack_from("<H", page, 1)[0] < 343, "the composite temperature")
    same(page[512 - 296:].strip(b"\0"), b"", "the reserved bytes")


def health_counts_what_is_read_and_written(t):
    """1.3 SMART / Health (NVMe 2.0 figure 207): host reads and writes and their units, of 1000 x 512 bytes rounded up, go up."""
    c = t.controller()
    before = c.log_page(HEALTH, 512)
    for number in range(4):
        c.write(2048 * number, bytes(1 << 20), capsule=False)
        c.read(2048 * number, 2048)
    after = c.log_page(HEALTH, 512)
    check(_units(after, 64) >= _units(before, 64) + 4 and _units(after, 80) >= _units(before, 80) + 4, "host reads and writes")
    check(_units(after, 32) >= _units(before, 32) + 8 and _units(after, 48) >= _units(before, 48) + 8, "data units")


def refusals_are_no_media_errors(t):
    """1.3 SMART / Health (NVMe 2.0 figure 207): what a host did wrong is no error of the media."""
    c = t.controller()
    before = _units(c.log_page(HEALTH, 512), 160)
    for _ in range(5):
        status_is(c.io.run(wire.blocks(wire.READ, 1 << 50, 1), room=512), wire.OUT_OF_RANGE_LBA)
    same(_units(c.log_page(HEALTH, 512), 160), before, "media errors")


def firmware_slot(t):
    """1.3 Firmware Slot (NVMe 2.0 5.16.1.4): the active slot has the revision that Identify tells."""
    c = t.admin()
    page = c.log_page(FIRMWARE, 512)
    active = page[0] & 7
    check(1 <= active <= 7, "the active slot")
    same(page[8 * active:8 * active + 8], c.page(0x01)[64:72], "the revision")


# Effects.
def _effects(c):
    page = c.log_page(EFFECTS, 4096)
    return struct.unpack_from("<256I", page), struct.unpack_from("<256I", page, 1024)


def _known(queue, opcode):
    return queue.run(wire.entry(opcode, 0xFFFFFFF0), bytes(4) if opcode & 3 == 1 else b"",
                     room=4 if opcode & 3 >= 2 else 0).status != wire.INVALID_OPCODE


@family({f"{first:#04x} to {first + 15:#04x}": first for first in range(0, 256, 16)})
def effects_of_io_commands(t, first):
    """1.3 Commands Supported and Effects (NVMe 2.0 5.16.1.6; UNH-IOL 5.4 Invalid Opcode): an I/O command is known if CSUPP says so, and
    else not."""
    c = t.controller()
    listed = _effects(c)[1]
    for opcode in range(first, first + 16):
        if opcode != wire.FABRICS:
            same(_known(c.io, opcode), bool(listed[opcode] & 1), f"whether opcode {opcode:#04x} is known")


@family({f"{first:#04x} to {first + 15:#04x}": first for first in range(0, 256, 16)})
def effects_of_admin_commands(t, first):
    """1.3 Commands Supported and Effects (NVMe 2.0 5.16.1.6; UNH-IOL 5.4 Invalid Opcode): so is an admin command."""
    c = t.admin()
    listed = _effects(c)[0]
    for opcode in range(first, first + 16):
        if opcode == wire.EVENT_REQUEST:
            same(listed[opcode] & 1, 1, "CSUPP of Asynchronous Event Request")
        elif opcode != wire.FABRICS:
            same(_known(c.admin, opcode), bool(listed[opcode] & 1), f"whether opcode {opcode:#04x} is known")


@family({"Write": wire.WRITE, "Write Zeroes": wire.ZEROES, "Dataset Management": wire.DATASET, "Copy": wire.COPY})
def effects_of_what_writes(t, opcode):
    """1.3 Commands Supported and Effects, LBCC (NVMe 2.0 figure 216): commands that change blocks say so; Read does not."""
    listed = _effects(t.admin())[1]
    same((listed[opcode] >> 1 & 1, listed[wire.READ] >> 1 & 1), (1, 0), "LBCC")


def no_queue_commands_on_a_fabric(t):
    """1.4 Create and Delete I/O Queues (NVMe-oF 1.1 2.1): a fabric has Connect instead: Invalid Command Opcode."""
    c = t.admin()
    for opcode in (0x00, 0x01, 0x04, 0x05):
        status_is(c.admin.run(wire.entry(opcode)), wire.INVALID_OPCODE)


# ANA.
def access_groups(t):
    """1.3 Asymmetric Namespace Access (NVMe 2.0 5.16.1.13): each namespace is in the group that Identify tells, once, in a state that
    there is."""
    c = t.admin()
    page = c.log_page(ACCESS, 4096)
    count, at, found = struct.unpack_from("<H", page, 8)[0], 16, {}
    for _ in range(count):
        group, spaces = struct.unpack_from("<II", page, at)
        check(page[at + 16] in (1, 2, 3, 4, 0xF), f"state {page[at + 16]:#x}")
        for nsid in struct.unpack_from(f"<{spaces}I", page, at + 32):
            check(nsid not in found, f"namespace {nsid} is in two groups")
            found[nsid] = group
        at += 32 + 4 * spaces
    same(found, {nsid: wire.number(c.page(0x00, nsid), 92, 4) for nsid in (world.ONE, world.TWO, world.READ_ONLY, world.WIDE)},
         "the groups")


def access_groups_without_namespaces(t):
    """1.3 Asymmetric Namespace Access, RGO (NVMe 2.0 figure 218): with Return Groups Only no namespaces are listed."""
    c = t.admin()
    page = c.log_page(ACCESS, 4096, specific=1)
    for number in range(struct.unpack_from("<H", page, 8)[0]):
        same(struct.unpack_from("<I", page, 16 + 32 * number + 4)[0], 0, "number of NSIDs")


def changed_namespaces_of_a_new_controller(t):
    """1.3 Changed Namespace List (NVMe 2.0 5.16.1.5): nothing has changed yet."""
    same(t.admin().log_page(CHANGED, 4096), bytes(4096), "the list")


def reservation_notices_of_a_new_controller(t):
    """1.3, 7.9 Reservation Notification (NVMe 2.0 5.16.1.17): without notices the page is empty: zeroes."""
    same(t.admin().log_page(RESERVATION, 64), bytes(64), "the page")
