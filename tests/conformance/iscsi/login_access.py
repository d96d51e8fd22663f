"""Who is let in, from where, how often, and who is sent elsewhere (RFC 7143 6.3, 9.2, 11.13.5; UNH-IOL Login Phase 22). Where the
engine's document has no such field, a case is `not offered`."""
import contextlib
import copy

from conformance.iscsi import pdu, proof, world
from conformance.iscsi.bench import Bench, NotOffered, check, family, one_of, refused, same
from conformance.iscsi.initiator import login_keys
from conformance.iscsi.pdu import FULL_FEATURE, OPERATIONAL
from support import array

ELSEWHERE = "192.0.2.77:3260"


@contextlib.contextmanager
def _document(t, **changes):
    """The engine serves another document within: `changes` are KIND__FIELD=VALUE, of the first of its kind."""
    whole = t.world.document
    changed = copy.deepcopy(whole)
    for place, value in changes.items():
        kind, field = place.split("__")
        changed[kind][0][field] = value
    try:
        t.world.apply(changed)
    except array.Refusal as refusal:
        if "unknown key" in str(refusal):
            raise NotOffered(str(refusal)) from None
        raise
    try:
        yield
    finally:
        t.world.apply(whole)


def _from(t, source):
    return Bench(t.world, source)


@family({"for now": (False, 0x0101), "for good": (True, 0x0102)})
def target_has_moved(t, permanent, status):
    """Login, redirection (RFC 7143 11.13.5, 13.8): status class 1 with the TargetAddress to go to, without a portal group tag."""
    with _document(t, targets__redirect=ELSEWHERE, targets__redirect_permanent=permanent):
        c = t.connect()
        c.login_request(OPERATIONAL, FULL_FEATURE, t.keys())
        answer = refused(c, status)
    same((answer.keys.get("TargetAddress"), answer.flags & 0x80), (ELSEWHERE, 0), "TargetAddress, and T")
    t.serves()


def moved_target_is_told_in_discovery(t):
    """Login, redirection (RFC 7143 appendix C): a target that has moved is still a target of this portal for discovery."""
    with _document(t, targets__redirect=ELSEWHERE):
        check(("TargetName", t.world.target) in t.discovery().text_exchange({"SendTargets": "All"}), "the target is not told")


def moved_target_of_somebody_else(t):
    """Login, redirection (RFC 7143 9.2): who may not log in is not told where to."""
    changes = {"targets__redirect": ELSEWHERE, "hosts__any": False, "hosts__initiators": ["iqn.2026-11.io.ashlar.test:known"]}
    with _document(t, **changes):
        c = t.connect()
        c.login_request(OPERATIONAL, FULL_FEATURE, login_keys(t.world.target, world.STRANGER))
        check(b"TargetAddress" not in refused(c, 0x02).data, "a stranger is told the address")


@family({"address": "127.9.0.1", "range": "127.9.0.0/16"})
def host_from_where_it_belongs(t, allowed):
    """Login, access (RFC 7143 9.2): a host that is bound to addresses is let in from there, and from elsewhere finds no target."""
    with _document(t, hosts__addresses=[allowed]):
        here, there = _from(t, "127.9.0.1"), _from(t, "127.8.0.1")
        with here, there:
            here.login().alive()
            check(("TargetName", t.world.target) in here.discovery().text_exchange({"SendTargets": "All"}), "it is not told")
            c = there.connect()
            c.login_request(OPERATIONAL, FULL_FEATURE, t.keys())
            refused(c, 0x0203, 0x0202)
            told = there.discovery().text_exchange({"SendTargets": "All"})
            check(t.world.target not in [value for _, value in told], "it is told elsewhere")


@family({"of a host": "hosts__max_sessions", "of a target": "targets__max_sessions"})
def more_sessions_than_were_granted(t, field):
    """Login, resources (RFC 7143 11.13.5): one session more than the bound is refused; an ended one makes room again."""
    with _document(t, **{field: 2}):
        kept = [t.login(), t.login()]
        c = t.connect()
        c.login_request(OPERATIONAL, FULL_FEATURE, t.keys())
        answer = refused(c, 0x03, 0x02)
        one_of(answer.status_class << 8 | answer.status_detail, (0x0301, 0x0302, 0x0202, 0x0206), "the status")
        for each in kept:
            each.alive()
        t.login(isid=kept[0].isid).alive()   # takes the place of its own old one
        same(kept[1].logout().response, 0, "the response to a logout")
        kept[1].receive_end()
        t.login().alive()


def discovery_with_a_proof_of_its_own(t):
    """Login, discovery (RFC 7143 4.3, 9.2): a portal may ask discovery sessions for CHAP, whoever the host is; others are not asked."""
    with _document(t, portals__discovery_chap={"user": "finder", "secret": "a-finder's-secret"}):
        for method in (None, "None"):
            c = t.connect()
            c.login_request(pdu.SECURITY, FULL_FEATURE, {"InitiatorName": t.keys()["InitiatorName"], "SessionType": "Discovery",
                                                         "AuthMethod": method})
            refused(c, 0x0201, 0x0200)
        t.login().alive()


def guesses_do_not_shut_others_out(t):
    """CHAP, guessing (RFC 7143 9.2.1): after wrong proofs a source may have to wait; hosts of other addresses do not."""
    with _from(t, "127.7.0.1") as guesser, _from(t, "127.7.0.2") as honest:
        for _ in range(6):
            c = proof.begin(guesser)
            if c.login_response().status_class == 3:
                break   # it has to wait, and is told so
            c.login_request(pdu.SECURITY, None, {"CHAP_A": "5"})
            answer = c.login_response()
            if answer.status_class == 0:
                c.login_request(pdu.SECURITY, OPERATIONAL, {"CHAP_N": world.USER, "CHAP_R": "0x" + "00" * 16})
                refused(c, 0x0201, 0x03)
        proof.prove(honest)
