"""Growing online: hosts are told, and see the new size; shrinking is refused unless asked for."""
import os

from case import Case
from support import array, initiator


class ResizeTest(Case):
    def serve_one(self):
        return self.serve(array.document_of([array.file_volume("v1", "v1.img", size=64 * array.MIB)]))

    def size_seen(self, served):
        return int(self.assert_runs("iscsi-readcapacity16", "-s", served.url()).strip())

    def test_grow(self):
        served = self.serve_one()
        self.assertEqual(self.size_seen(served), 64 * array.MIB)
        session = self.session(served)
        self.assertEqual(session.run(initiator.write_16(0, 8), write=b"k" * 4096)[0], initiator.GOOD)
        served.command("engine", "resize", "v1", "100MiB")
        self.assertEqual(self.size_seen(served), 100 * array.MIB)
        session.command(initiator.TEST_UNIT_READY)
        _, status, sense = session.answer()
        self.assertEqual((status, initiator.sense_of(sense)), (initiator.CHECK_CONDITION, (6, 0x2A, 0x09)),
                         "a session that was there is told: CAPACITY DATA HAS CHANGED")
        last = 100 * array.MIB // 512 - 8
        self.assertEqual(session.run(initiator.write_16(last, 8), write=b"e" * 4096)[0], initiator.GOOD)
        self.assertEqual(session.run(initiator.read_16(0, 8), read=4096)[1], b"k" * 4096)
        self.assertEqual(session.run(initiator.write_16(last + 8, 8), write=b"e" * 4096)[0], initiator.CHECK_CONDITION)
        self.assertEqual(os.path.getsize(os.path.join(served.folder, "v1.img")), 100 * array.MIB)

    def test_shrink(self):
        served = self.serve_one()
        refused = served.command("engine", "resize", "v1", "32MiB", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("shrink", refused.stdout + refused.stderr)
        self.assertEqual(self.size_seen(served), 64 * array.MIB)
        served.command("engine", "resize", "v1", "32MiB", "--shrink")
        self.assertEqual(self.size_seen(served), 32 * array.MIB)

    def test_refused(self):
        served = self.serve_one()
        for size in ("0", "100000001", "-5", "10G", "many"):
            self.assertNotEqual(served.command("engine", "resize", "v1", size, check=False).returncode, 0, size)
        self.assertEqual(served.command("engine", "resize", "v2", "100MiB", check=False).returncode, 3, "not found")
        self.assertEqual(self.size_seen(served), 64 * array.MIB)
