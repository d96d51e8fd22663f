"""Full feature phase: CmdSN, immediate delivery, the command window, StatSN, task tags (UNH-IOL Full Feature Phase 1 to 5)."""
from conformance.iscsi import pdu
from conformance.iscsi.bench import check, family, one_of, reaction, rejected, same
from conformance.iscsi.initiator import before
from support.initiator import GOOD, TEST_UNIT_READY, read_16, sense_of, write_16

# Each request that takes a CmdSN: what it is sent by, and what answers it.
KINDS = {"SCSI Command": (lambda c, **how: c.command(TEST_UNIT_READY, **how), pdu.SCSI_RESPONSE),
         "NOP-Out": (lambda c, **how: c.request(pdu.NOP_OUT, ttt=pdu.RESERVED, **how), pdu.NOP_IN),
         "Text Request": (lambda c, **how: c.text({"SendTargets": ""}, **how), pdu.TEXT_RESPONSE),
         "Task Management Request": (lambda c, **how: c.request(pdu.TASK_MANAGEMENT, pdu.FINAL | 1, lun=1, referenced_tag=0x7777,
                                                                ref_cmd_sn=c.exp_cmd_sn, **how), pdu.TASK_MANAGEMENT_RESPONSE)}
ALONE = {name: (send, opcode) for name, (send, opcode) in KINDS.items() if name != "Task Management Request"}


@family(ALONE)
def each_request_takes_one(t, send, opcode):
    """Full Feature 1.1 Command Numbering (RFC 7143 4.2.2.1): a request that is not immediate moves ExpCmdSN by one."""
    c = t.session()
    for _ in range(3):
        expected = c.cmd_sn
        tag = send(c)
        answer = c.receive_of(opcode)
        same((answer.itt, answer.exp_cmd_sn), (tag, (expected + 1) & 0xFFFFFFFF), "task tag and ExpCmdSN of the answer")


@family(ALONE)
def immediate_takes_none(t, send, opcode):
    """Full Feature 2.1 Immediate Delivery (RFC 7143 4.2.2.1): an immediate request is served and moves nothing."""
    c = t.session()
    expected = c.exp_cmd_sn
    for _ in range(3):
        tag = send(c, immediate=True)
        answer = c.receive_of(opcode)
        same((answer.itt, answer.exp_cmd_sn), (tag, expected), "task tag and ExpCmdSN of the answer")


@family({"immediate": (True, 0), "in its turn": (False, 1)})
def task_management_delivery(t, immediate, step):
    """Full Feature 2.2 Immediate Task Management Delivery (RFC 7143 11.5): it may be immediate or take its CmdSN."""
    c = t.session()
    expected = (c.exp_cmd_sn + step) & 0xFFFFFFFF
    same(c.manage(2, immediate=immediate), 0, "the response to ABORT TASK SET")
    same(c.exp_cmd_sn, expected, "ExpCmdSN of the answer")


@family(KINDS)
def number_used_before(t, send, _opcode):
    """Full Feature 4.1 Command Retry (RFC 7143 4.2.2.1): a CmdSN below ExpCmdSN is a duplicate, and is dropped silently."""
    c = t.session()
    first = c.cmd_sn
    send(c, cmd_sn=first - 1)
    c.cmd_sn = first
    same(c.alive().exp_cmd_sn, first, "ExpCmdSN")


@family({f"{name}, {where}": (send, offset) for name, (send, _) in KINDS.items()
         for where, offset in (("just above", 1), ("far above", 0x10000), ("half way round", 0x7FFFFFFF))})
def number_above_the_window(t, send, offset):
    """Full Feature 3.1 MaxCmdSN (RFC 7143 4.2.2.1): what is above MaxCmdSN is ignored silently."""
    c = t.session()
    expected = c.exp_cmd_sn
    send(c, cmd_sn=(c.max_cmd_sn + offset) & 0xFFFFFFFF)
    c.cmd_sn = expected
    same(c.alive().exp_cmd_sn, expected, "ExpCmdSN")


def _send_all_but_first(c, send, count):
    """Requests ExpCmdSN + 1 and on; the tags in the order of their CmdSN, with a place for the first."""
    first = c.exp_cmd_sn
    return first, [None] + [send(c, cmd_sn=(first + number) & 0xFFFFFFFF) for number in range(1, count)]


@family(ALONE)
def request_before_its_turn(t, send, opcode):
    """Full Feature 1.1 Command Numbering (RFC 7143 4.2.2.1): a request ahead of its turn waits until the one before has come."""
    c = t.session()
    first, tags = _send_all_but_first(c, send, 2)
    same(c.alive().exp_cmd_sn, first, "ExpCmdSN while one is missing")
    tags[0] = send(c, cmd_sn=first)
    same({c.receive_of(opcode).itt, c.receive_of(opcode).itt}, set(tags), "tasks answered")
    same(c.exp_cmd_sn, (first + 2) & 0xFFFFFFFF, "ExpCmdSN after both")


def task_management_before_its_turn(t):
    """Full Feature 19.1 CmdSN of Task Management (RFC 7143 11.5.1): a function ahead of its turn waits like a command."""
    c = t.session()
    first = c.exp_cmd_sn
    tag = c.request(pdu.TASK_MANAGEMENT, pdu.FINAL | 2, lun=1, referenced_tag=pdu.RESERVED, cmd_sn=first + 1)
    same(c.alive().exp_cmd_sn, first, "ExpCmdSN while one is missing")
    c.command(TEST_UNIT_READY, cmd_sn=first)
    got = [c.receive_of(pdu.SCSI_RESPONSE, pdu.TASK_MANAGEMENT_RESPONSE) for _ in range(2)]
    check(tag in [each.itt for each in got], "the function was not answered")


def logout_before_its_turn(t):
    """Full Feature 17.1 Logout (RFC 7143 4.2.2.1): a logout ahead of its turn waits too."""
    c = t.session()
    first = c.exp_cmd_sn
    tag = c.request(pdu.LOGOUT, pdu.FINAL, cmd_sn=first + 1)
    same(c.alive().exp_cmd_sn, first, "ExpCmdSN while one is missing")
    c.command(TEST_UNIT_READY, cmd_sn=first)
    got = [c.receive_of(pdu.SCSI_RESPONSE, pdu.LOGOUT_RESPONSE) for _ in range(2)]
    check(tag in [each.itt for each in got], "the logout was not answered")


def whole_window_before_its_turn(t):
    """Full Feature 3.2 MaxCmdSN-ExpCmdSN Large Window (RFC 7143 4.2.2.1): a target keeps as many as it has let come."""
    c = t.session()
    count = (c.max_cmd_sn - c.exp_cmd_sn + 1) & 0xFFFFFFFF
    first, tags = _send_all_but_first(c, KINDS["SCSI Command"][0], count)
    tags[0] = c.command(TEST_UNIT_READY, cmd_sn=first)
    answered = [c.answer()[0] for _ in tags]
    same({each.itt for each in answered}, set(tags), "tasks answered")
    same({each.status for each in answered}, {GOOD}, "their status")


@family({"single command": 1, "eight": 8, "whole window": 1 << 31})
def window_in_use(t, most):
    """Full Feature 3.3 MaxCmdSN-ExpCmdSN Single Command (RFC 7143 4.2.2.1): whatever part of the window is used, all is answered."""
    c = t.session()
    count = min((c.max_cmd_sn - c.exp_cmd_sn + 1) & 0xFFFFFFFF, most)
    tags = {c.read(read_16(number % 64, 1), 512) for number in range(count)}
    same({c.answer()[0].itt for _ in range(count)}, tags, "tasks answered")


def window_never_shrinks(t):
    """Full Feature 3.1 MaxCmdSN (RFC 7143 4.2.2.1): MaxCmdSN never goes back."""
    c = t.session()
    highest = c.max_cmd_sn
    for _ in range(5):
        tags = [c.read(read_16(0, 1), 512) for _ in range(10)]
        for _ in tags:
            got, _ = c.answer()
            check(not before(got.max_cmd_sn, highest), f"MaxCmdSN {got.max_cmd_sn} after {highest}")
            highest = got.max_cmd_sn


def window_opens_again(t):
    """Full Feature 3.1 MaxCmdSN Closed Window (RFC 7143 4.2.2.1): when all is answered, as many may come as at the beginning."""
    c = t.session()
    room = (c.max_cmd_sn - c.exp_cmd_sn) & 0xFFFFFFFF
    for _ in range(room + 1):
        c.run(TEST_UNIT_READY)
    got = c.alive()
    same((got.max_cmd_sn - got.exp_cmd_sn) & 0xFFFFFFFF, room, "MaxCmdSN - ExpCmdSN")


def commands_run_in_order_across_the_wrap(t):
    """Full Feature 1.1 Command Numbering (RFC 7143 4.2.2.1): CmdSN 0 comes after 0xffffffff, also when it comes early."""
    c = t.connect()
    c.cmd_sn = 0xFFFFFFF0
    c.login(t.keys()).ready()
    while c.cmd_sn != 0xFFFFFFFF:
        c.run(TEST_UNIT_READY)
    early = c.command(TEST_UNIT_READY, cmd_sn=0)
    late = c.command(TEST_UNIT_READY, cmd_sn=0xFFFFFFFF)
    same({c.answer()[0].itt, c.answer()[0].itt}, {early, late}, "tasks answered")
    same(c.exp_cmd_sn, 1, "ExpCmdSN")


def stat_sn_of_every_answer(t):
    """Full Feature 5.1 ExpStatSN (RFC 7143 4.2.2.2): every answer with a status takes one StatSN, and no other PDU does."""
    c = t.session()
    first = c.exp_stat_sn
    c.run(TEST_UNIT_READY)
    c.run(read_16(0, 64), 32768)
    c.run(bytes([0xFE] * 6))
    c.alive()
    c.text_exchange({"SendTargets": ""})
    c.manage(2)
    same((c.exp_stat_sn - first) & 0xFFFFFFFF, 6, "StatSNs taken")


@family({"far behind": -0x10000, "one behind": -1, "ahead": 1, "far ahead": 0x100000})
def exp_stat_sn_of_no_use(t, offset):
    """Full Feature 5.1 ExpStatSN (RFC 7143 4.2.2.2): a wrong acknowledgement is the initiator's trouble; the target lives."""
    c = t.session()
    c.command(TEST_UNIT_READY, exp_stat_sn=(c.exp_stat_sn + offset) & 0xFFFFFFFF)
    reaction(c)
    t.serves()


@family({"0": 0, "1": 1, "0x7fffffff": 0x7FFFFFFF, "0x80000000": 0x80000000, "0xfffffffe": 0xFFFFFFFE})
def any_task_tag(t, tag):
    """Full Feature 16.1 SCSI Command (RFC 7143 11.2.1.8): any tag but 0xffffffff names a task, and comes back."""
    c = t.session()
    same(c.answer(c.command(TEST_UNIT_READY, itt=tag))[0].itt, tag, "the task tag")
    same(c.answer(c.read(read_16(0, 1), 512, itt=tag))[0].itt, tag, "the task tag used again")


@family({"SCSI Command": KINDS["SCSI Command"], "Text Request": KINDS["Text Request"]})
def reserved_task_tag(t, send, _opcode):
    """Full Feature 16.1 SCSI Command (RFC 7143 11.2.1.8): 0xffffffff names no task: rejected, or the connection ends."""
    c = t.session()
    send(c, itt=pdu.RESERVED)
    rejected(c, 0x04, 0x09)
    t.serves()


def task_tag_in_use(t):
    """Full Feature 16.1 SCSI Command (RFC 7143 11.2.1.8): a tag that a task in flight has is not taken for another."""
    c = t.session()
    first = c.exp_cmd_sn
    tag = c.command(TEST_UNIT_READY, cmd_sn=first + 1)
    c.command(TEST_UNIT_READY, itt=tag, cmd_sn=first)
    rejected(c, 0x04, 0x07, 0x09)
    t.serves()


def task_tag_in_use_by_another_session(t):
    """Full Feature 16.1 SCSI Command (RFC 7143 11.2.1.8): tags are a session's own."""
    one, two = t.session(), t.session()
    tag = one.command(TEST_UNIT_READY, itt=0x55, cmd_sn=one.exp_cmd_sn + 1)
    same(two.answer(two.command(TEST_UNIT_READY, itt=tag))[0].status, GOOD, "the other session's status")


def parallel_commands(t):
    """Full Feature 12.4 Parallel Commands (RFC 7143 4.2.5): each answer carries its own command's data."""
    c = t.session()
    for number in range(16):
        same(c.answer(c.write(write_16(number, 1), bytes([number]) * 512))[0].status, GOOD, "the status of the write")
    tags = {c.read(read_16(number, 1), 512): number for number in range(16)}
    for _ in range(16):
        got, parts = c.answer()
        same(b"".join(part.data for part in parts), bytes([tags[got.itt]]) * 512, "the data")


@family({"command": 0xFE, "another": 0xC1})
def unknown_operation_code(t, code):
    """Full Feature 16.4 SCSI Command (RFC 7143 11.4.7, SPC-4 4.5): sense comes with the status, behind its length."""
    c = t.session()
    got, _ = c.answer(c.command(bytes([code] + [0] * 15)))
    same(got.status, 2, "the status")
    same(int.from_bytes(got.data[:2], "big"), len(got.data) - 2, "SenseLength")
    same(sense_of(got.data), (5, 0x20, 0), "the sense")
    one_of(got.response, (0,), "the iSCSI response")
