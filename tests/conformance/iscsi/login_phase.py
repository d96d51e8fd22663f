"""Login phase: standard login, TSIH, T bit, StatSN, stages, the C bit, names, versions (UNH-IOL Login Phase 1 to 8 and 11)."""
from conformance.iscsi import pdu, world
from conformance.iscsi.bench import check, family, one_of, refused, same
from conformance.iscsi.pdu import CONTINUE, FINAL, FULL_FEATURE, OPERATIONAL, SECURITY
from support.initiator import NAME, TEST_UNIT_READY

INITIATOR_ERROR = 0x02   # the class: any detail


def standard_login(t):
    """Login 1.1 Standard Login (RFC 7143 6.3): security stage, operational stage, full feature phase, each with its answer."""
    c = t.connect()
    answer = c.login_step(SECURITY, OPERATIONAL, {"InitiatorName": NAME, "TargetName": t.world.target, "SessionType": "Normal",
                                                  "AuthMethod": "None"})
    same(answer.keys.get("AuthMethod"), "None", "AuthMethod")
    same(answer.flags, 0x81, "the flags of the answer: T, CSG 0, NSG 1")
    answer = c.login_step(OPERATIONAL, FULL_FEATURE, {"HeaderDigest": "None", "DataDigest": "None"})
    if not answer.flags & FINAL:   # it may have keys of its own to tell first
        answer = c.login_step(OPERATIONAL, FULL_FEATURE)
    same(answer.flags, 0x87, "the flags of the answer: T, CSG 1, NSG 3")
    c.begin_full_feature(answer, {}).alive()


def leading_login_without_security(t):
    """Login 1.1 Standard Login (RFC 7143 6.3): an initiator may begin in the operational stage when nobody has to authenticate."""
    t.login().alive()


def security_straight_to_full_feature(t):
    """Login 1.1 Standard Login (RFC 7143 6.3): the operational stage may be left out; the defaults are in force then."""
    c = t.connect()
    answer = c.login_step(SECURITY, FULL_FEATURE, {"InitiatorName": NAME, "TargetName": t.world.target, "AuthMethod": "None"})
    if not answer.flags & FINAL:
        answer = c.login_step(SECURITY, FULL_FEATURE)
    same(answer.flags, 0x83, "the flags of the answer: T, CSG 0, NSG 3")
    c.begin_full_feature(answer, {}).alive()


def session_type_is_normal_by_default(t):
    """Login 21.1 SessionType (RFC 7143 13.21): left out, it is Normal, so that commands are served."""
    same(t.login(SessionType=None).ready().run(TEST_UNIT_READY)[0], 0, "the status of TEST UNIT READY")


def tsih_of_a_new_session(t):
    """Login 2.1 TSIH (RFC 7143 11.13.3): the last response of a leading login carries a TSIH that is not zero."""
    check(t.login().tsih != 0, "the TSIH is 0")


def tsih_differs_between_sessions(t):
    """Login 2.1 TSIH (RFC 7143 11.13.3): it identifies the session, so two sessions have two."""
    check(t.login().tsih != t.login().tsih, "two sessions have one TSIH")


def tsih_before_the_last_response(t):
    """Login 2.1 TSIH (RFC 7143 11.13.3): in all responses but the last the TSIH is what the request said."""
    same(t.connect().login_step(SECURITY, None, t.keys(AuthMethod="None", **OPERATIONAL_OUT)).tsih, 0, "the TSIH")


OPERATIONAL_OUT = {"HeaderDigest": None, "DataDigest": None, "InitialR2T": None, "ImmediateData": None,
                   "MaxRecvDataSegmentLength": None}


@family({"largest": 0xFFFF, "other": 0xF234})
def tsih_of_no_session(t, tsih):
    """Login 2.2 TSIH Invalid Value (RFC 7143 7.3.1, 11.13.5): joining a session that does not exist fails with 020a."""
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, t.keys(), tsih=tsih)
    refused(c, 0x020A, 0x0206, 0x0208)


def tsih_of_another_initiators_session(t):
    """Login 2.2 TSIH Invalid Value (RFC 7143 6.3.1): a TSIH with another ISID is not that initiator's session to join."""
    mine = t.login()
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, t.keys(), tsih=mine.tsih)
    refused(c, INITIATOR_ERROR)
    mine.alive()


def transit_is_never_announced_unasked(t):
    """Login 3.1 T Bit (RFC 7143 11.13.1): the target sets T only in answer to T."""
    for stage in (SECURITY, OPERATIONAL):
        answer = t.connect().login_step(stage, None, t.keys(AuthMethod="None" if stage == SECURITY else None, **OPERATIONAL_OUT))
        same(answer.flags & 0x83, 0, "T bit and next stage")


def transit_later(t):
    """Login 3.2 T-Bit Delay (RFC 7143 11.12.1): an initiator may stay in a stage for some requests before it asks to go on."""
    c = t.connect()
    c.login_step(OPERATIONAL, None, t.keys())
    for _ in range(3):
        c.login_step(OPERATIONAL)
    c.login({}).alive()


def answer_repeats_stage_and_tag(t):
    """Login 7.1 Login Request (RFC 7143 11.13): current stage, ISID and task tag of the response are the request's."""
    c = t.connect()
    answer = c.login_step(OPERATIONAL, None, t.keys(), itt=0x12345678)
    same((answer.itt, answer.flags >> 2 & 3), (0x12345678, OPERATIONAL), "task tag and stage")
    same(bytes(answer.header[8:14]), c.isid, "the ISID")


def versions_of_the_answer(t):
    """Login 7.1 Login Request (RFC 7143 11.13.2): version-active and version-max are 0."""
    answer = t.connect().login_step(OPERATIONAL, None, t.keys())
    same((answer.version_max, answer.version_active), (0, 0), "version-max and version-active")


@family({"max 255": (255, 0), "max 1": (1, 0), "both 0": (0, 0)})
def version_range_with_zero(t, highest, lowest):
    """Login 7.1 Login Request (RFC 7143 11.12.4): a range of versions that has 0 in it is served with 0."""
    same(t.connect().login_step(OPERATIONAL, None, t.keys(), version_max=highest, version_min=lowest).version_active, 0, "version")


@family({"1 to 1": (1, 1), "2 to 255": (255, 2), "1 to 255": (255, 1)})
def version_range_without_zero(t, highest, lowest):
    """Login 8.1 Invalid PDU (RFC 7143 11.13.5): a range without version 0 is refused with 0205, unsupported version."""
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, t.keys(), version_max=highest, version_min=lowest)
    refused(c, 0x0205)


@family({"zero": 0, "one": 1, "non-zero": 0x1234, "before the wrap": 0xFFFFFFFF})
def stat_sn_begins_where_the_target_says(t, exp_stat_sn):
    """Login 4.1 and 4.2 StatSN (RFC 7143 11.12.8): ExpStatSN of the first request means nothing; StatSN then goes up by one each."""
    c = t.connect()
    first = c.login_step(OPERATIONAL, None, t.keys(), exp_stat_sn=exp_stat_sn)
    c.exp_stat_sn = (first.stat_sn + 1) & 0xFFFFFFFF
    same((c.login_step(OPERATIONAL).stat_sn - first.stat_sn) & 0xFFFFFFFF, 1, "the step of StatSN")
    c.login({}).alive()


@family({"zero": 0, "one": 1, "far": 0x7FFFFFFF, "before the wrap": 0xFFFFFFFF, "at the sign": 0x80000000})
def cmd_sn_begins_where_the_initiator_says(t, first):
    """Login 5.1 ExpCmdSN (RFC 7143 4.2.2.1): the first CmdSN of a session is the one of its login; it wraps."""
    c = t.connect()
    c.cmd_sn = first
    c.login(t.keys())
    same(c.exp_cmd_sn, first, "ExpCmdSN after the login")
    for number in range(1, 4):
        c.run(TEST_UNIT_READY)
        same(c.exp_cmd_sn, (first + number) & 0xFFFFFFFF, "ExpCmdSN")


def window_is_open_after_the_login(t):
    """Login 5.1 ExpCmdSN (RFC 7143 4.2.2.1): the final response lets at least one command come."""
    c = t.login()
    check((c.max_cmd_sn - c.exp_cmd_sn) & 0xFFFFFFFF < 0x7FFFFFFF, f"ExpCmdSN {c.exp_cmd_sn}, MaxCmdSN {c.max_cmd_sn}")


def login_that_is_not_immediate(t):
    """Login 7.1 Login Request (RFC 7143 11.12): a login is always immediate: without the bit it is served all the same, or refused."""
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, t.keys(), opcode_byte=pdu.LOGIN)
    answer = c.receive_of(pdu.LOGIN_RESPONSE, pdu.REJECT)
    if answer.opcode == pdu.LOGIN_RESPONSE:
        one_of(answer.status_class, (0, 2), "the status class")


STAGES = {"current stage 2": 0x08, "current stage 3": 0x0C, "security to security": 0x80, "security to 2": 0x82,
          "operational to security": 0x84, "operational to operational": 0x85, "operational to 2": 0x86,
          "full feature to full feature": 0x8F}


@family(STAGES)
def stages_that_lead_nowhere(t, flags):
    """Login 8.1 Invalid PDU (RFC 7143 11.12.3): a stage that does not exist, or no step forward, ends the login."""
    c = t.connect()
    c.login_request(0, keys=t.keys(**OPERATIONAL_OUT), flags=flags)
    refused(c, INITIATOR_ERROR)


def stage_changes_without_transit(t):
    """Login 8.1 Invalid PDU (RFC 7143 11.12.3): the stage changes only by T in request and answer."""
    c = t.connect()
    c.login_step(SECURITY, None, t.keys(AuthMethod="None", **OPERATIONAL_OUT))
    c.login_request(OPERATIONAL, FULL_FEATURE)
    refused(c, INITIATOR_ERROR)


def stage_goes_back(t):
    """Login 8.1 Invalid PDU (RFC 7143 6.3): no way back from the operational to the security stage."""
    c = t.connect()
    c.login_step(OPERATIONAL, None, t.keys())
    c.login_request(SECURITY, OPERATIONAL, {"AuthMethod": "None"})
    refused(c, INITIATOR_ERROR)


def transit_and_continue_together(t):
    """Login 8.1 Invalid PDU (RFC 7143 11.12.2): T and C bit exclude each other."""
    c = t.connect()
    c.login_request(OPERATIONAL, keys=t.keys(), flags=FINAL | CONTINUE | OPERATIONAL << 2 | FULL_FEATURE)
    refused(c, INITIATOR_ERROR)


@family({"ISID": {"isid": b"\x80abcde"}, "CID": {"cid": 7}, "TSIH": {"tsih": 9}})
def identity_changes_during_login(t, change):
    """Login 2.1 TSIH (RFC 7143 11.12.5 to 11.12.7): ISID, TSIH and CID stay the same through a login."""
    c = t.connect()
    c.login_step(OPERATIONAL, None, t.keys())
    c.login_request(OPERATIONAL, FULL_FEATURE, **change)
    refused(c, INITIATOR_ERROR)


@family({"in two": 2, "in three": 3, "in ten": 10})
def text_over_several_requests(t, parts):
    """Login 7.1 Login Request (RFC 7143 11.12.2, 6.1): a pair may span requests with the C bit; each gets an empty answer."""
    c, text = t.connect(), pdu.text_of(t.keys(InitiatorAlias="over several requests"))
    size = -(-len(text) // parts)
    pieces = [text[start:start + size] for start in range(0, len(text), size)]
    for piece in pieces[:-1]:
        answer = c.login_step(OPERATIONAL, flags=CONTINUE | OPERATIONAL << 2, data=piece)
        same((answer.data, answer.flags & 0xC3), (b"", 0), "data and flags of an answer to the C bit")
    answer = c.login_step(OPERATIONAL, FULL_FEATURE, data=pieces[-1])
    while answer.flags & 0x83 != 0x83:
        answer = c.login_step(OPERATIONAL, FULL_FEATURE)
    c.begin_full_feature(answer, t.keys()).alive()


def endless_text(t):
    """Login 8.1 Invalid PDU (RFC 7143 6.1): text that never ends is refused at some point, not gathered for ever."""
    c = t.connect()
    for _ in range(200):
        c.login_request(OPERATIONAL, flags=CONTINUE | OPERATIONAL << 2, data=b"X" * 1024)
        answer = c.login_response()
        if answer.status_class:
            one_of(answer.status_class, (2, 3), "the status class")
            return c.receive_end()
    check(False, "200 KiB of one pair were taken")


def endless_login(t):
    """Login 8.1 Invalid PDU (RFC 7143 7.12): a login that never asks to go on ends at some point."""
    c = t.connect()
    c.login_step(OPERATIONAL, None, t.keys())
    for _ in range(4096):
        c.login_request(OPERATIONAL)
        answer = c.login_response()
        if answer.status_class:
            return c.receive_end()
    check(False, "4096 requests were answered")


@family({"InitiatorName": "InitiatorName", "TargetName": "TargetName"})
def name_is_missing(t, name):
    """Login 11.1 Initiator Name Target Name (RFC 7143 13.4, 13.5): both are told in the first request, or 0207."""
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, {**t.keys(), name: None})
    refused(c, 0x0207)


@family({"empty": "", "no type": "host", "blank": "iqn.2026-11.io.ashlar:a b", "too long": "iqn.2026-11.io.ashlar:" + "x" * 220,
         "eui too short": "eui.0123", "eui no hex": "eui.0123456789abcdeg", "naa too short": "naa.12345",
         "naa no hex": "naa.z123456789abcdef"})
def initiator_name_is_no_name(t, name):
    """Login 11.1 Initiator Name Target Name (RFC 7143 4.2.7): what is no iSCSI name is refused."""
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, t.keys(InitiatorName=name))
    refused(c, INITIATOR_ERROR)


@family({"iqn": "iqn.2026-11.io.ashlar.test:some-host.7", "eui": "eui.02004567a425678d", "naa 64": "naa.52004567ba64678d",
         "naa 128": "naa.62004567ba64678d0123456789abcdef", "longest": "iqn.2026-11.io.ashlar:" + "x" * 201})
def initiator_name_of_every_type(t, name):
    """Login 11.1 Initiator Name Target Name (RFC 7143 4.2.7): names of all types and of up to 223 bytes are taken."""
    t.login(InitiatorName=name).alive()


@family({"another": "iqn.2026-11.io.ashlar:no-such", "none": "", "not a name": "test", "on another portal": world.SECOND_TARGET})
def target_that_is_not_here(t, name):
    """Login 11.1 Initiator Name Target Name (RFC 7143 11.13.5): a target that is not found is refused with 0203."""
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, {**t.keys(), "TargetName": name})
    refused(c, 0x0203, 0x0202, 0x0200)


def target_name_in_capitals(t):
    """Login 11.1 Initiator Name Target Name (RFC 7143 4.2.7.2): names compare after mapping to lower case."""
    c = t.connect()
    c.login({**t.keys(), "TargetName": t.world.target.upper().replace("IQN", "iqn")}).alive()


def portal_group_tag_is_told(t):
    """Login 23.1 TargetPortalGroupTag (RFC 7143 13.9): it comes with the first response to the TargetName, from 0 to 65535."""
    answer = t.connect().login_step(OPERATIONAL, None, t.keys())
    one_of(int(answer.keys.get("TargetPortalGroupTag", -1)), range(65536), "TargetPortalGroupTag")


@family({"Text Request": pdu.TEXT, "SCSI Command": pdu.SCSI_COMMAND, "NOP-Out": pdu.NOP_OUT, "Logout Request": pdu.LOGOUT,
         "Task Management Request": pdu.TASK_MANAGEMENT, "Data-Out": pdu.DATA_OUT, "SNACK": pdu.SNACK})
def other_pdu_during_login(t, opcode):
    """Login 8.1 Invalid PDU (RFC 7143 6.3): before full feature phase only Login Requests may come: the login ends."""
    c = t.connect()
    c.login_step(OPERATIONAL, None, t.keys())
    c.request(opcode, immediate=True)
    refused(c, 0x020B, 0x0200, may_close=True)


@family({"with a version": {"version_max": 0}, "plain": {}})
def login_in_full_feature_phase(t, fields):
    """Login 8.1 Invalid PDU (RFC 7143 6.3): the login is over; another Login Request is rejected, or ends the connection."""
    c = t.login()
    c.login_request(OPERATIONAL, FULL_FEATURE, t.keys(), **fields)
    answer = c.receive_of(pdu.REJECT)
    one_of(answer.reason, (0x04, 0x05, 0x09), "the reason of the Reject")


def session_reinstatement(t):
    """Login 2.3 TSIH in Second Connection (RFC 7143 6.3.5): the same initiator port with TSIH 0 ends its old session."""
    first = t.session()
    second = t.login(isid=first.isid)
    first.strict = False
    first.receive_end()
    second.ready().alive()


def another_isid_is_another_session(t):
    """Login 2.3 TSIH in Second Connection (RFC 7143 6.3.5): sessions of other ISIDs are not touched."""
    first, second = t.session(), t.session()
    first.alive()
    second.alive()


def same_isid_to_another_target(t):
    """Login 2.3 TSIH in Second Connection (RFC 7143 4.4.3.1): one ISID may be used to several targets at a time."""
    first = t.session(portal=1)
    t.login(portal=1, target=world.SECOND_TARGET, isid=first.isid).alive()
    first.alive()


def same_isid_of_another_initiator(t):
    """Login 2.3 TSIH in Second Connection (RFC 7143 4.4.3.1): an initiator port is a name and an ISID."""
    first = t.session()
    t.login(initiator="iqn.2026-11.io.ashlar.test:somebody", isid=first.isid).alive()
    first.alive()


def data_segment_above_the_default(t):
    """Login 14.1 MaxRecvDataSegmentLength (RFC 7143 13.12): in login no segment is above 8192 bytes: refused or closed."""
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, data=pdu.text_of(t.keys()) + b"X-a=" + b"b" * 9000 + b"\0")
    refused(c, INITIATOR_ERROR, may_close=True)


def additional_header_in_login(t):
    """Login 8.1 Invalid PDU (RFC 7143 11.2.2): a Login Request has no additional header segments: refused, or ignored."""
    c = t.connect()
    ahs = pdu.additional_header(1, bytes(5))
    c.send(pdu.build(pdu.LOGIN, 0x87, True, isid=c.isid, itt=0, cmd_sn=1), pdu.text_of(t.keys()), ahs=ahs)
    answer = c.receive_of(pdu.LOGIN_RESPONSE)
    one_of(answer.status_class, (0, 2), "the status class")
