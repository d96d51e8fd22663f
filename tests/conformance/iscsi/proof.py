"""The security stage with CHAP, step by step (RFC 7143 12.1.3)."""
import base64
import hashlib

from conformance.iscsi import world
from conformance.iscsi.bench import same
from conformance.iscsi.pdu import OPERATIONAL, SECURITY


def begin(t, initiator=world.ONE_WAY, method="CHAP", target=True):
    """The security stage with its first request and answer."""
    c = t.connect()
    c.login_request(SECURITY, None, {"InitiatorName": initiator, "SessionType": "Normal" if target else "Discovery",
                                     "TargetName": t.world.target if target else None, "AuthMethod": method})
    return c


def offer(t, algorithms="5", **how):
    """Up to the challenge: (connection, the target's answer with CHAP_A, CHAP_I, CHAP_C)."""
    c = begin(t, **how)
    same(c.login_response().keys.get("AuthMethod"), "CHAP", "AuthMethod")
    c.login_request(SECURITY, None, {"CHAP_A": algorithms})
    return c, c.login_response()


def binary(text):
    if text[:2].lower() == "0b":
        return base64.b64decode(text[2:])
    same(text[:2].lower(), "0x", "the prefix of a binary value (RFC 7143 6.1)")
    return bytes.fromhex(text[2:])


def proof_of(challenge, secret=world.SECRET, function=hashlib.md5):
    return function(bytes([int(challenge["CHAP_I"], 0)]) + secret.encode() + binary(challenge["CHAP_C"])).digest()


def as_hex(octets):
    return "0x" + octets.hex()


def respond(c, keys):
    c.login_request(SECURITY, OPERATIONAL, keys)


def is_in(c):
    """The proof was taken: on to full feature phase."""
    answer = c.login_response()
    same((answer.status_class, answer.flags), (0, 0x81), "status class and flags of the answer to the proof")
    c.login({"HeaderDigest": "None"}).alive()
    return answer


def prove(t, **how):
    """All of it, with the right secret: in full feature phase."""
    c, answer = offer(t, **how)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys))})
    is_in(c)
    return c
