"""Fused Compare and Write (NVMe 2.0 3.4.2, NVM 1.0 2.1.1.1; UNH-IOL NVMe 2.9): both or none, and what becomes of half a pair."""
import os

from conformance.nvme import wire, world
from conformance.nvme.bench import check, family, good, same, status_is

FIRST, SECOND = 1, 2
AT = 9000


def _pair(c, expected, wanted, lba=AT, to=None, first=wire.COMPARE, second=wire.WRITE, nsid=1, second_nsid=None, capsule=None):
    block = 4096 if nsid == world.WIDE else 512
    one = c.io.submit(wire.blocks(first, lba, len(expected) // block, nsid, fuse=FIRST), expected, capsule=capsule)
    two = c.io.submit(wire.blocks(second, lba if to is None else to, max(len(wanted) // block, 1),
                                  nsid if second_nsid is None else second_nsid,
                                  fuse=SECOND), wanted, capsule=capsule)
    return c.io.wait(one), c.io.wait(two)


@family({"1 block": (1, None), "8 blocks": (8, None), "by R2T": (8, False), "64 blocks": (64, None)})
def equal(t, count, capsule):
    """2.9.1 Fused (NVM 1.0 2.1.1.1): what is equal is written; both end with success."""
    c, old, new = t.controller(), os.urandom(512 * count), os.urandom(512 * count)
    c.write(AT, old, capsule=capsule)
    for answer in _pair(c, old, new, capsule=capsule):
        good(answer)
    same(c.read(AT, count), new, "the medium")


@family({"1 block": (1, None), "8 blocks": (8, None), "by R2T": (8, False)})
def unequal(t, count, capsule):
    """2.9.2 Fused (NVMe 2.0 3.4.2): Compare Failure, then Aborted due to Failed Fused Command; nothing is written."""
    c, old = t.controller(), os.urandom(512 * count)
    c.write(AT, old, capsule=capsule)
    compared, written = _pair(c, old[:-1] + bytes([old[-1] ^ 1]), os.urandom(512 * count), capsule=capsule)
    status_is(compared, wire.COMPARE_FAILURE)
    status_is(written, wire.FAILED_FUSED)
    same(c.read(AT, count), old, "the medium")


def fused_on_wide_blocks(t):
    """2.9.1 Fused (NVM 1.0 2.1.1.1): so on blocks of 4096 bytes."""
    c, old, new = t.controller(), os.urandom(4096), os.urandom(4096)
    c.write(9, old, world.WIDE, 4096)
    for answer in _pair(c, old, new, lba=9, nsid=world.WIDE):
        good(answer)
    same(c.read(9, 1, world.WIDE, 4096), new, "the medium")


def support_is_told(t):
    """2.9 Fused (NVMe 2.0 figure 275, FUSES): bit 0 says that Compare and Write is there."""
    same(wire.number(t.admin().page(0x01), 522, 2) & 1, 1, "FUSES")


DIFFERENT = {"another first block": {"to": AT + 1}, "more blocks": {"wanted": bytes(1024)}, "another namespace": {"second_nsid": world.TWO}}


@family(DIFFERENT)
def ranges_that_differ(t, how):
    """2.9.3 Fused (NVM 1.0 2.1.1.1): of another range or namespace: an error for both, and nothing is written."""
    c, old = t.controller(), os.urandom(512)
    c.write(AT, old)
    before = c.read(AT, 2), c.read(AT, 2, nsid=world.TWO)
    for answer in _pair(c, old, **{"wanted": os.urandom(512), **how}):
        check(answer.status != wire.GOOD, "one of them ended with success")
    same((c.read(AT, 2), c.read(AT, 2, nsid=world.TWO)), before, "the medium")


@family({"two Compares": (wire.COMPARE, wire.COMPARE), "two Writes": (wire.WRITE, wire.WRITE), "Write, then Compare": (wire.WRITE,
                                                            wire.COMPARE),
         "Compare, then Write Zeroes": (wire.COMPARE, wire.ZEROES)})
def pairs_that_are_none(t, first, second):
    """2.9.4 Fused (NVM 1.0 2.1.1.1): Compare and Write is the one pair that there is: others are an error, and nothing is written."""
    c, old = t.controller(), os.urandom(512)
    c.write(AT, old)
    one, two = _pair(c, old, b"" if second == wire.ZEROES else os.urandom(512), first=first, second=second)
    check(one.status != wire.GOOD and two.status != wire.GOOD, f"statuses {one.status:03x} and {two.status:03x}")
    same(c.read(AT), old, "the medium")


def second_without_a_first(t):
    """2.9.5 Aborted due to Missing Fused Command (NVMe 2.0 3.4.2): a second half alone; nothing is written."""
    c, old = t.controller(), os.urandom(512)
    c.write(AT, old)
    status_is(c.io.run(wire.blocks(wire.WRITE, AT, fuse=SECOND), os.urandom(512)), wire.MISSING_FUSED)
    same(c.read(AT), old, "the medium")


@family({"Read": wire.READ, "Flush": wire.FLUSH, "Write": wire.WRITE})
def first_without_a_second(t, between):
    """2.9.5 Aborted due to Missing Fused Command (NVMe 2.0 3.4.2): another command comes: the first half ends, and that is done."""
    c, old = t.controller(), os.urandom(512)
    c.write(AT, old)
    tag = c.io.submit(wire.blocks(wire.COMPARE, AT, fuse=FIRST), old)
    good(c.io.run(wire.blocks(between, AT + 9), os.urandom(512) if between == wire.WRITE else b"", room=512 if between == wire.READ else 0))
    status_is(c.io.wait(tag), wire.MISSING_FUSED)
    status_is(c.io.run(wire.blocks(wire.WRITE, AT, fuse=SECOND), os.urandom(512)), wire.MISSING_FUSED)
    same(c.read(AT), old, "the medium")


def first_after_a_first(t):
    """2.9.5 Aborted due to Missing Fused Command (NVMe 2.0 3.4.2): the earlier one ends, the later one has the second half."""
    c, old, new = t.controller(), os.urandom(512), os.urandom(512)
    c.write(AT, old)
    tag = c.io.submit(wire.blocks(wire.COMPARE, AT, fuse=FIRST), bytes(512))
    for answer in _pair(c, old, new):
        good(answer)
    status_is(c.io.wait(tag), wire.MISSING_FUSED)
    same(c.read(AT), new, "the medium")


def first_that_fails_at_once(t):
    """2.9.2 Fused (NVMe 2.0 3.4.2): a first half beyond the end: its second half fails with it."""
    c = t.controller()
    compared, written = _pair(c, bytes(512), os.urandom(512), lba=world.BLOCKS)
    status_is(compared, wire.OUT_OF_RANGE_LBA)
    status_is(written, wire.FAILED_FUSED, wire.OUT_OF_RANGE_LBA)
    c.read(0)


def reserved_fuse(t):
    """2.9 Fused (NVMe 2.0 figure 87): FUSE 11b is reserved: an Invalid Field; nothing is written."""
    c = t.controller()
    before = c.read(AT)
    status_is(c.io.run(wire.blocks(wire.WRITE, AT, fuse=3), os.urandom(512)), wire.INVALID_FIELD)
    same(c.read(AT), before, "the medium")


def fused_admin_command(t):
    """2.9 Fused (NVMe 2.0 3.4.2): there is no pair of admin commands: an Invalid Field."""
    c = t.admin()
    for fuse in (FIRST, SECOND, 3):
        status_is(c.admin.run(wire.entry(wire.IDENTIFY, cdw10=1, fuse=fuse), room=4096), wire.INVALID_FIELD)
    good(c.identify(0x01))


def halves_on_two_queues(t):
    """2.9 Fused (NVMe 2.0 3.4.2): a pair is of one queue: halves on two of them are no pair."""
    c, old = t.controller(queues=2), os.urandom(512)
    c.write(AT, old)
    c.queues[0].submit(wire.blocks(wire.COMPARE, AT, fuse=FIRST), old)
    status_is(c.queues[1].run(wire.blocks(wire.WRITE, AT, fuse=SECOND), os.urandom(512)), wire.MISSING_FUSED)
    same(c.read(AT, queue=c.queues[1]), old, "the medium")


def first_of_a_queue_that_ends(t):
    """2.9 Fused (NVMe 2.0 3.4.2): a queue that ends with half a pair leaves nothing: the range is free."""
    c, old = t.controller(), os.urandom(512)
    c.write(AT, old)
    c.io.submit(wire.blocks(wire.COMPARE, AT, fuse=FIRST), old)
    c.io.close()
    other = t.controller()
    other.write(AT, bytes(512))


def read_only_namespace(t):
    """2.9 Fused (NVMe 2.0 figure 94): on a namespace that is write protected nothing is written, and both halves end."""
    c = t.controller()
    old = c.read(AT, nsid=world.READ_ONLY)
    _, written = _pair(c, old, os.urandom(512), nsid=world.READ_ONLY)
    status_is(written, wire.WRITE_PROTECTED, wire.FAILED_FUSED)
    same(c.read(AT, nsid=world.READ_ONLY), old, "the medium")


def one_winner(t):
    """2.9 Fused (NVM 1.0 2.1.1.1): of two hosts that both expect the old data one writes, however they come."""
    one, two = t.controller(), t.controller()
    for number in range(200):
        old = bytes([number]) * 512
        one.write(AT, old)
        mine, theirs = b"\xF1" * 512, b"\xF2" * 512
        tags = []
        for c, wanted in ((one, mine), (two, theirs)):
            tags.append((c, c.io.submit(wire.blocks(wire.COMPARE, AT, fuse=FIRST), old), c.io.submit(wire.blocks(wire.WRITE, AT,
                                                            fuse=SECOND), wanted)))
        won = [(c.io.wait(first).status, c.io.wait(second).status) for c, first, second in tags]
        same(sorted(won), sorted([(wire.GOOD, wire.GOOD), (wire.COMPARE_FAILURE, wire.FAILED_FUSED)]), "the outcomes")
        same(one.read(AT), mine if won[0][0] == wire.GOOD else theirs, "the medium")
