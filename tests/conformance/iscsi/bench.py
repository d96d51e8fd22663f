"""What the cases stand on. A case is a public function of one of the case files; its docstring names the item of the UNH-IOL test
suites that it is about, cites the section of the standard, and says what is expected. It is given a Bench."""
import contextlib
import importlib
import inspect
import os
import re

# The groups of items, in the order in which they run. A case file is GROUP_SOMETHING.py.
GROUPS = ("login", "text", "chap", "full_feature", "task_management", "data", "error_recovery", "multi_connection", "bad_pdu")
CITATION = re.compile(r"\b(RFC \d+|SAM-\d|SPC-\d) (annex |appendix )?[\dA-F]", re.S)


class Wrong(Exception):
    """The target did what the standard does not allow: the message says what."""


class NotOffered(Exception):
    """The case is about something that the target did not agree to."""


def check(condition, what):
    if not condition:
        raise Wrong(what)


def same(got, wanted, what):
    if got != wanted:
        raise Wrong(f"{what}: {got!r}, not {wanted!r}")


def one_of(got, allowed, what):
    if got not in allowed:
        raise Wrong(f"{what}: {got!r}, not one of {allowed!r}")


def offered(connection, key, least):
    """Goes on only if the login came to at least this much."""
    if connection.agreed(key, 0) < least:
        raise NotOffered(f"{key}={connection.agreed(key, 0)} where {least} is needed")


def slow(function):
    """A case that waits for the target's own clock: it has a process of its own, and may be left out."""
    function.slow = True
    return function


def family(values):
    """Makes a case of each value: a dictionary from its name to the arguments after the bench."""
    def mark(function):
        function.family = dict(values)
        return function
    return mark


def cases():
    """All of them: {name: function of a bench}. A case that does not say what it is about is an error here."""
    found, here = {}, os.path.dirname(__file__)
    names = sorted(name[:-3] for name in os.listdir(here) if name.endswith(".py"))
    for group in GROUPS:
        for name in names:
            if name.startswith(group + "_"):
                found.update(cases_of(name))
    return found


def cases_of(name):
    module, found = importlib.import_module(f"conformance.iscsi.{name}"), {}
    for function in vars(module).values():
        if not inspect.isfunction(function) or function.__module__ != module.__name__ or function.__name__.startswith("_"):
            continue
        if not CITATION.search(function.__doc__ or ""):
            raise ValueError(f"{name}.{function.__name__} cites no standard")
        whole = f"{name}.{function.__name__}"
        values = getattr(function, "family", None)
        if values is None:
            found[whole] = function
        else:
            # Without blanks: names stand in tables and in shells.
            found.update({f"{whole}[{each.replace(' ', '_')}]": bind(function, arguments) for each, arguments in values.items()})
    return found


def bind(function, arguments):
    arguments = arguments if isinstance(arguments, tuple) else (arguments,)

    def bound(bench):
        return function(bench, *arguments)
    bound.__doc__ = function.__doc__
    return bound


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
