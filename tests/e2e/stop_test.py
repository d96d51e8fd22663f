"""A clean stop answers what is in flight; a session that is dropped comes back; the socket is for its owner alone."""
import os
import signal
import stat
import threading

from case import Case
from support import array, initiator


class StopTest(Case):
    def serve_one(self, **fields):
        return self.serve(array.document_of([array.file_volume("v1", "v1.img", size=256 * array.MIB, **fields)]))

    def stop_under_load(self, by):
        """Writes flow; after the stop each that was sent is answered, or its connection's end says that it may not be."""
        served = self.serve_one()
        session = self.session(served)
        sent = [session.command(initiator.write_16(slot * 8, 8), write=bytes([slot % 251]) * 4096) for slot in range(64)]
        answers = []

        def collect():
            try:
                while len(answers) < len(sent):
                    tag, status, data = session.answer()
                    answers.append((tag, status, initiator.sense_of(data) if status else None))
            except initiator.Closed:
                pass
        collector = threading.Thread(target=collect)
        collector.start()
        self.assertEqual(served.stop(by), 0)
        collector.join()
        attention = (initiator.CHECK_CONDITION, (6, 0x29))
        for tag, status, sense in answers:
            self.assertIn((status, sense and sense[:2]), ((initiator.GOOD, None), attention), f"command {tag}")
        self.assertEqual(len(answers), len(sent), "commands that had arrived were not answered")
        self.assertNotIn("error", served.log().lower().replace("error=0", ""))
        served.restart()
        with self.session(served) as again:
            for tag, status, _ in answers:
                slot = tag - sent[0]
                if status == initiator.GOOD:
                    self.assertEqual(again.run(initiator.read_16(slot * 8, 8), read=4096)[1], bytes([slot % 251]) * 4096)

    def test_sigterm(self):
        self.stop_under_load(signal.SIGTERM)

    def test_sigint(self):
        self.stop_under_load(signal.SIGINT)

    def test_stop_by_the_command_line(self):
        served = self.serve_one()
        served.command("engine", "stop")
        self.assertEqual(served.process.wait(array.PATIENCE), 0)
        self.assertFalse(os.path.exists(served.socket_path))
        served.restart()

    def test_a_host_that_does_not_read_does_not_hold_it_up(self):
        served = self.serve(array.document_of([array.memory_volume("v1")]), arguments=["--stop-grace", "1"])
        session = self.session(served)
        for slot in range(60):
            session.command(initiator.read_16(slot * 2048, 2048), read=1 << 20)
        self.assertEqual(served.stop(), 0)

    def test_session_drop(self):
        served = self.serve_one()
        session = self.session(served)
        session.run(initiator.TEST_UNIT_READY)
        listed = served.call("sessions")["sessions"]
        self.assertEqual([(each["initiator"], each["target"], each["host"]) for each in listed],
                         [(initiator.NAME, array.TARGET, "any")])
        served.command("engine", "session-drop", str(listed[0]["id"]))
        with self.assertRaises(initiator.Closed):
            for _ in range(3):
                session.receive()
        array.wait_for(lambda: served.call("sessions")["sessions"] == [], "the session to be gone")
        with self.session(served) as again:
            self.assertEqual(again.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)
        self.assertEqual(served.command("engine", "session-drop", "999999", check=False).returncode, 3)

    def test_reinstatement(self):
        """The same initiator and ISID log in again: the old session ends (RFC 7143 6.3.5)."""
        served = self.serve_one()
        first = self.session(served)
        first.run(initiator.TEST_UNIT_READY)
        second = initiator.Session("127.0.0.1", served.document["portals"][0]["port"])
        self.addCleanup(second.close)
        second.isid = first.isid
        second.login(array.TARGET)
        self.assertEqual(second.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)
        with self.assertRaises(initiator.Closed):
            for _ in range(3):
                first.receive()
        self.assertEqual(len(served.call("sessions")["sessions"]), 1)

    def test_modes(self):
        """The socket gives the array away: nobody else may open it. Nor may others read volumes."""
        served = self.serve_one()
        for path in (served.socket_path, os.path.join(served.folder, "v1.img")):
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, path)
