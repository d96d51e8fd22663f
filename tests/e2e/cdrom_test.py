"""A CD-ROM drive: hosts boot and install from an image over iSCSI; media come and go while they are logged in."""
import os
import struct
import tempfile

from case import Case
from support import array, initiator, iso_image


def read_10(block, blocks):
    return struct.pack(">BBIBHB", 0x28, 0, block, 0, blocks, 0)


def read_toc():
    return bytes([0x43, 0, 0, 0, 0, 0, 0, 0, 20, 0])


def start_stop(flags):
    return bytes([0x1B, 0, 0, 0, flags, 0])


EVENTS = bytes([0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8, 0])
PREVENT = bytes([0x1E, 0, 0, 0, 1, 0])
EJECT, LOAD = start_stop(2), start_stop(3)


class CdromTest(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ashlar-iso-")
        self.addCleanup(folder.cleanup)
        self.paths = {name: os.path.join(folder.name, name + ".iso") for name in ("first", "second")}
        first = {"readme.txt": b"the first disc\n", "big.bin": os.urandom(3 << 20)}
        self.images = {"first": iso_image.write_image(self.paths["first"], first),
                       "second": iso_image.write_image(self.paths["second"], {"other.txt": b"the second disc\n"}, blocks=700)}

    def document(self, medium):
        drive = {"name": "cd0", "block_bytes": 2048, "store": {"kind": "cdrom", "options": {}}}
        if medium:
            drive["store"]["options"]["path"] = self.paths[medium]
        return array.document_of([drive, array.memory_volume("disk")])

    def serve_drive(self, medium="first"):
        return self.serve(self.document(medium))

    def insert(self, served, medium):
        served.apply(self.document(medium))

    def sense(self, session, cdb, **how):
        """(status, sense) of one command."""
        session.command(cdb, **how)
        _, status, data = session.answer()
        return initiator.sense_of(data) if status == initiator.CHECK_CONDITION else status

    def test_libiscsi_sees_a_drive_and_reads_it(self):
        served = self.serve_drive()
        self.assertRegex(self.assert_runs("iscsi-inq", served.url()), r"(?i)Peripheral Device Type:.*(MMC|CD|MULTI)")
        self.assertRegex(self.assert_runs("iscsi-inq", served.url()), r"Removable:1")
        listed = self.assert_runs("iscsi-ls", "-s", served.url().split("/iqn.")[0])
        self.assertRegex(listed, r"(?i)Lun:1 +Type:.*(MMC|CD|MULTI)")
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "copy.iso")
            self.assert_runs("qemu-img", "convert", "-f", "raw", "-O", "raw", served.url(), copy)
            with open(copy, "rb") as file:
                self.assertEqual(file.read(), self.images["first"])

    def test_media_come_and_go_under_a_session(self):
        served = self.serve_drive()
        session = self.session(served)
        blocks = len(self.images["first"]) // 2048
        _, data = session.run(bytes([0x25] + [0] * 9), read=8)
        self.assertEqual(data, struct.pack(">II", blocks - 1, 2048))
        self.assertEqual(session.run(read_10(16, 4), read=8192)[1], self.images["first"][16 * 2048:20 * 2048])
        self.assertEqual(session.run(read_toc(), read=20)[1][12:14], bytes([0, 0x14]))
        self.insert(served, None)
        self.assertEqual(self.sense(session, read_10(0, 1), read=2048), (2, 0x3A, 0x01))
        self.assertEqual(session.run(EVENTS, read=8)[1][4:6], bytes([3, 0]))
        self.insert(served, "second")
        self.assertEqual(session.run(EVENTS, read=8)[1][4:6], bytes([2, 2]))
        self.assertEqual(self.sense(session, initiator.TEST_UNIT_READY), (6, 0x28, 0x00))
        self.assertEqual(session.run(bytes([0x25] + [0] * 9), read=8)[1], struct.pack(">II", 699, 2048))
        self.assertEqual(session.run(read_10(16, 1), read=2048)[1], self.images["second"][16 * 2048:17 * 2048])
        self.assertEqual(self.sense(session, read_10(700, 1), read=2048), (5, 0x21, 0x00))

    def test_a_host_keeps_the_medium_in_and_the_administrator_overrules_it(self):
        served = self.serve_drive()
        session = self.session(served)
        self.assertEqual(session.run(PREVENT)[0], initiator.GOOD)
        with self.assertRaisesRegex(array.Refusal, "PREVENT"):
            self.insert(served, None)
        self.assertEqual(session.run(EVENTS, read=8)[1][4:6], bytes([1, 2]))
        self.assertEqual(session.run(read_10(0, 1), read=2048)[0], initiator.GOOD)
        served.call("volume.allow_removal", name="cd0")
        self.insert(served, None)
        self.assertEqual(self.sense(session, initiator.TEST_UNIT_READY), (2, 0x3A, 0x01))

    def test_a_host_opens_the_tray_and_closes_it(self):
        served = self.serve_drive()
        session, other = self.session(served), self.session(served)
        other.run(initiator.TEST_UNIT_READY)
        self.assertEqual(session.run(EJECT)[0], initiator.GOOD)
        self.assertEqual(self.sense(session, initiator.TEST_UNIT_READY), (2, 0x3A, 0x02))
        self.assertEqual(served.call("status", only="volumes/cd0")["volumes"][0]["medium"]["state"], "open")
        self.assertEqual(session.run(LOAD)[0], initiator.GOOD)
        self.assertEqual(session.run(read_10(16, 1), read=2048)[1], self.images["first"][16 * 2048:17 * 2048])
        self.assertEqual(self.sense(other, initiator.TEST_UNIT_READY), (6, 0x28, 0x00))

    def test_a_medium_that_is_away_is_refused(self):
        served = self.serve_drive()
        os.rename(self.paths["second"], self.paths["second"] + ".away")
        with self.assertRaises(array.Refusal):
            self.insert(served, "second")
        session = self.session(served)
        self.assertEqual(session.run(read_10(16, 1), read=2048)[1], self.images["first"][16 * 2048:17 * 2048])
        self.assertEqual(self.sense(session, struct.pack(">BBIBHB", 0x2A, 0, 0, 0, 1, 0), write=bytes(2048)), (5, 0x20, 0x00))

    def test_it_is_there_after_a_kill(self):
        served = self.serve_drive()
        self.insert(served, "second")
        served.kill()
        served.restart()
        session = self.session(served)
        self.assertEqual(session.run(read_10(16, 1), read=2048)[1], self.images["second"][16 * 2048:17 * 2048])
