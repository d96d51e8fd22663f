"""CHAP: every key by its right and wrong values and order (UNH-IOL CHAP for Targets: CHAP_A, CHAP_I, CHAP_C, CHAP_N, CHAP_R)."""
import base64
import hashlib

from conformance.iscsi import world
from conformance.iscsi.bench import check, family, one_of, refused, same
from conformance.iscsi.pdu import OPERATIONAL, SECURITY
from conformance.iscsi.proof import as_hex, begin, binary, is_in, offer, proof_of, respond
from support.initiator import NAME

AUTHENTICATION_FAILURE, INITIATOR_ERROR = 0x0201, 0x0200
FAILS = (AUTHENTICATION_FAILURE, INITIATOR_ERROR, 0x0202)
# RFC 7143 12.1.3 and 12.1.3.1, RFC 1994, IANA's list.
ALGORITHMS = {"MD5": (5, hashlib.md5), "SHA1": (6, hashlib.sha1), "SHA-256": (7, hashlib.sha256), "SHA3-256": (8, hashlib.sha3_256)}


@family(ALGORITHMS)
def algorithm(t, number, function):
    """CHAP 1.1 CHAP_A Valid Value (RFC 7143 12.1.3): the hash that was offered alone is chosen, and its proof is taken."""
    c, answer = offer(t, str(number))
    same(answer.keys.get("CHAP_A"), str(number), "CHAP_A of the answer")
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys, function=function))})
    is_in(c)


@family({"5,7": "5,7", "7,5": "7,5", "8,7,6,5": "8,7,6,5", "unknown first": "99,5", "unknown last": "6,200"})
def algorithm_of_a_list(t, said):
    """CHAP 1.1 CHAP_A Valid Value (RFC 7143 12.1.3): one of the list, and never one that was not offered."""
    _, answer = offer(t, said)
    one_of(answer.keys.get("CHAP_A"), said.split(","), "CHAP_A of the answer")


@family({"0": "0", "4": "4", "99": "99", "65536": "65536", "-1": "-1"})
def algorithm_number_unknown(t, said):
    """CHAP 1.2.1 CHAP_A Invalid Numeric Value (RFC 7143 12.1.3): nothing in common: the login fails."""
    c = begin(t)
    c.login_response()
    c.login_request(SECURITY, None, {"CHAP_A": said})
    refused(c, *FAILS)


@family({"a word": "MD5", "empty": "", "commas": ",,", "text in a list": "MD5,SHA1"})
def algorithm_that_is_no_number(t, said):
    """CHAP 1.2.2 CHAP_A Invalid Non-Numeric Value (RFC 7143 12.1.3): the login fails."""
    c = begin(t)
    c.login_response()
    c.login_request(SECURITY, None, {"CHAP_A": said})
    refused(c, *FAILS)


@family({"with the names": 0, "twice": 1, "after the proof": 2})
def algorithm_out_of_order(t, when):
    """CHAP 1.3 CHAP_A Out of Order (RFC 7143 12.1.3): CHAP_A comes once, after AuthMethod was agreed."""
    if when == 0:
        c = t.connect()
        c.login_request(SECURITY, None, {"InitiatorName": world.ONE_WAY, "TargetName": t.world.target, "CHAP_A": "5"})
    elif when == 1:
        c, _ = offer(t)
        c.login_request(SECURITY, None, {"CHAP_A": "5"})
    else:
        c, answer = offer(t)
        c.login_step(SECURITY, None, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys))})
        c.login_request(SECURITY, None, {"CHAP_A": "5"})
    refused(c, *FAILS)


def identifier_is_a_byte(t):
    """CHAP 2.1 CHAP_I Valid Value (RFC 7143 12.1.3): the target's identifier is from 0 to 255."""
    _, answer = offer(t)
    one_of(int(answer.keys["CHAP_I"], 0), range(256), "CHAP_I")


def identifier_and_challenge_come_with_the_algorithm(t):
    """CHAP 2.1 CHAP_I Valid Value (RFC 7143 12.1.3): CHAP_A, CHAP_I and CHAP_C are one answer."""
    _, answer = offer(t)
    same(set(answer.keys), {"CHAP_A", "CHAP_I", "CHAP_C"}, "keys of the answer")


@family({"256": "256", "-1": "-1", "a word": "one", "empty": "", "hexadecimal": "0x100"})
def identifier_of_the_initiator_is_no_byte(t, said):
    """CHAP 2.2 CHAP_I Invalid Value (RFC 7143 12.1.3): for mutual CHAP the initiator's identifier is a byte too."""
    c, answer = offer(t, initiator=world.MUTUAL)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys)), "CHAP_I": said, "CHAP_C": "0x" + "5a" * 16})
    refused(c, *FAILS)


@family({"identifier": {"CHAP_I": "7"}, "challenge": {"CHAP_C": "0x" + "11" * 16}, "both": {"CHAP_I": "7", "CHAP_C": "0x" + "11" * 16}})
def challenge_before_the_algorithm(t, keys):
    """CHAP 2.3, 3.5 CHAP_I and CHAP_C Out of Order (RFC 7143 12.1.3): not before CHAP_A was agreed, nor with its offer."""
    c = begin(t, initiator=world.MUTUAL)
    c.login_response()
    c.login_request(SECURITY, None, {"CHAP_A": "5", **keys})
    refused(c, *FAILS)


def challenge_has_a_length_of_use(t):
    """CHAP 3.1, 3.2 CHAP_C Big and Small Value (RFC 7143 12.1.3): binary, of 1 to 1024 bytes."""
    _, answer = offer(t)
    one_of(len(binary(answer.keys["CHAP_C"])), range(1, 1025), "bytes of CHAP_C")


def challenges_in_parallel_differ(t):
    """CHAP 3.6.3 CHAP_C Same Value Parallel Offer (RFC 7143 9.2.1): never the same one for two connections at a time."""
    seen = [offer(t)[1].keys["CHAP_C"] for _ in range(16)]
    same(len(set(seen)), 16, "different challenges of 16")


def challenges_in_series_differ(t):
    """CHAP 3.6.4 CHAP_C Same Value Serial Offer (RFC 7143 9.2.1): nor for one after the other."""
    seen = set()
    for _ in range(16):
        c, answer = offer(t)
        seen.add(answer.keys["CHAP_C"])
        c.close()
    same(len(seen), 16, "different challenges of 16")


def _mutual(t, challenge, identifier=0x42):
    """The initiator proves itself and asks the target to: the connection, before its answer."""
    c, answer = offer(t, initiator=world.MUTUAL)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys)), "CHAP_I": str(identifier), "CHAP_C": challenge})
    return c


@family({"1 byte": 1, "16 bytes": 16, "24 bytes": 24, "1024 bytes": 1024})
def mutual(t, length):
    """CHAP 3.1, 3.2, 4.8 mutual CHAP (RFC 7143 12.1.3): the target proves itself on challenges of any legal length."""
    challenge = bytes(range(1, 256)) * 5
    c = _mutual(t, as_hex(challenge[:length]))
    keys = is_in(c).keys
    wanted = hashlib.md5(bytes([0x42]) + world.MUTUAL_SECRET.encode() + challenge[:length]).digest()
    same((keys.get("CHAP_N"), binary(keys.get("CHAP_R", "0x"))), (world.MUTUAL_USER, wanted), "CHAP_N and CHAP_R of the target")


def mutual_challenge_in_base64(t):
    """CHAP 3.1 CHAP_C Valid Value (RFC 7143 6.1): a binary value may be in base64."""
    keys = is_in(_mutual(t, "0b" + base64.b64encode(b"a challenge of us").decode())).keys
    wanted = hashlib.md5(bytes([0x42]) + world.MUTUAL_SECRET.encode() + b"a challenge of us").digest()
    same(binary(keys["CHAP_R"]), wanted, "CHAP_R of the target")


@family({"1025 bytes": "0x" + "ab" * 1025, "empty": "0x", "no binary": "challenge", "odd digits": "0xabc", "no digits": "0xzz",
         "empty base64": "0b", "bad base64": "0b!!!!", "no prefix": "00112233445566778899aabbccddeeff"})
def mutual_challenge_that_is_none(t, said):
    """CHAP 3.3, 3.4 CHAP_C Too Big, Too Small Value (RFC 7143 12.1.3, 6.1): 1 to 1024 bytes, or the login fails."""
    refused(_mutual(t, said), *FAILS)


def challenge_reflected(t):
    """CHAP 3.7 CHAP_C Reflect (RFC 7143 9.2.1): the target's own challenge does not make it give its secret's proof away."""
    c, answer = offer(t, initiator=world.MUTUAL)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys)), "CHAP_I": answer.keys["CHAP_I"],
                 "CHAP_C": answer.keys["CHAP_C"]})
    refused(c, *FAILS)


def challenge_of_another_connection_reflected(t):
    """CHAP 3.8 CHAP_C Reflected (RFC 7143 9.2.1): a proof for one connection's challenge is none for another's."""
    _, other = offer(t)
    c, _ = offer(t)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(other.keys))})
    refused(c, *FAILS)


def challenge_without_identifier(t):
    """CHAP 2.3 CHAP_I Out of Order (RFC 7143 12.1.3): CHAP_C and CHAP_I belong together."""
    for keys in ({"CHAP_C": "0x" + "22" * 16}, {"CHAP_I": "9"}):
        c, answer = offer(t, initiator=world.MUTUAL)
        respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys)), **keys})
        refused(c, *FAILS)


def mutual_without_a_secret_for_it(t):
    """CHAP 4.8 CHAP_N Different (RFC 7143 12.1.3): a target without a secret for this direction fails the login, and does not lie."""
    c, answer = offer(t)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys)), "CHAP_I": "5", "CHAP_C": "0x" + "33" * 16})
    refused(c, *FAILS)


@family({"unknown": "nobody", "empty": "", "longer": world.USER + "x", "shorter": world.USER[:-1], "in capitals": world.USER.upper(),
         "the target's": world.MUTUAL_USER, "initiator name": NAME, "255 bytes": "u" * 255, "8 KiB": "u" * 8000})
def name_is_another(t, name):
    """CHAP 4.1, 4.4, 4.6 CHAP_N (RFC 7143 12.1.3): a name that is not the configured one fails, whatever the proof."""
    c, answer = offer(t, initiator=world.MUTUAL)
    respond(c, {"CHAP_N": name, "CHAP_R": as_hex(proof_of(answer.keys))})
    refused(c, *FAILS)


@family({"name": {"CHAP_R": True}, "proof": {"CHAP_N": world.USER}, "both, with T": {}})
def name_or_proof_is_missing(t, keys):
    """CHAP 4.5 CHAP_N Out of Order (RFC 7143 12.1.3): both come in one request; without them nobody gets past the stage."""
    c, answer = offer(t)
    if keys.get("CHAP_R"):
        keys = {"CHAP_R": as_hex(proof_of(answer.keys))}
    respond(c, keys)
    if keys:
        refused(c, *FAILS)
    else:
        got = c.login_response()
        check(got.status_class == 2 or not got.flags & 0x80, "the security stage was left without a proof")


@family({"one bit": 1, "all bits": 0xFF})
def proof_is_wrong(t, mask):
    """CHAP 5.1 CHAP_R Invalid Value (RFC 7143 12.1.3, 11.13.5): 0201, authentication failure."""
    c, answer = offer(t)
    proof = proof_of(answer.keys)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof[:-1] + bytes([proof[-1] ^ mask]))})
    refused(c, AUTHENTICATION_FAILURE)


@family({"longer": 17, "much longer": 1024, "above the limit": 1025, "far above": 3000})
def proof_is_too_long(t, length):
    """CHAP 5.2 CHAP_R Too Big Value (RFC 7143 12.1.3): a proof of another length is none."""
    c, answer = offer(t)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex((proof_of(answer.keys) + bytes(length))[:length])})
    refused(c, *FAILS)


@family({"15 bytes": 15, "1 byte": 1, "none": 0})
def proof_is_too_short(t, length):
    """CHAP 5.3 CHAP_R Too Small Value (RFC 7143 12.1.3): nor is the beginning of one."""
    c, answer = offer(t)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys)[:length])})
    refused(c, *FAILS)


@family({"base64": lambda proof: "0b" + base64.b64encode(proof).decode(),
         "base64, 0B": lambda proof: "0B" + base64.b64encode(proof).decode(), "capitals": lambda proof: "0X" + proof.hex().upper()})
def proof_in_other_notations(t, notation):
    """CHAP 5.1 CHAP_R Valid Value (RFC 7143 6.1): binary values come in hexadecimal or base64."""
    c, answer = offer(t)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": notation(proof_of(answer.keys))})
    is_in(c)


@family({"no prefix": lambda proof: proof.hex(), "no digits": lambda proof: "0x" + "zz" * 16,
         "odd digits": lambda proof: "0x" + proof.hex()[1:],
         "bad base64": lambda proof: "0b$$$$", "decimal": lambda proof: str(int.from_bytes(proof, "big"))})
def proof_that_is_no_binary(t, notation):
    """CHAP 5.1 CHAP_R Invalid Value (RFC 7143 6.1): what is no binary value fails the login."""
    c, answer = offer(t)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": notation(proof_of(answer.keys))})
    refused(c, *FAILS)


def proof_by_another_algorithm(t):
    """CHAP 5.1 CHAP_R Invalid Value (RFC 7143 12.1.3): a proof by a hash that was not agreed on fails."""
    c, answer = offer(t, "7")
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys))})
    refused(c, *FAILS)


def proof_with_the_secret_of_the_other_direction(t):
    """CHAP 5.1 CHAP_R Invalid Value (RFC 7143 9.2.1): the target's own secret does not let an initiator in."""
    c, answer = offer(t, initiator=world.MUTUAL)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys, world.MUTUAL_SECRET))})
    refused(c, *FAILS)


def proof_twice(t):
    """CHAP 5.1 CHAP_R (RFC 7143 12.1.3): a proof that failed cannot be tried again on the same connection."""
    c, answer = offer(t)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": "0x" + "00" * 16})
    refused(c, AUTHENTICATION_FAILURE)
    same(len(answer.keys), 3, "keys of the challenge")


@family({"CHAP first": "CHAP,None", "None first": "None,CHAP", "others too": "KRB5,SRP,CHAP", "extension": "X-io.ashlar.test,CHAP"})
def method_of_a_list(t, said):
    """Login 22.1 AuthMethod (RFC 7143 12.1): a host that must authenticate is asked for CHAP wherever that stands in its list."""
    same(begin(t, method=said).login_response().keys.get("AuthMethod"), "CHAP", "AuthMethod")


@family({"None": "None", "unknown": "KRB5", "empty": "", "lower case": "chap", "extension alone": "X-other", "Reject": "Reject"})
def method_that_does_not_do(t, said):
    """Login 7.3 Login Request Invalid AuthMethod (RFC 7143 12.1, 11.13.5): nothing that would do: the login fails."""
    refused(begin(t, method=said), *FAILS)


def method_none_for_an_open_host(t):
    """Login 22.1 AuthMethod (RFC 7143 12.1): a host that need not authenticate may choose None."""
    same(begin(t, initiator=NAME, method="None,CHAP").login_response().keys.get("AuthMethod"), "None", "AuthMethod")


def security_stage_left_out(t):
    """Login 22.1 AuthMethod (RFC 7143 6.3, 11.13.5): a host that must authenticate cannot begin in the operational stage."""
    c = t.connect()
    c.login_request(OPERATIONAL, 3, t.keys(initiator=world.ONE_WAY))
    refused(c, *FAILS)


def security_stage_without_method(t):
    """Login 22.1 AuthMethod (RFC 7143 12.1): nor leave the security stage without AuthMethod."""
    c = t.connect()
    c.login_request(SECURITY, OPERATIONAL, {"InitiatorName": world.ONE_WAY, "TargetName": t.world.target})
    refused(c, *FAILS)


def security_stage_left_before_the_proof(t):
    """Login 22.1 AuthMethod (RFC 7143 12.1.3): T with CHAP_A is not granted; the proof is still to come."""
    c = begin(t)
    c.login_response()
    c.login_request(SECURITY, OPERATIONAL, {"CHAP_A": "5"})
    answer = c.login_response()
    check(answer.status_class == 2 or not answer.flags & 0x80, "the security stage was left without a proof")


def stage_jump_before_the_proof(t):
    """Login 22.1 AuthMethod (RFC 7143 6.3): an operational request before the proof ends the login."""
    c, _ = offer(t)
    c.login_request(OPERATIONAL, 3, {"HeaderDigest": "None"})
    refused(c, *FAILS)


def identity_changes_after_the_challenge(t):
    """CHAP 4.7 CHAP_N Same (RFC 7143 6.3): names are told once; no other target or initiator may be slipped in behind the proof."""
    c, answer = offer(t)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys)), "InitiatorName": world.STRANGER})
    refused(c, *FAILS)


def discovery_needs_the_proof_too(t):
    """CHAP 1.1 (RFC 7143 4.3): a host whose targets all need CHAP proves itself for a discovery session as well."""
    c, answer = offer(t, target=False)
    respond(c, {"CHAP_N": world.USER, "CHAP_R": as_hex(proof_of(answer.keys))})
    is_in(c)
    check(("TargetName", t.world.target) in c.text_exchange({"SendTargets": "All"}), "the target is not told")


def discovery_without_proof(t):
    """CHAP 1.1 (RFC 7143 4.3): without it there is no discovery session."""
    c = t.connect()
    c.login_request(OPERATIONAL, 3, {"InitiatorName": world.ONE_WAY, "SessionType": "Discovery"})
    refused(c, *FAILS)
