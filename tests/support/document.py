"""A page of documentation as a test. Its ```sh blocks are run in one bash, command for command, which stops at the first that
fails. A ```text block says what the commands of the block before it print: its lines must come in that order, others may stand
between them, and "..." stands for anything."""
import os
import re
import signal
import subprocess

from support import array

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
MARK = "@@@ "


class Page:
    def __init__(self, path):
        self.name = os.path.basename(path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.blocks = [(found.group(1), text.count("\n", 0, found.start()) + 2, found.group(2))
                       for found in BLOCK.finditer(text)]

    def script(self):
        lines = ["set -e -o pipefail", f"trap 'echo \"{MARK}failed: $BASH_COMMAND\"' ERR"]
        for language, line, text in self.blocks:
            if language == "sh":
                lines += [f"echo '{MARK}{line}'", text.rstrip("\n")]
        return "\n".join(lines) + "\n"

    def run(self, folder, environment=None, seconds=60):
        """Runs it all in `folder`; Broken tells what failed."""
        script, said = os.path.join(folder, f"{self.name}.sh"), os.path.join(folder, f"{self.name}.said")
        with open(script, "w", encoding="utf-8") as file:
            file.write(self.script())
        path = {"PATH": f"{array.BIN}:{os.environ['PATH']}"}
        with open(said, "wb") as output:
            process = subprocess.Popen(["bash", script], cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True,
                                       env={**os.environ, **path, **(environment or {})})
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = "no end"
            finally:
                self.end_group(process)
        with open(said, encoding="utf-8", errors="replace") as output:
            self.judge(code, output.read())

    @staticmethod
    def end_group(process):
        """What the page started in the background, too."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    def judge(self, code, said):
        parts = re.split(rf"^{MARK}(\d+)\n", said, flags=re.M)
        outputs = {int(line): text for line, text in zip(parts[1::2], parts[2::2])}
        if code != 0:
            line = max(outputs, default=0)
            raise array.Broken(f"{self.name}: the block at line {line} ended with {code}:\n{outputs.get(line, said)[-3000:]}")
        before = None
        for language, line, text in self.blocks:
            if language == "text":
                self.compare(line, text, outputs[before])
            before = line if language == "sh" else before

    def compare(self, line, expected, printed):
        rest = [squeezed(each) for each in printed.splitlines()]
        for each in expected.splitlines():
            pattern = re.compile(re.escape(squeezed(each)).replace(re.escape("..."), ".*") + r"\Z")
            while rest and not pattern.match(rest[0]):
                rest.pop(0)
            if not rest:
                raise array.Broken(f"{self.name}: the text at line {line} says\n{each}\nand this was printed:\n{printed}")
            rest.pop(0)


def squeezed(line):
    return " ".join(line.split())
