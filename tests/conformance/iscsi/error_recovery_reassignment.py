"""Connection recovery: tasks that go on by another connection (UNH-IOL Error Recovery 2, Full Feature Phase 7.1 and 19.5). All of it
asks for ErrorRecoveryLevel 2, and is `not offered` where the target answers less."""
from conformance.iscsi import pdu
from conformance.iscsi.bench import check, family, offered, one_of, refused, same
from conformance.iscsi.pdu import FULL_FEATURE, OPERATIONAL
from support.initiator import GOOD, TEST_UNIT_READY, read_16, write_16

BLOCK, NEW = 32768, bytes([0xFC])
REASSIGN = 8
COMPLETE, NO_TASK, STILL_ALLEGIANT, NO_REASSIGNMENT = 0, 1, 3, 4


def _recoverable(t, connections=4):
    c = t.session(ErrorRecoveryLevel=2, MaxConnections=connections, DefaultTime2Wait=0, DefaultTime2Retain=60)
    offered(c, "ErrorRecoveryLevel", 2)
    return c


def _join(t, old, cid):
    """Another connection of the session: with the CID of one that is there it takes its place (RFC 7143 6.3.4)."""
    if cid != old.cid:
        offered(old, "MaxConnections", 2)
    c = t.connect()
    c.isid, c.tsih, c.cid, c.cmd_sn = old.isid, old.tsih, cid, old.cmd_sn
    names = {"InitiatorName": t.keys()["InitiatorName"], "TargetName": t.world.target}
    c.login_request(OPERATIONAL, FULL_FEATURE, {**names, "HeaderDigest": "None", "DataDigest": "None", "MaxRecvDataSegmentLength": 65536})
    answer = c.login_response()
    while answer.status_class == 0 and answer.flags & 0x83 != 0x83:
        answer = c.login_step(OPERATIONAL, FULL_FEATURE)
    same(answer.status_class << 8 | answer.status_detail, 0, "the status of the login")
    return c.begin_full_feature(answer, {"MaxRecvDataSegmentLength": 65536})


def _waiting_write(c):
    number = c.cmd_sn
    tag = c.write(write_16(BLOCK, 8), NEW * 4096, sent=0)
    return tag, number, c.receive_of(pdu.R2T)


def _finish_write(c, tag):
    got, asked = c.serve_r2t(tag, NEW * 4096)
    same(got.status, GOOD, "the status of the write")
    check(asked, "its data was not asked for again")
    same(c.run(read_16(BLOCK, 8), 4096)[1], NEW * 4096, "the data")


def write_after_a_logout(t):
    """Error Recovery 2.1 Allegiance Reassignment for Write Command after Valid Logout (RFC 7143 7.2.2): data is asked for again."""
    c = _recoverable(t)
    other = _join(t, c, 1)
    tag, number, _ = _waiting_write(c)
    other.cmd_sn = c.cmd_sn
    same(other.logout(2, cid=c.cid).response, 0, "the response to the logout for recovery")
    same(other.manage(REASSIGN, referenced_tag=tag, ref_cmd_sn=number, exp_data_sn=0), COMPLETE, "the response to TASK REASSIGN")
    _finish_write(other, tag)


def write_without_a_logout(t):
    """Error Recovery 2.2 Allegiance Reassignment Attempt for Write Command without Logout (RFC 7143 11.6.1): response 3."""
    c = _recoverable(t)
    other = _join(t, c, 1)
    tag, number, asked = _waiting_write(c)
    other.cmd_sn = c.cmd_sn
    same(other.manage(REASSIGN, referenced_tag=tag, ref_cmd_sn=number), STILL_ALLEGIANT, "the response to TASK REASSIGN")
    c.send_burst(asked, NEW * 4096)
    same(c.answer(tag)[0].status, GOOD, "the status by its own connection")


def read_after_a_logout(t):
    """Error Recovery 2.3 Allegiance Reassignment for Read Command with Valid Logout (RFC 7143 7.2.2): data and status come again."""
    c = _recoverable(t)
    other = _join(t, c, 1)
    stands, number = c.exp_stat_sn, c.cmd_sn
    tag = c.read(read_16(BLOCK, 8), 4096, exp_stat_sn=stands)
    c.answer(tag)   # which the initiator has not acknowledged
    other.cmd_sn = c.cmd_sn
    same(other.logout(2, cid=c.cid).response, 0, "the response to the logout for recovery")
    response = other.manage(REASSIGN, referenced_tag=tag, ref_cmd_sn=number, exp_data_sn=0)
    one_of(response, (COMPLETE, NO_TASK), "the response to TASK REASSIGN")
    if response == COMPLETE:
        got, parts = other.answer(tag)
        same((got.status, sum(len(part.data) for part in parts)), (GOOD, 4096), "status and bytes")


def write_after_an_implicit_logout(t):
    """Error Recovery 2.4 Allegiance Reassignment with Implicit Logout (RFC 7143 6.3.4, 7.2.2): the CID logs in again; its task goes on."""
    c = _recoverable(t)
    tag, number, _ = _waiting_write(c)
    new = _join(t, c, c.cid)
    same(new.manage(REASSIGN, referenced_tag=tag, ref_cmd_sn=number, exp_data_sn=0), COMPLETE, "the response to TASK REASSIGN")
    _finish_write(new, tag)


def write_after_the_connection_broke(t):
    """Error Recovery 2.4, Full Feature 7.1 Connection Reassignment (RFC 7143 7.1.4.4): the same when the connection was cut."""
    c = _recoverable(t)
    tag, number, _ = _waiting_write(c)
    c.close()
    new = _join(t, c, c.cid)
    same(new.manage(REASSIGN, referenced_tag=tag, ref_cmd_sn=number, exp_data_sn=0), COMPLETE, "the response to TASK REASSIGN")
    _finish_write(new, tag)


def session_survives_its_last_connection(t):
    """Error Recovery, DefaultTime2Retain (RFC 7143 13.16): the session waits for its initiator that long, with the same TSIH."""
    c = _recoverable(t)
    c.close()
    new = _join(t, c, c.cid)
    same(new.tsih, c.tsih, "the TSIH")
    same(new.run(TEST_UNIT_READY)[0], GOOD, "the status")


@family({"never used": 0x7777, "ended": 0})
def reassignment_of_no_task(t, tag):
    """Full Feature 19.5 Task Reassign (RFC 7143 11.6.1): a task that is not there: response 1; the ended one is acknowledged."""
    c = _recoverable(t)
    number = c.cmd_sn
    if tag == 0:
        tag = c.command(TEST_UNIT_READY)
        c.answer(tag)
        c.alive()
    one_of(c.manage(REASSIGN, referenced_tag=tag, ref_cmd_sn=number), (NO_TASK,), "the response")


def reassignment_to_its_own_connection(t):
    """Full Feature 19.5 Task Reassign (RFC 7143 11.6.1): a task whose connection lives is still allegiant to it: response 3."""
    c = _recoverable(t)
    tag, number, asked = _waiting_write(c)
    same(c.manage(REASSIGN, referenced_tag=tag, ref_cmd_sn=number), STILL_ALLEGIANT, "the response")
    c.send_burst(asked, NEW * 4096)
    same(c.answer(tag)[0].status, GOOD, "the status")


def recovery_logout_of_no_connection(t):
    """Full Feature 17.1 Logout (RFC 7143 11.15.1): removal for recovery of a CID that is not there: response 1."""
    c = _recoverable(t)
    same(c.logout(2, cid=0x7777).response, 1, "the response")
    c.alive()


def abort_of_a_task_without_connection(t):
    """Error Recovery 2 (RFC 7143 11.5.1): a task whose connection is gone may be aborted by another one; nothing is written."""
    c = _recoverable(t)
    other = _join(t, c, 1)
    tag, number, _ = _waiting_write(c)
    other.cmd_sn = c.cmd_sn
    same(other.logout(2, cid=c.cid).response, 0, "the response to the logout for recovery")
    same(other.manage(1, referenced_tag=tag, ref_cmd_sn=number), COMPLETE, "the response to ABORT TASK")
    same(other.manage(REASSIGN, referenced_tag=tag, ref_cmd_sn=number), NO_TASK, "the response to TASK REASSIGN")


def session_that_was_replaced(t):
    """Error Recovery 2 (RFC 7143 6.3.5): behind a session reinstatement there is nothing left to join: 020a."""
    c = _recoverable(t)
    c.close()
    t.login(isid=c.isid).alive()
    again = t.connect()
    again.isid, again.tsih, again.cid, again.cmd_sn = c.isid, c.tsih, c.cid, c.cmd_sn
    again.login_request(OPERATIONAL, FULL_FEATURE, {"InitiatorName": t.keys()["InitiatorName"], "TargetName": t.world.target})
    refused(again, 0x020A, 0x0200)
