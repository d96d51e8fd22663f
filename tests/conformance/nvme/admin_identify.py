"""Identify (NVMe 2.0 5.17; UNH-IOL NVMe 1.1): field by field, and what is not there."""
import struct

from conformance.nvme import wire, world
from conformance.nvme.bench import check, family, good, one_of, same, status_is

LENGTHS = {1: 8, 2: 16, 3: 16, 4: 1}   # NIDT: NIDL


def _word(page, at, length):
    return wire.number(page, at, length)


def _text(page, at, length):
    octets = page[at:at + length]
    check(all(0x20 <= octet < 0x7F for octet in octets), f"no printable ASCII: {octets!r}")
    return octets.decode().rstrip()


# CNS 01h.
def serial_model_and_firmware(t):
    """1.1.2 Identify Controller (NVMe 2.0 figure 275): SN, MN and FR are ASCII, padded with blanks, and not empty."""
    page = t.admin().page(0x01)
    check(_text(page, 4, 20) and _text(page, 24, 40) and _text(page, 64, 8), "one of them is empty")


def serial_is_of_the_subsystem(t):
    """1.1.2 Identify Controller (NVMe 2.0 figure 275, SN): all controllers of a subsystem have one serial number, another one another."""
    first, second = t.admin().page(0x01), t.admin(portal=1).page(0x01)
    same(first[4:24], second[4:24], "SN by another port")
    other = t.admin(portal=1, subsystem=world.SECOND_SUBSYSTEM, host=world.NAMED).page(0x01)
    check(other[4:24] != first[4:24], "two subsystems have one serial number")


NUMBERS = {  # name: (byte, bytes, what holds)
    "CNTRLTYPE": (111, 1, lambda v: v == 1), "CMIC": (76, 1, lambda v: v & 0x0A == 0x0A), "MDTS": (77, 1, lambda v: v >= 5),
    "OAES": (92, 4, lambda v: v >> 8 & 1 and v >> 11 & 1), "CTRATT with 128-bit host ids": (96, 4, lambda v: v & 1), "ACL": (258, 1,
                                                            lambda v: v >= 3),
    "AERL": (259, 1, lambda v: v >= 3), "FRMW": (260, 1, lambda v: 1 <= v >> 1 & 7 <= 7), "LPA": (261, 1, lambda v: v & 4),
    "KAS": (320, 2, lambda v: v > 0), "SQES": (512, 1, lambda v: v == 0x66), "CQES": (513, 1, lambda v: v == 0x44), "MAXCMD": (514, 2,
                                                            lambda v: v > 1),
    "NN": (516, 4, lambda v: v >= 77), "ANATT": (342, 1, lambda v: v > 0), "ANACAP": (343, 1, lambda v: v & 1), "ANAGRPMAX": (344, 4,
                                                            lambda v: v > 0),
    "NANAGRPID": (348, 4, lambda v: v > 0), "SGLS": (536, 4, lambda v: v & 3 in (1, 2)), "IOCCSZ": (1792, 4, lambda v: v >= 4),
    "IORCSZ": (1796, 4, lambda v: v == 1), "ICDOFF": (1800, 2, lambda v: v == 0), "FCATT": (1802, 1, lambda v: v & 1 == 0), "MSDBD": (1803,
                                                            1, lambda v: v >= 1),
    "reserved bytes of the fabric": (1806, 242, lambda v: v == 0), "NVSCC": (530, 1, lambda v: v & 0xFE == 0), "WCTEMP below CCTEMP": (266,
                                                            4, lambda v: v & 0xFFFF <= v >> 16)}


@family(NUMBERS)
def controller_field(t, at, length, holds):
    """1.1.2 Identify Controller (NVMe 2.0 figure 275; NVMe-oF 1.1 figure 30): what a controller of I/O on this transport must say."""
    value = _word(t.admin().page(0x01), at, length)
    check(holds(value), f"the value is {value:#x}")


def controller_id(t):
    """1.1.2 Identify Controller, CNTLID (NVMe-oF 1.1 3.3): what Connect has answered."""
    c = t.admin()
    same(_word(c.page(0x01), 78, 2), c.id, "CNTLID")


def subsystem_name(t):
    """1.1.2 Identify Controller, SUBNQN (NVMe 2.0 figure 275): the name that the host connected to, and zeroes behind it."""
    same(t.admin().page(0x01)[768:1024], world.SUBSYSTEM.encode().ljust(256, b"\0"), "SUBNQN")


COMMANDS = {"Compare": (0, wire.COMPARE), "Write Uncorrectable": (1, wire.UNCORRECTABLE), "Dataset Management": (2, wire.DATASET),
            "Write Zeroes": (3, wire.ZEROES),
            "Reservations": (5, wire.REPORT), "Verify": (7, wire.VERIFY), "Copy": (8, wire.COPY)}


@family(COMMANDS)
def optional_command(t, bit, opcode):
    """1.1.2 Identify Controller, ONCS (NVMe 2.0 figure 275): a command is there if and only if its bit is set."""
    c = t.controller()
    offered = _word(c.page(0x01), 520, 2) >> bit & 1
    answer = c.io.run(wire.entry(opcode, 0xFFFFFFF0), bytes(512) if opcode & 3 == 1 else b"", room=512 if opcode & 3 == 2 else 0)
    same(answer.status != wire.INVALID_OPCODE, bool(offered), "whether the command is known")


def number_of_queue_entries(t):
    """1.1.2 Identify Controller, MAXCMD (NVMe 2.0 figure 275): no more than MQES + 1."""
    c = t.admin()
    check(_word(c.page(0x01), 514, 2) <= (c.get(wire.CAP, wide=True).result & 0xFFFF) + 1, "MAXCMD is above MQES + 1")


# Namespaces.
SPACES = {"one": (world.ONE, world.BLOCKS, 9), "two": (world.TWO, world.BLOCKS, 9), "read only": (world.READ_ONLY, world.BLOCKS, 9),
          "of wide blocks": (world.WIDE, world.WIDE_BLOCKS, 12)}


@family(SPACES)
def namespace_size(t, nsid, blocks, shift):
    """1.1.1 Identify Namespace (NVM 1.0 figure 97): NSZE as the volume has it, NUSE <= NCAP <= NSZE, the block size of LBAF."""
    page = t.admin().page(0x00, nsid)
    size, capacity, used = struct.unpack_from("<QQQ", page)
    same(size, blocks, "NSZE")
    check(used <= capacity <= size, f"NUSE {used}, NCAP {capacity}")
    same(page[128 + 4 * (page[26] & 0xF) + 2], shift, "LBADS of the format in use")
    check(page[26] & 0xF <= page[25], "FLBAS is above NLBAF")


@family(SPACES)
def namespace_identifiers(t, nsid, *_):
    """1.1.4 Namespace Identification Descriptors (NVMe 2.0 figure 277): those of Identify Namespace, each once, none of zeroes."""
    c = t.admin()
    page, listed, at = c.page(0x00, nsid), {}, 0
    descriptors = c.page(0x03, nsid)
    while descriptors[at]:
        kind, length = descriptors[at], descriptors[at + 1]
        same(length, LENGTHS.get(kind), f"NIDL of NIDT {kind}")
        check(kind not in listed, f"NIDT {kind} comes twice")
        listed[kind] = descriptors[at + 4:at + 4 + length]
        at += 4 + length
    same(descriptors[at:].strip(b"\0"), b"", "what is behind the last descriptor")
    same((listed[1], listed[2]), (page[120:128], page[104:120]), "EUI64 and NGUID")
    check(all(listed[kind].strip(b"\0") for kind in (1, 2, 3)), "an identifier of zeroes")
    same(listed.get(4, b"\0"), b"\0", "CSI")


def identifiers_are_the_same_by_every_way(t):
    """1.1.4 Namespace identifiers (NVMe 2.0 4.5.1): by another port, another host and another subsystem a volume has the same ones."""
    first = t.admin().page(0x03, world.TWO)
    same(t.admin(portal=1, host=world.NAMED).page(0x03, world.TWO), first, "by another port")
    same(t.admin(portal=1, subsystem=world.SECOND_SUBSYSTEM, host=world.NAMED).page(0x03, 7), first, "in another subsystem")


def identifiers_differ(t):
    """1.1.4 Namespace identifiers (NVMe 2.0 4.5.1): two namespaces have none in common."""
    c = t.admin()
    pages = [c.page(0x00, nsid) for nsid in (world.ONE, world.TWO, world.READ_ONLY, world.WIDE)]
    same((len({page[104:120] for page in pages}), len({page[120:128] for page in pages})), (4, 4), "NGUIDs and EUI64s")


NAMESPACE_FIELDS = {"NMIC: shared": (30, 1, lambda v: v & 1), "RESCAP: all types": (31, 1, lambda v: v & 0x7E == 0x7E), "ANAGRPID": (92, 4,
                                                            lambda v: v > 0),
                    "MC and DPC: no metadata": (27, 2, lambda v: v == 0), "DPS": (29, 1, lambda v: v == 0), "NVMSETID and ENDGID": (100, 4,
                                                            lambda v: v == 0),
                    "MSSRL": (74, 2, lambda v: v > 0), "MCL above MSSRL": (76, 4, lambda v: v > 0)}


@family(NAMESPACE_FIELDS)
def namespace_field(t, at, length, holds):
    """1.1.1 Identify Namespace (NVM 1.0 figure 97): what a namespace that several hosts share must say."""
    value = _word(t.admin().page(0x00, world.ONE), at, length)
    check(holds(value), f"the value is {value:#x}")


def write_protection_is_told(t):
    """1.1.1 Identify Namespace, NSATTR (NVM 1.0 figure 97): of the one that is mapped read only, and of no other."""
    c = t.admin()
    same([c.page(0x00, nsid)[99] & 1 for nsid in (world.ONE, world.READ_ONLY)], [0, 1], "NSATTR")


def access_group_is_below_its_maximum(t):
    """1.1.1 Identify Namespace, ANAGRPID (NVMe 2.0 figure 275): not above ANAGRPMAX."""
    c = t.admin()
    most = _word(c.page(0x01), 344, 4)
    for nsid in (world.ONE, world.WIDE):
        check(0 < _word(c.page(0x00, nsid), 92, 4) <= most, "ANAGRPID")


def independent_namespace(t):
    """1.1.8 I/O Command Set Independent Identify Namespace (NVMe 2.0 figure 280): what is there twice is the same; NSTAT is ready."""
    c = t.admin()
    own, independent = c.page(0x00, world.ONE), c.page(0x08, world.ONE)
    same((independent[1], independent[2], independent[4:8], independent[8]), (own[30], own[31], own[92:96], own[99]),
         "NMIC, RESCAP, ANAGRPID, NSATTR")
    same(independent[14] & 1, 1, "NSTAT.NRDY")


OF_NAMESPACES = {"namespace": 0x00, "descriptors": 0x03, "independent": 0x08, "of the command set": 0x05}


@family({f"{name}, {nsid:#x}": (cns, nsid) for name, cns in OF_NAMESPACES.items() for nsid in (0, 0xFFFFFFFE, 0xFFFFFFFF, 1 << 20)})
def namespace_id_that_none_can_have(t, cns, nsid):
    """1.1 Identify, NSID (NVMe 2.0 5.17): 0 or above NN is Invalid Namespace or Format; FFFFFFFFh too without namespace management."""
    status_is(t.admin().identify(cns, nsid), wire.INVALID_NAMESPACE, wire.INVALID_FIELD)


def namespace_that_is_not_attached(t):
    """1.1.1 Identify Namespace (NVMe 2.0 5.17, figure 273): an id that is valid and not active: a page of zeroes."""
    same(t.admin().page(0x00, world.ABSENT), bytes(4096), "the page")


def descriptors_of_a_namespace_that_is_not_attached(t):
    """1.1.4 Namespace Identification Descriptors (NVMe 2.0 figure 273): of an id that is not active: Invalid Namespace or Format."""
    status_is(t.admin().identify(0x03, world.ABSENT), wire.INVALID_NAMESPACE, wire.INVALID_FIELD)


@family({"from 0": (0, [1, 2, 3, 4]), "from 1": (1, [2, 3, 4]), "from 3": (3, [4]), "from 4": (4, []), "from 1000": (1000, []),
         "from fffffffd": (0xFFFFFFFD, [])})
def active_namespaces(t, after, listed):
    """1.1.3 Active Namespace ID list (NVMe 2.0 5.17.2.3): those above NSID, ascending, then zeroes."""
    page = t.admin().page(0x02, after)
    same([number for number in struct.unpack("<1024I", page) if number], listed, "the list")
    same(page[:4 * len(listed)], struct.pack(f"<{len(listed)}I", *listed), "where it stands")


@family({"fffffffe": 0xFFFFFFFE, "ffffffff": 0xFFFFFFFF})
def active_namespaces_from_the_end(t, after):
    """1.1.3 Active Namespace ID list (NVMe 2.0 5.17.2.3): FFFFFFFEh and FFFFFFFFh are Invalid Namespace or Format."""
    status_is(t.admin().identify(0x02, after), wire.INVALID_NAMESPACE)


def namespaces_are_a_hosts(t):
    """1.1.3 Active Namespace ID list (NVMe 2.0 5.17.2.3): each host sees those that are mapped to it, in each subsystem."""
    page = t.admin(portal=1, subsystem=world.SECOND_SUBSYSTEM, host=world.NAMED).page(0x02)
    same([number for number in struct.unpack("<1024I", page) if number], [7], "the list")


def active_namespaces_of_the_command_set(t):
    """1.1.7 Active Namespace ID list of a command set (NVMe 2.0 5.17.2.8): that of NVM is the whole list."""
    c = t.admin()
    same(c.page(0x07), c.page(0x02), "the list")


def controller_list(t):
    """1.1.12 Controller list (NVMe 2.0 5.17.2.14): ascending, with this controller in it, from CNTID on."""
    c, other = t.admin(), t.admin()
    page = c.page(0x13)
    ids = struct.unpack_from(f"<{_word(page, 0, 2)}H", page, 2)
    same(list(ids), sorted(set(ids)), "the list in its order")
    check({c.id, other.id} <= set(ids), "a controller is left out")
    page = c.page(0x13, controller=c.id + 1)
    check(c.id not in struct.unpack_from(f"<{_word(page, 0, 2)}H", page, 2), "CNTID is not kept to")


def controller_list_of_a_namespace(t):
    """1.1.12 Controller list of a namespace (NVMe 2.0 5.17.2.13): with this controller; of one that is not there an error."""
    c = t.admin()
    page = c.page(0x12, world.ONE)
    one_of(c.id, struct.unpack_from(f"<{_word(page, 0, 2)}H", page, 2), "CNTLID")
    status_is(c.identify(0x12, world.ABSENT), wire.INVALID_NAMESPACE, wire.INVALID_FIELD)


def command_set_data(t):
    """1.1.6 Identify Controller of a command set (NVMe 2.0 5.17.2.7; NVM 1.0 figure 102): DMRL as many as a range list may have."""
    page = t.admin().page(0x06)
    check(page[3] > 0, "DMRL")
    same(t.admin().page(0x1C, controller=0xFFFF)[:8], struct.pack("<Q", 1), "the first combination of command sets: NVM")


@family({f"CNS {cns:#04x}, CSI {csi:#04x}": (cns, csi) for cns in (0x05, 0x06, 0x07) for csi in (1, 2, 3, 0x30, 0xFF)})
def command_set_that_is_not_there(t, cns, csi):
    """1.1.6 Identify of a command set (NVMe 2.0 5.17): a CSI that is not supported: Invalid Field in Command."""
    status_is(t.admin().identify(cns, world.ONE, command_set=csi), wire.INVALID_FIELD)


@family({f"{cns:#04x}": cns for cns in (0x0D, 0x0E, 0x0F, 0x1D, 0x1E, 0x1F, 0x21, 0x40, 0x7F, 0x80, 0xC0, 0xFF)})
def structure_that_is_not_there(t, cns):
    """1.1.20 Identify, reserved CNS (NVMe 2.0 figure 273): Invalid Field in Command."""
    status_is(t.admin().identify(cns, world.ONE), wire.INVALID_FIELD)


@family({str(room): room for room in (0, 512, 4092, 4100, 8192)})
def room_for_another_length(t, room):
    """1.1 Identify, data (NVMe 2.0 5.17): 4096 bytes: with less room there is no data beyond it, or an error."""
    c = t.admin()
    answer = c.identify(0x01, room=room)
    if answer.status == wire.GOOD:
        same(len(answer.data), min(room, 4096), "bytes")
    else:
        status_is(answer, wire.DATA_LENGTH, wire.INVALID_FIELD)
    good(c.identify(0x01))


def reserved_bits_of_the_command(t):
    """1.1 Identify (NVMe 2.0 5.17): reserved words are not looked at, or refused; nothing else."""
    c = t.admin()
    answer = c.admin.run(wire.entry(wire.IDENTIFY, cdw10=1, cdw2=0xFFFFFFFF, cdw13=0xFFFFFFFF, cdw15=0xFFFFFFFF), room=4096)
    status_is(answer, wire.GOOD, wire.INVALID_FIELD)
