"""kill -9 of the engine under a write load: what was acknowledged is there."""
import random
import re
import struct
import subprocess
import time

from case import Case
from support import array, initiator

BLOCK = 4096            # bytes of a write
SLOTS = 4096            # places that are written, BLOCK bytes each
DEPTH = 32


class Writer:
    """Writes numbered blocks at random places, many at a time, and remembers what was acknowledged at each."""

    def __init__(self, block_bytes):
        self.factor = BLOCK // block_bytes
        self.acknowledged = {}   # slot -> number of the last write that got GOOD
        self.possible = {}       # slot -> numbers of writes that were sent after that one
        self.number = 0

    def content(self, slot, number):
        return struct.pack("<QQ", slot, number) * (BLOCK // 16)

    def write_until_cut(self, session, flush_every=0):
        """Until the connection breaks. One write a slot at a time: the order of two would be open."""
        in_flight = {}
        try:
            while True:
                while len(in_flight) < DEPTH and session.cmd_sn <= session.max_cmd_sn:
                    self.send_one(session, in_flight, flush_every)
                tag, status, data = session.answer()
                slot, number = in_flight.pop(tag)
                if status == initiator.CHECK_CONDITION and initiator.sense_of(data)[0] == 6:
                    continue    # a unit attention; the write was not done, which `possible` allows
                if status != initiator.GOOD:
                    raise array.Broken(f"a write ended with status {status:02x}, sense {initiator.sense_of(data)}")
                if slot is not None:
                    self.acknowledged[slot] = number
                    self.possible[slot] = {n for n in self.possible[slot] if n > number}
        except initiator.Closed:
            return

    def send_one(self, session, in_flight, flush_every):
        self.number += 1
        if flush_every and self.number % flush_every == 0:
            tag = session.command(initiator.SYNCHRONIZE_CACHE)
            in_flight[tag] = (None, self.number)
            return
        busy = {slot for slot, _ in in_flight.values()}
        slot = next(slot for slot in iter(lambda: random.randrange(SLOTS), None) if slot not in busy)
        self.possible.setdefault(slot, set()).add(self.number)
        in_flight[session.next_tag] = (slot, self.number)
        session.command(initiator.write_16(slot * self.factor, self.factor), write=self.content(slot, self.number))

    def verify(self, session):
        """Every place, read again. The number of places that an acknowledged write was found at."""
        for slot in sorted(self.possible):
            status, data = session.run(initiator.read_16(slot * self.factor, self.factor), read=BLOCK)
            if status != initiator.GOOD:
                raise array.Broken(f"reading place {slot}: status {status:02x}, sense {initiator.sense_of(data)}")
            legal = set(self.possible[slot]) | {self.acknowledged.get(slot, 0)}
            found = struct.unpack_from("<QQ", data)[1]
            expected = self.content(slot, found) if found else bytes(BLOCK)
            if found not in legal or data != expected:
                raise array.Broken(f"place {slot} has write {found} (whole: {data == expected}); acknowledged was "
                                   f"{self.acknowledged.get(slot)}, also legal: {sorted(self.possible[slot])}")
            self.acknowledged[slot], self.possible[slot] = found, set()
        return len(self.acknowledged)


class CrashTest(Case):
    def kill_rounds(self, rounds, block_bytes=512, flush_every=0, **fields):
        volume = array.file_volume("v1", "v1.img", size=64 * array.MIB, block_bytes=block_bytes, **fields)
        served = self.serve(array.document_of([volume]))
        writer = Writer(block_bytes)
        for _ in range(rounds):
            session = self.session(served)
            killer = subprocess.Popen(["sh", "-c", f"sleep {random.uniform(0.05, 0.6):.3f}; kill -9 {served.pid}"])
            writer.write_until_cut(session, flush_every)
            killer.wait()
            session.close()
            served.process.wait()
            served.restart()
            with self.session(served) as session:
                writer.verify(session)
        self.assertGreater(len(writer.acknowledged), 100, "hardly anything was written: this showed nothing")

    def test_write_through(self):
        self.kill_rounds(8)

    def test_write_cache_with_flushes(self):
        self.kill_rounds(5, write_cache=True, flush_every=50)

    def test_blocks_of_4096(self):
        self.kill_rounds(4, block_bytes=4096)

    def test_qemu_io(self):
        """The same with somebody else's initiator."""
        served = self.serve(array.document_of([array.file_volume("v1", "v1.img", size=64 * array.MIB)]))
        writes = [(random.randrange(1, 255), 65536 * place) for place in range(1000)]
        with subprocess.Popen(["qemu-io", "-f", "raw", served.url()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as writer:
            writer.stdin.write("".join(f"write -P {pattern} {offset} 64k\n" for pattern, offset in writes))
            writer.stdin.flush()
            acknowledged = []
            for line in writer.stdout:
                done = re.search(r"wrote 65536/65536 bytes at offset (\d+)", line)
                if done:
                    acknowledged.append(int(done.group(1)))
                if len(acknowledged) == 300:
                    served.kill()
                    time.sleep(0.2)
                    break
            writer.kill()
        served.restart()
        pattern_of = {offset: pattern for pattern, offset in writes}
        commands = [word for offset in acknowledged for word in ("-c", f"read -P {pattern_of[offset]} {offset} 64k")]
        said = self.assert_runs("qemu-io", "-f", "raw", *commands, served.url())
        self.assertEqual(said.count("read 65536/65536"), 300)
        self.assertNotIn("failed", said)
