"""Error recovery within a connection: SNACK, retries, recovery R2T (UNH-IOL Error Recovery 1.2 and 3). All of it asks for
ErrorRecoveryLevel 1, and is `not offered` where the target answers 0."""
from conformance.iscsi import pdu
from conformance.iscsi.bench import check, family, offered, one_of, reaction, same
from support.initiator import CHECK_CONDITION, GOOD, TEST_UNIT_READY, Closed, read_16, write_16

BLOCK, OLD, NEW = 28672, bytes([0x0B]), bytes([0xFB])
BAD = b"\xde\xad\xbe\xef"
DATA_OR_R2T, STATUS, DATA_ACK, R_DATA = range(4)


def _within_connection(t, level=1, **keys):
    c = t.session(**{"ErrorRecoveryLevel": level, "MaxBurstLength": 4096, "FirstBurstLength": 4096, "DefaultTime2Retain": 20, **keys})
    offered(c, "ErrorRecoveryLevel", level)
    same(c.serve_r2t(c.write(write_16(BLOCK, 16), OLD * 8192, sent=0), OLD * 8192)[0].status, GOOD, "the first write")
    c.strict = False   # what is sent again has its old StatSN
    return c


def _snack(c, kind, begin, count, itt=pdu.RESERVED, ttt=pdu.RESERVED, **fields):
    c.request(pdu.SNACK, pdu.FINAL | kind, itt=itt, ttt=ttt, cmd_sn=0, begin_run=begin, run_length=count, **fields)


def _unacknowledged_read(c, length=4096):
    """A read whose status is not acknowledged: (its tag, the ExpStatSN to go on with, its Data-In PDUs)."""
    stands = c.exp_stat_sn
    tag = c.read(read_16(BLOCK, length // 512), length, exp_stat_sn=stands)
    got, parts = c.answer(tag)
    same(got.status, GOOD, "the status of the read")
    return tag, stands, parts


@family({"NOP-Out": pdu.NOP_OUT, "SCSI Command": pdu.SCSI_COMMAND})
def header_digest_error_is_survived(t, opcode):
    """Error Recovery 1.2 Digest Error (RFC 7143 7.7): discarded; the connection may go on, or end; others are served."""
    c = _within_connection(t, HeaderDigest="CRC32C")
    c.request(opcode, 0x81, immediate=True, ttt=pdu.RESERVED, lun=1, how={"header_digest": BAD})
    told, _ = reaction(c)
    check(not [each for each in told if each.opcode in (pdu.NOP_IN, pdu.SCSI_RESPONSE)], f"it was answered: {told}")
    t.serves()


def retry_after_a_header_digest_error(t):
    """Error Recovery 1.2 Retry After Digest Error (RFC 7143 7.2.1): the command again with its CmdSN fills the gap and is executed."""
    c = _within_connection(t, HeaderDigest="CRC32C")
    number = c.cmd_sn
    tag = c.command(TEST_UNIT_READY, cmd_sn=number, itt=c.tag())
    c.answer(tag)
    number = c.cmd_sn
    tag = c.request(pdu.SCSI_COMMAND, 0x81, lun=1, how={"header_digest": BAD})
    told, alive = reaction(c)
    if not alive:
        return t.serves()   # RFC 7143 7.7 lets a target close the connection here
    same([each.opcode for each in told if each.opcode != pdu.REJECT], [], "answers to the damaged command")
    c.command(TEST_UNIT_READY, itt=tag, cmd_sn=number)
    same(c.answer(tag)[0].status, GOOD, "the status of the retry")


def retry_after_a_data_digest_error(t):
    """Error Recovery 1.2 Retry After Digest Error (RFC 7143 7.2.1, 7.7): a command with damaged immediate data, sent again, is executed."""
    c = _within_connection(t, DataDigest="CRC32C")
    number, fields = c.cmd_sn, {"lun": 1, "cdb": write_16(BLOCK, 8), "expected_length": 4096}
    tag = c.request(pdu.SCSI_COMMAND, 0xA1, NEW * 4096, how={"data_digest": BAD}, **fields)
    same(c.receive_of(pdu.REJECT).reason, 0x02, "the reason of the Reject")
    same(c.alive().exp_cmd_sn, number, "ExpCmdSN: the command is still to come")
    c.request(pdu.SCSI_COMMAND, 0xA1, NEW * 4096, itt=tag, cmd_sn=number, **fields)
    same(c.answer(tag)[0].status, GOOD, "the status of the retry")
    same(c.run(read_16(BLOCK, 8), 4096)[1], NEW * 4096, "the data")


def inadvertent_retry_of_an_answered_command(t):
    """Error Recovery 1.1 Inadvertent Retry (RFC 7143 7.2.1): a retry of what was answered is a duplicate: dropped silently."""
    c = _within_connection(t)
    number = c.cmd_sn
    tag = c.command(TEST_UNIT_READY)
    c.answer(tag)
    c.command(TEST_UNIT_READY, itt=tag, cmd_sn=number)
    c.alive()


@family({"solicited": True, "unsolicited": False})
def damaged_data_is_asked_for_again(t, solicited):
    """Error Recovery 3 Recovery R2T (RFC 7143 7.7, 11.8): damaged Data-Out: Reject 02, then a recovery R2T, or the task ends in error."""
    c = _within_connection(t, DataDigest="CRC32C")
    tag = c.write(write_16(BLOCK, 8), NEW * 4096, sent=0, final=solicited)
    ttt = c.receive_of(pdu.R2T).ttt if solicited else pdu.RESERVED
    c.data_out(tag, NEW * 4096, 0, 0, ttt, how={"data_digest": BAD})
    same(c.receive_of(pdu.REJECT).reason, 0x02, "the reason of the Reject")
    got = c.receive_of(pdu.R2T, pdu.SCSI_RESPONSE)
    if got.opcode == pdu.SCSI_RESPONSE:
        return same(got.status, CHECK_CONDITION, "the status")
    same((got.buffer_offset, got.desired_length), (0, 4096), "what is asked for again")
    c.send_burst(got, NEW * 4096)
    same(c.serve_r2t(tag, NEW * 4096)[0].status, GOOD, "the status")
    same(c.run(read_16(BLOCK, 8), 4096)[1], NEW * 4096, "the data")


def piece_of_a_burst_is_lost(t):
    """Error Recovery 3 Recovery R2T (RFC 7143 7.8): a gap in DataSN: what is missing is asked for again, or the task ends in error."""
    c = _within_connection(t)
    tag = c.write(write_16(BLOCK, 8), NEW * 4096, sent=0)
    asked = c.receive_of(pdu.R2T)
    c.data_out(tag, NEW * 2048, 2048, 1, asked.ttt)
    got = c.receive_of(pdu.R2T, pdu.SCSI_RESPONSE, pdu.REJECT)
    if got.opcode == pdu.R2T:
        c.send_burst(got, NEW * 4096)
        got = c.serve_r2t(tag, NEW * 4096)[0]
        same(c.run(read_16(BLOCK, 8), 4096)[1], NEW * 4096, "the data")
    check(got.opcode == pdu.REJECT or got.status in (GOOD, CHECK_CONDITION), f"{got}")


def r2t_is_sent_again(t):
    """Error Recovery 3.1 R2T SNACK Support (RFC 7143 11.16.1): an R2T that was lost comes again, with its number; the write goes on."""
    c = _within_connection(t)
    tag = c.write(write_16(BLOCK, 8), NEW * 4096, sent=0)
    first = c.receive_of(pdu.R2T)
    _snack(c, DATA_OR_R2T, first.r2t_sn, 1, tag, lun=1)
    again = c.receive_of(pdu.R2T)
    same((again.r2t_sn, again.buffer_offset, again.desired_length), (first.r2t_sn, first.buffer_offset, first.desired_length),
         "number, offset and length")
    c.send_burst(again, NEW * 4096)
    same(c.answer(tag)[0].status, GOOD, "the status")


@family({"one": (1, 1), "a run": (2, 3), "the whole sequence": (0, 0), "from the third on": (2, 0)})
def data_in_is_sent_again(t, begin, count):
    """Error Recovery 3.2 to 3.4 Data SNACK (RFC 7143 11.16.1): Data-In of one command again: DataSN, offset and data as they were."""
    c = _within_connection(t, MaxRecvDataSegmentLength=512)
    tag, stands, parts = _unacknowledged_read(c)
    _snack(c, DATA_OR_R2T, begin, count, tag, lun=1, exp_stat_sn=stands)
    for wanted in parts[begin:begin + count if count else None]:
        again = c.receive_of(pdu.DATA_IN)
        same((again.itt, again.data_sn, again.buffer_offset, again.data),
             (tag, wanted.data_sn, wanted.buffer_offset, wanted.data), "a Data-In that is sent again")
    same(c.run(TEST_UNIT_READY)[0], GOOD, "the next command's status")


@family({"SCSI Response": "command", "one of several": "several"})
def status_is_sent_again(t, what):
    """Error Recovery 3.5, 3.6 Status SNACK (RFC 7143 11.16.1): answers that were lost come again, with their StatSN."""
    c = _within_connection(t)
    stands = c.exp_stat_sn
    answers = [c.answer(c.command(TEST_UNIT_READY, exp_stat_sn=stands))[0] for _ in range(1 if what == "command" else 4)]
    wanted = answers[-1]
    _snack(c, STATUS, wanted.stat_sn, 1, exp_stat_sn=stands)
    again = c.receive_of(pdu.SCSI_RESPONSE)
    same((again.itt, again.stat_sn, again.status), (wanted.itt, wanted.stat_sn, wanted.status), "tag, StatSN and status")


def every_status_that_is_not_acknowledged(t):
    """Error Recovery 3.6 Status SNACK for a Run (RFC 7143 11.16.1): run length 0: all from there on, in order."""
    c = _within_connection(t)
    stands = c.exp_stat_sn
    answers = [c.answer(c.command(TEST_UNIT_READY, exp_stat_sn=stands))[0] for _ in range(4)]
    _snack(c, STATUS, stands, 0, exp_stat_sn=stands)
    for wanted in answers:
        again = c.receive_of(pdu.SCSI_RESPONSE)
        same((again.itt, again.stat_sn), (wanted.itt, wanted.stat_sn), "tag and StatSN")


@family({"NOP-In": "ping", "Text Response": "text", "Task Management Response": "manage", "Reject": "reject"})
def other_answers_are_sent_again(t, kind):
    """Error Recovery 3.5 Status SNACK (RFC 7143 11.16.1): whatever has a StatSN comes again, as it was."""
    c = _within_connection(t)
    stands = c.exp_stat_sn
    if kind == "ping":
        c.ping(b"data", exp_stat_sn=stands)
    elif kind == "text":
        c.text({"SendTargets": ""}, exp_stat_sn=stands)
    elif kind == "manage":
        c.request(pdu.TASK_MANAGEMENT, pdu.FINAL | 2, immediate=True, lun=1, referenced_tag=pdu.RESERVED, exp_stat_sn=stands)
    else:
        c.request(0x1C, immediate=True, exp_stat_sn=stands)
    wanted = c.receive()
    _snack(c, STATUS, wanted.stat_sn, 1, exp_stat_sn=stands)
    again = c.receive()
    same((again.opcode, again.itt, again.stat_sn, again.data), (wanted.opcode, wanted.itt, wanted.stat_sn, wanted.data), "the answer")


@family({"acknowledged status": STATUS, "status to come": STATUS + 16, "data of no task": DATA_OR_R2T, "kind 5": 5})
def snack_that_makes_no_sense(t, kind):
    """Error Recovery 3 SNACK (RFC 7143 11.16.1, 11.17.1): rejected with 03, 04, 08 or 09, or dropped: nothing is sent again."""
    c = _within_connection(t)
    begin = {STATUS: c.exp_stat_sn - 2, STATUS + 16: c.exp_stat_sn + 1000}.get(kind, 0)
    _snack(c, kind % 16, begin, 1, 0x7777 if kind == DATA_OR_R2T else pdu.RESERVED)
    told, _ = reaction(c)
    for each in told:
        same(each.opcode, pdu.REJECT, "the opcode of the answer")
        one_of(each.reason, (0x03, 0x04, 0x08, 0x09), "the reason")
    t.serves()


def acknowledged_data_is_not_sent_again(t):
    """Error Recovery 3.2 Data SNACK (RFC 7143 11.16.1): behind the acknowledgement of the status the data is gone: rejected, or dropped."""
    c = _within_connection(t, MaxRecvDataSegmentLength=512)
    tag, _, parts = _unacknowledged_read(c)
    c.alive()   # acknowledges
    _snack(c, DATA_OR_R2T, 0, len(parts), tag, lun=1)
    told, _ = reaction(c)
    check(all(each.opcode == pdu.REJECT for each in told), f"{told}")


def data_acknowledgement(t):
    """Error Recovery 3 DataACK (RFC 7143 11.7.2, 11.16.1): where the A bit asks for it, it is given and nothing is answered to it."""
    c = _within_connection(t, MaxRecvDataSegmentLength=512)
    tag = c.read(read_16(BLOCK, 64), 32768)
    while True:
        got = c.receive_of(pdu.DATA_IN, pdu.SCSI_RESPONSE)
        if got.opcode == pdu.DATA_IN and got.flags & 0x40:
            check(got.ttt != pdu.RESERVED, "A without a transfer tag")
            _snack(c, DATA_ACK, got.data_sn + 1, 0, ttt=got.ttt, lun=1)
        if got.takes_stat_sn():
            break
    same((got.itt, got.status), (tag, GOOD), "tag and status")
    c.alive()


def resegmented_data(t):
    """Error Recovery 3 R-Data SNACK (RFC 7143 11.16.3): after MaxRecvDataSegmentLength shrank, data comes again in shorter pieces."""
    c = _within_connection(t, MaxRecvDataSegmentLength=4096)
    tag, stands, parts = _unacknowledged_read(c, 8192)
    c.text({"MaxRecvDataSegmentLength": "1024"}, exp_stat_sn=stands)
    c.receive_of(pdu.TEXT_RESPONSE)
    _snack(c, R_DATA, 0, 0, tag, ttt=0x99, lun=1, exp_stat_sn=stands)
    got = c.receive_of(pdu.DATA_IN)
    data = b""
    while True:
        data += got.data if got.opcode == pdu.DATA_IN else b""
        check(got.opcode != pdu.DATA_IN or len(got.data) <= 1024, f"a piece of {len(got.data)} bytes")
        if got.opcode == pdu.SCSI_RESPONSE or got.takes_stat_sn():
            break
        got = c.receive_of(pdu.DATA_IN, pdu.SCSI_RESPONSE)
    same(data, b"".join(part.data for part in parts), "the data")


def answers_that_nobody_acknowledges_are_bounded(t):
    """Error Recovery 3 Status SNACK (RFC 7143 4.2.2.2): what is kept for a SNACK is bounded: it goes on or ends."""
    c = _within_connection(t)
    stands, before = c.exp_stat_sn, t.world.memory()
    try:
        for _ in range(20000):
            c.answer(c.command(TEST_UNIT_READY, exp_stat_sn=stands))
    except Closed:
        pass
    growth = t.world.memory() - before
    check(growth < 64 << 20, f"the engine has grown by {growth >> 20} MiB")
    t.serves()
