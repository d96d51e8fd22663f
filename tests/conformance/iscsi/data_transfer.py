"""Data as it should travel: Data-In sequences, R2T, immediate and unsolicited data, residuals (UNH-IOL Full Feature Phase 6, 8, 9, 11, 12,
16)."""
from conformance.iscsi import pdu
from conformance.iscsi.bench import check, family, one_of, same
from support.initiator import GOOD, INQUIRY, READ_CAPACITY_16, read_16, write_16

BLOCK = 8192   # where the cases write, in blocks


def _pattern(length, salt=0):
    """Bytes that tell where they belong: each block has its own."""
    return b"".join(bytes([(number * 7 + salt) & 0xFF]) * 508 + number.to_bytes(4, "big") for number in range(length // 512))


def _stored(c, length, lun=1):
    status, data = c.run(read_16(BLOCK, length // 512), length, lun=lun)
    same(status, GOOD, "the status of the read")
    return data


# (our MaxRecvDataSegmentLength, MaxBurstLength, bytes read)
READS = {f"{length} bytes by {segment}, bursts of {burst}": (segment, burst, length)
         for segment, burst in ((512, 512), (512, 8192), (1024, 65536), (8192, 16384), (65536, 262144), (262144, 262144), (2000, 5000))
         for length in (512, 4096, 65536)}


@family(READS)
def data_in_sequence(t, segment, burst, length):
    """Full Feature 6.1 DataSN, 11.1.2 Data-In DataSegmentLength (RFC 7143 11.7): numbers, offsets, F at the end of each burst."""
    c = t.session(MaxRecvDataSegmentLength=segment, MaxBurstLength=burst)
    burst = c.agreed("MaxBurstLength", 262144)
    got, parts = c.answer(c.read(read_16(0, length // 512), length))
    same([part.data_sn for part in parts], list(range(len(parts))), "DataSN")
    offset = in_burst = 0
    for part in parts:
        same((part.buffer_offset, part.itt), (offset, got.itt), "offset and task tag")
        offset, in_burst = offset + len(part.data), in_burst + len(part.data)
        check(in_burst <= burst, f"{in_burst} bytes without F, MaxBurstLength is {burst}")
        if part.final:
            in_burst = 0
    same((offset, got.status, got.flags & 0x06), (length, GOOD, 0), "bytes, status, residual flags")
    check(parts[-1].final, "the last Data-In is not final")


def data_in_carries_what_is_there(t):
    """Full Feature 11 Data-In (RFC 7143 11.7): bytes in their places, over several PDUs of odd length."""
    c, data = t.session(MaxRecvDataSegmentLength=1000), _pattern(65536)
    tag = c.write(write_16(BLOCK, 128), data)
    same(c.answer(tag)[0].status, GOOD, "the status of the write")
    same(_stored(c, 65536), data, "the data")


# Every combination of how data may travel, and amounts around the limits (RFC 7143 4.2.4.2, 13.10, 13.11).
MODES = {f"{r2t}{immediate}": (r2t, immediate) for r2t in ("Yes", "No") for immediate in ("Yes", "No")}
WRITES = {f"InitialR2T={r2t}, ImmediateData={immediate}, {length} bytes": (r2t, immediate, length)
          for r2t, immediate in MODES.values() for length in (512, 4096, 8192, 65536, 262144)}


@family(WRITES)
def write_in_every_mode(t, r2t, immediate, length):
    """Full Feature 8.1 to 8.3, 16.2 Unsolicited and Solicited Data (RFC 7143 4.2.4.2): all that is allowed unasked, the rest by R2T."""
    c = t.session(InitialR2T=r2t, ImmediateData=immediate, FirstBurstLength=4096, MaxBurstLength=16384)
    first = min(c.agreed("FirstBurstLength", 65536), length)
    data = _pattern(length, length & 0x7F)
    sent = min(first, 1024) if c.answers["ImmediateData"] == "Yes" else 0
    unasked = first if c.answers["InitialR2T"] == "No" else sent
    tag = c.write(write_16(BLOCK, length // 512), data, sent=sent, final=unasked == sent)
    for number, offset in enumerate(range(sent, unasked, 512)):
        c.data_out(tag, data[offset:offset + 512], offset, number, final=offset + 512 == unasked)
    got, asked = c.serve_r2t(tag, data)
    same((got.status, got.flags & 0x06, got.residual), (GOOD, 0, 0), "status, residual flags, residual")
    same(sum(each.desired_length for each in asked), length - unasked, "bytes asked for")
    same(_stored(c, length), data, "the data")


def fields_of_an_r2t(t):
    """Full Feature 12.1, 12.2 R2T (RFC 7143 11.8): numbers from 0, offsets in order, lengths up to MaxBurstLength, tags of their own."""
    c = t.session(MaxBurstLength=8192, MaxOutstandingR2T=1)
    data = _pattern(65536, 3)
    tag = c.write(write_16(BLOCK, 128), data, sent=0)
    got, asked = c.serve_r2t(tag, data)
    same(got.status, GOOD, "the status")
    same([each.r2t_sn for each in asked], list(range(len(asked))), "R2TSN")
    offset = 0
    for each in asked:
        same(each.buffer_offset, offset, "the offset")
        one_of(each.desired_length, range(1, c.agreed("MaxBurstLength", 262144) + 1), "the desired length")
        check(each.ttt != pdu.RESERVED, "the transfer tag is 0xffffffff")
        same((each.header[1], bytes(each.header[8:10])), (0x80, b"\0\1"), "F, and the unit")
        offset += each.desired_length
    same(offset, 65536, "bytes asked for")
    same(got.exp_data_sn, len(asked), "ExpDataSN of the response: the R2Ts")


@family({str(most): most for most in (1, 2, 4, 8)})
def outstanding_r2ts(t, most):
    """Full Feature 12.3 MaxOutstandingR2T (RFC 7143 13.17): never more of them at a time for one task than were agreed."""
    c = t.session(MaxBurstLength=4096, MaxOutstandingR2T=most)
    agreed = c.agreed("MaxOutstandingR2T", 1)
    data = _pattern(65536, most)
    tag = c.write(write_16(BLOCK, 128), data, sent=0)
    asked = [c.receive_of(pdu.R2T) for _ in range(agreed)]
    c.alive()   # no further one is on its way
    tags = [each.ttt for each in asked]
    same(len(set(tags)), len(tags), "different transfer tags")
    for each in asked:
        c.send_burst(each, data)
    got, _ = c.serve_r2t(tag, data)
    same(got.status, GOOD, "the status")
    same(_stored(c, 65536), data, "the data")


def r2ts_of_parallel_commands(t):
    """Full Feature 12.4 Parallel Commands (RFC 7143 4.2.4.2): R2Ts of several tasks are served in any order of the tasks."""
    c = t.session(MaxBurstLength=4096)
    whole = {c.write(write_16(BLOCK + 8 * number, 8), _pattern(4096, number), sent=0): number for number in range(8)}
    asked = [c.receive_of(pdu.R2T) for _ in whole]
    for each in reversed(asked):
        c.send_burst(each, _pattern(4096, whole[each.itt]))
    for _ in whole:
        same(c.answer()[0].status, GOOD, "the status")
    same(_stored(c, 32768), b"".join(_pattern(4096, number) for number in range(8)), "the data")


@family({"one PDU": 4096, "two PDUs": 2048, "eight PDUs": 512, "odd lengths": 1000, "tiny": 60})
def burst_in_pieces(t, most):
    """Full Feature 9.1, 11.2.2, 11.3, 11.4 Data-Out (RFC 7143 11.7): a burst may come in PDUs of any length; DataSN from 0 in each."""
    c = t.session(MaxBurstLength=4096, InitialR2T="Yes")
    data = _pattern(8192, most & 0x3F)
    tag = c.write(write_16(BLOCK, 16), data, sent=0)
    asked = []
    while sum(each.desired_length for each in asked) < 8192:
        asked.append(c.receive_of(pdu.R2T))
        if len(asked) == 1 or asked[-1].buffer_offset:
            c.send_burst(asked[-1], data, most)
    same(c.answer(tag)[0].status, GOOD, "the status")
    same(_stored(c, 8192), data, "the data")


def unsolicited_data_ends_with_final(t):
    """Full Feature 11.2.1 F Bit with Unsolicited Data (RFC 7143 11.7.1): less than FirstBurstLength is legal when F says so."""
    c = t.session(FirstBurstLength=4096)
    data = _pattern(8192, 9)
    tag = c.write(write_16(BLOCK, 16), data, sent=512, final=False)
    c.data_out(tag, data[512:1024], 512, 0, final=True)
    got, asked = c.serve_r2t(tag, data)
    same((got.status, asked[0].buffer_offset), (GOOD, 1024), "status, and where the first R2T begins")
    same(_stored(c, 8192), data, "the data")


def empty_unsolicited_data(t):
    """Full Feature 8.3 Unsolicited Data (RFC 7143 11.7.1): an empty final Data-Out ends it, and all comes by R2T."""
    c = t.session(ImmediateData="No", FirstBurstLength=4096)
    data = _pattern(4096, 13)
    tag = c.write(write_16(BLOCK, 8), data, sent=0, final=False)
    c.data_out(tag, b"", 0, 0, final=True)
    got, asked = c.serve_r2t(tag, data)
    same((got.status, sum(each.desired_length for each in asked)), (GOOD, 4096), "status, bytes asked for")
    same(_stored(c, 4096), data, "the data")


def interleaved_unsolicited_data(t):
    """Full Feature 8.1 Unsolicited Data (RFC 7143 4.2.4.2): commands may come between a command and its unsolicited data."""
    c = t.session(FirstBurstLength=4096)
    one, two = _pattern(4096, 21), _pattern(4096, 22)
    first = c.write(write_16(BLOCK, 8), one, sent=512, final=False)
    second = c.write(write_16(BLOCK + 8, 8), two, sent=512, final=False)
    c.data_out(second, two[512:], 512, 0)
    c.data_out(first, one[512:], 512, 0)
    same({c.answer()[0].itt, c.answer()[0].itt}, {first, second}, "tasks answered")
    same(_stored(c, 8192), one + two, "the data")


RESIDUALS = {"read, too much room": (65536, 4096), "read, too little room": (1024, 4096), "read, one byte too many": (4097, 4096),
             "read, one byte too few": (4095, 4096), "read, twice the room": (8192, 4096)}


@family(RESIDUALS)
def residual_of_a_read(t, expected, moved):
    """Full Feature 16.6 Expected Data Transfer Length (RFC 7143 11.4.5): U or O and the difference; data up to the smaller."""
    c = t.session()
    got, parts = c.answer(c.read(read_16(0, moved // 512), expected))
    same(sum(len(part.data) for part in parts), min(expected, moved), "bytes sent")
    same((got.flags & 0x06, got.residual), (0x02 if expected > moved else 0x04, abs(expected - moved)), "residual flag and count")


@family({"too much room": (8192, 4096), "too little room": (2048, 4096), "none at all": (0, 4096)})
def residual_of_a_write(t, expected, wanted):
    """Full Feature 16.6 Expected Data Transfer Length (RFC 7143 11.4.5): U or O and the difference, or an error, never less told."""
    c = t.session()
    data = _pattern(expected, 31) if expected else b""
    tag = c.command(write_16(BLOCK, wanted // 512), pdu.FINAL | pdu.WRITE | 1, expected, data)
    got, _ = c.answer(tag)
    if got.status == GOOD:
        same((got.flags & 0x06, got.residual), (0x02 if expected > wanted else 0x04, abs(expected - wanted)), "residual flag and count")
    else:
        same(got.status, 2, "the status")
    c.alive()


@family({"INQUIRY": (INQUIRY, 4096), "READ CAPACITY (16)": (READ_CAPACITY_16, 512)})
def residual_of_short_data(t, cdb, expected):
    """Full Feature 16.6 Expected Data Transfer Length (RFC 7143 11.4.5): less data than room: U, and the room that is left."""
    c = t.session()
    got, parts = c.answer(c.read(cdb, expected))
    sent = sum(len(part.data) for part in parts)
    same((got.status, got.flags & 0x06, got.residual), (GOOD, 0x02, expected - sent), "status, flag, residual")


def residual_without_room(t):
    """Full Feature 16.6 Expected Data Transfer Length (RFC 7143 11.3.1, 11.4.5): a read without R and room: O, and no Data-In."""
    c = t.session()
    got, parts = c.answer(c.command(read_16(0, 8)))
    same(len(parts), 0, "Data-In PDUs")
    check(got.status == 2 or (got.flags & 0x06, got.residual) == (0x04, 4096), f"{got}")


def residual_of_an_error(t):
    """Full Feature 16.6 Expected Data Transfer Length (RFC 7143 11.4.5): nothing moved: U and all of it, or no residual told."""
    c = t.session()
    got, parts = c.answer(c.read(read_16(1 << 40, 8), 4096))
    same((got.status, len(parts)), (2, 0), "status, Data-In PDUs")
    one_of((got.flags & 0x06, got.residual), ((0x02, 4096), (0, 0)), "residual flag and count")


def zero_blocks(t):
    """Full Feature 16.6 Expected Data Transfer Length (RFC 7143 11.3.4): a read and a write of no blocks move nothing, and are good."""
    c = t.session()
    for cdb in (read_16(0, 0), write_16(BLOCK, 0)):
        got, parts = c.answer(c.command(cdb))
        same((got.status, len(parts), got.residual), (GOOD, 0, 0), "status, Data-In PDUs, residual")


def padding_is_read_over(t):
    """Full Feature 11.1.1 Data-Out DataSegmentLength (RFC 7143 11.2.3): segments that are no multiple of 4 are padded."""
    c = t.session(InitialR2T="Yes", ImmediateData="No")
    data = _pattern(512, 77)
    tag = c.write(write_16(BLOCK, 1), data, sent=0)
    asked = c.receive_of(pdu.R2T)
    c.data_out(tag, data[:509], 0, 0, asked.ttt, final=False)
    c.data_out(tag, data[509:], 509, 1, asked.ttt)
    same(c.answer(tag)[0].status, GOOD, "the status")
    same(_stored(c, 512), data, "the data")


def padding_that_is_not_zero(t):
    """Full Feature 11.1.1 Data-Out DataSegmentLength (RFC 7143 11.2.3): what stands in the padding is nobody's business."""
    c = t.session()
    c.ping(b"abcde", how={"padding": b"\xff\xff\xff"})
    same(c.receive_of(pdu.NOP_IN).data, b"abcde", "the data of the answer")


@family({"header": ("CRC32C", "None"), "data": ("None", "CRC32C"), "both": ("CRC32C", "CRC32C")})
def digests_of_data(t, header, data):
    """Full Feature with digests (RFC 7143 11.2.3, 13.1): reads, writes by R2T and unsolicited, lengths that need padding."""
    c = t.session(HeaderDigest=header, DataDigest=data, MaxRecvDataSegmentLength=1001, MaxBurstLength=4096, FirstBurstLength=1024)
    wanted = _pattern(8192, 5)
    tag = c.write(write_16(BLOCK, 16), wanted, sent=509, final=False)
    c.data_out(tag, wanted[509:1024], 509, 0)
    while (got := c.receive_of(pdu.R2T, pdu.SCSI_RESPONSE)).opcode == pdu.R2T:
        c.send_burst(got, wanted, 1003)
    same(got.status, GOOD, "the status")
    same(_stored(c, 8192), wanted, "the data")


@family({"1 byte": 1, "3 bytes": 3, "5 bytes": 5, "511 bytes": 511})
def digest_covers_the_padding(t, length):
    """Full Feature with digests (RFC 7143 11.2.3): a data digest covers data and padding."""
    c = t.session(DataDigest="CRC32C")
    c.ping(bytes([0xA5]) * length)
    same(c.receive_of(pdu.NOP_IN).data, bytes([0xA5]) * length, "the data of the answer")


def digest_covers_additional_headers(t):
    """Full Feature with digests (RFC 7143 11.2.3): a header digest covers the additional header segments."""
    c = t.session(HeaderDigest="CRC32C")
    got, _ = c.answer(c.command(bytes([0x7F] + [0] * 6 + [0x18] + [0xFF] * 8), ahs=pdu.additional_header(1, bytes(17))))
    same(got.status, 2, "the status of a command that is not there")
