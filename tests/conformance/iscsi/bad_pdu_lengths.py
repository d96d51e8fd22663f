"""Every PDU, in every state of a connection, cut off at every length (UNH-IOL Login 8.1 Invalid PDU; RFC 7143 7.6 format errors). One case
is a PDU and a state: after each cut the engine serves somebody else, and at the end it is no larger than its bounds."""
import socket

from conformance.iscsi import pdu
from conformance.iscsi.bench import check, family
from conformance.iscsi.pdu import OPERATIONAL, SECURITY
from support import array
from support.initiator import NAME, Closed, write_16

GROWTH_LIMIT = 64 * array.MIB   # of one case: what it touched for the first time; a leak of a PDU each would be above it in a while
DATA = bytes([0xC3]) * 512
# Of a header, whole; then some of its data.
CUTS = [*range(48), 48, 49, 51, 52, 100, 48 + 511, 48 + 512]


def _before_login(t):
    return t.connect()


def _security_stage(t):
    c = t.connect()
    c.login_step(SECURITY, None, {"InitiatorName": NAME, "TargetName": t.world.target, "AuthMethod": "None"})
    return c


def _operational_stage(t):
    c = t.connect()
    c.login_step(OPERATIONAL, None, t.keys())
    return c


def _full_feature(t):
    return t.login()


def _after_logout(t):
    c = t.login()
    c.logout()
    return c


def _discovery(t):
    return t.discovery()


STATES = {"before login": _before_login, "security stage": _security_stage, "operational stage": _operational_stage,
          "full feature": _full_feature, "after logout": _after_logout, "discovery": _discovery}
# The reserved and vendor opcodes too.
OPCODES = {**{name: opcode for opcode, name in pdu.NAMES.items()}, "opcode 0x07": 0x07, "opcode 0x1c": 0x1C, "opcode 0x3c": 0x3C}


def _whole(c, opcode, data=DATA, **fields):
    """The PDU with fields that make sense where it has them, and a data segment."""
    flags = {pdu.SCSI_COMMAND: 0xA1, pdu.TASK_MANAGEMENT: 0x82, pdu.LOGIN: OPERATIONAL << 2}.get(opcode, 0x80)
    header = pdu.build(opcode, flags, opcode == pdu.LOGIN, lun=1, itt=0x40, expected_length=512, cmd_sn=c.cmd_sn,
                       exp_stat_sn=c.exp_stat_sn or 0)
    if opcode == pdu.SCSI_COMMAND:
        pdu.place(header, "cdb", write_16(24576, 1))
    if opcode == pdu.LOGIN:
        pdu.place(header, "isid", c.isid)
        pdu.place(header, "lun", c.isid + bytes(2))
    if opcode in (pdu.NOP_OUT, pdu.TEXT):
        pdu.place(header, "ttt", pdu.RESERVED)
    for name, value in fields.items():
        pdu.place(header, name, value)
    return c.pack(header, data)


def _send_and_end(c, octets):
    """Sends, says that nothing more will come, and reads what there is until the target has closed."""
    try:
        c.send_raw(octets)
        c.socket.shutdown(socket.SHUT_WR)
        while c.socket.recv(65536):
            pass
    except (Closed, ConnectionError, OSError):
        pass
    c.close()


def _each(states, opcodes):
    return {f"{name}, {state}": (begin, opcode) for name, opcode in opcodes.items() for state, begin in states.items()}


@family(_each(STATES, OPCODES))
def cut_short(t, begin, opcode):
    """Login 8.1 Invalid PDU (RFC 7143 7.6): the PDU ends after 0 to 47 bytes of its header, or within its data; so does the connection."""
    before = t.world.memory()
    for cut in CUTS:
        c = begin(t)
        _send_and_end(c, _whole(c, opcode)[:cut])
        t.serves()
    growth = t.world.memory() - before
    check(t.world.alive() and growth < GROWTH_LIMIT, f"the engine has grown by {growth >> 20} MiB")


# Lengths that say what does not follow.
LIES = {"data of 16 MiB": {"data_length": 0xFFFFFF}, "AHS of 1020 bytes": {"ahs_words": 255},
        "both": {"data_length": 0xFFFFFF, "ahs_words": 255},
        "data of one byte more": {"data_length": 513}, "AHS of one word": {"ahs_words": 1}}


@family({f"{lie}, {state}": (begin, fields) for lie, fields in LIES.items() for state, begin in STATES.items()})
def lengths_that_lie(t, begin, fields):
    """Login 8.1 Invalid PDU (RFC 7143 7.6, 13.12): for every opcode, lengths above what follows: no memory is taken for the promise."""
    before = t.world.memory()
    for opcode in OPCODES.values():
        c = begin(t)
        _send_and_end(c, _whole(c, opcode, **fields))
        t.serves()
    growth = t.world.memory() - before
    check(t.world.alive() and growth < GROWTH_LIMIT, f"the engine has grown by {growth >> 20} MiB")


@family({f"{value:#04x}, {state}": (begin, value) for value in (0x00, 0xFF, 0x55) for state, begin in STATES.items()})
def header_of_one_value(t, begin, value):
    """Login 8.1 Invalid PDU (RFC 7143 7.6): 4096 bytes of one value, as a scanner sends them."""
    c = begin(t)
    _send_and_end(c, bytes([value]) * 4096)
    t.serves()


@family({state: begin for state, begin in STATES.items()})
def every_flag_of_every_opcode(t, begin):
    """Login 8.1 Invalid PDU (RFC 7143 7.6): all values of the flags byte, for each opcode of an initiator, with data."""
    for opcode in (pdu.NOP_OUT, pdu.SCSI_COMMAND, pdu.TASK_MANAGEMENT, pdu.LOGIN, pdu.TEXT, pdu.DATA_OUT, pdu.LOGOUT, pdu.SNACK):
        for flags in range(0, 256, 5):
            c = begin(t)
            _send_and_end(c, _whole(c, opcode, flags=flags))
    t.serves()


def connections_leave_nothing_behind(t):
    """Login 8.1 Invalid PDU (RFC 7143 7.6): a thousand connections that break off: memory and files of the engine stay as they were."""
    import os
    folder = f"/proc/{t.world.pid}/fd"
    t.serves()
    before, files = t.world.memory(), len(os.listdir(folder))
    for number in range(1000):
        c = t.connect()
        c.send_raw(_whole(c, pdu.LOGIN)[:number % 600])
        c.close()
    array.wait_for(lambda: len(os.listdir(folder)) <= files + 2, "the engine to close what it opened")
    growth = t.world.memory() - before
    check(growth < GROWTH_LIMIT, f"the engine has grown by {growth >> 20} MiB")
