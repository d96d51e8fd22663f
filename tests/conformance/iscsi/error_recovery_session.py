"""Error recovery that every target has: digest errors, retries, SNACK where there is none, connections that break (UNH-IOL Error
Recovery 1 and what ErrorRecoveryLevel 0 makes of 2 and 3; RFC 7143 section 7)."""
import socket
import struct

from conformance.iscsi import pdu
from conformance.iscsi.bench import answered, check, family, not_good, one_of, reaction, same
from support.initiator import GOOD, TEST_UNIT_READY, Closed, read_16, write_16

BLOCK, OLD, NEW = 16384, bytes([0x0E]), bytes([0xFD])
BAD = b"\xde\xad\xbe\xef"
DIGESTS = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}


def _prepared(t, **keys):
    c = t.session(**{**DIGESTS, "MaxBurstLength": 4096, "FirstBurstLength": 4096, **keys})
    same(c.serve_r2t(c.write(write_16(BLOCK, 16), OLD * 8192, sent=0), OLD * 8192)[0].status, GOOD, "the first write")
    return c


def _stored_is_old(t):
    same(t.session().run(read_16(BLOCK, 16), 8192), (GOOD, OLD * 8192), "status and data of a read")


@family({"one bit": 1, "all": 0xFFFFFFFF})
def header_digest_error(t, mask):
    """Error Recovery 1.2 Digest Error (RFC 7143 7.7): the PDU is discarded and the connection ends, or goes on behind it."""
    c = _prepared(t)
    header = pdu.build(pdu.NOP_OUT, pdu.FINAL, True, itt=7, ttt=pdu.RESERVED, cmd_sn=c.cmd_sn, exp_stat_sn=c.exp_stat_sn)
    right = int.from_bytes(c.pack(header)[48:52], "little")
    c.send(header, header_digest=(right ^ mask).to_bytes(4, "little"))
    told, alive = reaction(c)
    check(not [each for each in told if each.opcode == pdu.NOP_IN], "a ping with a wrong header digest was answered")
    check(not alive or c.agreed("ErrorRecoveryLevel", 0) > 0, "the connection goes on at ErrorRecoveryLevel 0")
    t.serves()


@family({"SCSI Command": (pdu.SCSI_COMMAND, 0xA1), "Data-Out": (pdu.DATA_OUT, 0x80), "Text Request": (pdu.TEXT, 0x80),
         "Logout Request": (pdu.LOGOUT, 0x80), "Task Management Request": (pdu.TASK_MANAGEMENT, 0x85)})
def header_digest_error_of(t, opcode, flags):
    """Error Recovery 1.2 Digest Error (RFC 7143 7.7): whatever the PDU is, it has no effect."""
    c = _prepared(t)
    c.request(opcode, flags, how={"header_digest": BAD}, lun=1, cmd_sn=c.cmd_sn)
    told, _ = reaction(c)
    check(all(each.opcode in (pdu.REJECT, pdu.ASYNC) for each in told), f"it was answered: {told}")
    _stored_is_old(t)


@family({"Ping": (pdu.NOP_OUT, b"data", pdu.NOP_IN), "Text Request": (pdu.TEXT, b"SendTargets=\0", pdu.TEXT_RESPONSE)})
def data_digest_error(t, opcode, data, answer):
    """Error Recovery 1.2 Digest Error (RFC 7143 7.7, 11.17.1): rejected with 02; its CmdSN is still to come: a retry is served."""
    c = _prepared(t)
    number = c.cmd_sn
    tag = c.request(opcode, pdu.FINAL, data, ttt=pdu.RESERVED, how={"data_digest": BAD})
    try:
        got = c.receive_of(pdu.REJECT)
    except Closed:
        return t.serves()
    same((got.reason, got.exp_cmd_sn), (0x02, number), "reason and ExpCmdSN of the Reject")
    c.request(opcode, pdu.FINAL, data, ttt=pdu.RESERVED, itt=tag, cmd_sn=number)
    same(c.receive_of(answer).itt, tag, "the task tag of the answer")


@family({"immediate": 4096, "some of it": 512})
def data_digest_error_of_immediate_data(t, sent):
    """Error Recovery 1.2 Digest Error (RFC 7143 7.7): a command with damaged immediate data is rejected, and writes nothing."""
    c = _prepared(t)
    c.request(pdu.SCSI_COMMAND, 0xA1, NEW * sent, lun=1, cdb=write_16(BLOCK, 8), expected_length=4096, how={"data_digest": BAD})
    told, _ = reaction(c)
    check(all(each.opcode == pdu.REJECT or each.status for each in told if each.opcode != pdu.R2T), f"GOOD: {told}")
    check(not told or told[0].opcode == pdu.REJECT and told[0].reason == 0x02, f"no Reject with 02 comes first: {told}")
    _stored_is_old(t)


@family({"solicited": True, "unsolicited": False})
def data_digest_error_of_data_out(t, solicited):
    """Error Recovery 1.2 Digest Error (RFC 7143 7.7): Reject with 02, then the data is asked for again or the task ends: not GOOD."""
    c = _prepared(t)
    tag = c.write(write_16(BLOCK, 8), NEW * 4096, sent=0, final=solicited)
    ttt = c.receive_of(pdu.R2T).ttt if solicited else pdu.RESERVED
    c.data_out(tag, NEW * 4096, 0, 0, ttt, how={"data_digest": BAD})
    try:
        same(c.receive_of(pdu.REJECT).reason, 0x02, "the reason of the Reject")
        got = c.receive_of(pdu.SCSI_RESPONSE, pdu.R2T)
        check(got.opcode == pdu.R2T or got.status != GOOD, f"GOOD with damaged data: {got}")
    except Closed:
        pass
    _stored_is_old(t)


def later_data_behind_a_damaged_piece(t):
    """Error Recovery 1.2 Digest Error (RFC 7143 7.7): the task ends once all its data has come; the connection is in step then."""
    c = _prepared(t)
    tag = c.write(write_16(BLOCK, 8), NEW * 4096, sent=0)
    asked = c.receive_of(pdu.R2T)
    c.data_out(tag, NEW * 2048, 0, 0, asked.ttt, final=False, how={"data_digest": BAD})
    c.data_out(tag, NEW * 2048, 2048, 1, asked.ttt)
    try:
        same(c.receive_of(pdu.REJECT).reason, 0x02, "the reason of the Reject")
        got = c.receive_of(pdu.SCSI_RESPONSE, pdu.R2T)
        check(got.opcode == pdu.R2T or got.status != GOOD, f"GOOD with damaged data: {got}")
        c.alive()
    except Closed:
        t.serves()


@family({"of the answered": True, "of the waiting": False})
def inadvertent_retry(t, answered_before):
    """Error Recovery 1.1 Inadvertent Retry (RFC 7143 7.2.1): the same command again on its connection is dropped: one answer alone."""
    c = t.session()
    number = c.exp_cmd_sn
    if answered_before:
        tag = c.command(TEST_UNIT_READY, cmd_sn=number)
        c.answer(tag)
        c.command(TEST_UNIT_READY, itt=tag, cmd_sn=number)
    else:
        tag = c.command(TEST_UNIT_READY, cmd_sn=number + 1)
        c.command(TEST_UNIT_READY, itt=tag, cmd_sn=number + 1)
        first = c.command(TEST_UNIT_READY, cmd_sn=number)
        same({c.answer()[0].itt, c.answer()[0].itt}, {first, tag}, "tasks answered")
    c.alive()


def retry_of_a_write_does_not_write_twice(t):
    """Error Recovery 1.1 Inadvertent Retry (RFC 7143 4.2.2.1): a write that comes again behind another one changes nothing."""
    c = _prepared(t, HeaderDigest="None", DataDigest="None")
    number = c.cmd_sn
    tag = c.write(write_16(BLOCK, 8), NEW * 4096)
    same(c.answer(tag)[0].status, GOOD, "the status of the write")
    same(c.answer(c.write(write_16(BLOCK, 8), OLD * 4096))[0].status, GOOD, "the status of the one behind it")
    after = c.cmd_sn
    c.write(write_16(BLOCK, 8), NEW * 4096, itt=tag, cmd_sn=number)
    c.cmd_sn = after
    c.alive()
    _stored_is_old(t)


@family({"data or R2T": 0, "status": 1, "data acknowledgement": 2, "R-Data": 3, "reserved 4": 4, "reserved 15": 15})
def snack_without_recovery(t, kind):
    """Error Recovery 3 SNACK Support (RFC 7143 11.16): at ErrorRecoveryLevel 0 there is none: rejected, dropped or the end."""
    c = t.session(ErrorRecoveryLevel=0)
    c.request(pdu.SNACK, pdu.FINAL | kind, itt=pdu.RESERVED if kind in (1, 2) else 0x11, ttt=pdu.RESERVED, lun=1)
    told, _ = reaction(c)
    for each in told:
        same(each.opcode, pdu.REJECT, "the opcode of the answer")
        one_of(each.reason, (0x03, 0x04, 0x05, 0x08, 0x09), "the reason")
    t.serves()


@family({"closed": "close", "reset": "reset", "half closed": "half"})
def connection_breaks_in_flight(t, how):
    """Error Recovery, session recovery (RFC 7143 7.1.4.1, 7.4): tasks of a broken session end; who comes back is served at once."""
    c = t.session()
    for number in range(16):
        c.read(read_16(number, 64), 32768)
    if how == "reset":
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how == "half":
        c.socket.shutdown(socket.SHUT_WR)
    else:
        c.close()
    same(t.login(isid=c.isid).ready().run(TEST_UNIT_READY)[0], GOOD, "the status in the new session")


@family({"5 sessions": 5, "20 sessions": 20})
def reinstatement_over_and_over(t, count):
    """Error Recovery, session recovery (RFC 7143 6.3.5): each new session of one initiator port ends the one before, under load too."""
    first = t.session()
    for _ in range(count):
        for number in range(8):
            first.read(read_16(number, 8), 4096)
        first = t.login(isid=first.isid).ready()
    first.alive()


def tasks_do_not_outlive_their_session(t):
    """Error Recovery, session recovery (RFC 7143 7.4, 6.3.5): a write that waits for data when its session is replaced writes nothing."""
    c = _prepared(t, HeaderDigest="None", DataDigest="None")
    tag = c.write(write_16(BLOCK, 8), NEW * 4096, sent=0)
    asked = c.receive_of(pdu.R2T)
    t.login(isid=c.isid).alive()
    try:
        c.data_out(tag, NEW * 4096, 0, 0, asked.ttt)
    except Closed:
        pass
    _stored_is_old(t)


def unacknowledged_answers(t):
    """Error Recovery, StatSN (RFC 7143 4.2.2.2): a host that never acknowledges is served all the same, within bounds."""
    c = t.session()
    stands = c.exp_stat_sn
    for _ in range(2000):
        c.answer(c.command(TEST_UNIT_READY, exp_stat_sn=stands))
    c.alive()


def answers_that_are_not_read(t):
    """Error Recovery (RFC 7143 7.1): a host that asks and does not read costs the target no more than its bound; others are served."""
    c = t.session()
    before = t.world.memory()
    c.socket.settimeout(0.5)
    try:
        for _ in range(100000):
            c.ping(bytes(65536), itt=1)
    except (Closed, OSError):
        pass
    growth = t.world.memory() - before
    check(growth < 128 << 20, f"the engine has grown by {growth >> 20} MiB")
    t.serves()


def damaged_command_is_executed_once(t):
    """Error Recovery 1.2 Retry After Digest Error (RFC 7143 7.2.1): after the retry the medium has the command's data, or the old."""
    c = _prepared(t)
    number, tag = c.cmd_sn, c.tag()
    how = {"lun": 1, "cdb": write_16(BLOCK, 8), "expected_length": 4096, "itt": tag, "cmd_sn": number}
    c.request(pdu.SCSI_COMMAND, 0xA1, NEW * 4096, how={"data_digest": BAD}, **how)
    not_good(_after_reject(c), "a damaged command")
    data = t.session().run(read_16(BLOCK, 8), 4096)[1]
    same(data, OLD * 4096, "the data before any retry")


def _after_reject(c):
    got = answered(c)
    if got is None or got.opcode != pdu.REJECT:
        return got
    told, _ = reaction(c)
    return told[0] if told else None
