"""Several connections: sessions side by side, and one session of several connections (UNH-IOL Multi-Connection; RFC 7143 4.2, 6.3). What
needs MaxConnections above 1 asks for it, and is `not offered` where the target answers 1."""
from conformance.iscsi import pdu
from conformance.iscsi.bench import check, family, offered, one_of, reaction, refused, rejected, same
from conformance.iscsi.initiator import login_keys
from conformance.iscsi.pdu import FULL_FEATURE, OPERATIONAL
from support.initiator import GOOD, TEST_UNIT_READY, read_16, write_16

BLOCK = 20480
# What is told once for the whole session (RFC 7143 13, "Use: LO").
LEADING_ONLY = {"MaxConnections": "2", "InitialR2T": "Yes", "ImmediateData": "Yes", "MaxBurstLength": "4096", "FirstBurstLength": "4096",
                "DefaultTime2Wait": "1", "DefaultTime2Retain": "1", "MaxOutstandingR2T": "1", "DataPDUInOrder": "Yes",
                "DataSequenceInOrder": "Yes", "ErrorRecoveryLevel": "0", "SessionType": "Normal"}


class Several:
    """A session of more than one connection: CmdSN is the session's (RFC 7143 4.2.2.1), all else each connection's own."""

    def __init__(self, t, most=4, **keys):
        self.t = t
        self.leading = t.session(MaxConnections=most, **keys)
        offered(self.leading, "MaxConnections", 2)
        self.connections = [self.leading]

    def request_to_join(self, cid, portal=0, **keys):
        c = self.t.connect(portal)
        c.isid, c.tsih, c.cid, c.cmd_sn = self.leading.isid, self.leading.tsih, cid, self.leading.cmd_sn
        names = {"InitiatorName": self.t.keys()["InitiatorName"], "TargetName": self.t.world.target}
        c.login_request(OPERATIONAL, FULL_FEATURE, {**names, "HeaderDigest": "None", "DataDigest": "None",
                                                    "MaxRecvDataSegmentLength": 65536, **keys})
        return c

    def join(self, cid=1, portal=0, **keys):
        c = self.request_to_join(cid, portal, **keys)
        answer = c.login_response()
        while answer.status_class == 0 and answer.flags & 0x83 != 0x83:
            answer = c.login_step(OPERATIONAL, FULL_FEATURE)
        same(answer.status_class << 8 | answer.status_detail, 0, "the status of the joining login")
        c.begin_full_feature(answer, {"MaxRecvDataSegmentLength": 65536})
        same(c.tsih, self.leading.tsih, "the TSIH of the joining login")
        self.connections.append(c)
        return c

    def by(self, c, send, *arguments, **fields):
        """Sends by one of the connections, with the session's CmdSN."""
        c.cmd_sn = self.leading.cmd_sn
        tag = getattr(c, send)(*arguments, **fields)
        self.leading.cmd_sn = c.cmd_sn
        return tag

    def next_number(self):
        return self.leading.cmd_sn


def two_sessions_side_by_side(t):
    """Multi-Connection 1 (RFC 7143 4.4.3.1): two sessions of one initiator, of two ISIDs, work at a time."""
    one, two = t.session(), t.session()
    same(one.answer(one.write(write_16(BLOCK, 1), bytes([1]) * 512))[0].status, GOOD, "the status of a write by one")
    same(two.run(read_16(BLOCK, 1), 512), (GOOD, bytes([1]) * 512), "what the other reads")


@family({"16": 16, "64": 64})
def many_sessions_side_by_side(t, count):
    """Multi-Connection 1 (RFC 7143 4.4.3.1): so do many."""
    all_of_them = [t.login() for _ in range(count)]
    for each in all_of_them:
        each.alive()
    same(len({each.tsih for each in all_of_them}), count, "different TSIHs")


def sessions_by_two_portals(t):
    """Multi-Connection 1 (RFC 7143 4.1.1): sessions by two portals reach the same units."""
    one, two = t.session(portal=0), t.session(portal=1)
    same(one.answer(one.write(write_16(BLOCK, 1), bytes([2]) * 512))[0].status, GOOD, "the status of a write by one")
    same(two.run(read_16(BLOCK, 1), 512), (GOOD, bytes([2]) * 512), "what the other reads")


def same_isid_by_another_portal(t):
    """Multi-Connection 1 (RFC 7143 4.4.3.1, 6.3.5): an ISID is used once to a portal group: its old session ends, or groups differ."""
    one = t.session(portal=0)
    two = t.login(portal=1, isid=one.isid)
    if one.answers["TargetPortalGroupTag"] == two.answers["TargetPortalGroupTag"]:
        one.strict = False
        one.receive_end()
    else:
        one.alive()
    two.alive()


def joining_where_one_connection_is_all(t):
    """Multi-Connection 2 MaxConnections (RFC 7143 11.13.5, 13.2): a connection above the limit is refused with 0206; the session stays."""
    c = t.session(MaxConnections=1)
    other = t.connect()
    other.isid, other.tsih, other.cid = c.isid, c.tsih, 1
    other.login_request(OPERATIONAL, FULL_FEATURE, login_keys(t.world.target))
    refused(other, 0x0206, 0x0208, 0x020A, 0x0200)
    c.alive()


@family({"2": 2, "8": 8, "65535": 65535})
def most_connections_are_negotiated(t, most):
    """Multi-Connection 2 MaxConnections (RFC 7143 13.2): the answer is not above the offer."""
    one_of(t.login(MaxConnections=most).agreed("MaxConnections", 1), range(1, most + 1), "MaxConnections")


def second_connection_joins(t):
    """Multi-Connection 2 (RFC 7143 6.3.1): a login with the session's ISID and TSIH and a new CID joins it, with the same TSIH."""
    several = Several(t)
    second = several.join()
    second.alive()
    several.leading.alive()


def second_connection_by_another_portal(t):
    """Multi-Connection 2 (RFC 7143 4.1.1): by any portal of the same portal group."""
    several = Several(t)
    several.join(portal=1).alive()


def connections_up_to_the_limit(t):
    """Multi-Connection 2 MaxConnections (RFC 7143 13.2, 11.13.5): as many as were agreed; the next is refused with 0206."""
    several = Several(t)
    agreed = several.leading.agreed("MaxConnections", 1)
    for cid in range(1, agreed):
        several.join(cid).alive()
    refused(several.request_to_join(agreed), 0x0206)
    several.leading.alive()


def commands_by_both_connections(t):
    """Multi-Connection 3 Command Numbering (RFC 7143 4.2.2.1): CmdSN counts for the session, whichever connection carries it."""
    several = Several(t)
    second = several.join()
    for number in range(10):
        c = several.connections[number % 2]
        tag = several.by(c, "command", TEST_UNIT_READY)
        same(c.answer(tag)[0].status, GOOD, "the status")
        same(c.exp_cmd_sn, several.next_number(), "ExpCmdSN")
    second.alive()


def command_ahead_on_the_other_connection(t):
    """Multi-Connection 3 Command Numbering (RFC 7143 4.2.2.1): a command that overtakes by the other connection waits for its turn."""
    several = Several(t)
    second, first = several.join(), several.next_number()
    early = second.command(TEST_UNIT_READY, cmd_sn=first + 1)
    second.alive()
    late = several.leading.command(TEST_UNIT_READY, cmd_sn=first)
    same(several.leading.answer(late)[0].status, GOOD, "the status of the late one")
    same(second.answer(early)[0].status, GOOD, "the status of the early one")


@family({"NOP-Out": ("request", (pdu.NOP_OUT,), {"ttt": pdu.RESERVED}, pdu.NOP_IN),
         "Text Request": ("text", ({"SendTargets": ""},), {}, pdu.TEXT_RESPONSE)})
def other_request_ahead_on_the_other_connection(t, send, arguments, fields, answer):
    """Multi-Connection 3 Command Numbering (RFC 7143 4.2.2.1): so does any other request that takes a CmdSN."""
    several = Several(t)
    second, first = several.join(), several.next_number()
    early = getattr(second, send)(*arguments, cmd_sn=first + 1, **fields)
    second.alive()
    several.leading.answer(several.leading.command(TEST_UNIT_READY, cmd_sn=first))
    same(second.receive_of(answer).itt, early, "the task tag of the answer")


def duplicate_by_the_other_connection(t):
    """Multi-Connection 3 Command Numbering (RFC 7143 4.2.2.1): a CmdSN that one connection has used is a duplicate on the other."""
    several = Several(t)
    second, number = several.join(), several.next_number()
    several.leading.answer(several.by(several.leading, "command", TEST_UNIT_READY))
    second.command(TEST_UNIT_READY, cmd_sn=number)
    second.alive()


def each_connection_has_its_stat_sn(t):
    """Multi-Connection 3 Status Numbering (RFC 7143 4.2.2.2): StatSN counts for each connection on its own."""
    several = Several(t)
    second = several.join()
    stands = second.exp_stat_sn
    for _ in range(5):
        several.leading.answer(several.by(several.leading, "command", TEST_UNIT_READY))
    same(second.alive().stat_sn, stands, "StatSN of the connection that was idle")


def answers_come_by_the_commands_connection(t):
    """Multi-Connection 3 Connection Allegiance (RFC 7143 4.2.1): data and status travel by the connection of their command."""
    several = Several(t)
    second = several.join()
    tags = {c: several.by(c, "read", read_16(BLOCK, 8), 4096) for c in several.connections}
    for c, tag in tags.items():
        got, parts = c.answer(tag)
        same((got.status, sum(len(part.data) for part in parts)), (GOOD, 4096), "status and bytes")
    second.alive()


def data_out_by_the_other_connection(t):
    """Multi-Connection 3 Connection Allegiance (RFC 7143 4.2.1): Data-Out by another connection than its command's is not taken."""
    several = Several(t)
    second, data = several.join(), bytes([0x77]) * 4096
    tag = several.by(several.leading, "write", write_16(BLOCK, 8), data, sent=0)
    asked = several.leading.receive_of(pdu.R2T)
    second.data_out(tag, bytes([0xEE]) * 4096, 0, 0, asked.ttt)
    _rejected_or_dropped(second)
    several.leading.send_burst(asked, data)
    same(several.leading.answer(tag)[0].status, GOOD, "the status")
    same(t.session().run(read_16(BLOCK, 8), 4096)[1], data, "the data")


def _rejected_or_dropped(c):
    told, _ = reaction(c)
    check(all(each.opcode in (pdu.REJECT, pdu.ASYNC) for each in told), f"{told}")


@family({key: (key, value) for key, value in LEADING_ONLY.items() if key != "SessionType"})
def leading_key_on_the_second_connection(t, key, value):
    """Multi-Connection 2 (RFC 7143 13): keys of the leading login alone are refused, rejected or without effect on a later one."""
    several = Several(t)
    c = several.request_to_join(1, **{key: value})
    answer = c.login_response()
    if answer.status_class == 0:
        one_of(answer.keys.get(key), (None, "Reject", "Irrelevant", "NotUnderstood"), f"{key} of the answer")
    several.leading.alive()


@family({"header": ("CRC32C", "None"), "data": ("None", "CRC32C")})
def digests_of_the_second_connection(t, header, data):
    """Multi-Connection 2 (RFC 7143 13.1): digests are each connection's own."""
    several = Several(t)
    second = several.join(HeaderDigest=header, DataDigest=data)
    same((second.header_digest, second.data_digest), (header == "CRC32C", data == "CRC32C"), "digests agreed")
    second.ping(b"abc")
    same(second.receive_of(pdu.NOP_IN).data, b"abc", "the data of the answer")
    several.leading.alive()


def receive_length_of_the_second_connection(t):
    """Multi-Connection 2 (RFC 7143 13.12): so is MaxRecvDataSegmentLength."""
    several = Several(t)
    second = several.join(MaxRecvDataSegmentLength=512)
    second.max_receive = 512
    _, parts = second.answer(several.by(second, "read", read_16(BLOCK, 8), 4096))
    same([len(part.data) for part in parts], [512] * 8, "lengths of the Data-In PDUs")


@family({"ISID": {"isid": b"\x80wrong"}, "TSIH": {"tsih": 0xFFF1}})
def joining_with_a_wrong_identity(t, change):
    """Multi-Connection 2 (RFC 7143 6.3.1, 11.13.5): ISID and TSIH must both be the session's: 020a or another initiator error."""
    several = Several(t)
    c = t.connect()
    c.isid, c.tsih, c.cid = several.leading.isid, several.leading.tsih, 1
    c.login_request(OPERATIONAL, FULL_FEATURE, login_keys(t.world.target, **{"InitialR2T": None, "ImmediateData": None}), **change)
    refused(c, 0x02)
    several.leading.alive()


def joining_as_another_initiator(t):
    """Multi-Connection 2 (RFC 7143 6.3.1): the InitiatorName must be the session's too."""
    several = Several(t)
    refused(several.request_to_join(1, InitiatorName="iqn.2026-11.io.ashlar.test:somebody"), 0x02)
    several.leading.alive()


def joining_a_discovery_session(t):
    """Multi-Connection 2 (RFC 7143 4.3, 13.2): a discovery session has one connection."""
    c = t.discovery()
    other = t.connect()
    other.isid, other.tsih, other.cid = c.isid, c.tsih, 1
    other.login_request(OPERATIONAL, FULL_FEATURE, {"InitiatorName": t.keys()["InitiatorName"], "SessionType": "Discovery"})
    refused(other, 0x02)
    c.alive()


def connection_reinstatement(t):
    """Multi-Connection 4 Connection Reinstatement (RFC 7143 6.3.4): a login with a CID that is in use takes that connection's place."""
    several = Several(t)
    old = several.join(cid=1)
    new = several.join(cid=1)
    old.strict = False
    old.receive_end()
    new.alive()
    several.leading.alive()


def logout_of_one_connection(t):
    """Multi-Connection 5 Logout (RFC 7143 11.14): reason 1 ends that connection; the session goes on by the others."""
    several = Several(t)
    second = several.join()
    second.cmd_sn = several.next_number()
    same(second.logout(1).response, 0, "the response")
    several.leading.cmd_sn = second.cmd_sn
    second.receive_end()
    same(several.leading.run(TEST_UNIT_READY)[0], GOOD, "the status by the other connection")


def logout_of_the_other_connection(t):
    """Multi-Connection 5 Logout (RFC 7143 11.14.3): a connection may be logged out by another one: its CID says which."""
    several = Several(t)
    second = several.join()
    same(several.leading.logout(1, cid=1).response, 0, "the response")
    second.strict = False
    second.receive_end()
    same(several.leading.run(TEST_UNIT_READY)[0], GOOD, "the status by the one that is left")


def logout_of_the_session(t):
    """Multi-Connection 5 Logout (RFC 7143 11.14): reason 0 ends every connection of the session."""
    several = Several(t)
    second = several.join()
    same(several.leading.logout(0).response, 0, "the response")
    several.leading.receive_end()
    second.strict = False
    second.receive_end()


def leading_connection_breaks(t):
    """Multi-Connection 6 (RFC 7143 7.1.4.1): at ErrorRecoveryLevel 0 a broken connection may end the session; nobody else's."""
    several = Several(t)
    several.join()
    several.leading.close()
    t.serves()


def session_reinstatement_ends_all_connections(t):
    """Multi-Connection 4 Session Reinstatement (RFC 7143 6.3.5): TSIH 0 with the same ISID ends the session with all connections."""
    several = Several(t)
    second = several.join()
    new = t.login(isid=several.leading.isid)
    for old in (several.leading, second):
        old.strict = False
        old.receive_end()
    new.alive()


def abort_by_the_other_connection(t):
    """Multi-Connection 7 Task Management (RFC 7143 11.5.1): a task may be aborted by another connection of its session."""
    several = Several(t)
    second, number = several.join(), several.next_number()
    tag = several.by(several.leading, "write", write_16(BLOCK, 8), bytes(4096), sent=0)
    several.leading.receive_of(pdu.R2T)
    second.cmd_sn = several.next_number()
    same(second.manage(1, referenced_tag=tag, ref_cmd_sn=number), 0, "the response")
    several.leading.alive()


def task_set_of_the_whole_session(t):
    """Multi-Connection 7 Task Management (RFC 7143 11.5.1): ABORT TASK SET ends the session's tasks on all connections."""
    several = Several(t)
    second = several.join()
    several.by(several.leading, "write", write_16(BLOCK, 8), bytes(4096), sent=0)
    several.leading.receive_of(pdu.R2T)
    second.cmd_sn = several.next_number()
    same(second.manage(2), 0, "the response")
    several.leading.alive()


def same_task_tag_on_both_connections(t):
    """Multi-Connection 3 (RFC 7143 11.2.1.8): task tags are the session's: a tag in use on one connection is not free on the other."""
    several = Several(t)
    second = several.join()
    tag = several.by(several.leading, "write", write_16(BLOCK, 8), bytes(4096), sent=0)
    several.leading.receive_of(pdu.R2T)
    several.by(second, "command", TEST_UNIT_READY, itt=tag)
    rejected(second, 0x04, 0x07, 0x09)
    t.serves()
