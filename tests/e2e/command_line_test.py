"""`ashlar`: tables for people, JSON for programs, data on stdout, talk on stderr, and exit codes that mean something."""
import json
import os

from case import Case
from support import array, initiator


class CommandLineTest(Case):
    def serve_one(self):
        return self.serve(array.document_of([array.file_volume("demo-volume", "v1.img", size=array.GIB),
                                             array.memory_volume("other", block_bytes=4096)]))

    def test_tables(self):
        served = self.serve_one()
        self.session(served)
        done = served.command("engine", "status")
        self.assertEqual(done.stderr, "")
        port = str(served.document["portals"][0]["port"])
        for word in ("demo-volume", "1 GiB", "other", "4096", "any", "127.0.0.1", port, array.TARGET):
            self.assertIn(word, done.stdout)
        self.assertNotIn("\x1b", done.stdout, "no colours in a pipe")

    def test_json(self):
        served = self.serve_one()
        self.session(served)
        status = json.loads(served.command("engine", "status", "-o", "json").stdout)
        self.assertEqual(status["state"], "serving")
        self.assertEqual(status["sessions"], 1)
        for nouns in ("volumes", "hosts", "portals", "targets"):
            self.assertGreater(len(status[nouns]), 0, nouns)
        volumes = {volume["name"]: volume for volume in status["volumes"]}
        self.assertEqual(volumes["demo-volume"]["size_bytes"], array.GIB)
        self.assertEqual(volumes["other"]["block_bytes"], 4096)

    def test_apply(self):
        served = self.serve_one()
        document = {**served.document, "volumes": [*served.document["volumes"], array.memory_volume("third")]}
        path = served.write_document(document)
        said = served.command("engine", "apply", "-f", path, "--dry-run")
        self.assertIn("third", said.stdout + said.stderr)
        self.assertEqual(len(served.call("status")["volumes"]), 2)
        served.command("engine", "apply", "-f", path)
        self.assertEqual(len(served.call("status")["volumes"]), 3)
        served.command("engine", "apply", "-f", "-", text=json.dumps(served.document))
        self.assertEqual(len(served.call("status")["volumes"]), 2)

    def test_apply_refused(self):
        served = self.serve_one()
        for text, word in (('{"volumes": [{"name": "x", "sise_bytes": 5}]}', "size_bytes"), ("{", "line 1"), ("[]", "object")):
            refused = served.command("engine", "apply", "-f", "-", text=text, check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertEqual(refused.stdout, "")
            self.assertIn(word, refused.stderr)
        self.assertEqual(len(served.call("status")["volumes"]), 2)

    def test_exit_codes(self):
        served = self.serve_one()
        for code, words in ((0, ["--help"]), (0, ["volume", "list", "--help"]), (2, ["volume", "lost"]), (2, ["nonsense"]),
                            (2, ["volume", "list", "--nonsense"]), (2, ["volume", "list", "-o", "picture"]), (2, [])):
            with self.subTest(words):
                done = served.command(*words, check=False)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                self.assertNotEqual((done.stdout if code == 0 else done.stderr), "")
        nobody = array.command("engine", "status", socket_path="/nonexistent/engine.sock", check=False)
        self.assertEqual((nobody.returncode, nobody.stdout), (1, ""))
        self.assertIn("/nonexistent/engine.sock", nobody.stderr)
        environment = {**os.environ, "ASHLAR_AGENT_SOCKET": "/nonexistent/agent.sock"}
        alone = array.run(array.COMMAND, "volume", "list", check=False, env=environment)
        self.assertEqual((alone.returncode, alone.stdout), (1, ""))
        self.assertIn("/nonexistent/agent.sock", alone.stderr)

    def test_events(self):
        served = self.serve_one()
        self.session(served)
        said = served.command("engine", "events", "-o", "json").stdout
        for kind in ("engine.started", "volume.opened", "portal.listening", "document.applied", "session.login"):
            self.assertIn(kind, said)

    def test_stats(self):
        served = self.serve_one()
        session = self.session(served)
        for place in range(10):
            session.run(initiator.write_16(place * 8, 8), write=bytes(4096))
        stats = json.loads(served.command("engine", "stats", "-o", "json").stdout)
        volume = next(volume for volume in stats["volumes"] if volume["name"] == "demo-volume")
        write = next(operation for operation in volume["operations"] if operation["operation"] == "write")
        self.assertEqual((write["count"], write["bytes"], write["errors"]), (10, 40960, 0))
        self.assertIn("demo-volume", served.command("engine", "stats").stdout)
