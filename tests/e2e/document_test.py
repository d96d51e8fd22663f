"""apply: idempotent, all or nothing, and errors that name the field."""
import copy
import json
import os

from case import Case
from support import array, initiator


class DocumentTest(Case):
    def serve_two(self):
        return self.serve(array.document_of([array.file_volume("v1", "v1.img", size=64 * array.MIB),
                                             array.memory_volume("v2")]))

    def test_the_same_again_changes_nothing(self):
        served = self.serve_two()
        session = self.session(served)
        self.assertEqual(session.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)
        before = served.call("status")
        for _ in range(3):
            report = served.call("apply", document=served.document)
            self.assertEqual((report["changed"], report["steps"]), (False, []))
        self.assertEqual(served.call("status")["applied"], before["applied"])
        session.command(initiator.TEST_UNIT_READY)
        self.assertEqual(session.answer()[1], initiator.GOOD, "not even a unit attention")

    def test_dry_run(self):
        served = self.serve_two()
        document = copy.deepcopy(served.document)
        document["volumes"].append(array.file_volume("v3", "v3.img", size=array.MIB))
        before = served.call("document")
        report = served.call("apply", document=document, dry_run=True)
        self.assertTrue(report["dry_run"] and report["changed"])
        self.assertIn("v3", [step["name"] for step in report["steps"]])
        self.assertEqual(served.call("document"), before)
        self.assertFalse(os.path.exists(os.path.join(served.folder, "v3.img")))

    def test_bad_documents(self):
        """Each names its field, and nothing has changed."""
        served = self.serve_two()
        before = served.call("document"), served.call("status")["applied"]
        for path, change in self.bad_changes():
            document = copy.deepcopy(served.document)
            change(document)
            with self.subTest(path), self.assertRaises(array.Refusal) as refused:
                served.call("apply", document=document)
            self.assertIn(path, json.dumps(refused.exception.error))
        self.assertEqual((served.call("document"), served.call("status")["applied"]), before)
        with self.session(served) as session:
            self.assertEqual(session.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)

    def bad_changes(self):
        def put(where, **fields):
            return lambda document: document[where][0].update(fields)
        return [
            ("volumes[0].size_bytes", put("volumes", size_bytes="many")),
            ("volumes[0].size_bytes", put("volumes", size_bytes=1000)),
            ("volumes[0].block_bytes", put("volumes", block_bytes=513)),
            ("volumes[0].sise_bytes", put("volumes", sise_bytes=5)),
            ("volumes[0].store", put("volumes", store={"kind": "rope"})),
            ("volumes[1].name", lambda document: document["volumes"][1].update(name="v1")),
            ("mappings[0].volume", put("mappings", volume="nobody")),
            ("mappings[0].host", put("mappings", host="nobody")),
            ("mappings[0].target", put("mappings", target="iqn.2026-11.io.ashlar:nobody")),
            ("mappings[0].lun", put("mappings", lun=16384)),
            ("mappings[1]", lambda document: document["mappings"][1].update(lun=1)),
            ("targets[0].name", put("targets", name="not a name")),
            ("portals[0].address", put("portals", address="localhost")),
            ("portals[0].port", put("portals", port=70000)),
            ("hosts[0].chap.secret", put("hosts", chap={"user": "u", "secret": "short"})),
        ]

    def test_all_or_nothing(self):
        """Two good steps and then one that only the system can refuse: the good ones are undone."""
        served = self.serve_two()
        before = served.call("document")
        document = copy.deepcopy(served.document)
        document["volumes"].append(array.file_volume("v3", "v3.img", size=array.MIB))
        document["volumes"].append(array.file_volume("v4", "no/such/folder/v4.img", size=array.MIB))
        document["portals"].append({"name": "p9", "address": "127.0.0.1", "port": array.free_port()})
        with self.assertRaises(array.Refusal) as refused:
            served.call("apply", document=document)
        self.assertIn("v4", json.dumps(refused.exception.error))
        self.assertEqual(served.call("document"), before)
        self.assertEqual([volume["name"] for volume in served.call("status")["volumes"]], ["v1", "v2"])
        self.assertFalse(array.accepts("127.0.0.1", document["portals"][-1]["port"]))

    def test_port_taken(self):
        other = self.serve_two()
        document = array.document_of([array.memory_volume("v1")], ports=[other.document["portals"][0]["port"]])
        served = array.Engine(document)
        self.addCleanup(served.close)
        with self.assertRaises(array.Broken) as broken:
            served.start()
        self.assertIn(str(document["portals"][0]["port"]), str(broken.exception))
        self.assertTrue(other.serving())

    def test_data_stays_when_a_volume_is_taken_out(self):
        served = self.serve_two()
        with self.session(served) as session:
            self.assertEqual(session.run(initiator.write_16(0, 8), write=b"s" * 4096)[0], initiator.GOOD)
        whole = served.document
        without = {**whole, "volumes": whole["volumes"][1:], "mappings": whole["mappings"][1:]}
        served.apply(without)
        self.assertTrue(os.path.exists(os.path.join(served.folder, "v1.img")))
        served.apply(whole)
        with self.session(served) as session:
            self.assertEqual(session.run(initiator.read_16(0, 8), read=4096)[1], b"s" * 4096)

    def test_a_second_engine_on_the_same_file(self):
        """Never two writers."""
        folder = self.serve_two().folder
        document = array.document_of([array.file_volume("v1", os.path.join(folder, "v1.img"), size=64 * array.MIB)])
        second = array.Engine(document)
        self.addCleanup(second.close)
        with self.assertRaises(array.Broken) as broken:
            second.start()
        self.assertIn("v1.img", str(broken.exception))
        self.assertNotIn("waited", str(broken.exception))

    def test_a_second_engine_on_the_same_socket(self):
        first = self.serve_two()
        document = array.document_of([array.memory_volume("v1")])
        second = array.Engine(document, arguments=["--socket", first.socket_path])
        self.addCleanup(second.close)
        with self.assertRaises(array.Broken) as broken:
            second.start()
        self.assertNotIn("waited", str(broken.exception))
        self.assertTrue(first.serving())
