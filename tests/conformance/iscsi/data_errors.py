"""Data as it should not travel: wrong numbers, offsets, lengths, tags; data where none may be (UNH-IOL Full Feature Phase 8, 11, 16.4).
Whatever comes of it, what is stored is either the old or what the command says, and other sessions are served."""
import socket

from conformance.iscsi import pdu
from conformance.iscsi.bench import answered, check, family, not_good, reaction, rejected, same
from support.initiator import GOOD, TEST_UNIT_READY, Closed, read_16, write_16

BLOCK, OLD, NEW = 12288, bytes([0x0D]), bytes([0xFE])


def _prepared(t, **keys):
    """A session, with 64 blocks of OLD where the cases write, and behind."""
    c = t.session(**{"MaxBurstLength": 4096, "FirstBurstLength": 4096, **keys})
    tag = c.write(write_16(BLOCK, 64), OLD * 32768, sent=0)
    got, _ = c.serve_r2t(tag, OLD * 32768)
    same(got.status, GOOD, "the status of the first write")
    return c


def _asked(c, blocks=8):
    """A write of NEW, without data, for which the target has asked: (tag, R2T)."""
    tag = c.write(write_16(BLOCK, blocks), NEW * 512 * blocks, sent=0)
    return tag, c.receive_of(pdu.R2T)


def _nothing_behind(t, blocks):
    """Blocks behind the command's are untouched."""
    fresh = t.session()
    status, data = fresh.run(read_16(BLOCK + blocks, 64 - blocks), 512 * (64 - blocks))
    same((status, data), (GOOD, OLD * 512 * (64 - blocks)), "the blocks behind the command's")


# What is wrong with the Data-Out that answers an R2T for 4096 bytes from 0: fields instead of the right ones.
WRONG = {"offset above": {"offset": 512}, "offset far above": {"offset": 1 << 31}, "offset at the top": {"offset": 0xFFFFF000},
         "DataSN 1": {"data_sn": 1}, "DataSN far": {"data_sn": 0xFFFFFFFF}, "longer than asked": {"data": NEW * 8192},
         "one byte longer": {"data": NEW * 4097}, "final too early": {"data": NEW * 512},
         "not final at the end": {"final": False}, "empty and final": {"data": b""},
         "another transfer tag": {"ttt": 0x1234567}, "no transfer tag": {"ttt": pdu.RESERVED}}


@family(WRONG)
def wrong_answer_to_an_r2t(t, change):
    """Full Feature 9.1, 11.2.2 to 11.4 Data-Out (RFC 7143 7.8, 11.7): never GOOD; nothing is written beyond the command's blocks."""
    c = _prepared(t)
    tag, asked = _asked(c)
    fields = {"data": NEW * 4096, "offset": 0, "data_sn": 0, "ttt": asked.ttt, "final": True, **change}
    c.data_out(tag, **fields)
    c.data_out(tag, b"", 4096, 1, asked.ttt)   # should the target still wait for its burst's end
    told, alive = reaction(c)
    if not told and alive:
        told = [answered(c)]
    for answer in told:
        not_good(answer, "a write with wrong data")
    _nothing_behind(t, 8)


def wrong_unit_of_an_answer_to_an_r2t(t):
    """Full Feature 11 Data-Out (RFC 7143 11.7.4): the LUN goes with the transfer tag: another one is an error, or overlooked."""
    c = _prepared(t)
    tag, asked = _asked(c)
    c.data_out(tag, NEW * 4096, 0, 0, asked.ttt, lun=2)
    answered(c)
    _nothing_behind(t, 8)
    status, data = t.session().run(read_16(BLOCK, 8), 4096, lun=2)
    check(status == GOOD and NEW not in data, "the data went to another unit")


def same_piece_twice(t):
    """Full Feature 11.3 Data-Out DataSN (RFC 7143 7.8): the second of two PDUs with one DataSN is an error or dropped."""
    c = _prepared(t)
    tag, asked = _asked(c)
    for _ in range(2):
        c.data_out(tag, NEW * 2048, 0, 0, asked.ttt, final=False)
    c.data_out(tag, NEW * 2048, 2048, 1, asked.ttt)
    answered(c)
    _nothing_behind(t, 8)


def piece_left_out(t):
    """Full Feature 11.3 Data-Out DataSN (RFC 7143 7.8): a gap in DataSN is a sequence error: the command does not end with GOOD."""
    c = _prepared(t)
    tag, asked = _asked(c)
    c.data_out(tag, NEW * 1024, 0, 0, asked.ttt, final=False)
    c.data_out(tag, NEW * 2048, 2048, 2, asked.ttt)
    not_good(answered(c), "a write with a gap")
    _nothing_behind(t, 8)


def pieces_in_another_order(t):
    """Full Feature 11.4 Data-Out Buffer Offset (RFC 7143 13.18): with DataPDUInOrder=Yes, offsets that go back are an error."""
    c = _prepared(t)
    same(c.answers.get("DataPDUInOrder", "Yes"), "Yes", "DataPDUInOrder")
    tag, asked = _asked(c)
    c.data_out(tag, NEW * 2048, 2048, 0, asked.ttt, final=False)
    c.data_out(tag, NEW * 2048, 0, 1, asked.ttt)
    not_good(answered(c), "a write out of order")
    _nothing_behind(t, 8)


def bursts_in_another_order(t):
    """Full Feature 12.3 Buffer Offset for R2T (RFC 7143 13.19): with DataSequenceInOrder=Yes, bursts are sent as they were asked for."""
    c = _prepared(t, MaxOutstandingR2T=2)
    if c.agreed("MaxOutstandingR2T", 1) < 2:
        return
    tag = c.write(write_16(BLOCK, 16), NEW * 8192, sent=0)
    one, two = c.receive_of(pdu.R2T), c.receive_of(pdu.R2T)
    c.send_burst(two, NEW * 8192)
    c.send_burst(one, NEW * 8192)
    not_good(answered(c), "a write whose bursts came in another order")
    same(tag, one.itt, "the task asked for")
    _nothing_behind(t, 16)


# (ImmediateData, InitialR2T, bytes of data in the command, its expected length, F)
UNASKED = {"immediate, though ImmediateData=No": ("No", "No", 512, 4096, True),
           "immediate above FirstBurstLength": ("Yes", "No", 8192, 16384, True),
           "immediate above the expected length": ("Yes", "No", 4096, 512, True),
           "unsolicited announced, though InitialR2T=Yes": ("Yes", "Yes", 512, 4096, False),
           "immediate above the expected length of 0": ("Yes", "No", 512, 0, True)}


@family(UNASKED)
def data_that_was_not_agreed_to(t, immediate, r2t, sent, expected, final):
    """Full Feature 16.2, 16.4.3 Unexpected Unsolicited Data (RFC 7143 4.2.4.2, 11.4.7.2): an error, never GOOD."""
    c = _prepared(t, ImmediateData=immediate, InitialR2T=r2t)
    c.command(write_16(BLOCK, max(expected // 512, 1)), (pdu.FINAL if final else 0) | pdu.WRITE | 1, expected, NEW * sent)
    not_good(answered(c), "a write with data that was not agreed to")
    _nothing_behind(t, 32)


def data_with_a_read(t):
    """Full Feature 16.1 SCSI Command fields (RFC 7143 11.3.1, 11.3.5): data in a command that does not write: an error, or overlooked."""
    c = _prepared(t)
    c.command(read_16(BLOCK, 8), pdu.FINAL | pdu.READ | 1, 4096, NEW * 512)
    answered(c)
    _nothing_behind(t, 0)


def unsolicited_data_beyond_first_burst(t):
    """Full Feature 8.3 Unsolicited Data (RFC 7143 13.14): more than FirstBurstLength unasked: not GOOD."""
    c = _prepared(t)
    tag = c.write(write_16(BLOCK, 32), NEW * 16384, sent=0, final=False)
    c.data_out(tag, NEW * 4096, 0, 0, final=False)
    c.data_out(tag, NEW * 4096, 4096, 1)
    not_good(answered(c), "a write with too much unasked data")
    _nothing_behind(t, 32)


def unsolicited_data_that_was_not_announced(t):
    """Full Feature 8.3 Unsolicited Data (RFC 7143 11.3.1): F in the command says that none follows; what follows is an error."""
    c = _prepared(t)
    tag, _ = _asked(c)
    c.data_out(tag, NEW * 4096, 0, 0)
    not_good(answered(c), "a write with data that was not announced")
    _nothing_behind(t, 8)


def unsolicited_data_with_a_gap(t):
    """Full Feature 11.4 Data-Out Buffer Offset (RFC 7143 7.8): unasked data goes on where the immediate data ended, or it is an error."""
    c = _prepared(t)
    tag = c.write(write_16(BLOCK, 8), NEW * 4096, sent=512, final=False)
    c.data_out(tag, NEW * 1024, 2048, 0)
    not_good(answered(c), "a write with a gap")
    _nothing_behind(t, 8)


@family({"of no task": 0x77777, "of the reserved tag": pdu.RESERVED})
def data_out_of_nobody(t, tag):
    """Full Feature 11 Data-Out (RFC 7143 7.8, 11.7): data of a task that is not there is dropped or rejected; nothing is written."""
    c = _prepared(t)
    c.data_out(tag, NEW * 4096, ttt=0x55)
    told, _ = reaction(c)
    check(all(each.opcode == pdu.REJECT for each in told), f"{told}")
    _nothing_behind(t, 0)


def data_out_of_a_read(t):
    """Full Feature 11 Data-Out (RFC 7143 11.7): data for a task that reads: dropped, or an error of that task or connection."""
    c = _prepared(t)
    tag = c.read(read_16(BLOCK, 8), 4096, cmd_sn=c.exp_cmd_sn + 1)
    c.data_out(tag, NEW * 512)
    c.command(TEST_UNIT_READY, cmd_sn=c.exp_cmd_sn)
    reaction(c)
    _nothing_behind(t, 0)


def data_out_of_a_task_that_has_ended(t):
    """Full Feature 11 Data-Out (RFC 7143 4.2.4.2): data behind the end of its task is dropped or rejected; the blocks stay."""
    c = _prepared(t)
    tag, asked = _asked(c)
    c.send_burst(asked, OLD * 4096)
    same(c.answer(tag)[0].status, GOOD, "the status")
    c.data_out(tag, NEW * 4096, 0, 0, asked.ttt)
    reaction(c)
    _nothing_behind(t, 0)


def data_out_of_another_session(t):
    """Full Feature 11 Data-Out (RFC 7143 4.2.4.1): tags of another session name nothing here."""
    c, other = _prepared(t), t.session()
    tag, asked = _asked(c)
    other.data_out(tag, NEW * 4096, 0, 0, asked.ttt)
    reaction(other)
    c.send_burst(asked, OLD * 4096)
    same(c.answer(tag)[0].status, GOOD, "the status of the right one")
    _nothing_behind(t, 0)


def write_that_is_refused(t):
    """Full Feature 16.4 SCSI Command (RFC 7143 4.2.4.2): data of a command that ends with an error is read over; the next is served."""
    c = _prepared(t)
    tag = c.write(write_16(1 << 40, 8), NEW * 4096, sent=512, final=False)
    for number, offset in enumerate(range(512, 4096, 512)):
        c.data_out(tag, NEW * 512, offset, number, final=offset == 3584)
    same(c.answer(tag)[0].status, 2, "the status")
    c.alive()
    _nothing_behind(t, 0)


def write_to_a_unit_that_is_not_there(t):
    """Full Feature 16.4 SCSI Command (RFC 7143 4.2.4.2): so is data for a unit that does not exist."""
    c = _prepared(t)
    tag = c.write(write_16(BLOCK, 8), NEW * 4096, lun=99)
    same(c.answer(tag)[0].status, 2, "the status")
    c.alive()


def connection_ends_in_the_middle_of_a_write(t):
    """Full Feature 8.1 (RFC 7143 7.4): a write whose connection ends before its data: nothing is written behind it, all else goes on."""
    c = _prepared(t)
    tag, asked = _asked(c)
    c.send_raw(c.pack(pdu.build(pdu.DATA_OUT, pdu.FINAL, itt=tag, ttt=asked.ttt, lun=1), NEW * 4096)[:2000])
    c.close()
    _nothing_behind(t, 8)


@family({"both": 0x60, "neither": 0})
def direction_that_does_not_fit(t, flags):
    """Full Feature 16.1 SCSI Command fields (RFC 7143 11.3.1): R and W together, or a length with neither: answered or rejected."""
    c = _prepared(t)
    c.command(read_16(BLOCK, 8), pdu.FINAL | flags | 1, 4096)
    try:
        got = c.receive_of(pdu.SCSI_RESPONSE, pdu.DATA_IN, pdu.REJECT, pdu.R2T)
        check(got.opcode != pdu.R2T, "a read asked for data")
    finally:
        _nothing_behind(t, 0)


def read_as_a_write(t):
    """Full Feature 16.1 SCSI Command fields (RFC 7143 11.3.1): a READ with W: no Data-In; whatever it is, it writes nothing."""
    c = _prepared(t)
    c.command(read_16(BLOCK, 8), pdu.FINAL | pdu.WRITE | 1, 4096, NEW * 4096)
    got = c.receive_of(pdu.SCSI_RESPONSE, pdu.REJECT)
    check(got.opcode == pdu.REJECT or got.status == 2 or got.flags & 0x06, f"GOOD without residual: {got}")
    _nothing_behind(t, 0)


def write_as_a_read(t):
    """Full Feature 16.1 SCSI Command fields (RFC 7143 11.3.1): a WRITE with R: never GOOD without a residual, nothing is written."""
    c = _prepared(t)
    c.command(write_16(BLOCK, 8), pdu.FINAL | pdu.READ | 1, 4096)
    got = c.receive_of(pdu.SCSI_RESPONSE, pdu.REJECT)
    check(got.opcode == pdu.REJECT or got.status == 2 or got.flags & 0x06, f"GOOD without residual: {got}")
    _nothing_behind(t, 0)


def data_segment_length_that_lies(t):
    """Full Feature 11.1.1 Data-Out DataSegmentLength (RFC 7143 7.6): a length that does not fit shifts what follows: no harm beyond it."""
    c = _prepared(t)
    tag, asked = _asked(c)
    header = pdu.build(pdu.DATA_OUT, pdu.FINAL, itt=tag, ttt=asked.ttt, lun=1, data_length=4096 - 64)
    c.send_raw(bytes(header) + NEW * 4096)
    c.socket.shutdown(socket.SHUT_WR)   # the target may well wait for more of what it took for a header
    try:
        while True:
            not_good(answered(c) or c.receive(), "a write whose data was cut short")
    except Closed:
        pass
    _nothing_behind(t, 8)


def not_enough_unsolicited_data(t):
    """Full Feature 16.4.4 Not Enough Unsolicited Data (RFC 7143 4.2.4.2): F=0 announced it: the target waits for it, and is not stuck."""
    c = _prepared(t)
    tag = c.write(write_16(BLOCK, 8), NEW * 4096, sent=512, final=False)
    c.alive()
    same(c.manage(1, referenced_tag=tag, ref_cmd_sn=c.exp_cmd_sn - 1), 0, "the response to ABORT TASK")
    c.alive()
    _nothing_behind(t, 8)


def data_segment_of_a_logout(t):
    """Full Feature 17.1 Logout (RFC 7143 11.14): data where a PDU has none: overlooked or rejected."""
    c = _prepared(t)
    c.request(pdu.LOGOUT, pdu.FINAL, NEW * 100)
    got = c.receive_of(pdu.LOGOUT_RESPONSE, pdu.REJECT)
    check(got.opcode == pdu.LOGOUT_RESPONSE or got.reason in (0x04, 0x09), f"{got}")
    t.serves()


def rejects_do_not_pile_up(t):
    """Full Feature, Reject (RFC 7143 11.17): a thousand rejected PDUs: each is told, or the connection ends."""
    c = _prepared(t)
    for _ in range(1000):
        c.request(0x1C, immediate=True)
        if rejected(c, 0x04, 0x05, 0x09) is None:
            return
    c.alive()
