"""What the iSCSI cases have in their hands: connections, and what may come of something wrong that was sent."""
import contextlib

from conformance import case_files
from conformance.case_files import NotOffered, Wrong, check, family, one_of, same, slow  # noqa: F401

PREFIX = ""
# The groups of items, in the order in which they run. A case file is GROUP_SOMETHING.py.
GROUPS = ("login", "text", "chap", "full_feature", "task_management", "data", "error_recovery", "multi_connection", "bad_pdu")


def cases():
    return case_files.cases_of("iscsi", GROUPS)


def offered(connection, key, least):
    """Goes on only if the login came to at least this much."""
    if connection.agreed(key, 0) < least:
        raise NotOffered(f"{key}={connection.agreed(key, 0)} where {least} is needed")


class Bench:
    """What one case has in its hands: connections to the engine of its world, all of which end with the case."""

    def __init__(self, world, source="127.0.0.1"):
        self.world, self.source = world, source
        self.open = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open.close()

    def connect(self, portal=0):
        from conformance.iscsi.initiator import Connection
        where = self.world.document["portals"][portal]
        connection = Connection(where["address"], where["port"], self.source)
        self.open.callback(connection.close)
        return connection

    def login(self, portal=0, target=None, initiator=None, isid=None, **keys):
        """In full feature phase of a normal session; a key of None is not sent."""
        from conformance.iscsi import initiator as host
        connection = self.connect(portal)
        connection.isid = isid or connection.isid
        return connection.login(host.login_keys(target or self.world.target, initiator or host.NAME, **keys))

    def session(self, **how):
        """The same, and its unit attentions are taken."""
        return self.login(**how).ready()

    def discovery(self, **keys):
        from conformance.iscsi import initiator as host
        connection = self.connect()
        return connection.login(host.login_keys(None, keys.pop("initiator", host.NAME), **keys))

    def keys(self, **keys):
        from conformance.iscsi import initiator as host
        return host.login_keys(self.world.target, **keys)

    def serves(self):
        """Somebody else is served as if nothing had been."""
        fresh = self.login()
        fresh.alive()
        fresh.close()


def refused(connection, *statuses, may_close=False):
    """The login ends: with one of the statuses (a class alone, or class and detail as 0x0201), and the connection after it."""
    from conformance.iscsi import pdu
    from support.initiator import Closed
    try:
        answer = connection.receive_of(pdu.LOGIN_RESPONSE, pdu.REJECT)
    except Closed:
        if may_close:
            return None
        raise Wrong("the connection was closed without a Login Response (RFC 7143 11.13.5)") from None
    if answer.opcode == pdu.REJECT:
        check(may_close, f"a Reject where a Login Response was expected: {answer}")
    else:
        status = answer.status_class << 8 | answer.status_detail
        if not any(status == each if each > 0xFF else status >> 8 == each for each in statuses):
            raise Wrong(f"the login was answered with {status:04x}, not with one of {[f'{each:x}' for each in statuses]}")
    connection.receive_end()
    return answer


def reaction(connection):
    """What comes of something wrong that was sent: the PDUs before the answer to a ping, or before the end; and is it alive?"""
    from conformance.iscsi import pdu
    from support.initiator import Closed
    told = []
    try:
        tag = connection.ping()
        while True:
            answer = connection.receive()
            if answer.opcode == pdu.NOP_IN and answer.itt == tag:
                return told, True
            told.append(answer)
    except Closed:
        return told, False


def rejected(connection, *reasons):
    """The next PDU is a Reject for one of the reasons, with the header of what was rejected; or the connection ends."""
    from conformance.iscsi import pdu
    from support.initiator import Closed
    try:
        answer = connection.receive_of(pdu.REJECT)
    except Closed:
        return None
    one_of(answer.reason, reasons, "the reason of the Reject (RFC 7143 11.17.1)")
    check(len(answer.data) >= 48, "a Reject carries the header of the rejected PDU (RFC 7143 11.17)")
    return answer


def answered(connection):
    """A command with something wrong in it: its answer, or a Reject, or None when the connection ended."""
    from conformance.iscsi import pdu
    from support.initiator import Closed
    try:
        while True:
            answer = connection.receive_of(pdu.SCSI_RESPONSE, pdu.DATA_IN, pdu.REJECT)
            if answer.takes_stat_sn():
                return answer
    except Closed:
        return None


def not_good(answer, what):
    """Of answered(): whatever it was, it was not GOOD."""
    from conformance.iscsi import pdu
    if answer is not None and answer.opcode != pdu.REJECT and answer.status == 0:
        raise Wrong(f"{what} ended with GOOD: {answer}")
