"""What the cases share: arrays that end with the case and show their logs when it failed."""
import unittest

from support import agent, array, initiator


class Case(unittest.TestCase):
    maxDiff = None

    def begin(self, start=True, **how):
        """An array with nothing in it."""
        made = agent.Agent(**how)
        self.addCleanup(self.end, made)
        return made.start() if start else made

    def end(self, made):
        outcome = self._outcome.result
        if any(case is self for case, _ in outcome.failures + outcome.errors):
            print(made.logs(), flush=True)
        made.close()

    def session(self, port, target=array.TARGET, **keys):
        """A logged-in session of the test's own initiator."""
        session = initiator.Session("127.0.0.1", port)
        self.addCleanup(session.close)
        return session.login(target, **keys)

    def url(self, port, lun=0, target=array.TARGET, user="", password=""):
        who = f"{user}%{password}@" if user else ""
        return f"iscsi://{who}127.0.0.1:{port}/{target}/{lun}"

    def assert_refused(self, status, ashlar, method, path, body=None, code=None, **how):
        """The problem that it was refused with."""
        answer = ashlar.call(method, path, body, **how)
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        problem = answer.json
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["detail"] and problem["code"] and problem["trace_id"], problem)
        if code:
            self.assertEqual(problem["code"], code)
        return problem
