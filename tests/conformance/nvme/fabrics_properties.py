"""Properties, enabling, reset and shutdown (NVMe-oF 1.1 3.3, NVMe 2.0 3.1.3; UNH-IOL NVMe-oF 1.3, 1.4; NVMe 4, 6)."""
import struct

from conformance.nvme import wire
from conformance.nvme.bench import check, family, good, one_of, same, status_is

NSSR = 0x20


def capabilities(t):
    """4.1 CAP (NVMe 2.0 figure 36): CQR is set, TO is not zero, the NVM command set is there, pages of 4096 bytes, no doorbell stride."""
    value = good(t.admin(enable=False).get(wire.CAP, wide=True)).result
    check(value & 0xFFFF >= 1, "MQES")
    same((value >> 16 & 1, value >> 37 & 1, value >> 48 & 0xF, value >> 32 & 0xF), (1, 1, 0, 0), "CQR, NVM command set, MPSMIN, DSTRD")
    check(value >> 24 & 0xFF, "TO")


def version(t):
    """4.2 VS (NVMe 2.0 3.1.3.2): 1.2.1 or later, as every controller of a fabric; the same as VER of Identify."""
    c = t.admin()
    value = good(c.get(wire.VS)).result
    check(value >= 0x010201, f"VS {value:#x}")
    same(struct.unpack_from("<I", c.page(0x01), 80)[0], value, "VER")


def before_enabling(t):
    """4.3 CC, CSTS (NVMe 2.0 3.1.3.5, 3.1.3.6): both are zero in the beginning."""
    c = t.admin(enable=False)
    same((good(c.get(wire.CC)).result, good(c.get(wire.CSTS)).result), (0, 0), "CC and CSTS")


def enabling(t):
    """4.3 CC.EN (NVMe 2.0 3.5.1): CSTS.RDY follows; CC is read as it was written."""
    c = t.admin()
    same(good(c.get(wire.CC)).result, wire.ENABLE, "CC")
    same(good(c.get(wire.CSTS)).result, 1, "CSTS")


def enabling_twice(t):
    """4.3 CC.EN (NVMe 2.0 3.1.3.5): writing the same again changes nothing."""
    c = t.controller()
    c.enable()
    c.read(0)


def controller_reset(t):
    """6.1 Controller reset (NVMe 2.0 3.7.2): CC.EN 0: CSTS.RDY 0, the I/O queues end, the admin queue lives; then all begins anew."""
    c = t.controller()
    good(c.set(wire.CC, 0))
    same(good(c.get(wire.CSTS)).result & 1, 0, "CSTS.RDY")
    c.io.ended()
    status_is(c.identify(0x01), wire.SEQUENCE_ERROR)
    c.queues.clear()
    c.enable()
    for attempt in range(200):
        queue = t.connect()
        if queue.connect(1, **c.facts, controller_id=c.id).status == wire.GOOD:
            break
        check(attempt < 199, "the queue id does not become free")
    c.read(0, queue=queue)


def reset_restores_features(t):
    """6.1 Controller reset (NVMe 2.0 3.7.2): features are what they were in the beginning."""
    c = t.admin()
    before = good(c.get_feature(0x05)).result
    good(c.set_feature(0x05, before ^ 0x55))
    same(good(c.get_feature(0x05)).result, before ^ 0x55, "the feature that was set")
    good(c.set(wire.CC, 0))
    c.enable()
    same(good(c.get_feature(0x05)).result, before, "the feature after the reset")


def reset_ends_event_requests(t):
    """6.1 Controller reset (NVMe 2.0 3.7.2, 5.2): event requests that are held end; as many as before are taken again."""
    c = t.admin()
    tags = [c.await_event() for _ in range(4)]
    good(c.set(wire.CC, 0))
    for tag in tags:
        check(c.admin.wait(tag).status != wire.GOOD, "an event was told")
    c.enable()
    for _ in range(4):
        c.await_event()
    good(c.identify(0x01))


@family({"normal": 1 << 14, "abrupt": 2 << 14})
def shutdown(t, notification):
    """6.2 Shutdown (NVMe 2.0 3.6.1): CSTS.SHST comes to 10b, processing complete."""
    c = t.controller()
    good(c.io.run(wire.blocks(wire.WRITE, 0, 1), bytes(512)))
    good(c.set(wire.CC, wire.ENABLE | notification))
    same(good(c.get(wire.CSTS)).result >> 2 & 3, 2, "CSTS.SHST")


def shutdown_and_disable(t):
    """6.2 Shutdown (NVMe 2.0 3.6.1): after it the controller may be reset and enabled again."""
    c = t.admin()
    good(c.set(wire.CC, wire.ENABLE | 1 << 14))
    good(c.set(wire.CC, 0))
    same(good(c.get(wire.CSTS)).result & 1, 0, "CSTS.RDY")
    c.enable()
    same(good(c.get(wire.CSTS)).result >> 2 & 3, 0, "CSTS.SHST after enabling")


WRONG_CONFIGURATIONS = {"MPS 1": wire.ENABLE | 1 << 7, "MPS 15": wire.ENABLE | 15 << 7, "AMS 1": wire.ENABLE | 1 << 11,
                        "AMS 7": wire.ENABLE | 7 << 11,
                        "CSS 1": wire.ENABLE | 1 << 4, "CSS 5": wire.ENABLE | 5 << 4, "IOSQES 5": 0x450001, "IOSQES 0": 0x400001,
                        "IOCQES 3": 0x360001, "IOCQES 0": 0x060001}


@family(WRONG_CONFIGURATIONS)
def configuration_that_is_not_there(t, value):
    """4.3 CC (NVMe 2.0 3.1.3.5): what CAP and Identify do not offer: refused, or the controller does not become ready."""
    c = t.admin(enable=False)
    answer = c.set(wire.CC, value)
    if answer.status == wire.GOOD:
        check(good(c.get(wire.CSTS)).result & 1 == 0, "the controller is ready")
    status_is(c.identify(0x01), wire.SEQUENCE_ERROR)
    good(c.set(wire.CC, 0))
    c.enable()


@family({f"{at:#x}": at for at in (0x01, 0x04, 0x0C, 0x10, 0x15, 0x18, 0x24, 0x28, 0x30, 0x38, 0x3C, 0x40, 0x58, 0x1000, 0x7FFFFFFF,
                                   0xFFFFFFFF)})
def property_that_is_not_there(t, at):
    """1.3 Property Get (NVMe-oF 1.1 3.6): an offset without a property: Invalid Field, or zero."""
    answer = t.admin(enable=False).get(at)
    status_is(answer, wire.INVALID_FIELD, wire.GOOD)
    same(answer.result if answer.status == wire.GOOD else 0, 0, "the value")


@family({f"{name}, {size}": (at, size) for name, at, right in (("CAP", wire.CAP, 1), ("VS", wire.VS, 0), ("CC", wire.CC, 0), ("CSTS",
                                                            wire.CSTS, 0))
         for size in range(8) if size != right})
def property_of_another_size(t, at, size):
    """1.3 Property Get, ATTRIB (NVMe-oF 1.1 3.6): another size than the property has, or one that is reserved: Invalid Field."""
    c = t.admin(enable=False)
    status_is(c.admin.run(wire.fabrics(wire.PROPERTY_GET, cdw10=size, cdw11=at)), wire.INVALID_FIELD)


@family({"CAP": (wire.CAP, True), "VS": (wire.VS, False), "CSTS": (wire.CSTS, False), "reserved": (0x24, False), "far": (0xFFFFFFF0,
                                                            False)})
def property_that_may_not_be_set(t, at, wide):
    """1.4 Property Set (NVMe-oF 1.1 3.7): what is read only, or is not there, is an Invalid Field, and stays as it is."""
    c = t.admin()
    before = c.get(at, wide).result
    status_is(c.set(at, 0xFFFFFFFF, wide), wire.INVALID_FIELD)
    same(c.get(at, wide).result, before, "the property")


@family({str(size): size for size in range(1, 8)})
def configuration_of_another_size(t, size):
    """1.4 Property Set, ATTRIB (NVMe-oF 1.1 3.7): CC has four bytes: others are an Invalid Field, and nothing is set."""
    c = t.admin(enable=False)
    status_is(c.admin.run(wire.fabrics(wire.PROPERTY_SET, cdw10=size, cdw11=wire.CC, cdw12=wire.ENABLE)), wire.INVALID_FIELD)
    same(good(c.get(wire.CC)).result, 0, "CC")


@family({"get": wire.PROPERTY_GET, "set": wire.PROPERTY_SET})
def properties_by_an_io_queue(t, kind):
    """1.3, 1.4 Property commands (NVMe-oF 1.1 3.6): of the admin queue alone."""
    c = t.controller()
    status_is(c.io.run(wire.fabrics(kind, cdw11=wire.CC)), wire.INVALID_OPCODE, wire.INVALID_FIELD, wire.SEQUENCE_ERROR)
    same(good(c.get(wire.CC)).result, wire.ENABLE, "CC")
    c.read(0)


def subsystem_reset(t):
    """4.5 NSSR (NVMe 2.0 3.7.1): CAP.NSSRS says whether there is one; without it a write is refused, and other hosts are not touched."""
    c, other = t.admin(), t.controller()
    supported = good(c.get(wire.CAP, wide=True)).result >> 36 & 1
    answer = c.set(NSSR, 0x4E564D65)
    one_of(answer.status == wire.GOOD, (bool(supported),), "whether it was taken")
    other.read(0)


@family({name: entry for name, entry in (("Identify", wire.entry(wire.IDENTIFY, cdw10=1)), ("Get Log Page", wire.log_entry(2, 512)),
        ("Get Features", wire.entry(wire.GET_FEATURES, cdw10=7)), ("Set Features", wire.entry(wire.SET_FEATURES, cdw10=7)),
        ("Event Request", wire.entry(wire.EVENT_REQUEST)), ("Abort", wire.entry(wire.ABORT)))})
def admin_commands_before_enabling(t, entry):
    """4.3 CC.EN (NVMe-oF 1.1 4.4, NVMe 2.0 3.5.1): before it all but fabrics commands end with Command Sequence Error."""
    c = t.admin(enable=False)
    status_is(c.admin.run(entry, room=512 if entry[0] in (wire.IDENTIFY, wire.GET_LOG) else 0), wire.SEQUENCE_ERROR)
    c.enable()
    good(c.identify(0x01))


def controllers_have_properties_of_their_own(t):
    """4.3 CC (NVMe 2.0 3.1.3): one host's reset is nothing to another, nor to another controller of its own."""
    names = t.names()
    first, second = t.controller(host=names["host"], host_id=names["host_id"]), t.controller(host=names["host"], host_id=names["host_id"])
    good(first.set(wire.CC, 0))
    same(good(second.get(wire.CSTS)).result, 1, "CSTS of the other")
    second.read(0)
