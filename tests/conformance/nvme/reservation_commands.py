"""Reservations (NVMe 2.0 7.2 to 7.5, 8.19; UNH-IOL NVMe 7): registering, acquiring, releasing, reporting."""
from conformance.nvme import wire, world
from conformance.nvme.registrants import A, ALL_REGISTRANTS, B, C, KINDS, report_of, two_hosts
from conformance.nvme.bench import check, family, good, same, status_is

UNREGISTER, REPLACE = 1, 2


# 7.1 Report.
def report_without_registrants(t):
    """7.1.1 Reservation Report, no registrants (NVMe 2.0 7.5): RTYPE 0, no registrants, PTPLS 0."""
    got = report_of(t.controller())
    same((got.kind, got.hosts, got.persists), (0, {}, 0), "type, registrants, PTPLS")


def report_of_registrants(t):
    """7.1.2 Reservation Report (NVMe 2.0 7.5): each host once, with its key and its controller; who holds nothing has RCSTS 0."""
    c, other = two_hosts(t)
    got = report_of(c)
    same((got.key(c), got.key(other), len(got.hosts), got.kind), (A, B, 2, 0), "keys, registrants, type")
    same((got.holds(c), got.holds(other)), (False, False), "RCSTS")
    same(got.hosts[c.facts["host_id"]][2], c.id, "CNTLID")


@family(KINDS)
def report_of_a_reservation(t, kind):
    """7.1.3 Reservation Report, RTYPE and RCSTS (NVMe 2.0 7.5): the type, and who holds it: of the All Registrants types everybody."""
    c, other = two_hosts(t, kind)
    got = report_of(other)
    same((got.kind, got.holds(c), got.holds(other)), (kind, True, kind in ALL_REGISTRANTS), "type and holders")


@family({str(room): room for room in (4, 8, 24, 64, 100, 128)})
def part_of_a_report(t, room):
    """7.1 Reservation Report, NUMD (NVMe 2.0 7.5): a part is the front of the whole."""
    c, _ = two_hosts(t)
    same(good(c.report(room=room)).data, good(c.report()).data[:room].ljust(room, b"\0")[:room], "the part")


def report_in_the_other_structure(t):
    """7.1 Reservation Report, EDS (NVMe 2.0 7.5): with 128-bit host identifiers EDS 0 is Host Identifier Inconsistent Format."""
    status_is(t.controller().report(extended=False), 0x018)


def generation(t):
    """7.1 Reservation Report, GEN (NVMe 2.0 figure 530): moves with registrations, clearing and preemption, not with acquiring and
    releasing."""
    c, other = two_hosts(t)
    first = report_of(c).generation
    good(c.acquire(A, 1))
    good(c.release(A, 1))
    same(report_of(c).generation, first, "GEN after Acquire and Release")
    good(other.register(0, action=UNREGISTER, current=B))
    check(report_of(c).generation != first, "GEN after Register is the same")


# 7.2 Register.
def register_again(t):
    """7.2.2 Reservation Register (NVMe 2.0 7.3): the same key again is a success, another one Reservation Conflict."""
    c, _ = two_hosts(t, other=False)
    good(c.register(A))
    status_is(c.register(A + 1), wire.RESERVATION_CONFLICT)
    same(report_of(c).key(c), A, "the key")


def register_by_another_controller(t):
    """7.2 Reservation Register (NVMe 2.0 8.19): a registrant is a host: its other controller is registered, too."""
    names = t.names()
    c, same_host = (t.controller(host=names["host"], host_id=names["host_id"], portal=portal) for portal in (0, 1))
    good(c.register(A))
    good(same_host.acquire(A, 2))
    c.write(0, bytes(512))
    same(len(report_of(c).hosts), 1, "registrants")


def replace(t):
    """7.2.3 Reservation Register, replace (NVMe 2.0 7.3): the key is the new one; the reservation stays."""
    c, other = two_hosts(t, 1)
    good(c.register(C, action=REPLACE, current=A))
    got = report_of(other)
    same((got.key(c), got.kind, got.holds(c)), (C, 1, True), "key, type, holder")


def replace_with_a_wrong_key(t):
    """7.2.4 Reservation Register, replace (NVMe 2.0 7.3): another current key: Reservation Conflict; the key stays."""
    c, _ = two_hosts(t)
    status_is(c.register(C, action=REPLACE, current=B), wire.RESERVATION_CONFLICT)
    same(report_of(c).key(c), A, "the key")


def replace_whatever_the_key(t):
    """7.2.5 Reservation Register, IEKEY (NVMe 2.0 7.3): the current key is not looked at."""
    c, _ = two_hosts(t)
    good(c.register(C, action=REPLACE, current=0x999, ignore=True))
    same(report_of(c).key(c), C, "the key")


@family({"replace": REPLACE, "unregister": UNREGISTER})
def of_who_is_not_registered(t, action):
    """7.2, 7.3 Reservation Register (NVMe 2.0 7.3): of who is no registrant: Reservation Conflict."""
    _, _ = two_hosts(t)
    stranger = t.controller()
    status_is(stranger.register(C, action=action), wire.RESERVATION_CONFLICT)
    check(report_of(stranger).key(stranger) is None, "it is registered")


@family({f"RREGA {action}": action for action in range(3, 8)})
def action_of_register_that_is_not_there(t, action):
    """7.2 Reservation Register, RREGA (NVMe 2.0 figure 524): reserved: Invalid Field; nothing changes."""
    c, _ = two_hosts(t)
    status_is(c.register(C, action=action, current=A), wire.INVALID_FIELD)
    same(report_of(c).key(c), A, "the key")


def persistence_that_is_reserved(t):
    """7.2 Reservation Register, CPTPL (NVMe 2.0 figure 524): 01b is reserved: Invalid Field; nobody is registered."""
    c = t.controller()
    status_is(c.register(A, persist=1), wire.INVALID_FIELD)
    same(report_of(c).hosts, {}, "registrants")


def persistence(t):
    """7.2 Reservation Register, CPTPL (NVMe 2.0 figure 524): 11b and 10b set and clear PTPLS where RESCAP has persistence."""
    c = t.controller()
    offered = c.page(0x00, 1)[31] & 1
    answer = c.register(A, persist=3)
    if not offered:
        status_is(answer, wire.INVALID_FIELD)
        return
    good(answer)
    same(report_of(c).persists, 1, "PTPLS")
    good(c.register(A, persist=2))
    same(report_of(c).persists, 0, "PTPLS")


@family({"nothing": b"", "8 bytes": bytes(8), "15 bytes": bytes(15), "24 bytes": bytes(24)})
def data_of_another_length(t, data):
    """7.2, 7.4 Reservation commands, data (NVMe 2.0 figure 93): 16 bytes, or Data SGL Length Invalid; nothing changes."""
    c = t.controller()
    for opcode in (wire.REGISTER, wire.ACQUIRE):
        status_is(c.io.run(wire.entry(opcode, 1, cdw10=1 << 8), data), wire.DATA_LENGTH, wire.INVALID_FIELD)
    same(report_of(c).hosts, {}, "registrants")


# 7.3 Unregister.
def unregister(t):
    """7.3.1 Unregister (NVMe 2.0 7.3, 8.19.6): with the own key; who is not registered any more is kept out."""
    c, other = two_hosts(t, 3)
    other.write(0, bytes(512))
    good(other.register(0, action=UNREGISTER, current=B))
    check(report_of(c).key(other) is None, "it is still registered")
    status_is(other.io.run(wire.blocks(wire.WRITE, 0), bytes(512)), wire.RESERVATION_CONFLICT)


def unregister_with_a_wrong_key(t):
    """7.3.2 Unregister (NVMe 2.0 7.3): with another key: Reservation Conflict; the registration stays."""
    c, other = two_hosts(t)
    status_is(other.register(0, action=UNREGISTER, current=A), wire.RESERVATION_CONFLICT)
    same(report_of(c).key(other), B, "the key")


def unregister_whatever_the_key(t):
    """7.3.3 Unregister, IEKEY (NVMe 2.0 7.3): the key is not looked at."""
    c, other = two_hosts(t)
    good(other.register(0, action=UNREGISTER, current=0x999, ignore=True))
    check(report_of(c).key(other) is None, "it is still registered")


@family(KINDS)
def holder_that_unregisters(t, kind):
    """7.3.4 Unregister of the holder (NVMe 2.0 8.19.6): the reservation ends with it; of All Registrants only with the last of them."""
    c, other = two_hosts(t, kind)
    good(c.register(0, action=UNREGISTER, current=A))
    same(report_of(other).kind, kind if kind in ALL_REGISTRANTS else 0, "the type that is left")
    if kind in ALL_REGISTRANTS:
        good(other.register(0, action=UNREGISTER, current=B))
        same(report_of(other).kind, 0, "the type after the last has gone")


@family({name: kind for name, kind in KINDS.items() if kind in (3, 4)})
def holder_that_unregisters_is_told(t, kind):
    """7.3, 7.9 Reservation Released (NVMe 2.0 8.19.6, figure 244): other registrants of a Registrants Only type are told."""
    c, other = two_hosts(t, kind)
    tag = other.await_event()
    good(c.register(0, action=UNREGISTER, current=A))
    same(good(other.admin.wait(tag)).result & 0xFFFFFF, 0x800006, "the event")
    page = other.log_page(0x80, 64)
    same((page[8], wire.number(page, 12, 4)), (2, 1), "type of the notice and NSID")


# 7.4 Acquire.
@family(KINDS)
def acquire_again(t, kind):
    """7.4.2 Acquire (NVMe 2.0 7.2): the holder's same type again is a success, another type Reservation Conflict."""
    c, _ = two_hosts(t, kind)
    good(c.acquire(A, kind))
    status_is(c.acquire(A, kind % 6 + 1), wire.RESERVATION_CONFLICT)
    same(report_of(c).kind, kind, "the type")


@family({f"{name}, {how}": (kind, registered) for name, kind in KINDS.items() for how, registered in (("registered", True),
                                                            ("not registered", False))})
def acquire_what_another_holds(t, kind, registered):
    """7.4.3 Acquire (NVMe 2.0 7.2): what another host holds: Reservation Conflict; of All Registrants every registrant holds it."""
    c, other = two_hosts(t, kind, registered)
    answer = other.acquire(B, kind)
    if registered and kind in ALL_REGISTRANTS:
        good(answer)
    else:
        status_is(answer, wire.RESERVATION_CONFLICT)
    check(report_of(c).holds(c), "the holder has lost it")


def acquire_with_a_wrong_key(t):
    """7.4.4 Acquire (NVMe 2.0 7.2): another key than the registered one: Reservation Conflict."""
    c, _ = two_hosts(t)
    status_is(c.acquire(B, 1), wire.RESERVATION_CONFLICT)
    same(report_of(c).kind, 0, "the type")


@family({f"RTYPE {kind}": kind for kind in (0, 7, 8, 0x10, 0x80, 0xFF)})
def type_that_is_not_there(t, kind):
    """7.4 Acquire, RTYPE (NVMe 2.0 figure 519): reserved: Invalid Field."""
    c, _ = two_hosts(t)
    status_is(c.acquire(A, kind), wire.INVALID_FIELD)
    same(report_of(c).kind, 0, "the type")


@family({f"RACQA {action}": action for action in range(3, 8)})
def action_of_acquire_that_is_not_there(t, action):
    """7.4 Acquire, RACQA (NVMe 2.0 figure 519): reserved: Invalid Field."""
    c, _ = two_hosts(t)
    status_is(c.acquire(A, 1, action=action), wire.INVALID_FIELD)


def each_namespace_has_its_own(t):
    """7.4 Acquire (NVMe 2.0 8.19): a reservation of one namespace is nothing to another."""
    c, other = two_hosts(t, 2)
    other.write(0, bytes(512), nsid=world.TWO)
    same(report_of(c, nsid=world.TWO).hosts, {}, "registrants of the other namespace")


# 7.5 Release.
@family(KINDS)
def release(t, kind):
    """7.5.1 Release (NVMe 2.0 7.4): of the holder, with its type: there is none any more; the registrations stay."""
    c, other = two_hosts(t, kind)
    good(c.release(A, kind))
    got = report_of(other)
    same((got.kind, len(got.hosts)), (0, 2), "type and registrants")
    other.write(0, bytes(512))


@family({f"{name}, {notified}": (kind, notified) for name, kind in KINDS.items() for notified in (kind >= 3,)})
def release_is_told(t, kind, notified):
    """7.5, 7.9 Reservation Released (NVMe 2.0 8.19.8): registrants of all but the two exclusive types are told of a release."""
    c, other = two_hosts(t, kind)
    tag = other.await_event()
    good(c.release(A, kind))
    good(other.identify(0x01))
    if not notified:
        check(tag in other.admin.outstanding, "it was told")
        return
    same(good(other.admin.wait(tag)).result & 0xFFFFFF, 0x800006, "the event")
    same(other.log_page(0x80, 64)[8], 2, "the type of the notice")


def release_of_another_type(t):
    """7.5.2 Release (NVMe 2.0 7.4): another type than the one that is held: Invalid Field; it stays."""
    c, _ = two_hosts(t, 1)
    status_is(c.release(A, 2), wire.INVALID_FIELD)
    same(report_of(c).kind, 1, "the type")


def release_with_a_wrong_key(t):
    """7.5.3 Release (NVMe 2.0 7.4): another key: Reservation Conflict; it stays."""
    c, _ = two_hosts(t, 1)
    status_is(c.release(B, 1), wire.RESERVATION_CONFLICT)
    same(report_of(c).kind, 1, "the type")


def release_by_another_registrant(t):
    """7.5.4 Release (NVMe 2.0 8.19.8): of a registrant that does not hold it: success, and nothing is released."""
    c, other = two_hosts(t, 1)
    good(other.release(B, 1))
    same(report_of(c).kind, 1, "the type")


def release_of_nothing(t):
    """7.5.4 Release (NVMe 2.0 8.19.8): without a reservation: success."""
    c, _ = two_hosts(t)
    good(c.release(A, 1))


def release_by_who_is_not_registered(t):
    """7.5.5 Release (NVMe 2.0 7.4): of who is no registrant: Reservation Conflict."""
    c, other = two_hosts(t, 1, other=False)
    status_is(other.release(B, 1), wire.RESERVATION_CONFLICT)
    same(report_of(c).kind, 1, "the type")


@family({f"RRELA {action}": action for action in range(2, 8)})
def action_of_release_that_is_not_there(t, action):
    """7.5 Release, RRELA (NVMe 2.0 figure 528): reserved: Invalid Field."""
    c, _ = two_hosts(t, 1)
    status_is(c.release(A, 1, action=action), wire.INVALID_FIELD)
    same(report_of(c).kind, 1, "the type")
