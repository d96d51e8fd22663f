"""One volume by NVMe/TCP and by iSCSI at once: reservations, data, deallocation, sizes (NVMe 2.0 8.19, SPC-4 5.13)."""
import os
import struct

from conformance.iscsi import initiator, pdu
from conformance.nvme import wire, world
from conformance.nvme.bench import check, family, good, same, status_is
from conformance.nvme.registrants import KINDS
from support import array
from support.initiator import GOOD, TEST_UNIT_READY, sense_of, write_16

CONFLICT = 0x18
SCSI_KINDS = {1: 1, 2: 3, 3: 5, 4: 6, 5: 7, 6: 8}   # RTYPE: TYPE of PERSISTENT RESERVE OUT
A, B = 0xA1, 0xB2


def _read(lba, count=1):
    return bytes([0x88, 0]) + struct.pack(">QI", lba, count) + bytes(2)


def _scsi(t, name):
    """A session to the third portal: LUN 1 is namespace 1."""
    where = t.world.document["portals"][2]
    c = initiator.Connection(where["address"], where["port"], t.source)
    t.open.callback(c.close)
    keys = initiator.login_keys(array.TARGET, f"iqn.2026-11.io.ashlar.test:{name}-{os.urandom(6).hex()}")
    return c.login(keys).ready()


def _settle(c):
    """Takes unit attentions."""
    while True:
        status, data = c.run(TEST_UNIT_READY)
        if status == 2 and sense_of(data)[0] == 6:
            continue
        return


def _reserve_out(c, action, key=0, new_key=0, kind=0):
    data = struct.pack(">QQII", key, new_key, 0, 0)
    cdb = bytes([0x5F, action, kind, 0, 0]) + struct.pack(">I", len(data)) + bytes(7)
    while True:
        got, _ = c.serve_r2t(c.write(cdb, data), data)
        if got.status == 2 and sense_of(got.data)[0] == 6:
            continue
        return got.status


def _scsi_status(c, cdb, length=0, data=b""):
    while True:
        if data:
            got, _ = c.serve_r2t(c.write(cdb, data), data)
            status, sense = got.status, got.data
        else:
            status, sense = c.run(cdb, length)
        if status == 2 and sense_of(sense)[0] == 6:
            continue
        return status


def _allowed(kind, registered, writes):
    return (registered and kind >= 3) or (not writes and kind in (1, 3, 5))


ROLES = {"registered": True, "not registered": False}


@family({f"{name}, {who}": (kind, registered) for name, kind in KINDS.items() for who, registered in ROLES.items()})
def reservation_of_an_nvme_host(t, kind, registered):
    """7.8 over two protocols (NVMe 2.0 8.19, SPC-4 5.13): what an NVMe host holds lets a SCSI host do what that type lets it."""
    c, scsi = t.controller(), _scsi(t, "other")
    good(c.register(A))
    if registered:
        same(_reserve_out(scsi, 0, 0, B), GOOD, "REGISTER")
    good(c.acquire(A, kind))
    for writes, status in ((False, _scsi_status(scsi, _read(0), 512)), (True, _scsi_status(scsi, write_16(0, 1), data=bytes(512)))):
        same(status, GOOD if _allowed(kind, registered, writes) else CONFLICT, "WRITE" if writes else "READ")
    c.write(0, bytes(512))


@family({f"{name}, {who}": (kind, registered) for name, kind in KINDS.items() for who, registered in ROLES.items()})
def reservation_of_a_scsi_host(t, kind, registered):
    """7.8 over two protocols (NVMe 2.0 8.19, SPC-4 5.13): what a SCSI host holds lets an NVMe host do what that type lets it."""
    c, scsi = t.controller(), _scsi(t, "holder")
    t.reserved.add(1)
    same(_reserve_out(scsi, 0, 0, B), GOOD, "REGISTER")
    if registered:
        good(c.register(A))
    same(_reserve_out(scsi, 1, B, kind=SCSI_KINDS[kind]), GOOD, "RESERVE")
    for writes, entry in ((False, wire.blocks(wire.READ, 0)), (True, wire.blocks(wire.WRITE, 0))):
        answer = c.io.run(entry, bytes(512) if writes else b"", room=0 if writes else 512)
        status_is(answer, wire.GOOD if _allowed(kind, registered, writes) else wire.RESERVATION_CONFLICT)
    same(_scsi_status(scsi, write_16(0, 1), data=bytes(512)), GOOD, "WRITE of the holder")


@family(KINDS)
def report_of_a_scsi_holder(t, kind):
    """7.1 over two protocols (NVMe 2.0 7.5): the report has the SCSI host's key, the type, and who holds it."""
    c, scsi = t.controller(), _scsi(t, "holder")
    t.reserved.add(1)
    same(_reserve_out(scsi, 0, 0, B), GOOD, "REGISTER")
    same(_reserve_out(scsi, 1, B, kind=SCSI_KINDS[kind]), GOOD, "RESERVE")
    data = good(c.report()).data
    same((data[4], wire.number(data, 5, 2), data[64 + 2] & 1, wire.number(data, 64 + 8, 8)), (kind, 1, 1, B),
         "type, registrants, RCSTS, key")


@family(KINDS)
def nvme_preempts_scsi(t, kind):
    """7.6 over two protocols (NVMe 2.0 8.19.7, SPC-4 5.13.11.2.7): the SCSI host is no registrant any more, and is told by a unit
    attention."""
    c, scsi = t.controller(), _scsi(t, "holder")
    same(_reserve_out(scsi, 0, 0, B), GOOD, "REGISTER")
    same(_reserve_out(scsi, 1, B, kind=SCSI_KINDS[kind]), GOOD, "RESERVE")
    good(c.register(A))
    good(c.acquire(A, 2, action=1, other=B if kind < 5 else 0))
    status, sense = scsi.run(TEST_UNIT_READY)
    same((status, sense_of(sense)), (2, (6, 0x2A, 5)), "status, and sense: REGISTRATIONS PREEMPTED")
    same(_scsi_status(scsi, _read(0), 512), CONFLICT, "READ")


@family(KINDS)
def scsi_preempts_nvme(t, kind):
    """7.6 over two protocols (NVMe 2.0 figure 244, SPC-4 5.13.11.2.7): the NVMe host is no registrant any more, and is told by an event."""
    c, scsi = t.controller(), _scsi(t, "other")
    good(c.register(A))
    good(c.acquire(A, kind))
    same(_reserve_out(scsi, 0, 0, B), GOOD, "REGISTER")
    tag = c.await_event()
    same(_reserve_out(scsi, 4, B, A if kind < 5 else 0, SCSI_KINDS[2]), GOOD, "PREEMPT")
    same(good(c.admin.wait(tag)).result & 0xFFFFFF, 0x800006, "the event")
    same(c.log_page(0x80, 64)[8], 1, "the type of the notice")
    status_is(c.io.run(wire.blocks(wire.READ, 0), room=512), wire.RESERVATION_CONFLICT)


def scsi_preempts_and_aborts_nvme(t):
    """7.6 over two protocols (SPC-4 5.13.11.2.8): PREEMPT AND ABORT ends what the NVMe host has under way, and nothing of it is done."""
    c, scsi = t.controller(), _scsi(t, "other")
    good(c.register(A))
    good(c.acquire(A, 3))
    before = c.read(300, 64)
    tag = c.io.submit(wire.blocks(wire.WRITE, 300, 64), b"\xAD" * 32768, capsule=False)
    c.io.next_request()
    same(_reserve_out(scsi, 0, 0, B), GOOD, "REGISTER")
    same(_reserve_out(scsi, 5, B, A, SCSI_KINDS[1]), GOOD, "PREEMPT AND ABORT")
    check(c.io.wait(tag).status != wire.GOOD, "the Write was done")
    same(t.controller().read(300, 64), before, "the medium")


def nvme_preempts_and_aborts_scsi(t):
    """7.6 over two protocols (NVMe 2.0 8.19.7): Preempt and Abort ends what the SCSI host has under way, and nothing of it is done."""
    c, scsi = t.controller(), _scsi(t, "holder")
    same(_reserve_out(scsi, 0, 0, B), GOOD, "REGISTER")
    same(_reserve_out(scsi, 1, B, kind=SCSI_KINDS[3]), GOOD, "RESERVE")
    good(c.register(A))
    before = c.read(400, 128)
    cdb = bytes([0x8A, 0]) + struct.pack(">QI", 400, 128) + bytes(2)
    data = b"\xDA" * 65536
    scsi.write(cdb, data, sent=0)
    scsi.receive_of(pdu.R2T)
    good(c.acquire(A, 1, action=2, other=B))
    same(c.read(400, 128), before, "the medium")
    same(_scsi_status(scsi, write_16(0, 1), data=bytes(512)), CONFLICT, "a WRITE after it")


def data_of_either_is_seen_by_the_other(t):
    """2.3, 2.4 over two protocols (NVM 1.0 3.2.6, SPC-4 5.1): what one writes the other reads."""
    c, scsi = t.controller(), _scsi(t, "writer")
    one, two = os.urandom(512), os.urandom(512)
    c.write(500, one)
    same(scsi.run(_read(500), 512), (GOOD, one), "what SCSI reads")
    same(_scsi_status(scsi, write_16(501, 1), data=two), GOOD, "WRITE")
    same(c.read(500, 2), one + two, "what NVMe reads")


def _allocated(scsi, lba):
    """GET LBA STATUS: is the run that begins there mapped, and how long is it?"""
    cdb = bytes([0x9E, 0x12]) + struct.pack(">QI", lba, 64) + bytes(2)
    status, data = scsi.run(cdb, 64)
    same(status, GOOD, "GET LBA STATUS")
    return data[8 + 12] & 0xF, struct.unpack_from(">I", data, 16)[0]


def unmap_is_seen_by_nvme(t):
    """2.2 over two protocols (NVM 1.0 3.2.3, SPC-4 5.1): what SCSI unmaps NVMe reads as zeroes, and NUSE is less."""
    c, scsi = t.controller(), _scsi(t, "unmapper")
    c.write(40960, b"\x42" * (1 << 20), capsule=False)
    used = struct.unpack_from("<Q", c.page(0x00, 1), 16)[0]
    listed = struct.pack(">HHIQII", 22, 16, 0, 40960, 2048, 0)
    got, _ = scsi.serve_r2t(scsi.write(bytes([0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0]) + bytes(6), listed), listed)
    same(got.status, GOOD, "UNMAP")
    same(c.read(40960, 2048), bytes(1 << 20), "what NVMe reads")
    now = struct.unpack_from("<Q", c.page(0x00, 1), 16)[0]
    check(now < used or not c.page(0x00, 1)[24] & 1, f"NUSE was {used} and is {now}")


def deallocation_is_seen_by_scsi(t):
    """2.2 over two protocols (NVM 1.0 3.2.3, SPC-4 5.1): what NVMe deallocates SCSI reads as zeroes, and GET LBA STATUS tells it."""
    c, scsi = t.controller(), _scsi(t, "reader")
    c.write(43008, b"\x42" * (1 << 20), capsule=False)
    same(_allocated(scsi, 43008)[0], 0, "provisioning status before it: mapped")
    good(c.io.run(wire.entry(wire.DATASET, 1, cdw10=0, cdw11=4), struct.pack("<IIQ", 0, 2048, 43008)))
    same(scsi.run(_read(43008, 8), 4096), (GOOD, bytes(4096)), "what SCSI reads")
    check(_allocated(scsi, 43008)[0] in (1, 2), "it is still mapped")


def a_fused_pair_and_compare_and_write(t):
    """2.9 over two protocols (NVM 1.0 2.1.1.1, SPC-4 5.1): of a pair and COMPARE AND WRITE that expect the same old block one writes."""
    c, scsi = t.controller(), _scsi(t, "rival")
    for number in range(200):
        old, mine, theirs = (bytes([value, number]) * 256 for value in (0, 0xC1, 0xC2))
        c.write(510, old)
        cdb = bytes([0x89, 0]) + struct.pack(">Q", 510) + bytes([0, 0, 0, 1, 0, 0])
        tags = c.io.submit(wire.blocks(wire.COMPARE, 510, fuse=1), old), c.io.submit(wire.blocks(wire.WRITE, 510, fuse=2), mine)
        got, _ = scsi.serve_r2t(scsi.write(cdb, old + theirs), old + theirs)
        answers = [c.io.wait(tag).status for tag in tags]
        won = answers == [wire.GOOD, wire.GOOD]
        check(won or answers == [wire.COMPARE_FAILURE, wire.FAILED_FUSED], f"statuses {answers}")
        same(got.status == GOOD, not won, "whether COMPARE AND WRITE was done")
        same(c.read(510), mine if won else theirs, "the block")


def another_size_reaches_both(t):
    """1.7 over two protocols (NVMe 2.0 figure 149, SPC-4 5.1): a volume that grew: an event here, CAPACITY DATA HAS CHANGED there."""
    c, scsi = t.controller(), _scsi(t, "reader")
    good(c.set_feature(0x0B, 1 << 8))
    tag = c.await_event()
    try:
        t.world.call("volume.resize", name="one", size=(world.BLOCKS + 2048) * 512)
        same(good(c.admin.wait(tag)).result & 0xFFFFFF, 0x040002, "the event")
        status, sense = scsi.run(TEST_UNIT_READY)
        same((status, sense_of(sense)), (2, (6, 0x2A, 9)), "status and sense")
        c.write(world.BLOCKS + 2047, b"\x31" * 512)
        same(scsi.run(_read(world.BLOCKS + 2047), 512), (GOOD, b"\x31" * 512), "the last block")
    finally:
        t.world.call("volume.resize", name="one", size=world.BLOCKS * 512, shrink=True)


def namespace_and_unit_have_one_identity(t):
    """1.1.4 over two protocols (NVMe 2.0 4.5.1, SPC-4 7.8.5): the EUI-64 of the namespace is told by neither as another volume's."""
    c = t.admin()
    first, second = (c.page(0x00, nsid)[120:128] for nsid in (world.ONE, world.TWO))
    documented = [bytes.fromhex(each["identity"]["eui64"]) for each in t.world.document["volumes"][:2]]
    same([first, second], documented, "EUI64")
