"""A CD-ROM drive by the API: made, filled, emptied, deleted, while a host is logged in; images stay what they were."""
import os

from case import Case
from support import array, exposition, initiator, iso_image

READ_CAPACITY = bytes([0x25] + [0] * 9)
READ_FIRST = bytes([0x28, 0, 0, 0, 0, 16, 0, 0, 1, 0])
PREVENT = bytes([0x1E, 0, 0, 0, 1, 0])


class CdromTest(Case):
    def furnish(self):
        """An array with a disk and a drive, and the bytes of the images: its port."""
        self.ashlar = self.begin()
        port = self.ashlar.serve("disk")
        self.folder = os.path.join(self.ashlar.folder, "p0")
        self.images = {name: iso_image.write_image(os.path.join(self.folder, name), {"name.txt": name.encode()}, blocks=blocks)
                       for name, blocks in (("a.iso", 100), ("b.iso", 200))}
        made = self.ashlar.post("/volumes", {"name": "cd0", "pool": "p0", "kind": "cdrom", "medium": "a.iso"})
        self.assertEqual((made["block_bytes"], made["read_only"], made["removable"], made["thin"]), (2048, True, True, False))
        self.ashlar.post("/maps", {"volume": "cd0", "host": "any", "target": array.TARGET})
        return port

    def status(self):
        return self.ashlar.get("/volumes/cd0")["status"]["medium"]

    def sense(self, session, cdb, **how):
        session.command(cdb, lun=1, **how)
        return initiator.sense_of(session.answer()[2])

    def test_media_come_and_go(self):
        port = self.furnish()
        self.assertEqual(self.status(), {"state": "loaded", "size_bytes": 100 * 2048, "prevented": False})
        with self.session(port) as session:
            for _ in range(3):
                self.assertEqual(session.run(READ_FIRST, lun=1, read=2048)[1], self.images["a.iso"][16 * 2048:17 * 2048])
            self.ashlar.post("/volumes/cd0/eject")
            self.assertEqual(self.sense(session, initiator.TEST_UNIT_READY), (2, 0x3A, 0x01))
            self.ashlar.post("/volumes/cd0/insert", {"medium": "b.iso"})
            self.assertEqual(self.sense(session, initiator.TEST_UNIT_READY), (6, 0x28, 0x00))
            self.assertEqual(session.run(READ_CAPACITY, lun=1, read=8)[1], bytes([0, 0, 0, 199, 0, 0, 8, 0]))
            self.assertEqual(session.run(PREVENT, lun=1)[0], initiator.GOOD)
            self.assert_refused(409, self.ashlar, "POST", "/volumes/cd0/eject", code="busy")
            self.assertEqual(self.status()["prevented"], True)
            self.assertEqual(session.run(READ_FIRST, lun=1, read=2048)[1], self.images["b.iso"][16 * 2048:17 * 2048])
            self.ashlar.post("/volumes/cd0/eject?force=true")
            self.assertEqual(self.sense(session, initiator.TEST_UNIT_READY), (2, 0x3A, 0x01))
            self.ashlar.patch("/volumes/cd0", {"medium": "a.iso"})
            self.assertEqual(session.run(READ_FIRST, lun=1, read=2048)[1], self.images["a.iso"][16 * 2048:17 * 2048])
            metrics = exposition.Exposition(self.ashlar.call("GET", "/metrics").text)
            reads = {"volume": "cd0", "pool": "p0", "operation": "reads"}
            self.assertEqual(metrics.value("ashlar_volume_operations_completed_total", **reads), 5)

    def test_what_is_refused(self):
        self.furnish()
        disk = self.ashlar.get("/volumes/disk")["backing"]
        self.assert_refused(404, self.ashlar, "POST", "/volumes/cd0/insert", {"medium": "gone.iso"})
        self.assert_refused(409, self.ashlar, "POST", "/volumes/cd0/insert", {"medium": disk})
        self.assert_refused(422, self.ashlar, "POST", "/volumes/disk/insert", {"medium": "a.iso"})
        self.assert_refused(422, self.ashlar, "POST", "/volumes/cd0/resize", {"size_bytes": "1GiB"})
        self.assert_refused(422, self.ashlar, "POST", "/snapshots", {"name": "cd0@now"})
        self.assertEqual(self.ashlar.get("/volumes/cd0")["medium"], "a.iso")

    def test_images_outlive_the_drive_and_a_drive_its_image(self):
        port = self.furnish()
        self.ashlar.engine.kill()
        os.rename(os.path.join(self.folder, "a.iso"), os.path.join(self.folder, "away.iso"))
        self.ashlar.start_engine()
        self.ashlar.wait_served()
        self.assertEqual(self.ashlar.get("/volumes/cd0")["status"]["state"], "failed")
        self.assertEqual(self.ashlar.get("/volumes/disk")["status"]["state"], "online")
        self.ashlar.post("/volumes/cd0/insert", {"medium": "b.iso"})
        with self.session(port) as session:
            self.assertEqual(session.run(READ_FIRST, lun=1, read=2048)[1], self.images["b.iso"][16 * 2048:17 * 2048])
        self.ashlar.delete("/volumes/cd0?force=true")
        self.ashlar.delete("/recycle-bin/cd0?force=true")
        self.assertTrue({"away.iso", "b.iso"} <= set(os.listdir(self.folder)))
