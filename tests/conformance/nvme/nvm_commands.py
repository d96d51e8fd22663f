"""The NVM command set: Read, Write, Compare, Verify, Write Zeroes, Dataset Management, Copy, Flush (NVM 1.0 3.2; UNH-IOL NVMe 2)."""
import os
import struct

from conformance.nvme import wire, world
from conformance.nvme.bench import NotOffered, check, family, good, same, status_is

LAST = world.BLOCKS - 1
FUA, LIMITED_RETRY, DEALLOCATE = 1 << 30, 1 << 31, 1 << 25
SPACES = {"512 bytes": (world.ONE, 512, world.BLOCKS), "4096 bytes": (world.WIDE, 4096, world.WIDE_BLOCKS)}


def _run(c, opcode, lba, count=1, nsid=1, block=512, data=None, **words):
    """Any command of blocks, with the data or the room that it has."""
    entry = wire.blocks(opcode, lba, count, nsid, **words)
    if opcode in (wire.WRITE, wire.COMPARE):
        return c.io.run(entry, os.urandom(count * block) if data is None else data)
    return c.io.run(entry, room=count * block if opcode == wire.READ else 0)


OPCODES = {"Read": wire.READ, "Write": wire.WRITE, "Compare": wire.COMPARE, "Write Zeroes": wire.ZEROES, "Verify": wire.VERIFY}
EDGES = {"the block after the last": (0, 1), "the last and one more": (-1, 2), "twice the size": (None, 1), "2^32": (1 << 32, 1),
         "2^63": (1 << 63, 1),
         "2^64 - 1": ((1 << 64) - 1, 1), "2^64 - 1 and one more": ((1 << 64) - 1, 2), "2^64 over the block size": ((1 << 64) // 512, 1)}


@family({f"{name}, {where}, {size}": (opcode, lba, count, *space) for name, opcode in OPCODES.items() for where, (lba,
                                                            count) in EDGES.items()
         for size, space in SPACES.items()})
def beyond_the_end(t, opcode, lba, count, nsid, block, blocks):
    """2.x LBA Out of Range (NVM 1.0 3.2; NVMe 2.0 figure 95): blocks that are not there: LBA Out of Range, and nothing is done to any
    other."""
    c = t.controller()
    at = 2 * blocks if lba is None else blocks + lba if lba <= 0 else lba
    before = c.read(blocks - 1, nsid=nsid, block=block), c.read(0, nsid=nsid, block=block)
    status_is(_run(c, opcode, at, count, nsid, block), wire.OUT_OF_RANGE_LBA)
    same((c.read(blocks - 1, nsid=nsid, block=block), c.read(0, nsid=nsid, block=block)), before, "the last block and the first")


@family({f"{name}, {size}": (opcode, *space) for name, opcode in OPCODES.items() for size, space in SPACES.items()})
def last_block(t, opcode, nsid, block, blocks):
    """2.x Last block (NVM 1.0 3.2): the last block is there."""
    c = t.controller()
    data = c.read(blocks - 1, nsid=nsid, block=block)
    good(_run(c, opcode, blocks - 1, 1, nsid, block, data))


@family({f"{name}, {nsid:#x}": (opcode, nsid) for name, opcode in {**OPCODES, "Flush": wire.FLUSH, "Report": wire.REPORT}.items()
         for nsid in (0, world.ABSENT, 0xFFFFFFFE)})
def namespace_that_is_not_there(t, opcode, nsid):
    """2.x Invalid Namespace (NVMe 2.0 figure 93): a command to a namespace that is not attached: Invalid Namespace or Format."""
    c = t.controller()
    answer = c.io.run(wire.entry(opcode, nsid), room=4096) if opcode == wire.REPORT else _run(c, opcode, 0, nsid=nsid)
    check(status_is(answer, wire.INVALID_NAMESPACE).do_not_retry, "DNR is clear")


@family({name: opcode for name, opcode in OPCODES.items() if name not in ("Write Zeroes", "Verify")})
def every_namespace(t, opcode):
    """2.x Broadcast NSID (NVMe 2.0 figure 93): FFFFFFFFh is none for commands of blocks: Invalid Namespace or Format."""
    status_is(_run(t.controller(), opcode, 0, nsid=0xFFFFFFFF), wire.INVALID_NAMESPACE, wire.INVALID_FIELD)


@family({f"{name}, {kind}": (opcode, value) for name, opcode in OPCODES.items()
         for kind, value in (("PRACT", 8 << 26), ("guard", 4 << 26), ("application tag", 2 << 26), ("reference tag", 1 << 26))})
def protection_information(t, opcode, flags):
    """3.2 End-to-end Data Protection (NVM 1.0 figure 23): PRINFO on a format without protection: ignored, or an Invalid Field; never a
    loss."""
    c = t.controller()
    data = c.read(77)
    answer = _run(c, opcode, 77, data=data, flags=flags)
    status_is(answer, wire.GOOD, wire.INVALID_FIELD)
    if opcode != wire.ZEROES or answer.status != wire.GOOD:
        same(c.read(77), data, "the block")


@family({f"{name}, {kind}": (opcode, flags) for name, opcode in OPCODES.items() for kind, flags in (("FUA", FUA), ("limited retry",
                                                            LIMITED_RETRY))})
def flags_of_access(t, opcode, flags):
    """2.x FUA and LR (NVM 1.0 3.2): both are taken, on every command of blocks that has them."""
    c = t.controller()
    good(_run(c, opcode, 78, data=c.read(78), flags=flags))


@family({"512 bytes": (world.ONE, 512), "4096 bytes": (world.WIDE, 4096)})
def every_size_of_transfer(t, nsid, block):
    """2.3, 2.4 Read and Write, NLB (NVM 1.0 3.2.4, 3.2.6): from one block up, what is written is read."""
    c = t.controller()
    for count in (1, 2, 3, 5, 8, 13, 21, 34, 55):
        data = os.urandom(count * block)
        c.write(1000, data, nsid, block)
        same(c.read(1000, count, nsid, block), data, f"{count} blocks")


@family({"Dataset hints": 0xFF, "all of DSM": 0xFFFFFFFF})
def dataset_hints_of_a_read(t, word):
    """2.3, 2.4 DSM field of Read and Write (NVM 1.0 figure 46): hints that are taken and change nothing."""
    c, data = t.controller(), os.urandom(512)
    good(c.io.run(wire.blocks(wire.WRITE, 90, cdw13=word), data))
    same(good(c.io.run(wire.blocks(wire.READ, 90, cdw13=word), room=512)).data, data, "the block")


@family({"Write": wire.WRITE, "Write Zeroes": wire.ZEROES})
def read_only_namespace(t, opcode):
    """2.4 Namespace is Write Protected (NVMe 2.0 figure 94): of a mapping that is read only; it is read as before."""
    c = t.controller()
    before = c.read(0, nsid=world.READ_ONLY)
    status_is(_run(c, opcode, 0, nsid=world.READ_ONLY), wire.WRITE_PROTECTED)
    same(c.read(0, nsid=world.READ_ONLY), before, "the block")


def read_only_namespace_and_deallocation(t):
    """2.2 Namespace is Write Protected (NVMe 2.0 figure 94): Dataset Management and Copy, too; Compare, Verify and Flush are done."""
    c = t.controller()
    for opcode, data, words in ((wire.DATASET, struct.pack("<IIQ", 0, 1, 0), {"cdw11": 4}), (wire.COPY, _source(0, 1), {"cdw10": 8})):
        status_is(c.io.run(wire.entry(opcode, world.READ_ONLY, **words), data), wire.WRITE_PROTECTED)
    good(_run(c, wire.COMPARE, 0, nsid=world.READ_ONLY, data=c.read(0, nsid=world.READ_ONLY)))
    good(_run(c, wire.VERIFY, 0, nsid=world.READ_ONLY))
    good(c.io.run(wire.entry(wire.FLUSH, world.READ_ONLY)))


# Compare.
@family({"1 block": 1, "17 blocks": 17, "2048 blocks": 2048})
def compare(t, count):
    """2.1 Compare (NVM 1.0 3.2.1): equal is success; another last byte is Compare Failure; the medium is not changed."""
    c, data = t.controller(), os.urandom(512) * count
    c.write(3000, data, capsule=False)
    good(_run(c, wire.COMPARE, 3000, count, data=data))
    status_is(_run(c, wire.COMPARE, 3000, count, data=data[:-1] + bytes([data[-1] ^ 1])), wire.COMPARE_FAILURE)
    status_is(_run(c, wire.COMPARE, 3000, count, data=bytes([data[0] ^ 0x80]) + data[1:]), wire.COMPARE_FAILURE)
    same(c.read(3000, count), data, "the medium")


@family({"above": 1024, "below": 511, "nothing": 0})
def compare_with_another_length(t, length):
    """2.1 Compare, data (NVMe 2.0 figure 93): another length than its blocks: Data SGL Length Invalid."""
    status_is(_run(t.controller(), wire.COMPARE, 0, data=bytes(length)), wire.DATA_LENGTH, wire.INVALID_FIELD)


# Verify.
def verify_of_the_largest_range(t):
    """2.10 Verify (NVM 1.0 3.2.5): 65536 blocks, beyond MDTS: nothing is transferred."""
    good(_run(t.controller(), wire.VERIFY, 0, 65536))


def verify_transfers_nothing(t):
    """2.10 Verify (NVM 1.0 3.2.5): room for data is not filled."""
    same(good(t.controller().io.run(wire.blocks(wire.VERIFY, 0, 8), room=0)).data, b"", "data")


# Write Zeroes.
@family({"kept": 0, "deallocated": DEALLOCATE, "FUA": FUA})
def write_zeroes(t, flags):
    """2.7 Write Zeroes (NVM 1.0 3.2.8): the range is read as zeroes, its neighbours are what they were."""
    c, data = t.controller(), os.urandom(16 * 512)
    c.write(4000, data)
    good(_run(c, wire.ZEROES, 4004, 8, flags=flags))
    same(c.read(4000, 16), data[:2048] + bytes(4096) + data[6144:], "the medium")


def write_zeroes_of_the_largest_range(t):
    """2.7 Write Zeroes, NLB (NVM 1.0 3.2.8): 65536 blocks, beyond MDTS, on the whole of a namespace."""
    c = t.controller()
    for lba in (0, LAST):
        c.write(lba, b"\x5A" * 512, nsid=world.TWO)
    good(_run(c, wire.ZEROES, 0, 65536, nsid=world.TWO))
    same((c.read(0, nsid=world.TWO), c.read(LAST, nsid=world.TWO)), (bytes(512), bytes(512)), "the first and the last block")


# Dataset Management.
def _ranges(*ranges):
    return b"".join(struct.pack("<IIQ", 0, count, lba) for lba, count in ranges)


def _dataset(c, data, attributes=4, number=None, nsid=1, **words):
    return c.io.run(wire.entry(wire.DATASET, nsid, cdw10=(len(data) // 16 if number is None else number) - 1, cdw11=attributes, **words),
                    data)


def deallocate(t):
    """2.2.1 Dataset Management, deallocate (NVM 1.0 3.2.3): ranges that are deallocated read as DLFEAT says; others stay."""
    c, data = t.controller(), os.urandom(64 * 512)
    c.write(5000, data, capsule=False)
    good(_dataset(c, _ranges((5008, 8), (5032, 16))))
    got = c.read(5000, 64)
    for first, last, kept in ((0, 8, True), (8, 16, False), (16, 32, True), (32, 48, False), (48, 64, True)):
        part = got[512 * first:512 * last]
        if kept:
            same(part, data[512 * first:512 * last], f"blocks {first} to {last}")
        elif c.page(0x00, 1)[33] & 7 == 1:
            same(part, bytes(len(part)), f"blocks {first} to {last}")


@family({"2 ranges": 2, "17 ranges": 17, "256 ranges": 256})
def many_ranges(t, count):
    """2.2 Dataset Management, NR (NVM 1.0 3.2.3): as many as DMRL says are done."""
    c = t.controller()
    if count > (c.page(0x06)[3] or 256):
        raise NotOffered(f"DMRL is {c.page(0x06)[3]}")
    for lba in (6000, 6000 + 8 * (count - 1)):
        c.write(lba, b"\x77" * 512)
    good(_dataset(c, _ranges(*((6000 + 8 * number, 1) for number in range(count)))))
    same((c.read(6000), c.read(6000 + 8 * (count - 1))), (bytes(512), bytes(512)), "the first and the last of them")


@family({f"attributes {bits:#x}": bits for bits in (0, 1, 2, 3, 0xFFFFFFF8)})
def hints(t, bits):
    """2.2.2 Dataset Management, hints (NVM 1.0 3.2.3): IDR, IDW and reserved bits change no data."""
    c, data = t.controller(), os.urandom(512)
    c.write(5100, data)
    status_is(_dataset(c, _ranges((5100, 1)), bits), wire.GOOD, wire.INVALID_FIELD)
    same(c.read(5100), data, "the block")


@family({"after the last": (LAST + 1, 1), "one too many": (LAST, 2), "2^64 - 1": ((1 << 64) - 1, 2), "all blocks": (0, 0xFFFFFFFF),
         "2^32": (1 << 32, 1)})
def range_beyond_the_end(t, lba, count):
    """2.2.3 Dataset Management, LBA Out of Range (NVM 1.0 3.2.3): one range of several that is wrong: an error, and none is deallocated."""
    c = t.controller()
    c.write(5200, b"\x66" * 512)
    status_is(_dataset(c, _ranges((5200, 1), (lba, count))), wire.OUT_OF_RANGE_LBA)
    same(c.read(5200), b"\x66" * 512, "the first range")


def range_of_no_blocks(t):
    """2.2 Dataset Management, length 0 (NVM 1.0 figure 41): a range without blocks is none; the others are done."""
    c = t.controller()
    c.write(5300, b"\x66" * 1024)
    good(_dataset(c, _ranges((5300, 0), (5301, 1))))
    same(c.read(5300, 2), b"\x66" * 512 + bytes(512), "the blocks")


@family({"nothing": b"", "half of a range": bytes(8), "one range of two": bytes(16)})
def list_that_is_too_short(t, data):
    """2.2 Dataset Management, data (NVMe 2.0 figure 93): a list with fewer ranges than NR: Data SGL Length Invalid."""
    status_is(_dataset(t.controller(), data, number=2), wire.DATA_LENGTH, wire.INVALID_FIELD)


def list_in_a_whole_page(t):
    """2.2 Dataset Management, data (NVM 1.0 3.2.3): hosts give a page however few ranges there are: what is behind them is not looked
    at."""
    c = t.controller()
    c.write(5400, b"\x66" * 1024)
    good(_dataset(c, _ranges((5400, 1)) + _ranges((5401, 1)) * 255, number=1))
    same(c.read(5400, 2), bytes(512) + b"\x66" * 512, "the blocks")


# Copy.
def _source(lba, count, *more):
    made = bytearray(32)
    struct.pack_into("<QH", made, 8, lba, count - 1)
    return bytes(made) + (_source(*more) if more else b"")


def _copy(c, to, sources, number=None, flags=0, nsid=1):
    return c.io.run(wire.entry(wire.COPY, nsid, lba=to, cdw12=((len(sources) // 32 if number is None else number) - 1) | flags), sources)


def copy(t):
    """2.11 Copy (NVM 1.0 3.2.2): sources one behind the other at the destination, in their order."""
    c, data = t.controller(), os.urandom(24 * 512)
    c.write(7000, data, capsule=False)
    good(_copy(c, 7100, _source(7016, 8, 7000, 4, 7008, 2)))
    same(c.read(7100, 14), data[8192:12288] + data[:2048] + data[4096:5120], "the copy")
    same(c.read(7000, 24), data, "the sources")


def copy_onto_what_lies_before_it(t):
    """2.11 Copy (NVM 1.0 3.2.2): the destination may be right before or behind the source."""
    c, data = t.controller(), os.urandom(8 * 512)
    c.write(7200, data)
    good(_copy(c, 7208, _source(7200, 8)))
    good(_copy(c, 7192, _source(7200, 8)))
    same(c.read(7192, 24), data * 3, "all of them")


@family({"MSRC and one more": lambda page: (page[80] + 2, 1), "MSSRL and one more": lambda page: (1, wire.number(page, 74, 2) + 1),
         "more than MCL": lambda page: (wire.number(page, 76, 4) // 65535 + 2, 65535)})
def copy_above_its_limits(t, how):
    """2.11 Copy, limits (NVM 1.0 3.2.2, figure 97): above MSRC, MSSRL or MCL: Command Size Limit Exceeded, or what else is wrong with
    it."""
    c = t.controller()
    count, blocks = how(c.page(0x00, 1))
    if blocks > 65536 or count > 256:
        raise NotOffered("more than the command can say")
    sources = b"".join(_source(0, blocks) for _ in range(count))
    status_is(_copy(c, 0, sources), wire.SIZE_LIMIT, wire.OUT_OF_RANGE_LBA, wire.INVALID_FIELD)


@family({"source after the last": (0, LAST + 1, 1), "source one too many": (0, LAST, 2), "destination after the last": (LAST + 1, 0, 1),
         "destination one too many": (LAST, 0, 2), "source 2^64 - 1": (0, (1 << 64) - 1, 2), "destination 2^64 - 1": ((1 << 64) - 1, 0, 2)})
def copy_beyond_the_end(t, to, lba, count):
    """2.11 Copy, LBA Out of Range (NVM 1.0 3.2.2): of a source or of the destination: nothing is copied."""
    c = t.controller()
    before = c.read(0, 2), c.read(LAST)
    status_is(_copy(c, to, _source(lba, count)), wire.OUT_OF_RANGE_LBA)
    same((c.read(0, 2), c.read(LAST)), before, "the blocks")


@family({f"format {form}": form << 8 for form in (2, 3, 7, 15)} | {"PRINFOR": 1 << 12, "PRINFOW": 1 << 26})
def copy_format_that_is_not_there(t, flags):
    """2.11 Copy, descriptor format (NVM 1.0 3.2.2): one that OCFS does not list, or protection: an error."""
    check(_copy(t.controller(), 7300, _source(0, 1), flags=flags).status != wire.GOOD, "it was done")


@family({"nothing": b"", "half of a range": bytes(16), "one range of two": bytes(32)})
def copy_list_that_is_too_short(t, data):
    """2.11 Copy, data (NVMe 2.0 figure 93): a list with fewer ranges than NR: an error."""
    status_is(_copy(t.controller(), 7300, data, number=2), wire.DATA_LENGTH, wire.INVALID_FIELD)


# Flush, Write Uncorrectable.
def flush(t):
    """2.6 Flush (NVMe 2.0 7.1): done, with and without something to flush, with writes under way."""
    c = t.controller()
    good(c.io.run(wire.entry(wire.FLUSH, 1)))
    tags = [c.io.submit(wire.blocks(wire.WRITE, 8000 + number, 1), bytes(512)) for number in range(8)]
    good(c.io.run(wire.entry(wire.FLUSH, 1)))
    for tag in tags:
        good(c.io.wait(tag))


def flush_of_every_namespace(t):
    """2.6 Flush, NSID FFFFFFFFh (NVMe 2.0 7.1, VWC): done, or an error, as bits 2:1 of VWC say."""
    c = t.controller()
    answer = c.io.run(wire.entry(wire.FLUSH, 0xFFFFFFFF))
    if c.page(0x01)[525] >> 1 & 3 == 3:
        good(answer)
    else:
        status_is(answer, wire.INVALID_NAMESPACE, wire.INVALID_FIELD)


def write_uncorrectable(t):
    """2.5 Write Uncorrectable (NVM 1.0 3.2.7): where ONCS has it not: Invalid Command Opcode, and the block is read as before."""
    c = t.controller()
    if wire.number(c.page(0x01), 520, 2) & 2:
        raise NotOffered("this case is of a target without it")
    before = c.read(8100)
    status_is(_run(c, wire.UNCORRECTABLE, 8100), wire.INVALID_OPCODE)
    same(c.read(8100), before, "the block")


def commands_after_a_reset(t):
    """2.x Commands without CC.EN (NVMe 2.0 3.5.1): the queue of a controller that was reset ends; a command on it is not done."""
    c = t.controller()
    before = c.read(8200)
    good(c.set(wire.CC, 0))
    try:
        check(c.io.run(wire.blocks(wire.WRITE, 8200), b"\x11" * 512).status != wire.GOOD, "it was done")
    except Exception:  # pylint: disable=broad-except
        pass
    same(t.controller().read(8200), before, "the block")
