"""Full feature phase: NOP, Logout, fields of the SCSI Command and its answers, asynchronous messages (UNH-IOL Full Feature Phase 10, 14
to 17, 20)."""
from conformance.iscsi import pdu
from conformance.iscsi.bench import Wrong, answered, check, family, one_of, reaction, rejected, same
from support import array
from support.initiator import GOOD, INQUIRY, TEST_UNIT_READY, Closed, read_16, sense_of

LENGTHS = {f"{length} bytes": length for length in (0, 1, 2, 3, 4, 5, 511, 512, 4096, 8192)}


@family(LENGTHS)
def ping_with_data(t, length):
    """Full Feature 15.2 NOP-Out Ping Request (RFC 7143 11.19.3): the answer brings the ping's data back."""
    c, data = t.session(), bytes(number & 0xFF for number in range(length))
    tag = c.ping(data)
    got = c.receive_of(pdu.NOP_IN)
    same((got.itt, got.data), (tag, data), "task tag and data of the answer")


@family({"512": 512, "1024": 1024})
def ping_with_more_than_may_come_back(t, most):
    """Full Feature 15.2 NOP-Out Ping Request (RFC 7143 11.19.3): the echo stops at our MaxRecvDataSegmentLength."""
    c, data = t.session(MaxRecvDataSegmentLength=most), bytes(range(256)) * 16
    c.ping(data)
    got = c.receive_of(pdu.NOP_IN)
    same(got.data, data[:most], "the data of the answer")


def fields_of_a_pong(t):
    """Full Feature 15.2 NOP-Out Ping Request (RFC 7143 11.19): F is set, the transfer tag is 0xffffffff."""
    got = t.session().alive()
    same((got.final, got.ttt, got.data, got.ahs), (True, pdu.RESERVED, b"", b""), "F, transfer tag, data, AHS")


def ping_that_wants_no_answer(t):
    """Full Feature 15.3 NOP-Out Confirm ExpStatSN (RFC 7143 11.18): without task tag, immediate: no answer."""
    c = t.session()
    c.ping(itt=pdu.RESERVED)
    c.alive()


def ping_without_tag_that_is_not_immediate(t):
    """Full Feature 15.3 NOP-Out Confirm ExpStatSN (RFC 7143 11.18.1): it has to be immediate: a protocol error, never an answer."""
    c = t.session()
    c.ping(itt=pdu.RESERVED, immediate=False)
    told, alive = reaction(c)
    check(all(each.opcode == pdu.REJECT for each in told), f"it was answered: {told}")
    check(told or not alive or c.exp_cmd_sn == c.cmd_sn - 1, "its CmdSN was taken")


@family({"1": 1, "0": 0, "0x12345678": 0x12345678})
def pong_that_nobody_asked_for(t, ttt):
    """Full Feature 15.1 NOP-Out Ping Response (RFC 7143 11.18.2): a transfer tag of no ping: ignored, or rejected."""
    c = t.session()
    c.ping(itt=pdu.RESERVED, ttt=ttt)
    told, _ = reaction(c)
    check(all(each.opcode == pdu.REJECT for each in told), f"it was answered: {told}")
    t.serves()


@family({"close the session": 0, "close the connection": 1})
def logout(t, reason):
    """Full Feature 17.1 Logout (RFC 7143 11.15.1): response 0, then the connection ends."""
    c = t.session()
    same(c.logout(reason).response, 0, "the response")
    c.receive_end()


def logout_that_is_immediate(t):
    """Full Feature 17.1 Logout (RFC 7143 11.14): a logout may be immediate."""
    c = t.session()
    same(c.logout(immediate=True).response, 0, "the response")
    c.receive_end()


def logout_of_another_connection(t):
    """Full Feature 17.1 Logout (RFC 7143 11.15.1): a CID that the session does not have: response 1, and all stays."""
    c = t.session()
    same(c.logout(1, cid=0x7777).response, 1, "the response: CID not found")
    c.alive()


def logout_for_recovery(t):
    """Full Feature 17.1 Logout (RFC 7143 11.14.1, 11.15.1): removal for recovery needs ErrorRecoveryLevel 2: else response 2."""
    c = t.session()
    same(c.logout(2).response, 2, "the response: recovery not supported")
    c.alive()


@family({"3": 3, "64": 64, "127": 127})
def logout_for_a_reserved_reason(t, reason):
    """Full Feature 17.1 Logout (RFC 7143 11.14.1): a reserved reason is rejected, and is no logout."""
    c = t.session()
    c.request(pdu.LOGOUT, pdu.FINAL | reason)
    answer = rejected(c, 0x04, 0x09)
    if answer is None:
        t.serves()


def logout_waits_for_nothing_but_ends_tasks(t):
    """Full Feature 17.1 Logout (RFC 7143 11.14): tasks in flight end with the session; their answers may come before."""
    c = t.session()
    for number in range(8):
        c.read(read_16(number, 1), 512)
    tag = c.request(pdu.LOGOUT, pdu.FINAL)
    got = c.receive()
    while got.opcode in (pdu.DATA_IN, pdu.SCSI_RESPONSE):
        got = c.receive()
    same((got.opcode, got.itt, got.response), (pdu.LOGOUT_RESPONSE, tag, 0), "opcode, tag and response")
    c.receive_end()


def fields_of_a_logout_response(t):
    """Full Feature 17.1 Logout (RFC 7143 11.15): Time2Wait and Time2Retain as negotiated."""
    c = t.session(DefaultTime2Wait=3, DefaultTime2Retain=10)
    got = c.logout()
    same(got.time2wait, c.agreed("DefaultTime2Wait", 2), "Time2Wait")
    one_of(got.time2retain, range(c.agreed("DefaultTime2Retain", 20) + 1), "Time2Retain")


@family({name: value for name, value in (("untagged", 0), ("simple", 1), ("ordered", 2), ("head of queue", 3))})
def task_attribute(t, attribute):
    """Full Feature 16.1 SCSI Command fields (RFC 7143 11.3.1): every task attribute is served."""
    c = t.session()
    same(c.answer(c.command(TEST_UNIT_READY, pdu.FINAL | attribute))[0].status, GOOD, "the status")


@family({str(value): value for value in (4, 5, 6, 7)})
def task_attribute_without_meaning(t, attribute):
    """Full Feature 16.1 SCSI Command fields (RFC 7143 11.3.1): ACA without an ACA condition, or reserved: an error or served."""
    c = t.session()
    c.command(TEST_UNIT_READY, pdu.FINAL | attribute)
    answered(c)
    t.serves()


@family({"LUN 77": 77, "LUN 0": 0, "flat, 16383": b"\x7f\xff" + bytes(6), "two levels": b"\0\1\0\2" + bytes(4),
         "well known": b"\xc1\x7f" + bytes(6), "extended": b"\xd2\0\0\1" + bytes(4), "all ones": b"\xff" * 8})
def unit_that_is_not_there(t, lun):
    """Full Feature 16.1 SCSI Command fields (RFC 7143 11.3, SPC-4 6.47): ILLEGAL REQUEST, LOGICAL UNIT NOT SUPPORTED."""
    status, sense = t.session().run(read_16(0, 1), 512, lun=lun)
    same((status, sense_of(sense)), (2, (5, 0x25, 0)), "status and sense")


def inquiry_of_a_unit_that_is_not_there(t):
    """Full Feature 16.1 SCSI Command fields (SPC-4 6.4.2): INQUIRY is answered all the same, with qualifier 011b."""
    status, data = t.session().run(INQUIRY, 96, lun=77)
    same((status, data[0]), (GOOD, 0x7F), "status, qualifier and type")


def flat_addressing(t):
    """Full Feature 16.1 SCSI Command fields (SAM-4 4.7.7.3): LUN 1 is reached by flat space addressing too, or is not there."""
    status, sense = t.session().run(TEST_UNIT_READY, lun=b"\x40\x01" + bytes(6))
    check(status == GOOD or sense_of(sense)[:2] == (5, 0x25), f"status {status}, sense {sense_of(sense)}")


def fields_of_a_scsi_response(t):
    """Full Feature 16.5 SCSI Response (RFC 7143 11.4): F set, response 0, no residual, no data."""
    c = t.session()
    got, _ = c.answer(c.command(TEST_UNIT_READY))
    same((got.flags, got.response, got.status, got.residual, got.data), (0x80, 0, 0, 0, b""), "flags, response, status, residual, data")


def status_in_data_in(t):
    """Full Feature 10.1 Data-In Status (RFC 7143 11.7.3): with S, F is set too and the residual flags mean something."""
    c = t.session()
    got, parts = c.answer(c.read(read_16(0, 1), 512))
    check(got.opcode == pdu.SCSI_RESPONSE or got.flags & 0x81 == 0x81, f"S without F: {got}")
    same((got.flags & 0x06, got.residual, len(parts)), (0, 0, 1), "residual flags, residual, Data-In PDUs")


def acknowledgement_is_not_asked_for(t):
    """Full Feature 10.2 Data-In A bit (RFC 7143 11.7.2): at ErrorRecoveryLevel 0 the A bit is 0, the transfer tag 0xffffffff."""
    c = t.session(MaxRecvDataSegmentLength=512)
    for part in c.answer(c.read(read_16(0, 16), 8192))[1]:
        same((part.flags & 0x40, part.ttt), (0, pdu.RESERVED), "A bit and transfer tag")


def sense_comes_with_check_condition(t):
    """Full Feature 16.4 SCSI Response (RFC 7143 11.4.7): sense comes with the status; ExpDataSN counts what went before."""
    c = t.session()
    got, _ = c.answer(c.read(read_16(1 << 40, 1), 512))
    same((got.opcode, got.status, sense_of(got.data), got.exp_data_sn), (pdu.SCSI_RESPONSE, 2, (5, 0x21, 0), 0),
         "opcode, status, sense, ExpDataSN")


AHS = {"extended CDB": pdu.additional_header(1, bytes(1 + 16)), "bidirectional read length": pdu.additional_header(2, bytes(5)),
       "unknown type": pdu.additional_header(63, bytes(5)), "reserved type 0": pdu.additional_header(0, bytes(5)),
       "two": pdu.additional_header(1, bytes(17)) + pdu.additional_header(2, bytes(5)),
       "length above the whole": b"\xff\xff\1\0", "length 0": b"\0\0\1\0", "1020 bytes": pdu.additional_header(1, bytes(1017))}


@family(AHS)
def additional_header_segments(t, ahs):
    """Full Feature 16.1 SCSI Command fields (RFC 7143 11.2.2): taken, refused or the end of the connection; never more."""
    c = t.session()
    c.command(TEST_UNIT_READY, ahs=ahs)
    answered(c)
    t.serves()


def long_cdb_is_judged(t):
    """Full Feature 16.1 SCSI Command fields (RFC 7143 11.2.2.3, SPC-4 4.3.3): a variable-length CDB is whole, with its extension."""
    cdb = bytes([0x7F, 0, 0, 0, 0, 0, 0, 0x18, 0xFF, 0xFE] + [0] * 22)
    got, _ = (c := t.session()).answer(c.command(cdb[:16], ahs=pdu.additional_header(1, bytes(1) + cdb[16:])))
    same((got.status, sense_of(got.data)[0]), (2, 5), "status and sense key of a service action that is not there")


@family({"0x07": 0x07, "0x0f": 0x0F, "0x1c": 0x1C, "0x1d": 0x1D, "0x1e": 0x1E, "0x1f": 0x1F, "0x20": 0x20, "0x21": 0x21, "0x25": 0x25,
         "0x31": 0x31, "0x3f": 0x3F})
def opcode_that_no_initiator_has(t, opcode):
    """Full Feature, bad opcodes (RFC 7143 11.17.1): rejected with 05, command not supported, or 04; or the connection ends."""
    c = t.session()
    c.request(opcode, immediate=True)
    if rejected(c, 0x04, 0x05, 0x09) is not None:
        try:
            c.alive()
        except Closed:
            pass
    t.serves()


def reject_has_the_header_of_its_pdu(t):
    """Full Feature, Reject (RFC 7143 11.17): its data is the header that was rejected, its task tag 0xffffffff."""
    c = t.session()
    header = pdu.build(0x1C, pdu.FINAL, True, itt=0xABCD, cmd_sn=c.cmd_sn, exp_stat_sn=c.exp_stat_sn)
    c.send(header)
    got = c.receive_of(pdu.REJECT)
    same((bytes(got.data[:48]), got.itt, got.final), (bytes(header), pdu.RESERVED, True), "header, task tag, F")


def data_of_an_unknown_pdu(t):
    """Full Feature, bad opcodes (RFC 7143 11.17): its data segment is read over; what follows is understood."""
    c = t.session()
    c.request(0x1D, immediate=True, data=bytes(4097))
    if rejected(c, 0x04, 0x05, 0x09) is not None:
        c.alive()


def data_segment_above_the_targets_maximum(t):
    """Full Feature 11.1.1 Data-Out DataSegmentLength (RFC 7143 13.12): above what the target declared: an error, and no memory."""
    c = t.session()
    most = c.agreed("MaxRecvDataSegmentLength", 8192)
    c.send_raw(bytes(pdu.build(pdu.NOP_OUT, pdu.FINAL, True, itt=5, ttt=pdu.RESERVED, cmd_sn=c.cmd_sn, data_length=most + 4)))
    rejected(c, 0x04, 0x09, 0x0A)
    t.serves()


def _without(document, target):
    """The document when a target is gone."""
    return {**document, "targets": [each for each in document["targets"] if each["name"] != target],
            "mappings": [each for each in document["mappings"] if each["target"] != target]}


def target_goes_away(t):
    """Full Feature 20.3 Asynchronous Message (RFC 7143 11.9.1): sessions of a target that is removed are told, or end at once."""
    whole = t.world.document
    c = t.session()
    try:
        t.world.apply(_without(whole, t.world.target))
        _end_after_event(c)
    finally:
        t.world.apply(whole)
    t.serves()


def target_stops(t):
    """Full Feature 20.2, 20.3 Asynchronous Message (RFC 7143 11.9.1): so are the sessions of a target that is stopped."""
    c = t.session()
    same(t.world.stop(), 0, "the exit of the engine")
    try:
        _end_after_event(c)
    finally:
        t.world.restart()
    t.serves()


def _end_after_event(c):
    try:
        while True:
            got = c.receive_of(pdu.ASYNC)
            one_of(got.event, (1, 2, 3), "the event: logout request, or connections are dropped")
            same((got.itt, len(got.data)), (pdu.RESERVED, 0), "task tag and data")
    except Closed:
        return
    except array.Broken as problem:
        raise Wrong(str(problem)) from None
