"""Text Requests: SendTargets in discovery and normal sessions, exchanges of several PDUs, negotiation in full feature phase (UNH-IOL
Full Feature Phase 18; RFC 7143 11.10, 11.11, appendix C)."""
from conformance.iscsi import pdu, world
from conformance.iscsi.bench import check, family, one_of, reaction, rejected, same
from support.initiator import TEST_UNIT_READY, read_16


def send_targets_all(t):
    """Full Feature 18.1 Text Fields (RFC 7143 appendix C): every target that the host may use, each with its portals."""
    told = t.discovery().text_exchange({"SendTargets": "All"})
    for name in (t.world.target, world.SECOND_TARGET):
        check(("TargetName", name) in told, f"{name} is not told")
    same(told[0][0], "TargetName", "the first key")
    for key, value in told:
        one_of(key, ("TargetName", "TargetAddress"), "a key of the answer")
        if key == "TargetAddress":
            address, _, tag = value.partition(",")
            one_of(int(tag), range(65536), "the portal group tag")
            one_of(int(address.rpartition(":")[2]), [each["port"] for each in t.world.document["portals"]], "the port")


def send_targets_by_name(t):
    """Full Feature 18.1 Text Fields (RFC 7143 appendix C): a target's name asks for that target alone."""
    told = t.discovery().text_exchange({"SendTargets": world.SECOND_TARGET})
    same([value for key, value in told if key == "TargetName"], [world.SECOND_TARGET], "targets told")
    same(len([value for key, value in told if key == "TargetAddress"]), 1, "its portals")


def send_targets_of_nobody(t):
    """Full Feature 18.1 Text Fields (RFC 7143 appendix C): a name that is not known gets an answer without targets."""
    told = t.discovery().text_exchange({"SendTargets": "iqn.2026-11.io.ashlar:no-such"})
    check(not [key for key, _ in told if key == "TargetName"], f"{told}")


def send_targets_of_nothing_in_discovery(t):
    """Full Feature 18.1 Text Fields (RFC 7143 appendix C): an empty value has no meaning in a discovery session."""
    told = t.discovery().text_exchange({"SendTargets": ""})
    check(("SendTargets", "Reject") in told or not told, f"{told}")


def send_targets_in_a_normal_session(t):
    """Full Feature 18.1 Text Fields (RFC 7143 appendix C): an empty value asks for the session's own target."""
    told = t.session().text_exchange({"SendTargets": ""})
    same([value for key, value in told if key == "TargetName"], [t.world.target], "targets told")
    same(len([value for key, value in told if key == "TargetAddress"]), 2, "its portals")


def send_own_target_in_a_normal_session(t):
    """Full Feature 18.1 Text Fields (RFC 7143 appendix C): so does its name."""
    told = t.session().text_exchange({"SendTargets": t.world.target})
    same([value for key, value in told if key == "TargetName"], [t.world.target], "targets told")


@family({"All": "All", "another target": world.SECOND_TARGET})
def send_targets_beyond_a_normal_session(t, wanted):
    """Full Feature 18.1 Text Fields (RFC 7143 appendix C): in a normal session others are not told; All is refused."""
    told = t.session().text_exchange({"SendTargets": wanted})
    check(world.SECOND_TARGET not in [value for _, value in told], f"{told}")


def hidden_targets_are_not_told(t):
    """Full Feature 18.1 Text Fields (RFC 7143 4.3): a host is not told of a target that it may not log in to."""
    told = t.session(initiator=world.STRANGER).text_exchange({"SendTargets": ""})
    same({key for key, _ in told}, {"TargetName", "TargetAddress"}, "keys told")


@family({"normal": False, "discovery": True})
def task_tag_comes_back(t, discovery):
    """Full Feature 18.2 Initiator Task Tag (RFC 7143 11.11): the response has the request's tag, F and transfer tag 0xffffffff."""
    c = t.discovery() if discovery else t.session()
    tag = c.text({"SendTargets": "All" if discovery else ""}, itt=0xCAFE)
    got = c.receive_of(pdu.TEXT_RESPONSE)
    same((got.itt, got.final, got.ttt), (tag, True, pdu.RESERVED), "task tag, F, transfer tag")


def answer_in_pieces(t):
    """Full Feature 18.3.2 Target Transfer Tag continuation (RFC 7143 11.11): with C a transfer tag comes, and goes on by it."""
    c = t.discovery(MaxRecvDataSegmentLength=512, InitiatorAlias="small")
    names = [value for key, value in c.text_exchange({"SendTargets": "All"}) if key == "TargetName"]
    same(set(names), {t.world.target, world.SECOND_TARGET}, "targets told")


def request_in_pieces(t):
    """Full Feature 18.3.2 Target Transfer Tag continuation (RFC 7143 11.10.2): a pair may span requests with C; each is answered."""
    c, text = t.discovery(), pdu.text_of({"SendTargets": "All"})
    tag = c.text(data=text[:7], flags=pdu.CONTINUE)
    got = c.receive_of(pdu.TEXT_RESPONSE)
    check(got.ttt != pdu.RESERVED, "no transfer tag to go on by")
    same((got.data, got.final), (b"", False), "data and F of the answer to a piece")
    c.text(data=text[7:], itt=tag, ttt=got.ttt)
    check(b"TargetName" in c.receive_of(pdu.TEXT_RESPONSE).data, "no target is told")


def request_that_is_not_final(t):
    """Full Feature 18.3.1 Target Transfer Tag (RFC 7143 11.10.1, 11.11.1): without F in the request there is none in the answer."""
    c = t.session()
    tag = c.text({"SendTargets": ""}, flags=0)
    got = c.receive_of(pdu.TEXT_RESPONSE)
    same(got.final, False, "F of the answer")
    check(got.ttt != pdu.RESERVED, "no transfer tag to go on by")
    c.text(itt=tag, ttt=got.ttt)
    same(c.receive_of(pdu.TEXT_RESPONSE).final, True, "F of the second answer")


def negotiation_reset(t):
    """Full Feature 18.5 Negotiation Reset (RFC 7143 11.10.4): transfer tag 0xffffffff forgets the exchange under way."""
    c = t.discovery()
    c.text(data=b"SendTar", flags=pdu.CONTINUE)
    c.receive_of(pdu.TEXT_RESPONSE)
    told = c.text_exchange({"SendTargets": world.SECOND_TARGET})
    check(("TargetName", world.SECOND_TARGET) in told, f"{told}")


@family({"nothing under way": False, "after the end": True})
def transfer_tag_of_no_exchange(t, after):
    """Full Feature 18.3.1 Target Transfer Tag (RFC 7143 11.10.4): a tag that the target did not give is rejected."""
    c = t.session()
    if after:
        c.text_exchange({"SendTargets": ""})
    c.text({"SendTargets": ""}, ttt=0x1234)
    if rejected(c, 0x04, 0x09, 0x0B) is not None:
        c.alive()


def transfer_tag_with_another_task_tag(t):
    """Full Feature 18.3.2 Target Transfer Tag (RFC 7143 11.10.3): all requests of an exchange have one task tag."""
    c = t.discovery()
    c.text(data=b"SendTar", flags=pdu.CONTINUE)
    got = c.receive_of(pdu.TEXT_RESPONSE)
    c.text(data=b"gets=All\0", ttt=got.ttt)
    rejected(c, 0x04, 0x09, 0x0B)
    t.serves()


def final_and_continue_together(t):
    """Full Feature 18.4 Text Request (RFC 7143 11.10.2): F and C exclude each other."""
    c = t.session()
    c.text({"SendTargets": ""}, flags=pdu.FINAL | pdu.CONTINUE)
    rejected(c, 0x04, 0x09)
    t.serves()


def empty_request(t):
    """Full Feature 18.4 Text Request (RFC 7143 11.10): a request without keys has an answer without keys."""
    same(t.session().text_exchange({}), [], "pairs told")


@family({"no equals sign": b"SendTargets\0", "no NUL": b"SendTargets=", "empty key": b"=All\0", "key of 64 bytes": b"K" * 64 + b"=v\0",
         "not UTF-8": b"X-a=\xff\xfe\0"})
def text_that_is_none(t, data):
    """Full Feature 18.4 Text Request (RFC 7143 6.1): what breaks the format is rejected; the connection goes on or ends."""
    c = t.session()
    c.text(data=data)
    rejected(c, 0x04, 0x09)
    t.serves()


def text_without_end(t):
    """Full Feature 18.4 Text Request (RFC 7143 6.1): text that is never ended is not gathered for ever."""
    c = t.session()
    tag, ttt = c.text(data=b"X" * 4096, flags=pdu.CONTINUE), None
    for _ in range(256):
        got = c.receive_of(pdu.TEXT_RESPONSE, pdu.REJECT)
        if got.opcode == pdu.REJECT:
            return t.serves()
        ttt = got.ttt
        c.text(data=b"X" * 4096, flags=pdu.CONTINUE, itt=tag, ttt=ttt)
    check(False, "1 MiB of one pair was taken")


@family({name: name for name in ("X-io.ashlar.test", "Unknown", "X#other")})
def key_that_nobody_knows(t, key):
    """Full Feature 18.1 Text Fields (RFC 7143 6.2): answered with NotUnderstood."""
    same(t.session().text_exchange({key: "value"}), [(key, "NotUnderstood")], "pairs told")


LOGIN_ONLY = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C", "MaxConnections": "2", "InitialR2T": "Yes", "ImmediateData": "No",
              "MaxBurstLength": "4096", "FirstBurstLength": "4096", "DefaultTime2Wait": "5", "DefaultTime2Retain": "5",
              "MaxOutstandingR2T": "1", "DataPDUInOrder": "No", "DataSequenceInOrder": "No", "ErrorRecoveryLevel": "1",
              "InitiatorName": "iqn.2026-11.io.ashlar.test:later", "SessionType": "Discovery", "AuthMethod": "None", "CHAP_A": "5",
              "TaskReporting": "RFC3720", "iSCSIProtocolLevel": "1"}


@family({key: (key, value) for key, value in LOGIN_ONLY.items()})
def key_of_the_login(t, key, value):
    """Full Feature 18.1 Text Fields (RFC 7143 13): what is for the login alone is not negotiated again, and nothing changes."""
    c = t.session()
    c.text({key: value})
    got = c.receive_of(pdu.TEXT_RESPONSE, pdu.REJECT)
    if got.opcode == pdu.TEXT_RESPONSE:
        one_of(got.keys.get(key), (None, "Reject", "Irrelevant", "NotUnderstood"), f"{key} of the answer")
        same(c.run(TEST_UNIT_READY)[0], 0, "the status of TEST UNIT READY")


def receive_length_declared_again(t):
    """Full Feature 18.1 Text Fields (RFC 7143 13.12): MaxRecvDataSegmentLength may change in full feature phase, and is kept."""
    c = t.session()
    c.text_exchange({"MaxRecvDataSegmentLength": "1024"})
    c.max_receive = 1024
    _, parts = c.answer(c.read(read_16(0, 16), 8192))
    same([len(part.data) for part in parts], [1024] * 8, "lengths of the Data-In PDUs")


@family({"511": "511", "16777216": "16777216", "a word": "much"})
def receive_length_out_of_bounds(t, value):
    """Full Feature 18.1 Text Fields (RFC 7143 13.12): an illegal declaration is rejected, and the old one stays in force."""
    c = t.session(MaxRecvDataSegmentLength=4096)
    c.text({"MaxRecvDataSegmentLength": value})
    got = c.receive_of(pdu.TEXT_RESPONSE, pdu.REJECT)
    if got.opcode == pdu.TEXT_RESPONSE:
        same(got.keys.get("MaxRecvDataSegmentLength"), "Reject", "the answer")
    _, parts = c.answer(c.read(read_16(0, 16), 8192))
    same([len(part.data) for part in parts], [4096, 4096], "lengths of the Data-In PDUs")


def key_twice(t):
    """Full Feature 18.1 Text Fields (RFC 7143 6.3): a key twice in one exchange is an error."""
    c = t.session()
    c.text([("MaxRecvDataSegmentLength", "1024"), ("MaxRecvDataSegmentLength", "2048")])
    rejected(c, 0x04, 0x09)
    t.serves()


@family({"SCSI Command": (pdu.SCSI_COMMAND, 0x81), "Task Management Request": (pdu.TASK_MANAGEMENT, 0x85), "Data-Out": (pdu.DATA_OUT, 0x80),
         "SNACK": (pdu.SNACK, 0x80)})
def discovery_session_carries_text_alone(t, opcode, flags):
    """Full Feature, discovery (RFC 7143 4.3): in a discovery session only text, NOP and logout are served; the rest is rejected."""
    c = t.discovery()
    c.request(opcode, flags, immediate=opcode != pdu.DATA_OUT)
    rejected(c, 0x04, 0x05, 0x09)
    t.serves()


def discovery_session_pings(t):
    """Full Feature, discovery (RFC 7143 4.3): a ping does no harm there: it is answered, or rejected."""
    c = t.discovery()
    c.ping(b"data")
    one_of(c.receive().opcode, (pdu.NOP_IN, pdu.REJECT), "the opcode of the answer")


@family({"close the session": 0, "close the connection": 1})
def discovery_session_ends(t, reason):
    """Full Feature, discovery (RFC 7143 4.3): the way out is a logout."""
    c = t.discovery()
    same(c.logout(reason).response, 0, "the response")
    c.receive_end()


def discovery_sessions_do_not_reinstate(t):
    """Full Feature, discovery (RFC 7143 6.3.5): a discovery session of the same initiator port does not end the normal one."""
    first = t.session()
    c = t.connect()
    c.isid = first.isid
    c.login({"InitiatorName": t.keys()["InitiatorName"], "SessionType": "Discovery"})
    first.alive()


def two_exchanges_at_a_time(t):
    """Full Feature 18.3 Text Request (RFC 7143 11.10): one exchange at a time: a second one resets the first, or is rejected."""
    c = t.discovery()
    c.text(data=b"SendTar", flags=pdu.CONTINUE)
    first = c.receive_of(pdu.TEXT_RESPONSE)
    c.text(data=b"SendTargets=All\0", flags=pdu.CONTINUE)
    reaction(c)
    c.text(data=b"gets=All\0", itt=first.itt, ttt=first.ttt)
    told, alive = reaction(c)
    check(not alive or not any(b"TargetName" in each.data for each in told), "the first exchange went on")
    t.serves()
