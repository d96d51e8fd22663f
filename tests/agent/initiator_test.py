"""Other arrays by the API: here this one itself is the other. The engine is asked on a line of its own, so one that does not answer
keeps nobody else waiting."""
import json
import socket
import subprocess
import threading

from case import Case
from support import array

AT_ONCE = 4
SECRET = "a-secret-of-20-bytes"


class InitiatorTest(Case):
    def closed_port(self):
        return f"127.0.0.1:{array.free_port()}"

    def silent_portal(self):
        """A port that takes connections and says nothing, and how many it has taken."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        taken = []

        def take():
            while True:
                try:
                    taken.append(listener.accept()[0])
                except OSError:
                    return
        threading.Thread(target=take, daemon=True).start()
        self.addCleanup(lambda: [each.close() for each in [listener, *taken]])
        return f"iscsi://127.0.0.1:{listener.getsockname()[1]}/iqn.x:silent/0", taken

    def test_discover_and_inspect(self):
        ashlar = self.begin()
        port = ashlar.serve("one")
        told = ashlar.post("/initiator/discover", {"url": f"iscsi://127.0.0.1:{port}"})
        self.assertEqual(told, {"targets": [{"name": array.TARGET, "portals": [f"127.0.0.1:{port}"]}]})
        closed = self.closed_port()
        unit = ashlar.post("/initiator/inspect", {"urls": [self.url(port), f"iscsi://{closed}/{array.TARGET}/0"]})
        naa = ashlar.get("/volumes/one")["identity"]["naa"]
        self.assertEqual((unit["identity"], unit["size_bytes"]), (f"naa.{naa}", 64 * array.MIB))
        self.assertEqual([each["state"] for each in unit["paths"]], ["up", "down"])
        self.assertIn("refused", unit["paths"][1]["error"])
        shown = self.command(ashlar, "initiator", "inspect", self.url(port))
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn(f"naa.{naa}\n  ASHLAR", shown.stdout)
        shown = self.command(ashlar, "initiator", "inspect", self.url(port)[:-1] + "7")
        self.assertEqual(shown.returncode, 1, "it is not we who lack something")
        self.assertIn("urls[0].lun: the target has no LUN 7 for us", shown.stderr)

    def command(self, ashlar, *words):
        return subprocess.run([array.COMMAND, *words], capture_output=True, text=True, check=False,
                              env={"ASHLAR_AGENT_SOCKET": ashlar.socket_path, "HOME": ashlar.folder})

    def test_bench(self):
        ashlar = self.begin()
        port = ashlar.serve("one")
        shown = self.command(ashlar, "initiator", "bench", self.url(port), "--rw", "randread", "--iodepth", "4", "--runtime", "0.3")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        for word in ("IOPS", "MB/s", "p99.9"):
            self.assertIn(word, shown.stdout)
        shown = self.command(ashlar, "initiator", "bench", self.url(port), "--rw", "randwrite", "--runtime", "0.3")
        self.assertEqual(shown.returncode, 1, shown.stdout)
        self.assertIn("--overwrite", shown.stderr)
        shown = self.command(ashlar, "initiator", "bench", self.url(port), "--rw", "write", "--once", "--bs", "1m", "--overwrite", "--json")
        self.assertEqual(json.loads(shown.stdout)["write"]["operations"], 64, shown.stderr)

    def test_what_does_not_go(self):
        ashlar = self.begin()
        port = ashlar.serve("one", host={"chap": {"user": "u", "secret": SECRET}})
        where = self.url(port)
        found = ashlar.post("/initiator/inspect", {"urls": [where], "user": "u", "secret": SECRET})
        self.assertEqual(found["size_bytes"], 64 * array.MIB)
        wrong = SECRET.upper()
        for status, path, body, field, words in (
                (502, "inspect", {"urls": [where], "user": "u", "secret": wrong}, "secret", "authentication failure"),
                (502, "inspect", {"urls": [where.replace(array.TARGET, array.TARGET + "x")]}, "urls[0].target", "not found"),
                (502, "discover", {"url": f"iscsi://{self.closed_port()}"}, "url.port", "refused"),
                (422, "discover", {"url": "ftp://127.0.0.1"}, "url.scheme", "'ftp:' is not iscsi:// or nvme-tcp://"),
                (422, "inspect", {"urls": [where, "iscsi://127.0.0.1:99999/iqn.x/0"]}, "urls[1].port", "1 to 65535"),
                (422, "inspect", {"urls": ["iscsi://127.0.0.1"]}, "urls[0].target", "IQN/LUN"),
                (422, "inspect", {"urls": [where], "user": "u"}, "secret", "no secret")):
            problem = self.assert_refused(status, ashlar, "POST", f"/initiator/{path}", body)
            self.assertEqual(problem["field"], field, problem)
            self.assertIn(words, problem["detail"])
        said = ashlar.logs() + ashlar.call("GET", "/audit?format=csv").text + ashlar.call("GET", "/events").text
        self.assertIn("/initiator/inspect", said)
        for secret in (SECRET, wrong):
            self.assertNotIn(secret, said)

    def test_nobody_waits_for_an_array_that_is_silent(self):
        ashlar = self.begin()
        url, taken = self.silent_portal()
        answers = []
        asking = [threading.Thread(target=lambda: answers.append(ashlar.call("POST", "/initiator/inspect", {"urls": [url]}).status))
                  for _ in range(AT_ONCE)]
        for each in asking:
            each.start()
        array.wait_for(lambda: len(taken) >= AT_ONCE, "the engine to try")
        self.assert_refused(429, ashlar, "POST", "/initiator/discover", {"url": "iscsi://127.0.0.1"})
        ashlar.serve("one")
        self.assertEqual(answers, [], "a change of all layers is made meanwhile")
        for each in asking:
            each.join()
        self.assertEqual(answers, [504] * AT_ONCE)
