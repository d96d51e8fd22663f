"""Negotiation of every key of RFC 7143 section 13, by legal and illegal values (UNH-IOL Login Phase 6, 7, 9, 10, 12 to 20)."""
from conformance.iscsi import pdu
from conformance.iscsi.bench import check, family, one_of, refused, same
from conformance.iscsi.pdu import FULL_FEATURE, OPERATIONAL, SECURITY

INITIATOR_ERROR = 0x02
ANSWERS_ALONE = ("Reject", "Irrelevant", "NotUnderstood")
# Of RFC 7143 13.2 to 13.20: result function, lowest, highest, the item.
NUMBERS = {"MaxConnections": (min, 1, 65535), "MaxBurstLength": (min, 512, 0xFFFFFF), "FirstBurstLength": (min, 512, 0xFFFFFF),
           "DefaultTime2Wait": (max, 0, 3600), "DefaultTime2Retain": (min, 0, 3600), "MaxOutstandingR2T": (min, 1, 65535),
           "ErrorRecoveryLevel": (min, 0, 2)}
BOOLEANS = {"InitialR2T": "or", "ImmediateData": "and", "DataPDUInOrder": "or", "DataSequenceInOrder": "or"}
DIGESTS = ("HeaderDigest", "DataDigest")


def _negotiate(t, keys):
    """One request of the operational stage without T: its answer, of whatever status."""
    c = t.connect()
    c.login_request(OPERATIONAL, None, {**t.keys(), **keys})
    return c, c.login_response()


def _legal_numbers():
    """The bounds, something between, and the same in hexadecimal (RFC 7143 6.1)."""
    cases = {}
    for key, (_, low, high) in NUMBERS.items():
        for value in (low, high, (low + high) // 2 or 1):
            cases[f"{key}={value}"] = (key, value, str(value))
        cases[f"{key}={high:#x}"] = (key, high, hex(high))
        cases[f"{key}={low:#X}"] = (key, low, "0X" + f"{low:X}")
    return cases


@family(_legal_numbers())
def number(t, key, value, said):
    """Login 10.1, 15.1, 16.1, 17.1 to 20.1 Negotiation of numbers (RFC 7143 6.2.2): the answer is the minimum or maximum."""
    _, answer = _negotiate(t, {key: said})
    same(answer.status_class, 0, "the status class")
    function, low, high = NUMBERS[key]
    got = int(answer.keys[key], 0)
    one_of(got, range(low, high + 1), f"{key} of the answer")
    same(function(got, value), got, f"{key} of the answer to {value}")


def _illegal_numbers():
    cases = {}
    for key, (_, low, high) in NUMBERS.items():
        values = [str(high + 1), "-1", "", "many", "1.5", "0x", "0xgg", "1 ", "18446744073709551616", "1,2"]
        if low > 0:
            values.append(str(low - 1))
        cases.update({f"{key}={value!r}": (key, value) for value in values})
    return cases


@family(_illegal_numbers())
def number_out_of_bounds(t, key, value):
    """Login 7.4 Login Request Value Too High (RFC 7143 6.2.2): answered with Reject or with a value that is legal, or refused."""
    c, answer = _negotiate(t, {key: value})
    if answer.status_class:
        same(answer.status_class, INITIATOR_ERROR, "the status class")
        return c.receive_end()
    got = answer.keys.get(key)
    check(got is not None, f"{key} was not answered")
    if got != "Reject":
        one_of(int(got, 0), range(NUMBERS[key][1], NUMBERS[key][2] + 1), f"{key} of the answer")


@family({f"{key}={value}": (key, value) for key in BOOLEANS for value in ("Yes", "No")})
def boolean(t, key, value):
    """Login 13.1, 13.2 Legal Boolean Negotiation (RFC 7143 6.2.2): Yes wins an OR, No wins an AND."""
    _, answer = _negotiate(t, {key: value})
    got = answer.keys[key]
    one_of(got, ("Yes", "No"), f"{key} of the answer")
    if (BOOLEANS[key], value) in (("or", "Yes"), ("and", "No")):
        same(got, value, f"{key} of the answer")


@family({f"{key}={value!r}": (key, value) for key in BOOLEANS for value in ("yes", "YES", "NO", "1", "True", "", "Yes,No", "Maybe")})
def boolean_illegal(t, key, value):
    """Login 7.5, 13.3 Illegal Boolean Negotiation (RFC 7143 6.2.2): answered with Reject or a legal value, or refused."""
    c, answer = _negotiate(t, {key: value})
    if answer.status_class:
        same(answer.status_class, INITIATOR_ERROR, "the status class")
        return c.receive_end()
    one_of(answer.keys.get(key), ("Yes", "No", "Reject"), f"{key} of the answer")


@family({f"{key}={said}": (key, said) for key in DIGESTS
         for said in ("None", "CRC32C", "CRC32C,None", "None,CRC32C", "X-io.ashlar.test,CRC32C", "X-a,X-b,None", "MD5,None")})
def digest_offer(t, key, said):
    """Login 9.1, 9.2 Header and Data Digests Offer (RFC 7143 6.2.1, 13.1): the first of the list that the target knows."""
    _, answer = _negotiate(t, {key: said})
    known = [each for each in said.split(",") if each in ("None", "CRC32C")]
    same(answer.keys.get(key), known[0], f"{key} of the answer")


@family({f"{key}={said!r}": (key, said) for key in DIGESTS for said in ("MD5", "none", "crc32c", "", ",", "X-a,X-b", "CRC32C;None")})
def digest_unknown(t, key, said):
    """Login 7.2, 9.2 List Negotiation (RFC 7143 6.2.1): nothing of the list is known: Reject, or the login ends; never a choice."""
    c, answer = _negotiate(t, {key: said})
    if answer.status_class:
        same(answer.status_class, INITIATOR_ERROR, "the status class")
        return c.receive_end()
    same(answer.keys.get(key), "Reject", f"{key} of the answer")


@family({"header": ("CRC32C", "None"), "data": ("None", "CRC32C"), "both": ("CRC32C", "CRC32C")})
def digests_in_use(t, header, data):
    """Login 9.3 Digests Support CRC32C (RFC 7143 13.1): in force from the first PDU of full feature phase, and right."""
    c = t.session(HeaderDigest=header, DataDigest=data)
    same((c.header_digest, c.data_digest), (header == "CRC32C", data == "CRC32C"), "digests agreed")
    tag = c.ping(b"some bytes")
    answer = c.receive_of(pdu.NOP_IN)
    same((answer.itt, answer.data), (tag, b"some bytes"), "the answer to the ping")


@family({"512": "512", "8192": "8192", "262144": "262144", "largest": "16777215", "hexadecimal": "0x400", "odd": "513"})
def receive_length(t, said):
    """Login 14.1 MaxRecvDataSegmentLength (RFC 7143 13.12): declared, not negotiated: both sides say their own, from 512."""
    _, answer = _negotiate(t, {"MaxRecvDataSegmentLength": said})
    same(answer.status_class, 0, "the status class")
    if "MaxRecvDataSegmentLength" in answer.keys:
        one_of(int(answer.keys["MaxRecvDataSegmentLength"], 0), range(512, 1 << 24), "the target's own")


@family({value or "empty": value for value in ("511", "0", "16777216", "-1", "", "much", "0x", "1e4", "18446744073709551616")})
def receive_length_out_of_bounds(t, said):
    """Login 14.1 MaxRecvDataSegmentLength (RFC 7143 13.12): there is no answer that could reject it: the login ends."""
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, t.keys(MaxRecvDataSegmentLength=said))
    refused(c, INITIATOR_ERROR)


@family({"below": (512, 65536), "equal": (65536, 65536), "above": (262144, 65536), "both low": (512, 512)})
def first_burst_and_max_burst(t, first, most):
    """Login 16.1, 16.2 FirstBurstLength against MaxBurstLength (RFC 7143 13.14): it never comes out above it."""
    for keys in ({"FirstBurstLength": first, "MaxBurstLength": most}, {"MaxBurstLength": most, "FirstBurstLength": first}):
        c, answer = _negotiate(t, keys)
        if answer.status_class == 0:
            check(int(answer.keys["FirstBurstLength"]) <= int(answer.keys["MaxBurstLength"]), f"{answer.keys}")
        else:
            same(answer.status_class, INITIATOR_ERROR, "the status class")


def first_burst_agreed_before_a_lower_max_burst(t):
    """Login 16.2 FirstBurstLength Greater Than MaxBurstLength (RFC 7143 13.14): also when the second comes a request later."""
    c = t.connect()
    first = c.login_step(OPERATIONAL, None, t.keys(FirstBurstLength=65536))
    c.login_request(OPERATIONAL, None, {"MaxBurstLength": 4096})
    answer = c.login_response()
    if answer.status_class == 0:
        check(int(first.keys["FirstBurstLength"]) <= 4096 or answer.keys["MaxBurstLength"] == "Reject", f"{answer.keys}")


@family({"same PDU": True, "separate PDUs": False})
def negotiate_twice(t, together):
    """Login 6.1 to 6.3 Negotiate Once (RFC 7143 6.3): a key that is negotiated twice in a login ends it."""
    c = t.connect()
    twice = [("ImmediateData", "Yes"), ("ImmediateData", "No")]
    if together:
        keys = [pair for pair in t.keys().items() if pair[0] != "ImmediateData"] + twice
        c.login_request(OPERATIONAL, FULL_FEATURE, keys)
    else:
        c.login_step(OPERATIONAL, None, t.keys())
        c.login_request(OPERATIONAL, FULL_FEATURE, twice[1:])
    refused(c, INITIATOR_ERROR)


@family({key: key for key in ("MaxBurstLength", "FirstBurstLength", "MaxConnections", "InitialR2T", "HeaderDigest",
                              "MaxRecvDataSegmentLength", "ErrorRecoveryLevel", "DefaultTime2Wait", "InitiatorName")})
def any_key_twice(t, key):
    """Login 6.1 Negotiate Once (RFC 7143 6.3): whatever key it is."""
    value = {"InitialR2T": "Yes", "HeaderDigest": "None", "MaxRecvDataSegmentLength": "8192",
             "InitiatorName": t.keys()["InitiatorName"]}.get(key, "1" if key in ("MaxConnections",) else "1024")
    value = "0" if key in ("ErrorRecoveryLevel", "DefaultTime2Wait") else value
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, [*{**t.keys(), key: value}.items(), (key, value)])
    refused(c, INITIATOR_ERROR)


@family({name: name for name in ("X-io.ashlar.test", "X#unknown", "Unknown", "x", "max-burst.length_1@2", "Z" * 63)})
def key_that_nobody_knows(t, key):
    """Login 7.6 Login Request Invalid Key (RFC 7143 6.2): answered with NotUnderstood, and the login goes on."""
    c, answer = _negotiate(t, {key: "value"})
    same(answer.keys.get(key), "NotUnderstood", f"{key} of the answer")
    c.login({}).alive()


@family({"64 bytes": b"K" * 64 + b"=v\0", "empty": b"=value\0", "blank in it": b"a key=value\0", "not ASCII": "\u00e4=v\0".encode(),
         "no equals sign": b"JustAWord\0", "control character": b"a\x01b=v\0", "no NUL at the end": b"X-a=b"})
def key_that_is_no_key(t, text):
    """Login 7.6 Login Request Invalid Key (RFC 7143 6.1): text that breaks the format ends the login."""
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, data=pdu.text_of(t.keys()) + text)
    refused(c, INITIATOR_ERROR)


@family({"control character": b"a\x01b", "not UTF-8": b"\xff\xfe", "too long": b"v" * 8193})
def value_that_is_no_text(t, value):
    """Login 7.6 Login Request Invalid Key (RFC 7143 6.1): so does a value that is no UTF-8 text, or too long."""
    c = t.connect()
    text = pdu.text_of(t.keys()) + b"InitiatorAlias=" + value + b"\0"
    if len(text) > 8192:
        c.login_step(OPERATIONAL, flags=0x40 | OPERATIONAL << 2, data=text[:8192])
        text = text[8192:]
    c.login_request(OPERATIONAL, FULL_FEATURE, data=text)
    refused(c, INITIATOR_ERROR)


@family({word: word for word in ANSWERS_ALONE})
def answers_that_answer_nothing(t, word):
    """Login 7.6 Login Request Invalid Key (RFC 7143 6.2): words kept for answers are no offer: no agreement comes of them."""
    c, answer = _negotiate(t, {"MaxBurstLength": word})
    if answer.status_class == 0:
        one_of(answer.keys.get("MaxBurstLength"), (None, "Reject"), "MaxBurstLength of the answer")


@family({key: (key, value) for key, value in {
    "HeaderDigest": "CRC32C", "DataDigest": "CRC32C", "MaxConnections": "2", "InitialR2T": "Yes", "ImmediateData": "Yes",
    "MaxBurstLength": "65536", "FirstBurstLength": "4096", "MaxOutstandingR2T": "2", "ErrorRecoveryLevel": "1",
    "MaxRecvDataSegmentLength": "4096"}.items()})
def operational_key_in_the_security_stage(t, key, value):
    """Login 22.1 AuthMethod (RFC 7143 12): only names and security keys belong there; others are not agreed to there."""
    c = t.connect()
    names = {name: said for name, said in t.keys().items() if name in ("InitiatorName", "TargetName", "SessionType")}
    c.login_request(SECURITY, None, {**names, "AuthMethod": "None", key: value})
    answer = c.login_response()
    if answer.status_class == 0:
        one_of(answer.keys.get(key), (None, "Reject", "NotUnderstood", "Irrelevant"), f"{key} of the answer")
    else:
        same(answer.status_class, INITIATOR_ERROR, "the status class")


@family({key: (key, value) for key, value in (("AuthMethod", "None"), ("CHAP_A", "5"), ("CHAP_N", "name"), ("CHAP_R", "0x00"))})
def security_key_in_the_operational_stage(t, key, value):
    """Login 22.1 AuthMethod (RFC 7143 12): security keys are for the security stage alone."""
    _, answer = _negotiate(t, {key: value})
    if answer.status_class == 0:
        one_of(answer.keys.get(key), ("Reject", "NotUnderstood", "Irrelevant"), f"{key} of the answer")


@family({f"{key}={said}": (key, said) for key in ("IFMarker", "OFMarker") for said in ("Yes", "No")})
def markers(t, key, said):
    """Login 12.1 Marker Negotiation (RFC 7143 13.25): obsolete: answered with No, or NotUnderstood, or Reject."""
    _, answer = _negotiate(t, {key: said})
    one_of(answer.keys.get(key), ("No", "Reject", "NotUnderstood"), f"{key} of the answer")


@family({f"{key}={said}": (key, said) for key in ("IFMarkInt", "OFMarkInt") for said in ("2048~8192", "2048")})
def marker_intervals(t, key, said):
    """Login 12.1 Marker Negotiation (RFC 7143 13.25): their intervals are rejected, or not understood, or Irrelevant."""
    _, answer = _negotiate(t, {key: said})
    one_of(answer.keys.get(key), ("Reject", "NotUnderstood", "Irrelevant"), f"{key} of the answer")


@family({"Discovery and Normal": "Discovery,Normal", "lower case": "normal", "empty": "", "other": "Maintenance"})
def session_type_unknown(t, said):
    """Login 21.1 SessionType (RFC 7143 11.13.5, 13.21): a type that is not known is refused with 0209, or as an error."""
    c = t.connect()
    c.login_request(OPERATIONAL, FULL_FEATURE, t.keys(SessionType=said))
    refused(c, 0x0209, 0x0200)


@family({"targets key": "TargetAlias", "address": "TargetAddress", "portal group": "TargetPortalGroupTag"})
def key_of_a_target(t, key):
    """Login 23.1 Target's keys (RFC 7143 13.6, 13.8, 13.9): an initiator may not declare them: refused, or at least not taken."""
    c, answer = _negotiate(t, {key: "1"})
    if answer.status_class == 0:
        one_of(answer.keys.get(key), (None, "Reject", "1", "NotUnderstood"), f"{key} of the answer")


@family({"RFC3720": "RFC3720", "ResponseFence": "ResponseFence,RFC3720", "FastAbort": "FastAbort,ResponseFence,RFC3720"})
def task_reporting(t, said):
    """Login TaskReporting (RFC 7143 13.23): one of the list that was offered."""
    _, answer = _negotiate(t, {"TaskReporting": said})
    one_of(answer.keys.get("TaskReporting"), said.split(","), "TaskReporting of the answer")


@family({str(level): level for level in (0, 1, 2, 31)})
def protocol_level(t, level):
    """Login iSCSIProtocolLevel (RFC 7143 13.24, RFC 7144): the answer is not above the offer."""
    _, answer = _negotiate(t, {"iSCSIProtocolLevel": level})
    one_of(int(answer.keys.get("iSCSIProtocolLevel", -1)), range(level + 1), "iSCSIProtocolLevel of the answer")


@family({"of 255 bytes": "a" * 255, "in UTF-8": "Wirt \u00fc\u20ac", "empty": ""})
def initiator_alias(t, alias):
    """Login 11.1 InitiatorAlias (RFC 7143 13.7): declared, so there is no answer; any UTF-8 text of up to 255 bytes."""
    c, answer = _negotiate(t, {"InitiatorAlias": alias})
    same(answer.status_class, 0, "the status class")
    check("InitiatorAlias" not in answer.keys, "a declaration was answered")


def every_offer_is_answered_once(t):
    """Login 7.1 Login Request (RFC 7143 6.2): each negotiated key has exactly one answer, and nothing else is answered."""
    offers = {**{key: low for key, (_, low, _) in NUMBERS.items()}, **{key: "Yes" for key in BOOLEANS}}
    _, answer = _negotiate(t, offers)
    told = [key for key, _ in answer.pairs()]
    same(sorted(told), sorted(set(told)), "keys of the answer")
    same(set(offers) - set(told), set(), "keys without an answer")


@family({key: key for key in ("MaxConnections", "InitialR2T", "ImmediateData", "MaxBurstLength", "FirstBurstLength",
                              "MaxOutstandingR2T", "DataPDUInOrder", "DataSequenceInOrder")})
def key_without_meaning_in_discovery(t, key):
    """Login 21.1 SessionType (RFC 7143 13): in a discovery session these are Irrelevant; a usual answer does no harm."""
    c = t.connect()
    value = "Yes" if key in BOOLEANS else "1024" if "Burst" in key else "1"
    keys = {**t.keys(SessionType="Discovery", TargetName=None, InitialR2T=None, ImmediateData=None), key: value}
    c.login_request(OPERATIONAL, None, {name: said for name, said in keys.items() if said is not None})
    one_of(c.login_response().keys.get(key), ("Irrelevant", value, "Yes", "No"), f"{key} of the answer")
