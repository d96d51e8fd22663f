"""The data of a CD-ROM drive (MMC-6) over iSCSI: its reads in sequences like a disk's, parameter data cut to every allocation length."""
import struct

from conformance.iscsi.bench import check, family, same
from conformance.iscsi.world import DRIVE, SECOND_TARGET
from support.initiator import GOOD, sense_of


def _drive(t, **keys):
    return t.session(portal=1, target=SECOND_TARGET, **keys)


def _read_10(block, blocks):
    return struct.pack(">BBIBHB", 0x28, 0, block, 0, blocks, 0)


def _read_12(block, blocks):
    return struct.pack(">BBIIBB", 0xA8, 0, block, blocks, 0, 0)


def _read_cd(block, blocks):
    return struct.pack(">BBIB", 0xBE, 0, block, 0) + struct.pack(">HBBB", blocks, 0x10, 0, 0)


READS = {f"{name}, segments of {segment}": (cdb, segment) for segment in (512, 2048, 8192, 3000)
         for name, cdb in (("READ(10)", _read_10), ("READ(12)", _read_12), ("READ CD", _read_cd))}


@family(READS)
def drive_is_read(t, cdb, segment):
    """Full Feature 6.1 DataSN (RFC 7143 11.7): the image's bytes in their places, by each command that reads them."""
    c = _drive(t, MaxRecvDataSegmentLength=segment)
    got, parts = c.answer(c.read(cdb(16, 8), 8 * 2048))
    same([part.data_sn for part in parts], list(range(len(parts))), "DataSN")
    same((got.status, got.flags & 0x06), (GOOD, 0), "status and residual flags")
    same(b"".join(part.data for part in parts), DRIVE[16 * 2048:24 * 2048], "the data")


# Name: the CDB with an allocation length of 0, where that stands, and the length of all that there is.
PARAMETERS = {
    "READ TOC": (bytes([0x43] + [0] * 9), 7, 20), "READ TOC, MSF": (bytes([0x43, 2] + [0] * 8), 7, 20),
    "READ TOC, sessions": (bytes([0x43, 0, 1] + [0] * 7), 7, 12), "READ TOC, full": (bytes([0x43, 2, 2] + [0] * 7), 7, 48),
    "GET EVENT STATUS NOTIFICATION": (bytes([0x4A, 1, 0, 0, 0x10] + [0] * 5), 7, 8),
    "READ DISC INFORMATION": (bytes([0x51] + [0] * 9), 7, 34),
    "READ TRACK INFORMATION": (bytes([0x52, 1, 0, 0, 0, 1] + [0] * 4), 7, 36),
    "MECHANISM STATUS": (bytes([0xBD] + [0] * 11), 8, 8),
    "MODE SENSE(10), page 2Ah": (bytes([0x5A, 0, 0x2A] + [0] * 7), 7, 30),
    "GET CONFIGURATION": (bytes([0x46] + [0] * 9), 7, 72),
}


@family(PARAMETERS)
def drive_parameter_data_are_cut(t, cdb, field, whole):
    """Full Feature 16.2 SCSI Response (SPC-4 4.2.5.6, RFC 7143 11.4.5): no more than the allocation length, GOOD, and what the host has
    room for beyond that is the residual."""
    c, room = _drive(t), 256
    def ask(length):
        cut = bytearray(cdb)
        struct.pack_into(">H", cut, field, length)
        return c.answer(c.read(bytes(cut), room))
    got, parts = ask(room)
    all_of_it = b"".join(part.data for part in parts)
    same((got.status, len(all_of_it)), (GOOD, whole), "status and length of all of it")
    for length in {0, 1, 2, 4, 7, 8, whole - 1, whole, whole + 1}:
        got, parts = ask(length)
        data = b"".join(part.data for part in parts)
        same((got.status, data), (GOOD, all_of_it[:length]), f"status and data by an allocation length of {length}")
        same((got.flags & 0x06, got.residual), (0x02, room - len(data)), f"underflow by an allocation length of {length}")


WRITES = {"WRITE(6)": bytes([0x0A, 0, 0, 0, 1, 0]), "WRITE(10)": bytes([0x2A] + [0] * 7 + [1, 0]),
          "WRITE(12)": bytes([0xAA] + [0] * 8 + [1, 0, 0]), "WRITE(16)": bytes([0x8A] + [0] * 12 + [1, 0, 0]),
          "WRITE AND VERIFY(10)": bytes([0x2E] + [0] * 7 + [1, 0]), "WRITE SAME(16)": bytes([0x93] + [0] * 12 + [1, 0, 0]),
          "FORMAT UNIT": bytes([0x04] + [0] * 5)}


@family(WRITES)
def drive_takes_no_writes(t, cdb):
    """Full Feature 16.4 SCSI Command (SPC-4 4.5, RFC 7143 11.4.7): no such command, whatever data comes with it."""
    c = _drive(t)
    got, _ = c.answer(c.write(cdb, bytes(2048)))
    same((got.status, sense_of(got.data)), (2, (5, 0x20, 0)), "status and sense")
    same(c.run(_read_10(16, 1), 2048), (GOOD, DRIVE[16 * 2048:17 * 2048]), "the block afterwards")


def drive_tells_what_it_is(t):
    """Full Feature 16.2 SCSI Command (SPC-4 6.6.2): peripheral device type 05h, RMB, and no third-party copy."""
    status, data = _drive(t).run(bytes([0x12, 0, 0, 0, 96, 0]), 96)
    same((status, data[0], data[1]), (GOOD, 0x05, 0x80), "status, device type and RMB")
    check(data[5] & 0x08 == 0, "3PC is set")


def drive_events_are_polled(t):
    """Full Feature 16.4 SCSI Command (SPC-4 4.5.2.4.2): an asynchronous GET EVENT STATUS NOTIFICATION is refused, by its bit."""
    status, sense = _drive(t).run(bytes([0x4A, 0, 0, 0, 0x10, 0, 0, 0, 8, 0]), 8)
    same((status, sense_of(sense)), (2, (5, 0x24, 0)), "status and sense")
