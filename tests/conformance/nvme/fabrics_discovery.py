"""The discovery service (NVMe-oF 1.1 5; UNH-IOL NVMe-oF 1.1, 1.7): what a host is told, and what it is not."""
import copy
import struct

from conformance.nvme import wire, world
from conformance.nvme.bench import check, family, good, one_of, same, slow, status_is

DISCOVERY_PAGE, DISCOVERY_CHANGED = 0x70, 0x70F002


class Record:
    def __init__(self, octets):
        self.octets = octets
        self.transport, self.family, self.kind, self.requirements = octets[:4]
        self.port_id, self.controller, self.entries, self.flags = struct.unpack_from("<HHHH", octets, 4)
        self.service = octets[32:64].rstrip(b" \0").decode()
        self.subsystem = octets[256:512].rstrip(b"\0").decode()
        self.address = octets[512:768].rstrip(b" \0").decode()


def _records(c):
    head = c.log_page(DISCOVERY_PAGE, 1024)
    _, count, form = struct.unpack_from("<QQH", head)
    same(form, 0, "RECFMT")
    page = c.log_page(DISCOVERY_PAGE, 1024 * (count + 1))
    return [Record(page[1024 * number:1024 * (number + 1)]) for number in range(1, count + 1)]


def _generation(c):
    return struct.unpack_from("<Q", c.log_page(DISCOVERY_PAGE, 16))[0]


def _without_second(whole):
    made = copy.deepcopy(whole)
    made["targets"] = [each for each in made["targets"] if each["name"] != world.SECOND_SUBSYSTEM]
    made["mappings"] = [each for each in made["mappings"] if each["target"] != world.SECOND_SUBSYSTEM]
    return made


def controller_of_discovery(t):
    """1.1.1 Connect to Discovery Controller (NVMe-oF 1.1 5.1; NVMe 2.0 figure 275): CNTRLTYPE 2, the well-known name, no namespaces."""
    page = t.discovery().page(0x01)
    same(page[111], 2, "CNTRLTYPE")
    same(page[768:1024].rstrip(b"\0").decode(), world.DISCOVERY, "SUBNQN")
    same(struct.unpack_from("<I", page, 516)[0], 0, "NN")
    same((struct.unpack_from("<H", page, 520)[0], struct.unpack_from("<H", page, 522)[0]), (0, 0), "ONCS and FUSES")


def persistent_connections(t):
    """1.1.4 Explicit Persistent Connections (NVMe-oF 1.1 5.2): OAES bit 31 and KAS say that they are there."""
    page = t.discovery().page(0x01)
    check(struct.unpack_from("<I", page, 92)[0] >> 31, "OAES bit 31")
    check(struct.unpack_from("<H", page, 320)[0], "KAS")


def records_of_a_host(t):
    """1.7 Discovery log page (NVMe-oF 1.1 5.3): a record for each way to each subsystem that the host may use."""
    found = {(each.subsystem, each.service) for each in _records(t.discovery()) if each.kind == 2}
    ports = [str(portal["port"]) for portal in t.world.document["portals"]]
    same(found, {(world.SUBSYSTEM, ports[0]), (world.SUBSYSTEM, ports[1])}, "what is told")


def records_of_another_host(t):
    """1.7 Discovery log page (NVMe-oF 1.1 5.3): who may use more is told of more, by the ports that lead there."""
    found = {(each.subsystem, each.service) for each in _records(t.discovery(host=world.NAMED)) if each.kind == 2}
    ports = [str(portal["port"]) for portal in t.world.document["portals"]]
    same(found, {(world.SUBSYSTEM, ports[0]), (world.SUBSYSTEM, ports[1]), (world.SECOND_SUBSYSTEM, ports[1])}, "what is told")


def fields_of_a_record(t):
    """1.7 Discovery log page (NVMe-oF 1.1 figure 40): TRTYPE 3, ADRFAM 1, CNTLID FFFFh, ASQSZ of at least 32, PORTID, TRADDR."""
    for each in _records(t.discovery()):
        same((each.transport, each.family, each.controller, each.address), (3, 1, 0xFFFF, "127.0.0.1"), "TRTYPE, ADRFAM, CNTLID, TRADDR")
        check(each.entries >= 32, f"ASQSZ {each.entries}")
        check(each.kind in (1, 2, 3), f"SUBTYPE {each.kind}")
        same(each.requirements & 3, 0, "TREQ: no secure channel is said to be needed")


def ports_have_their_own_ids(t):
    """1.7 Discovery log page, PORTID (NVMe-oF 1.1 figure 40): two ports have two ids."""
    same(len({each.port_id for each in _records(t.discovery()) if each.kind == 2}), 2, "how many there are")


def what_is_told_can_be_used(t):
    """1.7 Discovery log page (NVMe-oF 1.1 5.3): each record of a subsystem leads to a controller."""
    for each in _records(t.discovery()):
        if each.kind == 2:
            portal = [str(portal["port"]) for portal in t.world.document["portals"]].index(each.service)
            t.controller(portal=portal, subsystem=each.subsystem).read(0)


def text_fields(t):
    """1.7 Discovery log page (NVMe-oF 1.1 figure 40): names end with zeroes, addresses and services with blanks or zeroes."""
    for each in _records(t.discovery()):
        name = each.octets[256:512]
        same(name[name.index(0):].strip(b"\0"), b"", "what is behind SUBNQN")
        check(each.octets[32:64].isascii() and each.octets[512:768].isascii(), "TRSVCID and TRADDR are not ASCII")


@family({"16 bytes": 16, "1024 bytes": 1024, "2044 bytes": 2044, "8192 bytes": 8192})
def part_of_the_log(t, length):
    """1.7 Discovery log page (NVMe 2.0 5.16): a part of it is what stands there in the whole; past its end there is nothing."""
    c = t.discovery()
    whole = c.log_page(DISCOVERY_PAGE, 65536)
    same(c.log_page(DISCOVERY_PAGE, length), whole[:length], "the part")


@family({str(value): value for value in (4, 8, 1024, 1028, 2048, 65536, 1 << 33)})
def log_from_an_offset(t, offset):
    """1.7 Discovery log page, LPOL and LPOU (NVMe 2.0 5.16): from an offset on; past the end zeroes, or an error."""
    c = t.discovery()
    whole = c.log_page(DISCOVERY_PAGE, 65536)
    answer = c.log(DISCOVERY_PAGE, 1024, offset=offset)
    status_is(answer, wire.GOOD, wire.INVALID_FIELD)
    if answer.status == wire.GOOD:
        same(answer.data, whole[offset:offset + 1024].ljust(1024, b"\0"), "the part")
    else:
        check(offset >= 65536, "an offset within the page is refused")


def generation_stands_still(t):
    """1.7 Discovery log page, GENCTR (NVMe-oF 1.1 5.3): the same as long as nothing changes."""
    c = t.discovery()
    same(_generation(c), _generation(c), "GENCTR")
    same(_generation(t.discovery()), _generation(c), "GENCTR of another controller")


def generation_moves(t):
    """1.7 Discovery log page, GENCTR (NVMe-oF 1.1 5.3): another one after a change."""
    c = t.discovery()
    before = _generation(c)
    with t.document(_without_second(t.world.document)):
        check(_generation(c) != before, "GENCTR is the same after a change")


def change_is_told(t):
    """1.1.4 Discovery change (NVMe-oF 1.1 5.4; NVMe 2.0 figure 149): an event when records change, and the log has it."""
    c = t.discovery(host=world.NAMED)
    good(c.set_feature(0x0B, 1 << 31))
    tag = c.await_event()
    with t.document(_without_second(t.world.document)):
        same(good(c.admin.wait(tag)).result & 0xFFFFFF, DISCOVERY_CHANGED, "the event")
        check(all(each.subsystem != world.SECOND_SUBSYSTEM for each in _records(c)), "it is still told")


def change_is_told_to_who_asked(t):
    """1.1.4 Discovery change (NVMe 2.0 5.27.1.8): not to a host that did not enable it; its controller stays."""
    c = t.discovery(host=world.NAMED)
    c.await_event()
    with t.document(_without_second(t.world.document)):
        good(c.identify(0x01))
        same(len(c.admin.outstanding), 1, "event requests that are still held")


def change_is_told_once_until_it_is_read(t):
    """1.1.4 Discovery change (NVMe 2.0 5.2): no second event before the log was read with RAE 0, which takes those along that wait."""
    c = t.discovery(host=world.NAMED)
    good(c.set_feature(0x0B, 1 << 31))
    first, second = c.await_event(), c.await_event()
    with t.document(_without_second(t.world.document)):
        good(c.admin.wait(first))
    good(c.identify(0x01))
    check(second in c.admin.outstanding, "a second event was told")
    c.log_page(DISCOVERY_PAGE, 1024, retain=True)
    c.log_page(DISCOVERY_PAGE, 1024)
    good(c.identify(0x01))
    check(second in c.admin.outstanding, "an event was told of what the log has told already")
    with t.document(_without_second(t.world.document)):
        good(c.admin.wait(second))


UNSUPPORTED = {f"{opcode:#04x}": opcode for opcode in (0x00, 0x01, 0x04, 0x05, 0x08, 0x0D, 0x10, 0x11, 0x14, 0x15, 0x1A, 0x7C, 0x80, 0x81,
                                                       0x84, 0xC0, 0xFF)}


@family(UNSUPPORTED)
def command_that_discovery_does_not_have(t, opcode):
    """1.1 Discovery controller (NVMe-oF 1.1 figure 31): what is not of discovery: Invalid Command Opcode."""
    c = t.discovery()
    status_is(c.admin.run(wire.entry(opcode)), wire.INVALID_OPCODE)
    good(c.identify(0x01))


@family({f"CNS {cns:#04x}": cns for cns in (0x00, 0x02, 0x03, 0x10, 0x11, 0x13, 0x1C, 0xFF)})
def identify_of_discovery(t, cns):
    """1.1 Discovery controller, Identify (NVMe-oF 1.1 5.1): CNS 01h alone; others are an Invalid Field."""
    status_is(t.discovery().identify(cns, nsid=1), wire.INVALID_FIELD, wire.INVALID_NAMESPACE)


@family({f"{page:#04x}": page for page in (0x03, 0x04, 0x0C, 0x80, 0x81, 0xC0, 0xFF)})
def log_page_that_discovery_does_not_have(t, page):
    """1.1 Discovery controller, Get Log Page (NVMe-oF 1.1 5.1): Invalid Log Page."""
    status_is(t.discovery().log(page, 512), wire.INVALID_LOG, wire.INVALID_FIELD)


@family({f"{feature:#04x}": feature for feature in (0x00, 0x01, 0x02, 0x06, 0x07, 0x0E, 0x81, 0x82, 0xC0)})
def feature_that_discovery_does_not_have(t, feature):
    """1.1 Discovery controller, features (NVMe-oF 1.1 5.1): asynchronous events and keep-alive alone."""
    c = t.discovery()
    status_is(c.get_feature(feature), wire.INVALID_FIELD)
    status_is(c.set_feature(feature), wire.INVALID_FIELD, wire.NOT_CHANGEABLE)


def own_record(t):
    """1.7 Discovery log page (NVMe-oF 1.1 figure 40, subtype 03h): the discovery subsystem tells of itself, by the port that the host came
    by."""
    for portal in (0, 1):
        own = [each for each in _records(t.discovery(portal=portal)) if each.kind == 3]
        check(all(each.subsystem == world.DISCOVERY for each in own), "another name than the well-known one")
        one_of(str(t.world.document["portals"][portal]["port"]), [each.service for each in own], "the port of a record of discovery")


def log_of_no_discovery(t):
    """1.7 Discovery log page (NVMe-oF 1.1 5.3): a controller of I/O does not have it."""
    status_is(t.admin().log(DISCOVERY_PAGE, 1024), wire.INVALID_LOG, wire.INVALID_FIELD)


def subsystem_that_is_removed(t):
    """1.2 Connect to NVM Subsystem (NVMe-oF 1.1 4.2): controllers of a subsystem that is removed end; others go on."""
    c, other = t.controller(portal=1, subsystem=world.SECOND_SUBSYSTEM, host=world.NAMED), t.controller()
    with t.document(_without_second(t.world.document)):
        c.admin.ended()
        c.io.ended()
        other.read(0)


# Keep alive.
def keep_alive(t):
    """1.8 Keep Alive (NVMe 2.0 5.18): taken when there is a timeout."""
    for c in (t.admin(keep_alive=60000), t.discovery(keep_alive=60000)):
        for _ in range(3):
            good(c.admin.run(wire.entry(wire.KEEP_ALIVE)))


def keep_alive_without_a_timeout(t):
    """1.8 Keep Alive (NVMe 2.0 5.18): without one it is done, or Keep Alive Timeout Invalid; the controller lives."""
    c = t.admin()
    status_is(c.admin.run(wire.entry(wire.KEEP_ALIVE)), wire.GOOD, wire.KEEP_ALIVE_INVALID)
    good(c.identify(0x01))


def keep_alive_on_an_io_queue(t):
    """1.8 Keep Alive (NVMe 2.0 3.1.3): it is an admin command: on an I/O queue that opcode is another one, or none."""
    c = t.controller()
    status_is(c.io.run(wire.entry(wire.KEEP_ALIVE, 1)), wire.INVALID_OPCODE)


@family({"KAS": 320})
def keep_alive_granularity(t, at):
    """1.8 Keep Alive (NVMe-oF 1.1 figure 30): KAS is not zero on a fabric."""
    check(struct.unpack_from("<H", t.admin().page(0x01), at)[0] > 0, "KAS is zero")


@slow
def keep_alive_that_does_not_come(t):
    """1.8 Keep Alive (NVMe 2.0 3.9): a controller whose host is silent ends with all its queues, not before its time."""
    import time
    c = t.controller(keep_alive=1000)
    began = time.monotonic()
    c.admin.ended()
    check(time.monotonic() - began >= 0.9, "it ended before its time")
    c.io.ended()


@slow
def traffic_keeps_a_controller_alive(t):
    """1.8 Keep Alive, traffic based (NVMe 2.0 3.9.2): with TBKAS commands of I/O queues are enough."""
    import time
    c = t.controller(keep_alive=1000)
    for _ in range(20):
        time.sleep(0.2)
        c.read(0)
    good(c.identify(0x01))


@slow
def silence_without_a_timeout(t):
    """1.8 Keep Alive (NVMe 2.0 3.9): KATO 0: silence ends nothing."""
    import time
    c = t.controller()
    time.sleep(4)
    c.read(0)
    good(c.identify(0x01))
