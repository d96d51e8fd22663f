"""Task management: every function, its response codes, and what it does to tasks (UNH-IOL Full Feature Phase 19; RFC 7143 11.5, 11.6)."""
from conformance.iscsi import pdu
from conformance.iscsi.bench import check, family, one_of, rejected, same
from support.initiator import CHECK_CONDITION, GOOD, TEST_UNIT_READY, read_16, sense_of, write_16

ABORT_TASK, ABORT_TASK_SET, CLEAR_ACA, CLEAR_TASK_SET, UNIT_RESET, WARM_RESET, COLD_RESET, REASSIGN = range(1, 9)
TASK_ABORTED = 0x40   # the status
COMPLETE, NO_TASK, NO_UNIT, STILL_ALLEGIANT, NO_REASSIGNMENT, NOT_SUPPORTED, NOT_AUTHORIZED, REJECTED = 0, 1, 2, 3, 4, 5, 6, 255
BLOCK = 4096   # where the cases write, in blocks
BUSY, ACA_ACTIVE = 0x08, 0x30   # SCSI statuses
ACA = 4   # task attribute


def _with_naca(cdb):
    return bytes(cdb[:-1]) + bytes([cdb[-1] | 4])


def _hold(c, count=1):
    """Writes without any of their data, for which the target has asked: their tags and R2Ts."""
    tags = [c.write(write_16(BLOCK + 8 * number, 8), bytes([0xEE]) * 4096, sent=0) for number in range(count)]
    asked = {}
    while len(asked) < count:
        got = c.receive_of(pdu.R2T)
        asked[got.itt] = got
    return tags, asked


@family({"ABORT TASK SET": ABORT_TASK_SET, "CLEAR TASK SET": CLEAR_TASK_SET, "LOGICAL UNIT RESET": UNIT_RESET})
def function_without_tasks(t, function):
    """Full Feature 19.2 Task Management (RFC 7143 11.6.1): with nothing to end it is complete."""
    c = t.session()
    same(c.manage(function), COMPLETE, "the response")
    c.ready().alive()


@family({"ABORT TASK SET": ABORT_TASK_SET, "CLEAR TASK SET": CLEAR_TASK_SET, "LOGICAL UNIT RESET": UNIT_RESET})
def function_for_a_unit_that_is_not_there(t, function):
    """Full Feature 19.2 LUN Field (RFC 7143 11.6.1): response 2, LUN does not exist."""
    c = t.session()
    same(c.manage(function, lun=77), NO_UNIT, "the response")
    c.alive()


def fields_of_the_response(t):
    """Full Feature 19.1 Task Management Response (RFC 7143 11.6): F set, nothing reserved set, no data."""
    c = t.session()
    tag = c.request(pdu.TASK_MANAGEMENT, pdu.FINAL | ABORT_TASK_SET, immediate=True, lun=1, referenced_tag=pdu.RESERVED)
    got = c.receive_of(pdu.TASK_MANAGEMENT_RESPONSE)
    same((got.itt, got.flags, bytes(got.header[8:16]), got.data), (tag, 0x80, bytes(8), b""), "tag, flags, reserved bytes, data")


@family({"1 task": 1, "8 tasks": 8})
def abort_task_ends_it(t, count):
    """Full Feature 19.3 RefCmdSN and ABORT TASK (RFC 7143 11.5.1): the task ends without an answer; the others do not."""
    c = t.session()
    first = c.cmd_sn
    tags, asked = _hold(c, count)
    same(c.manage(ABORT_TASK, referenced_tag=tags[0], ref_cmd_sn=first), COMPLETE, "the response")
    for tag in tags[1:]:
        c.send_burst(asked[tag], bytes([0x11]) * 4096)
        same(c.answer(tag)[0].status, GOOD, "the status of another task")
    c.alive()


def data_of_an_aborted_task(t):
    """Full Feature 19.3 ABORT TASK (RFC 7143 4.2.3.3, 11.5.1): data for it that still comes is discarded, and written nowhere."""
    c = t.session()
    same(c.answer(c.write(write_16(BLOCK, 8), bytes([0x22]) * 4096))[0].status, GOOD, "the status of the first write")
    first = c.cmd_sn
    tags, asked = _hold(c)
    same(c.manage(ABORT_TASK, referenced_tag=tags[0], ref_cmd_sn=first), COMPLETE, "the response")
    c.send_burst(asked[tags[0]], bytes([0xEE]) * 4096)
    c.alive()
    same(c.run(read_16(BLOCK, 8), 4096), (GOOD, bytes([0x22]) * 4096), "status and data of a read")


@family({"never used": 0x7777, "reserved": pdu.RESERVED})
def abort_of_no_task(t, tag):
    """Full Feature 19.3 ABORT TASK (RFC 7143 11.6.1): a task that has ended or never was: response 1."""
    c = t.session()
    one_of(c.manage(ABORT_TASK, referenced_tag=tag, ref_cmd_sn=c.exp_cmd_sn - 1), (NO_TASK, REJECTED), "the response")


def abort_of_a_task_that_has_ended(t):
    """Full Feature 19.3 ABORT TASK (RFC 7143 11.6.1 b): the answer was sent: response 1."""
    c = t.session()
    number = c.cmd_sn
    tag = c.command(TEST_UNIT_READY)
    c.answer(tag)
    same(c.manage(ABORT_TASK, referenced_tag=tag, ref_cmd_sn=number), NO_TASK, "the response")


def abort_of_a_task_that_has_not_come(t):
    """Full Feature 19.3 ABORT TASK (RFC 7143 11.6.1 c): a CmdSN in the window: complete, and the command counts as received."""
    c = t.session()
    number = c.exp_cmd_sn
    same(c.manage(ABORT_TASK, referenced_tag=0x4321, ref_cmd_sn=number), COMPLETE, "the response")
    same(c.alive().exp_cmd_sn, (number + 1) & 0xFFFFFFFF, "ExpCmdSN")
    c.command(TEST_UNIT_READY, itt=0x4321, cmd_sn=number)
    c.alive()
    same(c.run(TEST_UNIT_READY)[0], GOOD, "the next command's status")


def abort_before_its_turn(t):
    """Full Feature 19.3 ABORT TASK (RFC 7143 11.5.1): a task that waits for its turn is ended, and leaves no gap."""
    c = t.session()
    first = c.exp_cmd_sn
    tag = c.write(write_16(BLOCK, 8), bytes([0xEE]) * 4096, cmd_sn=first + 1)
    same(c.manage(ABORT_TASK, referenced_tag=tag, ref_cmd_sn=first + 1), COMPLETE, "the response")
    missing = c.command(TEST_UNIT_READY, cmd_sn=first)
    same(c.answer()[0].itt, missing, "the task answered")
    same(c.alive().exp_cmd_sn, (first + 2) & 0xFFFFFFFF, "ExpCmdSN")


def abort_of_another_sessions_task(t):
    """Full Feature 19.3 ABORT TASK (RFC 7143 11.5.4): a tag names a task of the same session only."""
    mine, other = t.session(), t.session()
    tags, asked = _hold(other)
    same(mine.manage(ABORT_TASK, referenced_tag=tags[0], ref_cmd_sn=mine.exp_cmd_sn - 1), NO_TASK, "the response")
    other.send_burst(asked[tags[0]], bytes([0x33]) * 4096)
    same(other.answer(tags[0])[0].status, GOOD, "the status of the other session's task")


@family({"ABORT TASK SET": ABORT_TASK_SET, "CLEAR TASK SET": CLEAR_TASK_SET, "LOGICAL UNIT RESET": UNIT_RESET,
         "TARGET WARM RESET": WARM_RESET})
def tasks_end_with_the_set(t, function):
    """Full Feature 19.4.1, 19.4.3 Abort Task Set (RFC 7143 4.2.3.2): no task of the unit is answered after the function is."""
    c = t.session()
    tags, _ = _hold(c, 8)
    request = c.request(pdu.TASK_MANAGEMENT, pdu.FINAL | function, immediate=True, lun=1, referenced_tag=pdu.RESERVED)
    got = c.receive_of(pdu.TASK_MANAGEMENT_RESPONSE)
    same((got.itt, got.response), (request, COMPLETE), "tag and response")
    same(len(tags), 8, "tasks held")
    c.alive()
    c.ready()


def aborted_set_leaves_the_medium(t):
    """Full Feature 19.4.1 Abort Task Set (RFC 7143 4.2.3.3): data that comes behind the function is discarded."""
    c = t.session()
    same(c.answer(c.write(write_16(BLOCK, 32), bytes([0x44]) * 16384))[0].status, GOOD, "the status of the first write")
    tags, asked = _hold(c, 4)
    same(c.manage(ABORT_TASK_SET), COMPLETE, "the response")
    for tag in tags:
        c.send_burst(asked[tag], bytes([0xEE]) * 4096)
    c.alive()
    same(c.run(read_16(BLOCK, 32), 16384), (GOOD, bytes([0x44]) * 16384), "status and data of a read")


def new_tasks_behind_the_function(t):
    """Full Feature 19.4.2 Abort Task Set (RFC 7143 4.2.3.2): a command behind it is none of the set, and is served."""
    c = t.session()
    _hold(c, 4)
    c.request(pdu.TASK_MANAGEMENT, pdu.FINAL | ABORT_TASK_SET, immediate=False, lun=1, referenced_tag=pdu.RESERVED)
    tag = c.read(read_16(0, 1), 512)
    seen = [c.receive() for _ in range(2)]
    same({each.opcode for each in seen}, {pdu.TASK_MANAGEMENT_RESPONSE, pdu.DATA_IN}, "answers")
    same(seen[-1].itt if seen[-1].opcode == pdu.DATA_IN else seen[0].itt, tag, "the task of the data")


def abort_task_set_spares_other_sessions(t):
    """Full Feature 19.4.1 Abort Task Set (RFC 7143 11.5.1): only this session's tasks; the other unit's neither."""
    mine, other = t.session(), t.session()
    tags, asked = _hold(other)
    elsewhere = mine.write(write_16(BLOCK, 8), bytes([0x55]) * 4096, sent=0, lun=2)
    r2t = mine.receive_of(pdu.R2T)
    same(mine.manage(ABORT_TASK_SET), COMPLETE, "the response")
    other.send_burst(asked[tags[0]], bytes([0x33]) * 4096)
    same(other.answer(tags[0])[0].status, GOOD, "the status of the other session's task")
    mine.request(pdu.DATA_OUT, data=bytes([0x55]) * 4096, itt=elsewhere, ttt=r2t.ttt, lun=2, cmd_sn=0)
    same(mine.answer(elsewhere)[0].status, GOOD, "the status of the other unit's task")


@family({"CLEAR TASK SET": CLEAR_TASK_SET, "LOGICAL UNIT RESET": UNIT_RESET})
def other_sessions_tasks_end_too(t, function):
    """Full Feature 19.4 Clear Task Set, Reset (RFC 7143 11.5.1, SAM-4 5.6): tasks of other sessions end, and these are told."""
    mine, other = t.session(), t.session()
    tags, _ = _hold(other)
    same(mine.manage(function), COMPLETE, "the response")
    other.command(TEST_UNIT_READY)
    got, _ = other.answer()
    told = 0
    while got.status == TASK_ABORTED:   # with TAS one, each of them
        told += 1
        got, _ = other.answer()
    if told and function == CLEAR_TASK_SET:   # SAM-5 5.3.1: and then no unit attention
        return same((told, got.status), (len(tags), GOOD), "tasks that were told, and the status afterwards")
    key, code, _ = sense_of(got.data)
    same((got.status, key), (CHECK_CONDITION, 6), "status and sense key")
    one_of(code, (0x2F, 0x29), "the additional sense code: commands cleared, or reset")


def unit_reset_is_told_to_other_sessions(t):
    """Full Feature 19.4 Logical Unit Reset (RFC 7143 11.5.1, SAM-4 5.14): other sessions get a unit attention of it, once."""
    mine, other = t.session(), t.session()
    same(mine.manage(UNIT_RESET), COMPLETE, "the response")
    status, sense = other.run(TEST_UNIT_READY)
    same((status, sense_of(sense)[:2]), (CHECK_CONDITION, (6, 0x29)), "status and sense")
    same(other.run(TEST_UNIT_READY)[0], GOOD, "the status afterwards")


def unit_reset_spares_the_other_unit(t):
    """Full Feature 19.2 LUN Field (RFC 7143 11.5.1): nothing happens to another logical unit."""
    mine, other = t.session(), t.session()
    same(mine.manage(UNIT_RESET, lun=2), COMPLETE, "the response")
    same(other.run(TEST_UNIT_READY, lun=1)[0], GOOD, "the status of the other unit")


def clear_aca_without_aca(t):
    """Full Feature 19.4 Clear ACA (SAM-5 7.4): where no condition stands it is complete."""
    one_of(t.session().manage(CLEAR_ACA), (COMPLETE, NOT_SUPPORTED, REJECTED), "the response")


def _fault(c):
    """A command with NACA that fails: an ACA condition is established."""
    status, sense = c.run(_with_naca(read_16((1 << 64) - 1, 1)), 512)
    same((status, sense_of(sense)), (CHECK_CONDITION, (5, 0x21, 0)), "status and sense of the command that fails")


def aca_keeps_others_out_until_it_is_cleared(t):
    """Full Feature 19.4 Clear ACA (SAM-5 5.10): ACA ACTIVE for its own nexus, BUSY for others, until CLEAR ACA of its own nexus."""
    c, other = t.session().ready(), t.session().ready()
    _fault(c)
    same((c.run(TEST_UNIT_READY)[0], other.run(TEST_UNIT_READY)[0]), (ACA_ACTIVE, BUSY), "its own nexus, and another")
    same(other.run(_with_naca(TEST_UNIT_READY))[0], ACA_ACTIVE, "another that knows of NACA")
    same((other.manage(CLEAR_ACA), other.run(TEST_UNIT_READY)[0]), (COMPLETE, BUSY), "CLEAR ACA of another")
    same(c.manage(CLEAR_ACA), COMPLETE, "the response")
    same((c.run(TEST_UNIT_READY)[0], other.run(TEST_UNIT_READY)[0]), (GOOD, GOOD), "both afterwards")


def aca_lets_its_nexus_go_on_with_aca_tasks(t):
    """Full Feature 16.1 SCSI Command attributes (RFC 7143 11.3.1, SAM-5 5.10.4): those with ATTR 4, and no others."""
    c = t.session().ready()
    _fault(c)
    got, parts = c.answer(c.command(read_16(0, 1), pdu.FINAL | pdu.READ | ACA, 512))
    same((got.status, len(parts[0].data)), (GOOD, 512), "a read with the ACA attribute")
    got, _ = c.answer(c.command(b"\xff" + bytes(5), pdu.FINAL | ACA))
    same((got.status, c.run(TEST_UNIT_READY)[0]), (CHECK_CONDITION, GOOD), "an ACA task that fails without NACA, and what then comes")


@family({"another nexus resets the unit": UNIT_RESET, "the session ends": None})
def aca_ends_with(t, function):
    """Full Feature 19.4 Clear ACA (SAM-5 5.10.6): a reset and the loss of the nexus clear it."""
    c, other = t.session().ready(), t.session().ready()
    _fault(c)
    if function is None:
        c.logout()
        c.receive_end()
    else:
        same(other.manage(function), COMPLETE, "the response")
    statuses = [other.ready().run(TEST_UNIT_READY)[0] for _ in range(100)]
    same(statuses[-1], GOOD, "another's command, once the other shards know")


def aca_holds_back_what_is_under_way(t):
    """Full Feature 19.4 Clear ACA (SAM-5 5.10.2): a write that is under way is answered when the condition is cleared."""
    c, other = t.session().ready(), t.session().ready()
    tags, asked = _hold(other)
    _fault(c)
    other.send_burst(asked[tags[0]], bytes([0x44]) * 4096)
    other.alive()
    same(c.manage(CLEAR_ACA), COMPLETE, "the response")
    same(other.answer(tags[0])[0].status, GOOD, "the status of the write")


def warm_reset(t):
    """Full Feature 19.4 Target Warm Reset (RFC 7143 11.5.1): complete, and sessions stay; or refused as a whole."""
    c = t.session()
    one_of(c.manage(WARM_RESET), (COMPLETE, NOT_SUPPORTED, NOT_AUTHORIZED), "the response")
    c.ready().alive()


def cold_reset(t):
    """Full Feature 19.4 Target Cold Reset (RFC 7143 11.5.1): complete, and all connections of the target end; or refused."""
    c, other = t.session(), t.session()
    response = c.manage(COLD_RESET)
    one_of(response, (COMPLETE, NOT_SUPPORTED, NOT_AUTHORIZED), "the response")
    if response == COMPLETE:
        c.receive_end()
        other.receive_end()
    t.serves()


def reassignment_without_recovery(t):
    """Full Feature 19.5 Task Reassign (RFC 7143 11.6.1): at ErrorRecoveryLevel 0 response 4, reassignment not supported."""
    c = t.session()
    same(c.manage(REASSIGN, referenced_tag=0x1234), NO_REASSIGNMENT, "the response")
    c.alive()


@family({str(number): number for number in (0, 13, 64, 127)})
def function_that_does_not_exist(t, number):
    """Full Feature 19 Task Management (RFC 7143 11.5.1, 11.6.1): response 5 or 255; nothing happens."""
    c = t.session()
    one_of(c.manage(number), (NOT_SUPPORTED, REJECTED), "the response")
    c.alive()


@family({"QUERY TASK": 9, "QUERY TASK SET": 10, "I_T NEXUS RESET": 11, "QUERY ASYNCHRONOUS EVENT": 12})
def function_of_a_later_level(t, number):
    """Full Feature 19 Task Management (RFC 7144 4): without iSCSIProtocolLevel 2 these are not supported."""
    c = t.session(iSCSIProtocolLevel=1)
    one_of(c.manage(number, referenced_tag=0x99), (NOT_SUPPORTED, REJECTED), "the response")
    c.alive()


def task_tag_is_missing(t):
    """Full Feature 19 Task Management (RFC 7143 11.2.1.8): a function without task tag cannot be answered: rejected, or the end."""
    c = t.session()
    c.request(pdu.TASK_MANAGEMENT, pdu.FINAL | ABORT_TASK_SET, immediate=True, lun=1, itt=pdu.RESERVED, referenced_tag=pdu.RESERVED)
    rejected(c, 0x04, 0x09)
    t.serves()


@family({"64": 64, "256": 256})
def many_functions_at_a_time(t, count):
    """Full Feature 2.2 Immediate Task Management (RFC 7143 4.2.2.1, 11.17.1): each is answered, or rejected with 06 as one too many."""
    c = t.session()
    for _ in range(count):
        c.request(pdu.TASK_MANAGEMENT, pdu.FINAL | ABORT_TASK_SET, immediate=True, lun=1, referenced_tag=pdu.RESERVED)
    for _ in range(count):
        got = c.receive_of(pdu.TASK_MANAGEMENT_RESPONSE, pdu.REJECT)
        check(got.opcode != pdu.REJECT or got.reason == 0x06, f"{got}")
    c.alive()
