"""Every PDU of RFC 7143 section 11 as 48 bytes with named fields, all of which may be set wrong on purpose."""
from support.initiator import (ASYNC, DATA_IN, DATA_OUT, LOGIN, LOGIN_RESPONSE, LOGOUT, LOGOUT_RESPONSE,  # noqa: F401
                               NOP_IN, NOP_OUT, R2T, REJECT, SCSI_COMMAND, SCSI_RESPONSE, TASK_MANAGEMENT,
                               TASK_MANAGEMENT_RESPONSE, TEXT)

TEXT_RESPONSE, SNACK = 0x24, 0x10
RESERVED = 0xFFFFFFFF                       # a task or transfer tag that names nothing
FINAL, CONTINUE, IMMEDIATE = 0x80, 0x40, 0x40
READ, WRITE = 0x40, 0x20                    # of a SCSI command
SECURITY, OPERATIONAL, FULL_FEATURE = 0, 1, 3

NAMES = {NOP_OUT: "NOP-Out", SCSI_COMMAND: "SCSI Command", TASK_MANAGEMENT: "Task Management Request", LOGIN: "Login Request",
         TEXT: "Text Request", DATA_OUT: "Data-Out", LOGOUT: "Logout Request", SNACK: "SNACK", NOP_IN: "NOP-In",
         SCSI_RESPONSE: "SCSI Response", TASK_MANAGEMENT_RESPONSE: "Task Management Response",
         LOGIN_RESPONSE: "Login Response", TEXT_RESPONSE: "Text Response", DATA_IN: "Data-In",
         LOGOUT_RESPONSE: "Logout Response", R2T: "R2T", ASYNC: "Asynchronous Message", REJECT: "Reject"}

# Name: first byte, bytes. Some places have several names, one for each PDU that uses them.
FIELDS = {
    "opcode_byte": (0, 1), "flags": (1, 1), "version_max": (2, 1), "version_min": (3, 1), "version_active": (3, 1),
    "response": (2, 1), "reason": (2, 1), "status": (3, 1), "ahs_words": (4, 1), "data_length": (5, 3),
    "lun": (8, 8), "isid": (8, 6), "tsih": (14, 2), "itt": (16, 4), "ttt": (20, 4), "expected_length": (20, 4),
    "referenced_tag": (20, 4), "snack_tag": (20, 4), "cid": (20, 2), "cmd_sn": (24, 4), "stat_sn": (24, 4),
    "exp_stat_sn": (28, 4), "exp_cmd_sn": (28, 4), "max_cmd_sn": (32, 4), "ref_cmd_sn": (32, 4), "cdb": (32, 16),
    "data_sn": (36, 4), "exp_data_sn": (36, 4), "r2t_sn": (36, 4), "status_class": (36, 1), "status_detail": (37, 1),
    "event": (36, 1), "buffer_offset": (40, 4), "begin_run": (40, 4), "time2wait": (40, 2), "time2retain": (42, 2),
    "residual": (44, 4), "desired_length": (44, 4), "run_length": (44, 4)}


def build(opcode, flags=FINAL, immediate=False, **fields):
    """A header. Numbers are big-endian; a LUN that is a number is one of the peripheral device addressing (SAM-4 4.7.7.2)."""
    header = bytearray(48)
    header[0] = opcode | (IMMEDIATE if immediate else 0)
    header[1] = flags
    for name, value in fields.items():
        place(header, name, value)
    return header


def place(header, name, value):
    start, length = FIELDS[name]
    if name == "lun" and isinstance(value, int):
        value = bytes([0, value]) + bytes(6)
    if isinstance(value, int):
        value = (value % (1 << 8 * length)).to_bytes(length, "big")
    header[start:start + len(value)] = value


class Pdu:
    """What the target sent: any of FIELDS is an attribute."""

    def __init__(self, header, data=b"", ahs=b""):
        self.header, self.data, self.ahs = header, data, ahs

    def __getattr__(self, name):
        start, length = FIELDS[name]
        return int.from_bytes(self.header[start:start + length], "big")

    @property
    def opcode(self):
        return self.header[0] & 0x3F

    @property
    def final(self):
        return bool(self.header[1] & FINAL)

    @property
    def keys(self):
        """The text of a login or text response. A key that came twice is a list's worth of trouble: pairs() shows it."""
        return dict(self.pairs())

    def pairs(self):
        return [tuple(pair.split("=", 1)) for pair in self.data.decode().split("\0") if pair]

    def takes_stat_sn(self):
        """Does it use a StatSN up (RFC 7143 4.2.2.2)?"""
        if self.opcode == DATA_IN:
            return bool(self.header[1] & 0x01)
        return self.opcode != R2T and not (self.opcode == NOP_IN and self.itt == RESERVED)

    def __repr__(self):
        told = NAMES.get(self.opcode, f"opcode {self.opcode:#x}")
        return f"{told} {bytes(self.header).hex(' ', 4)} + {len(self.data)} bytes"


def text_of(keys):
    """Key=value pairs as a data segment; a dictionary, or a list of pairs when a key comes twice. None leaves a key out."""
    pairs = keys.items() if isinstance(keys, dict) else keys
    return b"".join(f"{name}={value}\0".encode() for name, value in pairs if value is not None)


def additional_header(kind, content):
    """One additional header segment (RFC 7143 11.2.2): its length counts what follows the type, without padding."""
    whole = len(content).to_bytes(2, "big") + bytes([kind]) + content
    return whole + bytes(-len(whole) % 4)
