"""Runs the cases of a folder: what the `run` beside them calls."""
import argparse
import glob
import os
import signal
import sys
import time
import unittest


class TooLong(Exception):
    """A case took more than it may."""


class Told(unittest.TextTestResult):
    """A line a case, with its seconds; and the end of each that takes too long."""

    seconds = 0   # a case may take; 0: no bound

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        signal.signal(signal.SIGALRM, self.too_long)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def too_long(self, *_):
        raise TooLong(f"no end within {self.seconds} s")

    def stopTest(self, test):
        signal.setitimer(signal.ITIMER_REAL, 0)
        super().stopTest(test)
        bad = [kind for kind, cases in (("FAILED", self.failures), ("ERROR", self.errors), ("skipped", self.skipped))
               if any(case is test or getattr(case, "test_case", None) is test for case, _ in cases)]
        module, _, case = test.id().rpartition(".")
        print(f"{time.monotonic() - self.began:6.1f} s  {module.split('.')[0].removesuffix('_test')}.{case} "
              f"{' '.join(bad)}".rstrip(), flush=True)


def flatten(suite):
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from flatten(each)
        else:
            yield each


def load(folder, wanted):
    """Of a folder's NAME_test.py those that are wanted: NAME, or NAME.CASE. Nothing wanted: all."""
    loader = unittest.TestLoader()
    names = sorted(os.path.basename(path)[:-len("_test.py")] for path in glob.glob(os.path.join(folder, "*_test.py")))
    chosen = unittest.TestSuite()
    for name in names:
        cases = [pattern.partition(".")[2] for pattern in wanted if pattern.partition(".")[0] == name]
        if wanted and not cases:
            continue
        for case in flatten(loader.loadTestsFromName(name + "_test")):
            if not wanted or "" in cases or case.id().rpartition(".")[2] in cases:
                chosen.addTest(case)
    return chosen


def main(folder, words, programs, seconds=0):
    """`words`: what to say about it; `programs`: what must be built. Ends with 77 when it is not."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # unittest lets KeyboardInterrupt through, SystemExit not
    missing = [program for program in programs if not os.access(program, os.X_OK)]
    if missing:
        print(f"not built: {' '.join(missing)}")
        return 77
    chosen = load(folder, options.cases)
    if chosen.countTestCases() == 0:
        print(f"no such case: {' '.join(options.cases)}")
        return 2
    Told.seconds = seconds
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Told, verbosity=0)
    try:
        result = runner.run(chosen)
    except KeyboardInterrupt:
        print("stopped")
        return 130
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed")
    return 1 if failed else 0
