"""A pool that is filled to the last block by a thin volume, emptied by UNMAP, and filled again: nothing is lost, and hosts are told what
they must know (SBC-3 4.7.3.6 and 4.7.3.7)."""
import os
import struct
import time

from case import Case
from support import agent, array, initiator

BLOCK = 512
CHUNK_BLOCKS = 128                 # 64 KiB: a first burst
CHUNK = CHUNK_BLOCKS * BLOCK
ROUNDS = int(os.environ.get("THIN_ROUNDS", "100"))
NO_SPACE, THRESHOLD = (7, 0x27, 0x07), (6, 0x38, 0x07)


def pattern(round_number, chunk):
    """What stands in each block of a chunk after that round's write."""
    return b"".join(struct.pack(">QQQ", round_number, chunk, block) * 21 + bytes(8) for block in range(CHUNK_BLOCKS))


def unmap_list(lba, blocks):
    return struct.pack(">HHIQII", 22, 16, 0, lba, blocks, 0)


class Host:
    """Counts what it is told beside the answers."""

    def __init__(self, session):
        self.session, self.told = session, []

    def run(self, cdb, **how):
        """The status, and the data or what the sense says."""
        while True:
            status, data = self.once(cdb, **how)
            if status != initiator.CHECK_CONDITION:
                return status, data
            sense = initiator.sense_of(data)
            if sense[0] != 6:
                return status, sense
            self.told.append(sense)

    def once(self, cdb, **how):
        self.session.command(cdb, lun=1, **how)
        _, status, data = self.session.answer()
        return status, data

    def write(self, chunk, data):
        return self.run(initiator.write_16(chunk * CHUNK_BLOCKS, CHUNK_BLOCKS), write=data)

    def read(self, chunk):
        return self.run(initiator.read_16(chunk * CHUNK_BLOCKS, CHUNK_BLOCKS), read=CHUNK)

    def unmap(self, first, chunks):
        return self.run(bytes([0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0]), write=unmap_list(first * CHUNK_BLOCKS, chunks * CHUNK_BLOCKS))

    def heard(self):
        """What it was told since it was last asked; a command asks for it."""
        self.run(initiator.TEST_UNIT_READY)
        told, self.told = self.told, []
        return told


class ThinTest(Case):
    def begin_on(self, kind, size):
        ashlar = self.begin()
        self.mount = agent.Mount(os.path.join(ashlar.folder, "p1"), kind=kind, size=size)
        self.addCleanup(self.mount.close)
        port = ashlar.serve("one")
        ashlar.add_pool("p1")
        ashlar.post("/volumes", {"name": "thin", "pool": "p1", "size_bytes": array.GIB})
        ashlar.post("/maps", {"volume": "thin", "host": "any", "target": array.TARGET})
        host = Host(self.session(port))
        host.heard()
        return ashlar, host

    def free(self):
        figures = os.statvfs(self.mount.path)
        return figures.f_bavail * figures.f_frsize, figures.f_blocks * figures.f_frsize

    def tell_level(self, ashlar):
        """As the agent does every now and then, at once."""
        available, size = self.free()
        array.ask(ashlar.engine_socket, "pool.level", size_bytes=size, available_bytes=available, threshold_bytes=self.threshold,
                  volumes=[{"name": "thin"}])

    def fill(self, host, round_number):
        """Until there is no room for a chunk more: how many there are."""
        for chunk in range(array.GIB // CHUNK):
            status, told = host.write(chunk, pattern(round_number, chunk))
            if status != initiator.GOOD:
                self.assertEqual(told, NO_SPACE, f"chunk {chunk} of round {round_number}")
                return chunk
        self.fail("the pool does not get full")

    def assert_holds(self, host, chunk, round_number):
        status, data = host.read(chunk)
        self.assertEqual(status, initiator.GOOD, data)
        self.assertTrue(data == pattern(round_number, chunk), f"chunk {chunk} is not as it was written in round {round_number}")

    def round(self, ashlar, host, number):
        """How many chunks went in. The whole of it is full, then empty."""
        chunks = self.fill(host, number)
        self.tell_level(ashlar)
        self.tell_level(ashlar)
        self.assertEqual(host.heard(), [THRESHOLD], "once on the way up")
        # Full: what is there can be written over and read, what is not there cannot be made.
        for chunk in (0, chunks // 2, chunks - 1):
            self.assertEqual(host.write(chunk, pattern(number + 1, chunk))[0], initiator.GOOD)
            self.assert_holds(host, chunk, number + 1)
            self.assertEqual(host.write(chunk, pattern(number, chunk))[0], initiator.GOOD)
        self.assertEqual(host.write(chunks + 8, pattern(number, 0)), (initiator.CHECK_CONDITION, NO_SPACE))
        for chunk in range(chunks):
            self.assert_holds(host, chunk, number)
        # Room for one makes room for one.
        self.assertEqual(host.unmap(1, 2)[0], initiator.GOOD)
        self.assertEqual(host.read(1), (initiator.GOOD, bytes(CHUNK)))
        self.assertEqual(host.write(1, pattern(number, 1))[0], initiator.GOOD)
        self.assert_holds(host, 1, number)
        self.assert_holds(host, 3, number)
        self.assertEqual(host.unmap(0, chunks + 16)[0], initiator.GOOD)
        for chunk in (0, chunks - 1, chunks):
            self.assertEqual(host.read(chunk), (initiator.GOOD, bytes(CHUNK)))
        self.tell_level(ashlar)
        self.assertEqual(host.heard(), [], "nothing on the way down")
        return chunks

    def run_rounds(self, kind, size, rounds, room=None):
        """`room`: what is left of the file system; the rest is somebody else's."""
        ashlar, host = self.begin_on(kind, size)
        if room:
            with open(os.path.join(self.mount.path, "other"), "wb") as other:
                os.posix_fallocate(other.fileno(), 0, self.free()[0] - room)
        room = self.free()[0]
        self.threshold = room // 5
        began, counts = time.monotonic(), []
        for number in range(rounds):
            counts.append(self.round(ashlar, host, number))
            self.assertGreaterEqual(self.free()[0], room - room // 20, f"round {number} has lost space")
        print(f"         {kind}: {rounds} rounds of {min(counts)} to {max(counts)} chunks of 64 KiB, {time.monotonic() - began:.1f} s")
        self.assertGreater(min(counts) * CHUNK, room // 2)
        self.assertLessEqual(max(counts) - min(counts), max(1, max(counts) // 50), "one round took more than another")
        self.assertEqual(ashlar.items("/volumes")["thin"]["status"]["state"], "online")

    def test_filled_and_emptied_again_and_again(self):
        self.run_rounds("tmpfs", 4 * array.MIB, ROUNDS)

    def test_on_xfs(self):
        self.run_rounds("xfs", 300 * array.MIB, max(1, ROUNDS // 20), room=16 * array.MIB)
