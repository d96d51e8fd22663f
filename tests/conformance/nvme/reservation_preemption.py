"""Reservations that are preempted or cleared, and who is told (NVMe 2.0 7.2, 7.4, 8.19.7; UNH-IOL NVMe 7.6, 7.7, 7.9)."""
from conformance.nvme import wire
from conformance.nvme.bench import check, family, good, same, status_is
from conformance.nvme.registrants import A, ALL_REGISTRANTS, B, C, KINDS, report_of, two_hosts

PREEMPT, PREEMPT_AND_ABORT = 1, 2
CLEAR = 1


# 7.6 Preempt.
@family({f"{name}, then {then}": (kind, then) for name, kind in KINDS.items() for then in (1, 4, 6)})
def preempt_the_holder(t, kind, then):
    """7.6.1 Preempt (NVMe 2.0 8.19.7): the holder's key: it is no registrant any more, and the other holds the new type."""
    c, other = two_hosts(t, kind)
    good(other.acquire(B, then, action=PREEMPT, other=A if kind not in ALL_REGISTRANTS else 0))
    got = report_of(other)
    same((got.kind, got.holds(other), got.key(c)), (then, True, None), "type, holder, the other's key")


@family({"preempt": PREEMPT, "and abort": PREEMPT_AND_ABORT})
def preempt_is_told(t, action):
    """7.6, 7.9 Registration Preempted (NVMe 2.0 figure 244): who lost its registration is told of it."""
    c, other = two_hosts(t, 1)
    tag = c.await_event()
    good(other.acquire(B, 1, action=action, other=A))
    same(good(c.admin.wait(tag)).result & 0xFFFFFF, 0x800006, "the event")
    same(c.log_page(0x80, 64)[8], 1, "the type of the notice")


def preempt_another_registrant(t):
    """7.6.2 Preempt (NVMe 2.0 8.19.7): the key of one that holds nothing: it is unregistered, and the reservation stays as it is."""
    c, other = two_hosts(t, 1)
    third = t.controller()
    good(third.register(C))
    good(other.acquire(B, 1, action=PREEMPT, other=C))
    got = report_of(c)
    same((got.kind, got.holds(c), got.key(third)), (1, True, None), "type, holder, the third's key")


def preempt_nobody(t):
    """7.6.3 Preempt (NVMe 2.0 8.19.7): a key that nobody has: Reservation Conflict; nothing changes."""
    c, other = two_hosts(t, 1)
    status_is(other.acquire(B, 1, action=PREEMPT, other=0x999), wire.RESERVATION_CONFLICT)
    same((report_of(c).kind, len(report_of(c).hosts)), (1, 2), "type and registrants")


def preempt_without_a_registration(t):
    """7.6.4 Preempt (NVMe 2.0 8.19.7): of who is no registrant: Reservation Conflict."""
    c, other = two_hosts(t, 1, other=False)
    status_is(other.acquire(B, 1, action=PREEMPT, other=A), wire.RESERVATION_CONFLICT)
    check(report_of(c).holds(c), "the holder has lost it")


def preempt_without_a_reservation(t):
    """7.3.5 Preempt without a reservation (NVMe 2.0 8.19.6, 8.19.7): registrants of the key are unregistered; nothing is acquired."""
    c, other = two_hosts(t)
    good(other.acquire(B, 1, action=PREEMPT, other=A))
    got = report_of(other)
    same((got.kind, got.key(c), got.key(other)), (0, None, B), "type and keys")


def preempt_oneself(t):
    """7.6.5 Preempt (NVMe 2.0 8.19.7): the holder's own key: it keeps holding, with the new type."""
    c, _ = two_hosts(t, 1)
    good(c.acquire(A, 4, action=PREEMPT, other=A))
    got = report_of(c)
    same((got.kind, got.holds(c), got.key(c)), (4, True, A), "type, holder, key")


def preempt_and_abort_ends_commands(t):
    """7.6.6 Preempt and Abort (NVMe 2.0 8.19.7): commands of who is preempted that are not done end, and nothing of them is done."""
    c, other = two_hosts(t, 3)
    before = c.read(100, 64)
    tag = c.io.submit(wire.blocks(wire.WRITE, 100, 64), b"\xAA" * 32768, capsule=False)
    c.io.next_request()
    good(other.acquire(B, 1, action=PREEMPT_AND_ABORT, other=A))
    check(c.io.wait(tag).status != wire.GOOD, "the Write was done")
    same(other.read(100, 64), before, "the medium")


def preempt_of_the_holder_lets_it_read(t):
    """7.6.1 Preempt (NVMe 2.0 8.19.7): who was preempted from a Write Exclusive type reads as every host does, and may not write."""
    c, other = two_hosts(t, 1)
    good(other.acquire(B, 1, action=PREEMPT, other=A))
    other.write(100, bytes(512))
    c.read(0)
    status_is(c.io.run(wire.blocks(wire.WRITE, 100), bytes(512)), wire.RESERVATION_CONFLICT)


# 7.7 Clear.
@family({"nothing is held": None, **KINDS})
def clear(t, kind):
    """7.7.1 Clear (NVMe 2.0 7.4): the reservation and all registrations go."""
    c, other = two_hosts(t, kind)
    good(other.release(B, action=CLEAR))
    got = report_of(c)
    same((got.kind, got.hosts), (0, {}), "type and registrants")


def clear_is_told(t):
    """7.7, 7.9 Reservation Preempted (NVMe 2.0 7.4, figure 244): other registrants are told."""
    c, other = two_hosts(t, 1)
    tag = c.await_event()
    good(other.release(B, action=CLEAR))
    same(good(c.admin.wait(tag)).result & 0xFFFFFF, 0x800006, "the event")
    same(c.log_page(0x80, 64)[8], 3, "the type of the notice")


def clear_with_a_wrong_key(t):
    """7.7.2 Clear (NVMe 2.0 7.4): with another key, or of a stranger: Reservation Conflict; all stays."""
    c, other = two_hosts(t, 1)
    status_is(other.release(A, action=CLEAR), wire.RESERVATION_CONFLICT)
    status_is(t.controller().release(C, action=CLEAR), wire.RESERVATION_CONFLICT)
    same((report_of(c).kind, len(report_of(c).hosts)), (1, 2), "type and registrants")


# 7.9 Notifications.
@family({"registration preempted": 1 << 1, "all": 0x0E})
def notice_that_is_masked(t, mask):
    """7.9 Reservation Notification Mask (NVMe 2.0 5.27.1.26): a notice that is masked is neither told nor in the log."""
    c, other = two_hosts(t, 1)
    good(c.set_feature(0x82, mask, nsid=1))
    tag = c.await_event()
    good(other.acquire(B, 1, action=PREEMPT, other=A))
    good(c.identify(0x01))
    check(tag in c.admin.outstanding, "it was told")
    same(c.log_page(0x80, 64), bytes(64), "the log page")


def notices_in_their_order(t):
    """7.9.1 Reservation Notification (NVMe 2.0 5.16.1.17): oldest first, counted, with the number of those behind it; then it is empty."""
    c, other = two_hosts(t, 3)
    good(c.release(A, 3))
    good(c.acquire(A, 3))
    good(c.release(A, 3))
    first, second = other.log_page(0x80, 64), other.log_page(0x80, 64)
    same((wire.number(first, 0, 8), first[8], first[9]), (1, 2, 1), "count, type, how many more")
    same((wire.number(second, 0, 8), second[8], second[9]), (2, 2, 0), "count, type, how many more")
    same(other.log_page(0x80, 64), bytes(64), "the page at last")


def reservation_outlives_its_controller(t):
    """7.2 Registration (NVMe 2.0 8.19): of the host, not of its controller: it stays when that goes, and another one has it."""
    c, other = two_hosts(t, 2)
    c.admin.close()
    status_is(other.io.run(wire.blocks(wire.READ, 0), room=512), wire.RESERVATION_CONFLICT)
    again = t.controller(host=c.facts["host"], host_id=c.facts["host_id"])
    again.write(0, bytes(512))
    same(report_of(again).hosts[c.facts["host_id"]][2], again.id, "CNTLID of the report")
