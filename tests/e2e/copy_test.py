"""Copies within the array: EXTENDED COPY as ESXi sends it, ODX as Windows does, between hosts that share nothing, and on a file
system that shares extents."""
import os
import shutil
import struct
import tempfile

from case import Case
from support import agent, array, initiator

BLOCK, MIB_BLOCKS = 512, array.MIB // 512
ONE, OTHER = "iqn.2026-11.io.ashlar.test:one", "iqn.2026-11.io.ashlar.test:other"


def naa_of(name):
    return bytes.fromhex(array.identity_of(name)["naa"])


def cscd(name):
    return struct.pack(">BBHBBBB", 0xE4, 0, 0, 1, 3, 0, 8) + naa_of(name) + bytes(13) + BLOCK.to_bytes(3, "big")


def copy_list(names, segments, list_id=1):
    """LID1; segments: (source, destination, its first block, that of the destination, blocks)."""
    cscds = b"".join(map(cscd, names))
    descriptors = b"".join(struct.pack(">BBHHHHHQQ", 2, 0, 24, source, destination, 0, count, first, to)
                           for source, destination, first, to, count in segments)
    return struct.pack(">BBHIII", list_id, 0, len(cscds), 0, len(descriptors), 0) + cscds + descriptors


def third_party(opcode, action, length, list_id=0, id_at=2):
    cdb = bytearray(16)
    cdb[0], cdb[1] = opcode, action
    struct.pack_into(">I", cdb, id_at, list_id)
    struct.pack_into(">I", cdb, 10, length)
    return bytes(cdb)


def ranges_of(ranges):
    return b"".join(struct.pack(">QII", first, count, 0) for first, count in ranges)


class CopyTest(Case):
    def fill(self, session, lun, mebibytes):
        written = b""
        for mebibyte in range(mebibytes):
            data = os.urandom(4096) * 256
            for part in range(0, array.MIB, 65536):
                block = mebibyte * MIB_BLOCKS + part // BLOCK
                status, _ = session.run(initiator.write_16(block, 128), lun=lun, write=data[part:part + 65536])
                self.assertEqual(status, initiator.GOOD)
            written += data
        return written

    def read(self, session, lun, block, length):
        return b"".join(session.run(initiator.read_16(block + at // BLOCK, 512), lun=lun, read=262144)[1]
                        for at in range(0, length, 262144))

    def extended_copy(self, session, names, segments, lun=1):
        parameters = copy_list(names, segments)
        return session.run(third_party(0x83, 0x00, len(parameters)), lun=lun, write=parameters)

    def test_extended_copy(self):
        served = self.serve(array.document_of([array.memory_volume("v1"), array.memory_volume("v2")]))
        session = self.session(served)
        written = self.fill(session, 1, 8)
        segments = [(0, 1, first, first + 3, 8192) for first in (0, 8192)]
        status, sense = self.extended_copy(session, ["v1", "v2"], segments)
        self.assertEqual(status, initiator.GOOD, initiator.sense_of(sense))
        self.assertEqual(self.read(session, 2, 3, len(written)), written)
        status, told = session.run(third_party(0x84, 0x00, 12, 1 << 24), read=12)
        self.assertEqual((status, told[4:7]), (initiator.GOOD, b"\x01\x00\x02"), "both segments, without error")

    def test_tenants(self):
        volumes = [array.memory_volume("v1"), array.memory_volume("v2")]
        hosts = [{"name": "one", "initiators": [ONE]}, {"name": "other", "initiators": [OTHER]}]
        mappings = [{"host": host, "target": array.TARGET, "volume": volume, "lun": lun, **more}
                    for host, volume, lun, more in (("one", "v1", 1, {}), ("one", "v2", 2, {}), ("other", "v2", 1, {}))]
        served = self.serve(array.document_of(volumes, hosts=hosts, mappings=mappings))
        one, other = self.session(served, initiator=ONE), self.session(served, initiator=OTHER)
        secret = self.fill(one, 1, 1)
        for names in (["v1", "v2"], ["v2", "v1"]):
            status, sense = self.extended_copy(other, names, [(0, 1, 0, 0, 2048)])
            self.assertEqual((status, initiator.sense_of(sense)), (initiator.CHECK_CONDITION, (0xA, 0x0D, 0x02)))
        self.assertEqual(self.read(other, 1, 0, array.MIB), bytes(array.MIB), "nothing was read or written")
        self.assertEqual(self.read(one, 1, 0, array.MIB), secret)
        self.assertEqual(self.extended_copy(one, ["v1", "v2"], [(0, 1, 0, 0, 2048)])[0], initiator.GOOD)
        self.assertEqual(self.read(other, 1, 0, array.MIB), secret)

    def test_token(self):
        served = self.serve(array.document_of([array.memory_volume("v1"), array.memory_volume("v2")]))
        session = self.session(served)
        written = self.fill(session, 1, 2)
        ranges = ranges_of([(0, 2048), (2048, 2048)])
        parameters = struct.pack(">HBBIIHH", 14 + len(ranges), 0, 0, 0, 0, 0, len(ranges)) + ranges
        status, sense = session.run(third_party(0x83, 0x10, len(parameters), 7, 6), write=parameters)
        self.assertEqual(status, initiator.GOOD, initiator.sense_of(sense))
        status, told = session.run(third_party(0x84, 0x07, 1024, 7), read=1024)
        self.assertEqual((status, told[5], len(told)), (initiator.GOOD, 0x01, 550))
        token = told[38:]
        elsewhere = self.session(served)  # perhaps on another shard
        ranges = ranges_of([(100, 4096)])
        parameters = struct.pack(">HB5xQ", 534 + len(ranges), 0, 0) + token + bytes(6) + struct.pack(">H", len(ranges)) + ranges
        status, sense = elsewhere.run(third_party(0x83, 0x11, len(parameters), 8, 6), lun=2, write=parameters)
        self.assertEqual(status, initiator.GOOD, initiator.sense_of(sense))
        self.assertEqual(self.read(elsewhere, 2, 100, len(written)), written)
        guess = parameters[:16] + token[:128] + bytes(64) + parameters[208:]
        status, sense = elsewhere.run(third_party(0x83, 0x11, len(guess), 9, 6), lun=2, write=guess)
        self.assertEqual(initiator.sense_of(sense), (5, 0x23, 0x04), "TOKEN UNKNOWN")

    def test_shared_extents(self):
        if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None:
            self.skipTest("mounts a file system")
        folder = tempfile.mkdtemp(prefix="ashlar-copy-")
        mount = agent.Mount(os.path.join(folder, "xfs"))
        self.addCleanup(shutil.rmtree, folder)
        self.addCleanup(mount.close)
        volumes = [array.file_volume(name, os.path.join(mount.path, f"{name}.img"), size=64 * array.MIB, thin=thin)
                   for name, thin in (("v1", True), ("v2", True), ("thick", False))]
        served = self.serve(array.document_of(volumes))
        session = self.session(served)
        written = self.fill(session, 1, 16)

        def used_by(segments, names):
            before = os.statvfs(mount.path)
            status, sense = self.extended_copy(session, names, segments)
            self.assertEqual(status, initiator.GOOD, initiator.sense_of(sense))
            self.assertEqual(session.run(initiator.SYNCHRONIZE_CACHE, lun=2)[0], initiator.GOOD)
            return (before.f_bfree - os.statvfs(mount.path).f_bfree) * before.f_bsize
        self.assertLess(used_by([(0, 1, 0, 16384, 32768)], ["v1", "v2"]), array.MIB, "two files of one file system")
        self.assertLess(used_by([(0, 0, 0, 65536, 32768)], ["v1"]), array.MIB, "the same file")
        self.assertGreater(used_by([(0, 1, 0, 1, 32768)], ["v1", "v2"]), 8 * array.MIB, "not on its blocks: copied")
        self.assertEqual(self.read(session, 1, 65536, len(written)), written)
        self.assertEqual(self.read(session, 2, 1, len(written)), written)
        used_by([(0, 1, 0, 0, 32768)], ["v1", "thick"])
        self.assertEqual(self.read(session, 3, 0, len(written)), written)
        shared = array.run("filefrag", "-v", os.path.join(mount.path, "thick.img")).stdout
        self.assertNotIn("shared", shared, "a thick volume has its space to itself")
        self.assertEqual(session.run(initiator.write_16(0, 8), lun=1, write=b"n" * 4096)[0], initiator.GOOD)
        self.assertEqual(self.read(session, 1, 65536, 262144), written[:262144], "what was shared is nobody else's to change")
