"""expected.txt: a row a test and configuration, with the reason of everything that is not a pass."""
import os

HEADER = """\
# What each test of Debian's iscsi-test-cu (libiscsi-bin 1.19.0) comes to: CONFIGURATION SUITE.TEST RESULT REASON
# Results: pass, fail, skip, and `varies` where the test races against itself. Whatever is not a pass says why.
# tests/conformance/run compares with it; tests/conformance/run --update writes it anew and keeps the reasons.
"""
WORSE = {("pass", "fail"), ("pass", "skip"), ("skip", "fail"), ("fail", "skip")}


class Table:
    def __init__(self, path):
        self.path = path
        self.rows = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    if line.strip() and not line.startswith("#"):
                        configuration, test, result, *reason = line.split(None, 3)
                        self.rows[configuration, test] = (result, reason[0].strip() if reason else "")

    def compare(self, outcomes):
        """Tells every difference; the number of those for the worse. What no row tells is expected to pass."""
        worse = 0
        for key, outcome in outcomes.items():
            expected, reason = self.rows.get(key, ("pass", ""))
            name = " ".join(key)
            if (expected, outcome.result) in WORSE:
                worse += 1
                print(f"UNEXPECTED {outcome.result}: {name}: {outcome.why} (expected: {expected})")
            elif expected != outcome.result and expected != "varies":
                print(f"better than expected: {name} passes now: update expected.txt (it said {expected}: {reason})")
        return worse

    def update(self, outcomes, complete):
        rows = {} if complete else dict(self.rows)
        for key, outcome in outcomes.items():
            result, reason = self.rows.get(key, ("", ""))
            if result != "varies":
                reason = "" if outcome.result == "pass" else reason if result == outcome.result else outcome.why
                result = outcome.result
            rows[key] = (result, reason)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(HEADER)
            for (configuration, test), (result, reason) in rows.items():
                file.write(f"{configuration:<10} {test:<45} {result:<6} {reason}".rstrip() + "\n")
