"""Get and Set Features (NVMe 2.0 5.15, 5.27; UNH-IOL NVMe 1.2, 1.8, 1.9): values, what they are of, what is not there."""
import struct

from conformance.nvme import wire, world
from conformance.nvme.bench import check, family, good, one_of, same, status_is

ARBITRATION, POWER, TEMPERATURE, ERROR_RECOVERY, WRITE_CACHE, QUEUES, ATOMICITY, EVENTS = 1, 2, 4, 5, 6, 7, 0x0A, 0x0B
TIMESTAMP, KEEP_ALIVE_TIMER, HOST_BEHAVIOR, HOST_ID, NOTIFICATION_MASK, PERSISTENCE = 0x0E, 0x0F, 0x16, 0x81, 0x82, 0x83
OF_CONTROLLERS = {"Arbitration": ARBITRATION, "Power Management": POWER, "Temperature Threshold": TEMPERATURE,
                  "Error Recovery": ERROR_RECOVERY,
                  "Volatile Write Cache": WRITE_CACHE, "Number of Queues": QUEUES, "Write Atomicity": ATOMICITY,
                  "Asynchronous Events": EVENTS,
                  "Keep Alive Timer": KEEP_ALIVE_TIMER}
OF_NAMESPACES = {"Reservation Notification Mask": NOTIFICATION_MASK, "Reservation Persistence": PERSISTENCE}
CURRENT, DEFAULT, SAVED, CAPABILITIES = range(4)


@family({f"{name}, SEL {select}": (feature, select) for name, feature in OF_CONTROLLERS.items() for select in (CURRENT, DEFAULT, SAVED)})
def value(t, feature, select):
    """1.2.1, 1.8 Get Features, SEL (NVMe 2.0 5.15): current, default and saved values are there; without saving the saved one is the
    default."""
    c = t.admin()
    got = good(c.get_feature(feature, select)).result
    if select == SAVED:
        same(got, good(c.get_feature(feature, DEFAULT)).result, "the saved value")


@family({**OF_CONTROLLERS, "Timestamp": TIMESTAMP, "Host Behavior": HOST_BEHAVIOR, "Host Identifier": HOST_ID})
def capabilities(t, feature):
    """1.8 Get Features, SEL 011b (NVMe 2.0 figure 195): of the controller, and never saveable where nothing is saved."""
    got = good(t.admin().get_feature(feature, CAPABILITIES)).result
    same(got & 3, 0, "of a namespace, or saveable")


@family(OF_NAMESPACES)
def capabilities_of_namespaces(t, feature):
    """1.8 Get Features, SEL 011b (NVMe 2.0 figure 195): features of namespaces say so."""
    same(good(t.admin().get_feature(feature, CAPABILITIES, nsid=1)).result & 7, 6, "changeable, of a namespace, not saveable")


@family({f"SEL {select}": select for select in (4, 5, 6, 7)})
def reserved_selection(t, select):
    """1.8 Get Features, SEL (NVMe 2.0 figure 192): a reserved value is an Invalid Field."""
    status_is(t.admin().get_feature(QUEUES, select), wire.INVALID_FIELD)


@family({f"{feature:#04x}": feature for feature in (0x00, 0x03, 0x09, 0x0D, 0x1F, 0x40, 0x77, 0x7D, 0xC0, 0xFF)})
def feature_that_is_not_there(t, feature):
    """1.2 Get and Set Features (NVMe 2.0 5.15): a feature that is not supported, or reserved: Invalid Field in Command."""
    c = t.admin()
    status_is(c.get_feature(feature), wire.INVALID_FIELD)
    status_is(c.set_feature(feature, 1), wire.INVALID_FIELD)


SETTABLE = {"Arbitration": (ARBITRATION, 0x07070703), "Error Recovery": (ERROR_RECOVERY, 0x1234), "Write Atomicity": (ATOMICITY, 1),
            "Temperature Threshold": (TEMPERATURE, 340), "Keep Alive Timer": (KEEP_ALIVE_TIMER, 90000), "Asynchronous Events": (EVENTS,
                                                            1 << 8)}


@family(SETTABLE)
def set_and_get(t, feature, wanted):
    """1.2.2 Set Features (NVMe 2.0 5.27): what was set is the current value; the default stays what it was."""
    c = t.admin()
    default = good(c.get_feature(feature, DEFAULT)).result
    good(c.set_feature(feature, wanted))
    same(good(c.get_feature(feature)).result, wanted, "the current value")
    same(good(c.get_feature(feature, DEFAULT)).result, default, "the default")


@family(SETTABLE)
def of_this_controller_alone(t, feature, wanted):
    """1.2.2 Set Features (NVMe 2.0 5.27): what one controller has set is nothing to another of the same host."""
    names = t.names()
    first, second = (t.admin(host=names["host"], host_id=names["host_id"]) for _ in range(2))
    before = good(second.get_feature(feature)).result
    good(first.set_feature(feature, wanted))
    same(good(second.get_feature(feature)).result, before, "the other's value")


@family({**{name: (feature, 0) for name, feature in OF_CONTROLLERS.items()}, **{name: (feature, 1) for name,
                                                            feature in OF_NAMESPACES.items()}})
def saving(t, feature, nsid):
    """1.9 Feature saved across reset (NVMe 2.0 5.27, SV): a feature that is not saveable: Feature Identifier Not Saveable."""
    status_is(t.admin().set_feature(feature, 0, nsid=nsid, save=True), wire.NOT_SAVEABLE, wire.NOT_CHANGEABLE)


@family({"0 and 0": (0, 0), "3 and 3": (3, 3), "1 and 7": (1, 7), "7 and 1": (7, 1), "65533 and 65533": (0xFFFD, 0xFFFD)})
def number_of_queues(t, submission, completion):
    """1.2 Number of Queues (NVMe 2.0 5.27.1.5): as many are granted as asked for, or fewer; the value stays."""
    c = t.admin()
    got = good(c.set_feature(QUEUES, completion << 16 | submission)).result
    check(got & 0xFFFF <= submission and got >> 16 <= completion, f"granted {got:#x}")
    same(good(c.get_feature(QUEUES)).result, got, "the current value")


@family({"65536 submission queues": 0x0000FFFF, "65536 completion queues": 0xFFFF0000})
def too_many_queues(t, word):
    """1.2 Number of Queues (NVMe 2.0 5.27.1.5): FFFFh is an Invalid Field."""
    status_is(t.admin().set_feature(QUEUES, word), wire.INVALID_FIELD)


@family({f"power state {state}": state for state in (1, 2, 31)})
def power_state_that_is_not_there(t, state):
    """3.3 Power Management (NVMe 2.0 5.27.1.2): above NPSS: Invalid Field; the state stays."""
    c = t.admin()
    check(c.page(0x01)[263] < state, "the controller has that power state")
    status_is(c.set_feature(POWER, state), wire.INVALID_FIELD)
    same(good(c.get_feature(POWER)).result & 0x1F, 0, "the power state")


def write_cache_is_the_volumes(t):
    """1.2 Volatile Write Cache (NVMe 2.0 5.27.1.4): as VWC of Identify says; where hosts cannot switch it: Not Changeable."""
    c = t.admin()
    present = c.page(0x01)[525] & 1
    answer = c.get_feature(WRITE_CACHE)
    if present:
        good(answer)
    status_is(c.set_feature(WRITE_CACHE, 1), wire.NOT_CHANGEABLE, wire.INVALID_FIELD)


def host_identifier(t):
    """1.2 Host Identifier (NVMe-oF 1.1 3.3; NVMe 2.0 5.27.1.25): the 128 bits of Connect."""
    c = t.admin()
    same(good(c.get_feature(HOST_ID, cdw11=1, room=16)).data, c.facts["host_id"], "the host identifier")


def host_identifier_of_64_bits(t):
    """1.2 Host Identifier, EXHID (NVMe 2.0 5.27.1.25): a fabric has 128 bits: without EXHID an Invalid Field."""
    status_is(t.admin().get_feature(HOST_ID, cdw11=0, room=16), wire.INVALID_FIELD)


def host_identifier_cannot_be_set(t):
    """1.2 Host Identifier (NVMe-oF 1.1 3.3; NVMe 2.0 5.27.1.25): it is set at Connect: Command Sequence Error, or Not Changeable."""
    c = t.admin()
    status_is(c.set_feature(HOST_ID, 1, data=b"\x77" * 16), wire.SEQUENCE_ERROR, wire.NOT_CHANGEABLE)
    same(good(c.get_feature(HOST_ID, cdw11=1, room=16)).data, c.facts["host_id"], "the host identifier")


def timestamp(t):
    """1.2 Timestamp (NVMe 2.0 5.27.1.13): what was set, and what has passed since; its origin says that a host set it."""
    c = t.admin()
    before = good(c.get_feature(TIMESTAMP, room=8)).data
    same(before[6] >> 1 & 7, 0, "the origin before it was set")
    good(c.set_feature(TIMESTAMP, data=struct.pack("<Q", 1_700_000_000_000)))
    got = good(c.get_feature(TIMESTAMP, room=8)).data
    check(0 <= wire.number(got, 0, 6) - 1_700_000_000_000 < 60_000, f"the timestamp {wire.number(got, 0, 6)}")
    same(got[6] >> 1 & 7, 1, "the origin")


@family({"nothing": b"", "4 bytes": bytes(4), "16 bytes": bytes(16)})
def timestamp_of_another_length(t, data):
    """1.2 Timestamp, data (NVMe 2.0 5.27.1.13): 8 bytes, or an error; nothing is set."""
    c = t.admin()
    status_is(c.set_feature(TIMESTAMP, data=data), wire.DATA_LENGTH, wire.INVALID_FIELD)
    same(good(c.get_feature(TIMESTAMP, room=8)).data[6] >> 1 & 7, 0, "the origin")


def host_behavior(t):
    """1.2 Host Behavior Support (NVMe 2.0 5.27.1.18): 512 bytes, in the beginning zeroes, then what was set."""
    c = t.admin()
    same(good(c.get_feature(HOST_BEHAVIOR, room=512)).data, bytes(512), "in the beginning")
    good(c.set_feature(HOST_BEHAVIOR, data=b"\1" + bytes(511)))
    same(good(c.get_feature(HOST_BEHAVIOR, room=512)).data[0], 1, "ACRE")


@family({f"{name}, {nsid:#x}": (feature, nsid) for name, feature in OF_NAMESPACES.items() for nsid in (0, world.ABSENT, 0xFFFFFFFE)})
def feature_of_no_namespace(t, feature, nsid):
    """1.2 Features of namespaces (NVMe 2.0 5.15): of one that is not there: Invalid Namespace or Format."""
    c = t.admin()
    status_is(c.get_feature(feature, nsid=nsid), wire.INVALID_NAMESPACE, wire.INVALID_FIELD)
    status_is(c.set_feature(feature, 0, nsid=nsid), wire.INVALID_NAMESPACE, wire.INVALID_FIELD)


def feature_of_a_controller_with_a_namespace(t):
    """1.2 Features of controllers (NVMe 2.0 5.27): NSID FFFFFFFFh and 0 are the controller."""
    c = t.admin()
    for nsid in (0, 0xFFFFFFFF):
        good(c.get_feature(ERROR_RECOVERY, nsid=nsid))
        good(c.set_feature(ERROR_RECOVERY, 7, nsid=nsid))


def notification_mask(t):
    """1.2 Reservation Notification Mask (NVMe 2.0 5.27.1.26): of each namespace by itself."""
    c = t.admin()
    good(c.set_feature(NOTIFICATION_MASK, 0x0E, nsid=world.ONE))
    same([good(c.get_feature(NOTIFICATION_MASK, nsid=nsid)).result for nsid in (world.ONE, world.TWO)], [0x0E, 0], "the masks")


def persistence_without_a_registration(t):
    """1.2 Reservation Persistence (NVMe 2.0 5.27.1.27): of who is no registrant: Reservation Conflict; nothing is set."""
    c = t.admin()
    status_is(c.set_feature(PERSISTENCE, 0, nsid=world.ONE), wire.RESERVATION_CONFLICT)
    status_is(c.set_feature(PERSISTENCE, 1, nsid=world.ONE), wire.RESERVATION_CONFLICT, wire.INVALID_FIELD)


def persistence_is_seen_by_all(t):
    """1.2 Reservation Persistence (NVMe 2.0 5.27.1.27): what a registrant has set is what another host reads."""
    c, other = t.controller(), t.admin()
    good(c.register(0xA1))
    if c.page(0x00, world.ONE)[31] & 1:
        good(c.set_feature(PERSISTENCE, 1, nsid=world.ONE))
        same(good(other.get_feature(PERSISTENCE, nsid=world.ONE)).result, 1, "PTPL")
    good(c.set_feature(PERSISTENCE, 0, nsid=world.ONE))
    one_of(good(other.get_feature(PERSISTENCE, nsid=world.ONE)).result, (0,), "PTPL")
