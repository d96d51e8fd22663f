"""PDUs of NVMe/TCP and entries of NVMe as bytes with named fields, all of which may be set wrong on purpose. Little-endian."""
import struct

# PDU types (NVMe/TCP 1.0 3.6), and the length of the header of each.
IC_REQ, IC_RESP, H2C_TERM, C2H_TERM, COMMAND, RESPONSE, H2C_DATA, C2H_DATA, R2T = 0, 1, 2, 3, 4, 5, 6, 7, 9
HEADER_BYTES = {IC_REQ: 128, IC_RESP: 128, H2C_TERM: 24, C2H_TERM: 24, COMMAND: 72, RESPONSE: 24, H2C_DATA: 24, C2H_DATA: 24, R2T: 24}
NAMES = {IC_REQ: "ICReq", IC_RESP: "ICResp", H2C_TERM: "H2CTermReq", C2H_TERM: "C2HTermReq", COMMAND: "CapsuleCmd",
         RESPONSE: "CapsuleResp", H2C_DATA: "H2CData", C2H_DATA: "C2HData", R2T: "R2T"}
HDGST, DDGST, LAST, SUCCESS = 1, 2, 4, 8   # FLAGS
# FES of a termination request.
BAD_FIELD, SEQUENCE, BAD_DIGEST, OUT_OF_RANGE, LIMIT_EXCEEDED, UNSUPPORTED = 1, 2, 3, 4, 5, 6

# Opcodes.
FABRICS = 0x7F
GET_LOG, IDENTIFY, ABORT, SET_FEATURES, GET_FEATURES, EVENT_REQUEST, KEEP_ALIVE = 0x02, 0x06, 0x08, 0x09, 0x0A, 0x0C, 0x18
FLUSH, WRITE, READ, UNCORRECTABLE, COMPARE, ZEROES, DATASET, VERIFY, COPY = 0, 1, 2, 4, 5, 8, 9, 0x0C, 0x19
REGISTER, REPORT, ACQUIRE, RELEASE = 0x0D, 0x0E, 0x11, 0x15
PROPERTY_SET, CONNECT, PROPERTY_GET, AUTH_SEND, AUTH_RECEIVE, DISCONNECT = 0, 1, 4, 5, 6, 8   # FCTYPE
CAP, VS, CC, CSTS = 0x00, 0x08, 0x14, 0x1C
ENABLE = 0x460001   # CC: EN, entries of 64 and 16 bytes

# Status codes with their types (NVMe 2.0 figures 93 to 97).
GOOD, INVALID_OPCODE, INVALID_FIELD, ABORT_REQUESTED, FAILED_FUSED, MISSING_FUSED = 0x000, 0x001, 0x002, 0x007, 0x009, 0x00A
INVALID_NAMESPACE, SEQUENCE_ERROR, DATA_LENGTH, DESCRIPTOR_TYPE, BAD_OFFSET = 0x00B, 0x00C, 0x00F, 0x011, 0x016
KEEP_ALIVE_INVALID, WRITE_PROTECTED, TRANSPORT_ERROR = 0x01A, 0x020, 0x022
OUT_OF_RANGE_LBA, CAPACITY, RESERVATION_CONFLICT = 0x080, 0x081, 0x083
EVENT_LIMIT, INVALID_LOG, NOT_SAVEABLE, NOT_CHANGEABLE, NOT_OF_NAMESPACE = 0x105, 0x109, 0x10D, 0x10E, 0x10F
BAD_FORMAT, CONTROLLER_BUSY, BAD_PARAMETERS, INVALID_HOST = 0x180, 0x181, 0x182, 0x184
SIZE_LIMIT, COMPARE_FAILURE = 0x183, 0x285
PERSISTENT_LOSS, INACCESSIBLE, TRANSITION = 0x301, 0x302, 0x303


def header(kind, flags=0, length=None, offset=0, total=None):
    """The common header: type, FLAGS, HLEN, PDO, PLEN."""
    length = HEADER_BYTES.get(kind, 24) if length is None else length
    return struct.pack("<BBBBI", kind, flags, length, offset, length if total is None else total)


def ic_req(version=0, alignment=0, digests=0, most=0, reserved=0, head=None):
    head = head or header(IC_REQ)
    return head + struct.pack("<HBBI", version, alignment, digests, most) + bytes([reserved]) * 112


def transfer(command_id, tag, offset, length):
    """What stands behind the common header of H2CData."""
    return struct.pack("<HHIII", command_id, tag, offset, length, 0)


def entry(opcode, nsid=0, fuse=0, pointer=1, **words):
    """A submission queue entry: cdw10=..., lba=(CDW10 and 11); the data descriptor and the command id come later."""
    made = bytearray(64)
    made[0], made[1] = opcode, pointer << 6 | fuse
    struct.pack_into("<I", made, 4, nsid)
    for name, value in words.items():
        if name == "lba":
            struct.pack_into("<Q", made, 40, value)
        else:
            struct.pack_into("<I", made, 4 * int(name[3:]), value)
    return made


def blocks(opcode, lba, count=1, nsid=1, **words):
    return entry(opcode, nsid, lba=lba, cdw12=(count - 1) | words.pop("flags", 0), **words)


def fabrics(kind, **words):
    made = entry(FABRICS, **words)
    made[4] = kind
    return made


def connect_entry(queue_id, entries=32, record_format=0, attributes=0, keep_alive=0):
    made = fabrics(CONNECT)
    struct.pack_into("<HHHBBI", made, 40, record_format, queue_id, entries - 1 & 0xFFFF, attributes, 0, keep_alive)
    return made


def connect_data(subsystem, host, host_id, controller_id=0xFFFF):
    data = bytearray(1024)
    data[0:16] = host_id
    struct.pack_into("<H", data, 16, controller_id)
    for at, name in ((256, subsystem), (512, host)):
        octets = name if isinstance(name, bytes) else name.encode()
        data[at:at + len(octets)] = octets
    return bytes(data[:1024])


def log_entry(page, length, offset=0, nsid=0xFFFFFFFF, retain=False, specific=0, cdw14=0):
    dwords = length // 4 - 1
    return entry(GET_LOG, nsid, cdw10=page | specific << 8 | (0x8000 if retain else 0) | (dwords & 0xFFFF) << 16, cdw11=dwords >> 16,
                 cdw12=offset & 0xFFFFFFFF, cdw13=offset >> 32, cdw14=cdw14)


def number(octets, at, length):
    return int.from_bytes(octets[at:at + length], "little")
