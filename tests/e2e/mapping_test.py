"""Read-only in its two ways, and write protection as hosts see it."""
from case import Case
from support import array, initiator

WRITE_PROTECTED = (7, 0x27, 0)


class MappingTest(Case):
    def assert_read_only(self, session, lun):
        self.assertEqual(session.run(initiator.read_16(0, 8), lun=lun, read=4096)[0], initiator.GOOD)
        status, sense = session.run(initiator.write_16(0, 8), lun=lun, write=bytes(4096))
        self.assertEqual((status, initiator.sense_of(sense)), (initiator.CHECK_CONDITION, WRITE_PROTECTED))
        mode_sense = bytes([0x1A, 0, 0x3F, 0, 255, 0])
        status, mode = session.run(mode_sense, lun=lun, read=255)
        self.assertEqual((status, mode[2] & 0x80), (initiator.GOOD, 0x80), "WP in the mode parameter header")

    def test_read_only_mapping(self):
        """One volume, written by way of one target and read by way of the other."""
        document = array.document_of([array.memory_volume("one")])
        document["targets"].append({"name": array.TARGET + "-ro"})
        document["mappings"].append({**document["mappings"][0], "target": array.TARGET + "-ro", "lun": 2, "read_only": True})
        served = self.serve(document)
        content = b"written by the other" * 100
        writer, reader = self.session(served), self.session(served, target=array.TARGET + "-ro")
        self.assertEqual(writer.run(initiator.write_16(0, 8), write=content.ljust(4096, b"."))[0], initiator.GOOD)
        self.assert_read_only(reader, lun=2)
        self.assertTrue(reader.run(initiator.read_16(0, 8), lun=2, read=4096)[1].startswith(content))

    def test_read_only_volume(self):
        session = self.session(self.serve(array.document_of([array.memory_volume("one", read_only=True)])))
        self.assert_read_only(session, lun=1)

    def test_read_only_for_one_host(self):
        names = [f"iqn.2026-11.io.ashlar.test:{name}" for name in ("reader", "writer")]
        hosts = [{"name": name.split(":")[1], "initiators": [name]} for name in names]
        document = array.document_of([array.memory_volume("one")], hosts=hosts)
        document["mappings"] = [{"host": "reader", "target": array.TARGET, "volume": "one", "lun": 1, "read_only": True},
                                {"host": "writer", "target": array.TARGET, "volume": "one", "lun": 1}]
        served = self.serve(document)
        self.assert_read_only(self.session(served, initiator=names[0]), lun=1)
        writer = self.session(served, initiator=names[1])
        self.assertEqual(writer.run(initiator.write_16(0, 8), write=bytes(4096))[0], initiator.GOOD)

    def test_qemu_refuses_to_write(self):
        served = self.serve(array.document_of([array.memory_volume("one", read_only=True)]))
        self.assert_refused("qemu-io", "-f", "raw", "-c", "write 0 4096", served.url())
        self.assertIn("read 4096/4096", self.assert_runs("qemu-io", "-r", "-f", "raw", "-c", "read -P 0 0 4096", served.url()))
