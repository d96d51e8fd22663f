"""Asynchronous messages: what sessions are told before their target, their portal or the engine goes (UNH-IOL Full Feature Phase 14,
20). A target may also just close the connections: then there is nothing more to be held against the standard."""
import contextlib
import signal

from conformance.iscsi import pdu, world
from conformance.iscsi.bench import check, one_of, same, slow
from support import array
from support.initiator import GOOD, TEST_UNIT_READY, Closed

LOGOUT_REQUEST, CONNECTION_DROP, ALL_DROP = 1, 2, 3


@contextlib.contextmanager
def _served_as(t, document):
    whole = t.world.document
    try:
        t.world.apply(document)
        yield
    finally:
        t.world.apply(whole)
    t.serves()


def _without_target(document, target):
    return {**document, "targets": [each for each in document["targets"] if each["name"] != target],
            "mappings": [each for each in document["mappings"] if each["target"] != target]}


def _without_second_portal(document):
    return {**_without_target(document, world.SECOND_TARGET), "portals": document["portals"][:1]}


def _event(c):
    """The next asynchronous message, or None when the connection ended without one."""
    try:
        got = c.receive_of(pdu.ASYNC)
    except Closed:
        return None
    one_of(got.event, (LOGOUT_REQUEST, CONNECTION_DROP, ALL_DROP), "the event")
    same((got.itt, got.final, len(got.data)), (pdu.RESERVED, True, 0), "task tag, F and data")
    return got


def _end_after_event(c):
    while _event(c) is not None:
        pass


def target_goes_away(t):
    """Full Feature 20.3 Asynchronous Message (RFC 7143 11.9.1): sessions of a target that is removed are told, or end at once."""
    c, other = t.session(), t.session(portal=1, target=world.SECOND_TARGET)
    with _served_as(t, _without_target(t.world.document, t.world.target)):
        _end_after_event(c)
        other.alive()


def target_stops(t):
    """Full Feature 20.2, 20.3 Asynchronous Message (RFC 7143 11.9.1): so are all sessions when the engine stops."""
    c, discovering = t.session(), t.discovery()
    same(t.world.stop(), 0, "the exit of the engine")
    try:
        _end_after_event(c)
        _end_after_event(discovering)
    finally:
        t.world.restart()
    t.serves()


def logout_when_the_target_stops(t):
    """Full Feature 14.1 Async Logout Request (RFC 7143 11.9.1): a host that is asked to log out may, and the engine ends without it."""
    c = t.session()
    t.world.process.send_signal(signal.SIGTERM)
    try:
        got = _event(c)
        if got is not None and got.event == LOGOUT_REQUEST:
            same(c.logout().response, 0, "the response to the logout")
            c.receive_end()
        t.world.process.wait(array.PATIENCE)
    finally:
        t.world.kill()
        t.world.restart()
    t.serves()


def logout_when_the_portal_goes(t):
    """Full Feature 14.1, 20.1 Async Logout Request (RFC 7143 11.9.1): served until it logs out; its logout is answered, and the end."""
    c, stays = t.session(portal=1), t.session(portal=0)
    with _served_as(t, _without_second_portal(t.world.document)):
        got = _event(c)
        if got is not None and got.event == LOGOUT_REQUEST:
            check(got.time2retain > 0, "Parameter3 gives no time to log out in")
            same(c.run(TEST_UNIT_READY)[0], GOOD, "the status of a command before the logout")
            same(c.logout().response, 0, "the response to the logout")
            c.receive_end()
        stays.alive()


@slow
def host_that_does_not_log_out(t):
    """Full Feature 20.1 Async Logout Request (RFC 7143 11.9.1): who does not is dropped; sessions by other portals are not."""
    c, stays = t.session(portal=1), t.session(portal=0)
    c.socket.settimeout(60)
    with _served_as(t, _without_second_portal(t.world.document)):
        _end_after_event(c)
        stays.alive()
