"""What the cases share: engines that end with the case and show their log when it failed."""
import unittest

from support import array, initiator


class Case(unittest.TestCase):
    maxDiff = None

    def serve(self, document, **how):
        served = array.Engine(document, **how)
        self.addCleanup(self.end, served)
        served.start()
        return served

    def end(self, served):
        outcome = self._outcome.result
        if any(case is self for case, _ in outcome.failures + outcome.errors) or served.alive() is False:
            print(f"--- the engine of {self.id()} said last:\n{served.log()}---", flush=True)
        served.close()

    def session(self, served, portal=0, target=None, **keys):
        """A logged-in session of the test's own initiator; a target of None is the document's first."""
        where = served.document["portals"][portal]
        session = initiator.Session(where["address"], where["port"])
        self.addCleanup(session.close)
        return session.login(target or served.document["targets"][0]["name"], **keys)

    def assert_runs(self, *arguments, **how):
        return array.run(*arguments, **how).stdout

    def assert_refused(self, *arguments, code=None, **how):
        done = array.run(*arguments, check=False, **how)
        self.assertNotEqual(done.returncode, 0, f"{arguments} succeeded: {done.stdout}")
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr
