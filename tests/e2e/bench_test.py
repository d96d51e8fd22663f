"""ashlar-bench over both protocols: its figures, and the proof that what was acknowledged is there after kill -9 of the engine."""
import json
import os
import random
import subprocess
import time

from case import Case
from support import array

NQN = "nqn.2026-11.io.ashlar:test"
BENCH = os.path.join(array.BIN, "ashlar-bench")
SIZE = 16 * array.MIB


class BenchTest(Case):
    def serve_both(self):
        document = array.document_of([array.file_volume("v1", "v1.img", size=SIZE)])
        self.nvme_port = array.free_port()
        document["portals"].append({"name": "n", "address": "127.0.0.1", "port": self.nvme_port, "protocol": "nvme-tcp"})
        document["targets"].append({"name": NQN})
        document["mappings"].append({"host": "any", "target": NQN, "volume": "v1", "lun": 1})
        return self.serve(document)

    def urls(self, served):
        return [served.url(), f"nvme-tcp://127.0.0.1:{self.nvme_port}/{NQN}/2"]

    def bench(self, *words, code=0):
        done = array.run(BENCH, *words, "--json", check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_figures_of_both_protocols(self):
        served = self.serve_both()
        for url in self.urls(served):
            for words in (["--rw", "randread"], ["--rw", "randrw", "--bs", "64k", "--digests", "both", "--overwrite"],
                          ["--rw", "write", "--bs", "1m", "--once", "--overwrite"]):
                said = self.bench(url, *words, "--iodepth", "4", "--connections", "2", "--runtime", "0.3", "--watch-pid", str(served.pid))
                self.assertGreater(said["operations"], 0)
                self.assertEqual(said["operations"], said["read"]["operations"] + said["write"]["operations"])
                self.assertEqual(said["errors"], 0, said)
                self.assertLessEqual(said["p50_us"], said["p99_us"])
                self.assertLessEqual(said["p99_us"], said["max_us"])
            self.assertEqual(said["write"]["operations"], SIZE // array.MIB)
            text = array.run(BENCH, url, "--runtime", "0.2").stdout
            self.assertIn("IOPS", text)
            self.assertIn("p99.9", text)

    def test_a_killed_engine_has_what_it_acknowledged(self):
        served = self.serve_both()
        for number, url in enumerate(self.urls(served)):
            journal = os.path.join(served.folder, f"journal-{number}")
            writing = subprocess.Popen([BENCH, url, "--rw", "randrw", "--rwmixread", "30", "--iodepth", "16", "--connections", "2",
                                        "--overwrite", "--runtime", "60", "--seed", str(number + 1), "--verify", journal, "--json"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(random.uniform(0.5, 1.0))
            served.kill()
            out, err = writing.communicate(timeout=60)
            self.assertEqual(writing.returncode, 3, out + err)
            said = json.loads(out)
            self.assertGreater(said["acknowledged_writes"], 0)
            self.assertEqual(said["wrong_blocks"], 0, said["wrong"])
            self.assertTrue(said["lost"])
            served.restart()
            back = self.bench("--verify-only", journal, "--iodepth", "8")
            self.assertGreater(back["verified_blocks"], 0)
            self.assertEqual(back["wrong_blocks"], 0)
            # What proves something finds what is not there.
            self.bench(url, "--rw", "write", "--bs", "64k", "--once", "--overwrite")
            back = self.bench("--verify-only", journal, code=5)
            self.assertEqual(back["wrong_blocks"], back["verified_blocks"])

    def test_what_cannot_be_is_refused(self):
        served = self.serve_both()
        for url in self.urls(served):
            unit = url.rsplit("/", 1)
            none = "URL.nsid" if url.startswith("nvme") else "URL.lun"
            for words, code, says in (([f"{unit[0]}/200"], 2, none), ([url, "--size", "1t"], 2, "--size"),
                                      ([url, "--bs", "700"], 1, "--bs"),
                                      ([f"{unit[0]}x/1"], 2, "URL.target"), (["http://127.0.0.1/x/1"], 1, "URL.scheme"),
                                      ([url, "--rw", "write"], 1, "--overwrite")):
                done = array.run(BENCH, *words, check=False)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                self.assertIn(says, done.stderr)
        self.assert_refused(BENCH, f"nvme-tcp://127.0.0.1:{array.free_port()}/{NQN}/1", code=2)
