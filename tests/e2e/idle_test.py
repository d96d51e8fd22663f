"""Small at rest: a hundred sessions that do nothing cost nothing."""
import time

from case import Case
from support import array, initiator

SESSIONS, SECONDS = 100, 5


class IdleTest(Case):
    def test_cpu_with_sessions_logged_in(self):
        served = self.serve(array.document_of([array.file_volume("v1", "v1.img", size=64 * array.MIB)]))
        sessions = [self.session(served) for _ in range(SESSIONS)]
        for session in sessions:
            self.assertEqual(session.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)
        time.sleep(0.5)
        before = served.cpu_seconds()
        time.sleep(SECONDS)
        used = (served.cpu_seconds() - before) / SECONDS
        with open(f"/proc/{served.pid}/status", encoding="ascii") as status:
            memory = next(line.split()[1] for line in status if line.startswith("VmRSS"))
        print(f"         {SESSIONS} idle sessions: {used:.2%} of a core, {int(memory) // 1024} MiB resident", flush=True)
        # The aim is 0.5 %; the clock ticks in hundredths of a second, and the machine is shared.
        self.assertLess(used, 0.05)
        for session in sessions:
            self.assertEqual(session.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)
