"""Asynchronous events and Abort (NVMe 2.0 5.1, 5.2; UNH-IOL NVMe 1.5, 1.7)."""
import copy
import struct

from conformance.nvme import wire, world
from conformance.nvme.bench import check, family, good, same, status_is

NAMESPACE_CHANGED, ACCESS_CHANGED, RESERVATION_NOTICE = 0x040002, 0x0C0302, 0x800006
CHANGED_PAGE, ACCESS_PAGE, NOTICE_PAGE = 4, 0x0C, 0x80
EVENTS, ATTRIBUTES, ACCESS = 0x0B, 1 << 8, 1 << 11


def _without(document, volume):
    made = copy.deepcopy(document)
    made["mappings"] = [each for each in made["mappings"] if each["volume"] != volume or each["target"] != world.SUBSYSTEM]
    return made


def _with_states(document, *states):
    access = [{"group_tag": tag, "state": state} for tag, state in enumerate(states, 1)]
    return {**copy.deepcopy(document), "groups": [{"name": "changing", "volumes": ["one"], "access": access}]}


def _changed(c, **how):
    return [nsid for nsid in struct.unpack("<1024I", c.log_page(CHANGED_PAGE, 4096, **how)) if nsid]


def _listens(t, mask=ATTRIBUTES | ACCESS, **how):
    c = t.admin(**how)
    good(c.set_feature(EVENTS, mask))
    return c


def requests_are_held(t):
    """1.7 Asynchronous Event Request (NVMe 2.0 5.2): it is not answered before there is an event."""
    c = t.admin()
    tag = c.await_event()
    good(c.identify(0x01))
    check(tag in c.admin.outstanding, "it was answered")


def more_requests_than_the_limit(t):
    """1.7.2 Event Request Limit Exceeded (NVMe 2.0 5.2): AERL + 1 are held, one more is refused, and the others stay."""
    c = t.admin()
    tags = [c.await_event() for _ in range(c.page(0x01)[259] + 1)]
    status_is(c.admin.run(wire.entry(wire.EVENT_REQUEST)), wire.EVENT_LIMIT)
    good(c.identify(0x01))
    check(all(tag in c.admin.outstanding for tag in tags), "one of those that were held was answered")


def namespace_that_goes(t):
    """1.7 Namespace Attribute Changed (NVMe 2.0 figure 149): told by the event, then by the Changed Namespace List; and it is gone."""
    c = _listens(t)
    tag = c.await_event()
    with t.document(_without(t.world.document, "two")):
        same(good(c.admin.wait(tag)).result & 0xFFFFFF, NAMESPACE_CHANGED, "the event")
        same(_changed(c), [world.TWO], "the list")
        same(_changed(c), [], "the list after it was read")
        same(c.page(0x00, world.TWO), bytes(4096), "Identify Namespace")


def namespace_that_comes(t):
    """1.7 Namespace Attribute Changed (NVMe 2.0 figure 149): a namespace that is attached is told, too, and can be used at once."""
    with t.document(_without(t.world.document, "two")):
        c = t.controller()
        good(c.set_feature(EVENTS, ATTRIBUTES))
        tag = c.await_event()
    same(good(c.admin.wait(tag)).result & 0xFFFFFF, NAMESPACE_CHANGED, "the event")
    same(_changed(c), [world.TWO], "the list")
    c.read(0, nsid=world.TWO)


def namespace_that_grows(t):
    """1.7 Namespace Attribute Changed (NVMe 2.0 figure 149): another capacity is told; Identify has it."""
    c = _listens(t)
    tag = c.await_event()
    try:
        t.world.call("volume.resize", name="two", size=(world.BLOCKS + 2048) * 512)
        same(good(c.admin.wait(tag)).result & 0xFFFFFF, NAMESPACE_CHANGED, "the event")
        same(_changed(c), [world.TWO], "the list")
        same(struct.unpack_from("<Q", c.page(0x00, world.TWO))[0], world.BLOCKS + 2048, "NSZE")
    finally:
        t.world.call("volume.resize", name="two", size=world.BLOCKS * 512, shrink=True)


def list_that_is_read_and_retained(t):
    """1.7 Changed Namespace List, RAE (NVMe 2.0 5.16): with RAE 1 the list stays, and no new event is told."""
    c = _listens(t)
    first, second = c.await_event(), c.await_event()
    with t.document(_without(t.world.document, "two")):
        good(c.admin.wait(first))
        same(_changed(c, retain=True), [world.TWO], "the list")
        same(_changed(c, retain=True), [world.TWO], "the list again")
    good(c.identify(0x01))
    check(second in c.admin.outstanding, "a second event was told")
    same(_changed(c), [world.TWO], "the list at last")


def event_that_waits_for_a_request(t):
    """1.7 Asynchronous Event Request (NVMe 2.0 5.2): what happened before the request is told with it."""
    c = _listens(t)
    with t.document(_without(t.world.document, "two")):
        same(good(c.admin.run(wire.entry(wire.EVENT_REQUEST))).result & 0xFFFFFF, NAMESPACE_CHANGED, "the event")


def event_that_was_read_already(t):
    """1.7 Asynchronous Event Request (NVMe 2.0 5.2): what its log has told before the request came is not told again."""
    c = _listens(t)
    with t.document(_without(t.world.document, "two")):
        same(_changed(c), [world.TWO], "the list")
    same(_changed(c), [world.TWO], "the list")
    tag = c.await_event()
    good(c.identify(0x01))
    check(tag in c.admin.outstanding, "it was told again")


@family({"namespaces": ATTRIBUTES, "access": ACCESS})
def events_that_were_not_asked_for(t, other):
    """1.7 Asynchronous Event Configuration (NVMe 2.0 5.27.1.8): what is not enabled is not told."""
    c = _listens(t, ATTRIBUTES | ACCESS & ~other if other == ACCESS else ACCESS)
    tag = c.await_event()
    changed = _with_states(t.world.document, "non_optimized") if other == ACCESS else _without(t.world.document, "two")
    with t.document(changed):
        good(c.identify(0x01))
    good(c.identify(0x01))
    check(tag in c.admin.outstanding, "it was told")


def two_kinds_of_events(t):
    """1.7 Asynchronous Event Request (NVMe 2.0 5.2): each kind of event is told with a request of its own."""
    c = _listens(t)
    tags = [c.await_event(), c.await_event()]
    made = _without(_with_states(t.world.document, "non_optimized"), "two")
    with t.document(made):
        same({good(c.admin.wait(tag)).result & 0xFFFFFF for tag in tags}, {NAMESPACE_CHANGED, ACCESS_CHANGED}, "the events")


def events_are_for_every_controller(t):
    """1.7 Asynchronous Event Request (NVMe 2.0 5.2): each controller of each host that sees the namespace is told."""
    all_of_them = [_listens(t), _listens(t, portal=1), _listens(t, host=world.NAMED)]
    tags = [c.await_event() for c in all_of_them]
    with t.document(_without(t.world.document, "two")):
        for c, tag in zip(all_of_them, tags):
            same(good(c.admin.wait(tag)).result & 0xFFFFFF, NAMESPACE_CHANGED, "the event")


def namespaces_of_others_are_not_told(t):
    """1.7 Namespace Attribute Changed (NVMe 2.0 figure 149): not of what this host cannot see."""
    c = _listens(t)
    tag = c.await_event()
    made = copy.deepcopy(t.world.document)
    made["mappings"] = [each for each in made["mappings"] if each["host"] != "named" or each["volume"] != "one"]
    with t.document(made):
        good(c.identify(0x01))
    good(c.identify(0x01))
    check(tag in c.admin.outstanding, "it was told")


# Abort.
def _abort(c, queue_id, command_id):
    return c.admin.run(wire.entry(wire.ABORT, cdw10=command_id << 16 | queue_id))


def abort_of_nothing(t):
    """1.5.1 Abort (NVMe 2.0 5.1): a command that is not there: success, and bit 0 says that nothing was aborted."""
    c = t.controller()
    for queue_id in (0, 1):
        same(good(_abort(c, queue_id, 0x7777)).result & 1, 1, "bit 0")


@family({"2": 2, "1000": 1000, "0xffff": 0xFFFF})
def abort_on_a_queue_that_is_not_there(t, queue_id):
    """1.5 Abort (NVMe 2.0 5.1): a queue that is not there: not aborted, or an Invalid Field."""
    answer = _abort(t.controller(), queue_id, 1)
    check(answer.status == wire.INVALID_FIELD or (answer.status == wire.GOOD and answer.result & 1), f"status {answer.status:03x}")


def abort_of_a_write_that_waits(t):
    """1.5 Abort (NVMe 2.0 5.1): a Write whose data has not come ends with Command Abort Requested, and nothing is written."""
    c = t.controller()
    before = c.read(600, 64)
    tag = c.io.submit(wire.blocks(wire.WRITE, 600, 64), b"\xAB" * 32768, capsule=False)
    c.io.next_request()
    same(good(_abort(c, 1, tag)).result & 1, 0, "bit 0")
    status_is(c.io.wait(tag), wire.ABORT_REQUESTED)
    same(t.controller().read(600, 64), before, "the medium")


def data_of_an_aborted_write(t):
    """1.5 Abort (NVMe/TCP 1.0 3.3.2.1): data that was asked for may still come: it is taken, and the queue lives."""
    c = t.controller()
    before = c.read(600, 64)
    tag = c.io.submit(wire.blocks(wire.WRITE, 600, 64), b"\xAB" * 32768, capsule=False)
    r2t = c.io.next_request()
    good(_abort(c, 1, tag))
    status_is(c.io.wait(tag), wire.ABORT_REQUESTED)
    c.io.send_data(r2t, b"\xAB" * 32768)
    same(c.read(600, 64), before, "the medium")


def abort_of_an_event_request(t):
    """1.5 Abort (NVMe 2.0 5.1): an event request that is held is aborted; one more may come."""
    c = t.admin()
    tags = [c.await_event() for _ in range(4)]
    same(good(_abort(c, 0, tags[0])).result & 1, 0, "bit 0")
    status_is(c.admin.wait(tags[0]), wire.ABORT_REQUESTED)
    c.await_event()
    good(c.identify(0x01))


def abort_of_what_is_done(t):
    """1.5 Abort (NVMe 2.0 5.1): a command that is answered is not aborted."""
    c = t.controller()
    tag = c.io.submit(wire.blocks(wire.READ, 0, 1), room=512)
    good(c.io.wait(tag))
    same(good(_abort(c, 1, tag)).result & 1, 1, "bit 0")


def abort_of_another_hosts_command(t):
    """1.5 Abort (NVMe 2.0 5.1): the same queue and command id of another controller are not touched."""
    c, other = t.controller(), t.controller()
    tag = other.io.submit(wire.blocks(wire.WRITE, 700, 64), bytes(32768), capsule=False)
    r2t = other.io.next_request()
    same(good(_abort(c, 1, tag)).result & 1, 1, "bit 0")
    other.io.send_data(r2t, bytes(32768))
    good(other.io.wait(tag))


def aborts_on_an_io_queue(t):
    """1.5 Abort (NVMe 2.0 3.1.3): an admin command; on an I/O queue that opcode is Write Zeroes, and nothing is aborted."""
    c = t.controller()
    tag = c.io.submit(wire.blocks(wire.WRITE, 800, 64), bytes(32768), capsule=False)
    r2t = c.io.next_request()
    status_is(c.io.run(wire.entry(wire.ABORT, world.ABSENT, cdw10=tag << 16 | 1)), wire.INVALID_NAMESPACE)
    c.io.send_data(r2t, bytes(32768))
    good(c.io.wait(tag))


def many_aborts(t):
    """1.5 Abort, ACL (NVMe 2.0 5.1): as many at once as the queue has room for: each is answered."""
    c = t.controller()
    tags = [c.admin.submit(wire.entry(wire.ABORT, cdw10=0x1234 << 16 | 1)) for _ in range(24)]
    for tag in tags:
        status_is(c.admin.wait(tag), wire.GOOD, 0x103)
