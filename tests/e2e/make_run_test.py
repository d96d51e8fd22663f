"""`make run` and a disk image, with tools that nobody here wrote: written, compared, compared again after a restart."""
import os
import shutil
import signal
import subprocess
import tempfile

from case import Case
from support import array, initiator

TARGET = "iqn.2026-11.io.ashlar:demo"


class DemoRun:
    """`tools/run`, the last line of `make run`, in a folder of its own."""

    def __init__(self, folder, block_bytes):
        self.port = array.free_port()
        self.folder, self.block_bytes = folder, block_bytes
        self.url = f"iscsi://127.0.0.1:{self.port}/{TARGET}/0"

    def start(self):
        self.said = open(os.path.join(self.folder, "said"), "wb+")
        environment = {**os.environ, "ASHLAR_STATE_DIR": os.path.join(self.folder, "var"), "ASHLAR_PORT": str(self.port),
                       "ASHLAR_BLOCK_BYTES": str(self.block_bytes), "ASHLAR_SHARDS": "2"}
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", os.path.join(array.ROOT, "tools", "run")],
                                        stdout=self.said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                        env=environment, start_new_session=True)
        array.wait_for(self.serves, "tools/run to serve")

    def serves(self):
        if self.process.poll() is not None:
            raise array.Broken(f"tools/run ended with {self.process.returncode}: {self.text()}")
        if not array.accepts("127.0.0.1", self.port):
            return False
        try:
            with initiator.Session("127.0.0.1", self.port) as session:
                session.login(TARGET)
                return session.run(initiator.TEST_UNIT_READY, lun=0)[0] == initiator.GOOD
        except (OSError, initiator.Closed, initiator.Refused):
            return False

    def text(self):
        self.said.seek(0)
        return self.said.read().decode(errors="replace")

    def interrupt(self):
        """Ctrl-C: the whole group gets it."""
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            return self.process.wait(array.PATIENCE)
        except subprocess.TimeoutExpired:
            raise array.Broken(f"still there after Ctrl-C: {self.text()}") from None

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def fill_tree(folder):
    """Files of many sizes, in folders, with a hole, a link and an empty one."""
    os.makedirs(os.path.join(folder, "deep", "er"))
    for number in range(60):
        with open(os.path.join(folder, "deep", f"file{number}"), "wb") as file:
            file.write(os.urandom(number * 7001))
    with open(os.path.join(folder, "deep", "er", "hole"), "wb") as file:
        file.seek(30 << 20)
        file.write(b"end")
    open(os.path.join(folder, "empty"), "wb").close()
    os.symlink("empty", os.path.join(folder, "link"))


def prototype_of(folder):
    """The tree as mkfs.xfs -p takes it."""
    lines = ["/dummy", "0 0", "d--755 0 0"]

    def add(path):
        for name in sorted(os.listdir(path)):
            whole = os.path.join(path, name)
            if os.path.islink(whole):
                lines.append(f"{name} l--777 0 0 {os.readlink(whole)}")
            elif os.path.isdir(whole):
                lines.append(f"{name} d--755 0 0")
                add(whole)
                lines.append("$")
            else:
                lines.append(f"{name} ---644 0 0 {whole}")
    add(folder)
    return "\n".join(lines + ["$", ""])


class MakeRunTest(Case):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ashlar-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.image = os.path.join(self.folder, "image")
        self.back = os.path.join(self.folder, "back")
        self.tree = os.path.join(self.folder, "tree")
        fill_tree(self.tree)
        with open(self.image, "wb") as file:
            file.truncate(array.GIB)

    def start(self, block_bytes):
        run = DemoRun(self.folder, block_bytes)
        self.addCleanup(run.end)
        run.start()
        return run

    def make_xfs(self, block_bytes):
        prototype = os.path.join(self.folder, "prototype")
        with open(prototype, "w", encoding="utf-8") as file:
            file.write(prototype_of(self.tree))
        array.run("mkfs.xfs", "-q", "-f", "-s", f"size={block_bytes}", "-p", prototype, self.image)

    def make_ext4(self, block_bytes):
        array.run("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-d", self.tree, self.image)

    def write_compare_and_compare_again(self, block_bytes, make, checker):
        make(block_bytes)
        run = self.start(block_bytes)
        self.compare(run, "before anything was written", identical=False)
        array.run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", self.image, run.url)
        self.compare(run, "as written")
        self.assertEqual(run.interrupt(), 0, run.text())
        run.start()
        self.compare(run, "after a restart")
        array.run("qemu-img", "convert", "-f", "raw", "-O", "raw", run.url, self.back)
        self.assertEqual(os.path.getsize(self.back), array.GIB)
        array.run(*checker, self.back)
        self.assertEqual(run.interrupt(), 0, run.text())
        return run

    def compare(self, run, when, identical=True):
        done = array.run("qemu-img", "compare", "-f", "raw", "-F", "raw", self.image, run.url, check=False)
        self.assertEqual(done.returncode, 0 if identical else 1, f"{when}: {done.stdout}{done.stderr}\n{run.text()}")

    def test_xfs_in_blocks_of_512(self):
        run = self.write_compare_and_compare_again(512, self.make_xfs, ["xfs_repair", "-n"])
        for words in ("iscsi-ls", "qemu-img", "iscsiadm", "Ctrl-C", TARGET, str(run.port)):
            self.assertIn(words, run.text(), "what people are told")

    def test_xfs_in_blocks_of_4096(self):
        self.write_compare_and_compare_again(4096, self.make_xfs, ["xfs_repair", "-n"])

    def test_ext4_in_blocks_of_512(self):
        self.write_compare_and_compare_again(512, self.make_ext4, ["e2fsck", "-f", "-n"])

    def test_port_taken(self):
        """The next free port, and it says so."""
        with self.taken_port() as taken:
            run = DemoRun(self.folder, 512)
            run.port = taken.getsockname()[1]
            self.addCleanup(run.end)
            environment = {**os.environ, "ASHLAR_STATE_DIR": os.path.join(self.folder, "var"), "ASHLAR_PORT": str(run.port)}
            run.said = open(os.path.join(self.folder, "said"), "wb+")
            run.process = subprocess.Popen([os.path.join(array.ROOT, "tools", "run")], stdout=run.said,
                                           stderr=subprocess.STDOUT, env=environment, start_new_session=True)
            array.wait_for(lambda: run.process.poll() is not None or "iscsi-ls" in run.text(), "tools/run to tell its port")
            others = {word for word in run.text().replace("/", " ").split() if word.startswith("127.0.0.1:")}
            self.assertTrue(others - {f"127.0.0.1:{run.port}"}, run.text())
            self.assertEqual(run.interrupt(), 0, run.text())

    def taken_port(self):
        import socket
        return socket.create_server(("127.0.0.1", 0))
