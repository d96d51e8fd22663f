"""/metrics, as Prometheus reads it, and history."""
import os

from case import Case
from support import array, exposition, initiator


class MetricsTest(Case):
    def read(self, ashlar, **how):
        answer = ashlar.call("GET", "/metrics", **how)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return exposition.Exposition(answer.text)

    def test_nothing_configured(self):
        ashlar = self.begin()
        self.assertGreaterEqual(self.read(ashlar).value("ashlar_engine_uptime_seconds"), 0)

    def test_load(self):
        ashlar = self.begin()
        port = ashlar.serve("one", "two")
        before = self.read(ashlar)
        with self.session(port) as session:
            for place in range(20):
                session.run(initiator.write_16(place * 8, 8), lun=0, write=os.urandom(4096))
                session.run(initiator.read_16(place * 8, 8), lun=0, read=4096)
            session.run(initiator.SYNCHRONIZE_CACHE, lun=0)
            after = self.read(ashlar)
        for operation in ("reads", "writes"):
            labels = {"volume": "one", "pool": "p0", "operation": operation}
            counter = "ashlar_volume_operations_completed_total"
            self.assertEqual(after.value(counter, **labels) - before.value(counter, **labels), 20)
            self.assertEqual(after.value("ashlar_volume_bytes_total", **labels), 20 * 4096)
            self.assertEqual(after.value("ashlar_volume_errors_total", **labels), 0)
            self.assertEqual(after.value("ashlar_volume_io_duration_seconds_count", **labels), 20)
            self.assertGreater(after.value("ashlar_volume_io_duration_seconds_sum", **labels), 0)
        self.assertEqual(after.value("ashlar_volume_operations_completed_total", volume="two", operation="writes"), 0)
        self.assertEqual(after.value("ashlar_volume_size_bytes", volume="one"), 64 * array.MIB)
        self.assertEqual(after.value("ashlar_volume_online", volume="two"), 1)
        self.assertGreaterEqual(after.value("ashlar_session_commands_total", host="any"), 41)
        self.assertEqual(after.value("ashlar_host_sessions", host="any"), 1)

    def test_counters_only_rise(self):
        ashlar = self.begin()
        port = ashlar.serve("one")
        last = {}
        with self.session(port) as session:
            for place in range(5):
                session.run(initiator.write_16(place, 1), lun=0, write=bytes(512))
                now = {key: value for kind, samples in self.read(ashlar).families.values() if kind == "counter"
                       for key, value in samples.items()}
                for key, value in last.items():
                    self.assertGreaterEqual(now.get(key, 0), value, key)
                last = now

    def test_engine_away(self):
        ashlar = self.begin()
        ashlar.serve("one")
        ashlar.engine.kill()
        array.wait_for(lambda: ashlar.get("/status")["engine"]["state"] == "away", "the agent to notice")
        self.read(ashlar)

    def test_names_that_need_quoting(self):
        """What people may write into names and texts does not break the format."""
        ashlar = self.begin()
        ashlar.serve("one")
        ashlar.patch("/volumes/one", {"comment": 'a "quoted" \\ back\nslash'})
        ashlar.look_often()
        ashlar.post("/alert-rules", {"name": "odd", "metric": "engine_up", "comparison": "equal", "threshold": 1,
                                     "message": 'says "1" \\ {value}'})
        ashlar.wait_alert("odd")
        self.read(ashlar)

    def test_history(self):
        ashlar = self.begin()
        port = ashlar.serve("one")
        with self.session(port) as session:
            session.run(initiator.write_16(0, 1), lun=0, write=bytes(512))
            names = array.wait_for(lambda: ashlar.get("/history/series")["items"], "a sample of history")
            points = ashlar.get(f"/history?series={names[0]}&resolution=second")["points"]
            self.assertTrue(points)
            self.assertTrue({"time", "value"} <= set(points[0]))
