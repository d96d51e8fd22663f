"""kill -9 of the engine and of the agent: hosts find their volumes, changes are whole or not at all."""
import glob
import http.client
import os
import random
import threading
import time

from case import Case
from support import agent, array, initiator

BLOCK = 512
IDENTITY = [initiator.INQUIRY, initiator.vital_product_data(0x80), initiator.vital_product_data(0x83)]
KILLS = 6


class Load(threading.Thread):
    """A host that writes and reads back all the time, on one session: its first trouble is in `trouble`."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session, self.done, self.trouble, self.ended = session, 0, None, threading.Event()

    def run(self):
        try:
            while not self.ended.is_set():
                block, data = random.randrange(1000), os.urandom(BLOCK)
                for cdb, how in ((initiator.write_16(block, 1), {"write": data}), (initiator.read_16(block, 1), {"read": BLOCK})):
                    status, answer = self.session.run(cdb, lun=0, **how)
                    if status != initiator.GOOD or ("read" in how and answer != data):
                        raise array.Broken(f"status {status:02x} after {self.done} commands: {answer[:64]!r}")
                self.done += 1
        except Exception as problem:  # what it was is the test's result
            self.trouble = problem

    def stop(self):
        self.ended.set()
        self.join(array.PATIENCE)


class Changer(threading.Thread):
    """An administrator who makes and deletes volumes, snapshots and hosts until the agent is gone."""

    def __init__(self, ashlar, name):
        super().__init__(daemon=True)
        self.ashlar, self.name_of_it = ashlar, name
        self.sure, self.unsure = {}, set()   # path -> is it there, as acknowledged; and paths of changes without an answer

    def change(self, method, path, collection, body=None):
        name = f"/{collection}/{body['name']}" if body else path.partition("?")[0]
        self.unsure.add(name)
        self.ashlar.do(method, path, body)
        self.unsure.discard(name)
        self.sure[name] = method == "POST"

    def run(self):
        number = 0
        try:
            while True:
                number += 1
                volume = f"{self.name_of_it}-{number}-{time.monotonic_ns()}"
                self.change("POST", "/volumes", "volumes", {"name": volume, "pool": "p1", "size_bytes": array.MIB})
                self.change("POST", "/snapshots", "snapshots", {"name": f"{volume}@s", "volume": volume})
                self.change("POST", "/hosts", "hosts", {"name": volume, "initiators": [f"iqn.2026-11.io.ashlar.test:{volume}"]})
                if number % 2:
                    self.change("DELETE", f"/snapshots/{volume}@s?force=true", "snapshots")
                    self.change("DELETE", f"/volumes/{volume}", "volumes")
        except (OSError, http.client.HTTPException):
            return  # it was killed


class DeathTest(Case):
    def test_engine(self):
        """The agent gives the new engine everything again: the same LUN, identity and data."""
        ashlar = self.begin()
        port = ashlar.serve("one", "two")
        data = os.urandom(64 * BLOCK)
        with self.session(port) as session:
            session.run(initiator.write_16(100, 64), lun=1, write=data)
            before = [session.run(cdb, lun=1, read=1024) for cdb in IDENTITY]
        for _ in range(2):
            ashlar.engine.kill()
            array.wait_for(lambda: ashlar.get("/status")["engine"]["state"] == "away", "the agent to notice")
            status = ashlar.get("/status")
            self.assertEqual(status["health"], "critical")
            self.assertIn("engine", status["sentence"])
            self.assertEqual(ashlar.items("/volumes")["one"]["status"]["state"], "unknown")
            ashlar.start_engine()
            ashlar.wait_served()
            with self.session(port) as session:
                self.assertEqual(session.run(initiator.read_16(100, 64), lun=1, read=64 * BLOCK), (initiator.GOOD, data))
                self.assertEqual([session.run(cdb, lun=1, read=1024) for cdb in IDENTITY], before)
        listed = array.run("iscsi-ls", "-s", f"iscsi://127.0.0.1:{port}").stdout
        self.assertIn("Lun:0", listed)
        self.assertIn("Lun:1", listed)

    def test_changes_while_the_engine_is_away(self):
        """Either is whole: refused and nothing done, or done and served when the engine is back."""
        ashlar = self.begin()
        port = ashlar.serve("one")
        ashlar.engine.kill()
        generation = ashlar.get("/status")["generation"]
        answer = ashlar.call("POST", "/volumes", {"name": "two", "pool": "p0", "size_bytes": array.MIB})
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(answer.json["code"], "closed")
        self.assertEqual(ashlar.get("/status")["generation"], generation)
        self.assertEqual(list(ashlar.items("/volumes")), ["one"])
        self.assertEqual(len(os.listdir(os.path.join(ashlar.folder, "p0"))), 1, "what was made for it is taken back")
        ashlar.start_engine()
        ashlar.wait_served()
        ashlar.post("/volumes", {"name": "two", "pool": "p0", "size_bytes": array.MIB})
        ashlar.post("/maps", {"volume": "two", "host": "any", "target": array.TARGET})
        with self.session(port) as session:
            self.assertEqual(session.run(initiator.TEST_UNIT_READY, lun=1)[0], initiator.GOOD)

    def test_agent(self):
        """In the middle of many changes, again and again. What was acknowledged is there, what was not is whole or not there,
        no storage stays behind, and hosts notice nothing."""
        ashlar = self.begin()
        mount = agent.Mount(os.path.join(ashlar.folder, "p1"))
        self.addCleanup(mount.close)
        port = ashlar.serve("one")
        ashlar.add_pool("p1")
        load = Load(self.session(port))
        load.start()
        sure, unsure = {}, set()
        for round_number in range(KILLS):
            changers = [Changer(ashlar, f"r{round_number}{who}") for who in "abc"]
            for changer in changers:
                changer.start()
            # However busy the machine is, each round has some that were acknowledged.
            array.wait_for(lambda: sum(len(each.sure) for each in changers) >= 4, "changes")
            time.sleep(random.uniform(0.05, 0.5))
            ashlar.agent.kill()
            for changer in changers:
                changer.join(array.PATIENCE)
                sure.update(changer.sure)
                unsure |= changer.unsure
            ashlar.start_agent()
            self.assert_whole(ashlar, sure, unsure, mount.path)
            self.assertIsNone(load.trouble)
        load.stop()
        self.assertIsNone(load.trouble)
        self.assertGreater(load.done, 100)
        self.assertGreater(len(sure), 20, "hardly anything was changed: this showed nothing")
        self.assertGreater(len(unsure), 0, "no kill came in the middle of a change: this showed nothing")
        self.assertEqual(ashlar.get("/audit/verify")["intact"], True)
        ashlar.post("/volumes", {"name": "after", "pool": "p1", "size_bytes": array.MIB})

    def assert_whole(self, ashlar, sure, unsure, folder):
        configuration = {kind: everything(ashlar, f"/{kind}") for kind in ("volumes", "snapshots", "hosts", "recycle-bin")}
        for path, there in sure.items():
            _, kind, name = path.split("/")
            if path not in unsure:
                self.assertEqual(name in configuration[kind], there, path)
        kept = {each["backing"] for kind in ("volumes", "snapshots") for each in configuration[kind].values()
                if kind == "snapshots" or each["pool"] == "p1"}
        for each in configuration["recycle-bin"].values():
            kept |= {each["volume"]["backing"], *(snapshot["backing"] for snapshot in each["snapshots"])}
        there = {os.path.basename(path) for path in glob.glob(os.path.join(folder, "*"))}
        self.assertEqual(there, kept, "the files of the pool are those of the configuration")
        served = {each["name"] for each in configuration["volumes"].values()}
        array.wait_for(lambda: served == {name for name, each in everything(ashlar, "/volumes").items()
                                          if each["status"]["state"] == "online"}, "everything to be served")
        generations = ashlar.get("/generations?limit=1000")
        self.assertEqual(generations["items"][0]["number"], ashlar.get("/status")["generation"])
        self.assertEqual(ashlar.get("/status")["health"], "ok", ashlar.get("/status"))

    def test_both(self):
        """A power cut of the programs: both start in any order."""
        ashlar = self.begin()
        port = ashlar.serve("one")
        data = os.urandom(BLOCK)
        with self.session(port) as session:
            session.run(initiator.write_16(7, 1), lun=0, write=data)
        ashlar.agent.kill()
        ashlar.engine.kill()
        ashlar.start_agent()
        self.assertEqual(ashlar.get("/status")["engine"]["state"], "away")
        ashlar.start_engine()
        ashlar.wait_served()
        with self.session(port) as session:
            self.assertEqual(session.run(initiator.read_16(7, 1), lun=0, read=BLOCK), (initiator.GOOD, data))

    def test_clean_stop(self):
        """SIGTERM: both end with 0, and soon."""
        ashlar = self.begin()
        ashlar.serve("one")
        self.assertEqual(ashlar.agent.stop(10), 0)
        self.assertTrue(ashlar.engine.alive(), "the engine serves on while its agent is away")
        self.assertEqual(ashlar.engine.stop(15), 0)


def everything(ashlar, path):
    """All items of a list, page by page."""
    found, cursor = {}, ""
    while True:
        page = ashlar.get(f"{path}?limit=1000{cursor}")
        found.update({each["name"]: each for each in page["items"]})
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"
