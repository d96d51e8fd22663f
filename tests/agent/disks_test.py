"""Disks that are full, read-only or away, below the agent's state and below pools: the rest goes on, and it is said what is wrong."""
import os
import shutil
import socket

from case import Case
from support import agent, array, initiator

BLOCK = 512


class DisksTest(Case):
    def begin_on(self, **mount):
        """An array whose state is on a file system of its own; its pool is elsewhere."""
        ashlar = self.begin(start=False)
        shutil.rmtree(ashlar.state)
        state = agent.Mount(ashlar.state, **mount)
        self.addCleanup(state.close)
        os.makedirs(os.path.join(ashlar.state, "engine"))
        return ashlar.start(), state

    def assert_serves(self, session, lun=0):
        data = os.urandom(BLOCK)
        self.assertEqual(session.run(initiator.write_16(3, 1), lun=lun, write=data)[0], initiator.GOOD)
        self.assertEqual(session.run(initiator.read_16(3, 1), lun=lun, read=BLOCK), (initiator.GOOD, data))

    def assert_changes_nothing(self, ashlar, status, code):
        """Changes of every kind are refused; reading and serving go on."""
        generation, volumes = ashlar.get("/status")["generation"], ashlar.items("/volumes")
        files = os.listdir(os.path.join(ashlar.folder, "p0"))
        changes = [("POST", "/volumes", {"name": "more", "pool": "p0", "size_bytes": array.MIB}),
                   ("POST", "/hosts", {"name": "h", "chap": {"user": "u", "secret": "twelve-bytes-and-more"}}),
                   ("POST", "/volumes/one/resize", {"size_bytes": 128 * array.MIB}), ("DELETE", "/maps/one.any?force=true", None)]
        for method, path, body in changes:
            problem = self.assert_refused(status, ashlar, method, path, body, code=code)
        self.assertEqual(ashlar.get("/status")["generation"], generation)
        self.assertEqual(list(ashlar.items("/volumes")), list(volumes))
        self.assertEqual(os.listdir(os.path.join(ashlar.folder, "p0")), files)
        return problem

    def test_full_state(self):
        ashlar, state = self.begin_on(kind="tmpfs", size=16 * array.MIB)
        session = self.session(ashlar.serve("one"))
        fill(os.path.join(state.path, "filler"))
        self.assert_changes_nothing(ashlar, 507, "no_space")
        alert = ashlar.wait_alert("state_not_writable")
        self.assertEqual(alert["severity"], "critical")
        self.assertIn("config", alert["message"])
        self.assertEqual(ashlar.get("/status")["health"], "critical")
        self.assert_serves(session)
        # Killed and started while it is full: it must come up, or hosts are without an agent until somebody has made room.
        ashlar.agent.kill()
        fill(os.path.join(state.path, "filler-2"))
        self.assert_serves(session)
        ashlar.start_agent()
        self.assert_changes_nothing(ashlar, 507, "no_space")
        self.assert_serves(session)
        for name in ("filler", "filler-2"):
            os.unlink(os.path.join(state.path, name))
        ashlar.post("/volumes", {"name": "more", "pool": "p0", "size_bytes": array.MIB})
        self.assertEqual(ashlar.alerts("state_not_writable"), [])
        self.assertEqual(ashlar.get("/audit/verify")["intact"], True)
        self.assert_serves(session)

    def test_read_only_state(self):
        """As after an error of the disk, when the kernel takes the right to write away from the whole file system."""
        ashlar = self.begin()
        session = self.session(ashlar.serve("one"))
        read_only = [os.path.join(ashlar.state, name) for name in ("config", "secrets")]
        for path in read_only:
            array.run("mount", "--bind", path, path)
            self.addCleanup(array.run, "umount", "-l", path, check=False)
            array.run("mount", "-o", "remount,bind,ro", path)
        problem = self.assert_changes_nothing(ashlar, 500, "io_error")
        self.assertIn("ead-only file system", problem["detail"])
        ashlar.wait_alert("state_not_writable")
        self.assert_serves(session)
        for path in read_only:
            array.run("umount", "-l", path)
        ashlar.post("/volumes", {"name": "more", "pool": "p0", "size_bytes": array.MIB})
        self.assertEqual(ashlar.alerts("state_not_writable"), [])

    def test_read_only_state_at_the_start(self):
        """It says so, and the engine serves on."""
        ashlar, state = self.begin_on()
        session = self.session(ashlar.serve("one"))
        ashlar.agent.stop()
        array.run("mount", "--bind", state.path, state.path)
        self.addCleanup(array.run, "umount", "-l", state.path, check=False)
        array.run("mount", "-o", "remount,bind,ro", state.path)
        with self.assertRaises(array.Broken) as broken:
            ashlar.start_agent()
        self.assertIn("cannot start", str(broken.exception))
        self.assertIn("ead-only file system", str(broken.exception))
        self.assert_serves(session)
        array.run("umount", "-l", state.path)
        ashlar.start_agent()
        self.assertEqual(list(ashlar.items("/volumes")), ["one"])

    def begin_with_two_pools(self):
        """Volume `one` on pool p0, a folder, and `two` on p1, a file system of its own. Neither program runs."""
        ashlar = self.begin()
        mount = agent.Mount(os.path.join(ashlar.folder, "p1"))
        self.addCleanup(mount.close)
        port = ashlar.serve("one")
        ashlar.look_often()
        ashlar.add_pool("p1")
        ashlar.post("/volumes", {"name": "two", "pool": "p1", "size_bytes": 64 * array.MIB})
        ashlar.post("/maps", {"volume": "two", "host": "any", "target": array.TARGET})
        data = os.urandom(BLOCK)
        with self.session(port) as session:
            session.run(initiator.write_16(3, 1), lun=1, write=data)
        ashlar.agent.stop()
        ashlar.engine.stop()
        return ashlar, mount, port, data

    def assert_two_is_away(self, ashlar, port):
        with self.session(port) as session:
            self.assert_serves(session, lun=0)
            self.assertNotEqual(session.run(initiator.read_16(3, 1), lun=1, read=BLOCK)[0], initiator.GOOD)
        volumes = ashlar.items("/volumes")
        self.assertEqual(volumes["one"]["status"]["state"], "online")
        self.assertEqual(volumes["two"]["status"]["state"], "failed")
        status = ashlar.get("/status")
        self.assertEqual(status["health"], "critical")
        self.assertIn("volumes/two", status["sentence"])
        self.assertTrue(status["advice"])
        # What has nothing to do with it can be changed meanwhile.
        ashlar.post("/volumes", {"name": "three", "pool": "p0", "size_bytes": array.MIB})
        self.assertEqual(ashlar.items("/volumes")["two"]["status"]["state"], "failed")

    def assert_two_is_back(self, ashlar, port, data):
        """By itself."""
        array.wait_for(lambda: ashlar.items("/volumes")["two"]["status"]["state"] == "online", "volume two to be back")
        with self.session(port) as session:
            self.assertEqual(session.run(initiator.read_16(3, 1), lun=1, read=BLOCK), (initiator.GOOD, data))
            self.assert_serves(session, lun=0)
        self.assertEqual(ashlar.items("/pools")["p1"]["status"]["state"], "online")
        ashlar.post("/snapshots", {"name": "two@now", "volume": "two"})
        array.wait_for(lambda: ashlar.get("/status")["health"] == "ok", "all to be well")

    def test_folder_gone_and_port_taken(self):
        ashlar, mount, port, data = self.begin_with_two_pools()
        ashlar.start()
        other = ashlar.add_portal("other")
        ashlar.agent.stop()
        ashlar.engine.stop()
        array.run("umount", mount.path)
        os.rmdir(mount.path)
        with socket.create_server(("127.0.0.1", other)):
            ashlar.start()
            ashlar.wait_served()
            self.assert_two_is_away(ashlar, port)
            self.assertEqual(ashlar.items("/pools")["p1"]["status"]["state"], "missing")
            self.assert_refused(422, ashlar, "POST", "/volumes", {"name": "four", "pool": "p1", "size_bytes": array.MIB})
            status = ashlar.items("/portals")["other"]["status"]
            self.assertEqual((status["state"], status["listening"]), ("failed", False))
            self.assertIn("portals/other", ashlar.get("/status")["sentence"])
        os.mkdir(mount.path)
        array.run("mount", "-o", "loop", mount.image, mount.path)
        self.assert_two_is_back(ashlar, port, data)
        array.wait_for(lambda: ashlar.items("/portals")["other"]["status"]["listening"], "the portal to listen by itself")
        with self.session(other) as session:
            self.assert_serves(session)

    def test_mount_gone(self):
        """Its folder is there, and empty: nothing may be made in it in the volume's place."""
        ashlar, mount, port, data = self.begin_with_two_pools()
        array.run("umount", mount.path)
        ashlar.start()
        ashlar.wait_served()
        self.assert_two_is_away(ashlar, port)
        self.assertEqual(os.listdir(mount.path), [])
        array.run("mount", "-o", "loop", mount.image, mount.path)
        self.assert_two_is_back(ashlar, port, data)

    def test_full_pool(self):
        """Thick volumes are refused with what is missing; a thin one that finds no room any more fails its writes, no others."""
        ashlar = self.begin()
        mount = agent.Mount(os.path.join(ashlar.folder, "p1"), kind="tmpfs", size=8 * array.MIB)
        self.addCleanup(mount.close)
        port = ashlar.serve("one")
        ashlar.add_pool("p1")
        problem = self.assert_refused(507, ashlar, "POST", "/volumes", {
            "name": "thick", "pool": "p1", "size_bytes": array.GIB, "thin": False}, code="no_space")
        self.assertIn("missing", problem["detail"])
        ashlar.post("/volumes", {"name": "thin", "pool": "p1", "size_bytes": array.GIB})
        ashlar.post("/maps", {"volume": "thin", "host": "any", "target": array.TARGET})
        fill(os.path.join(mount.path, "filler"))
        with self.session(port) as session:
            status, sense = session.run(initiator.write_16(0, 64), lun=1, write=os.urandom(64 * BLOCK))
            self.assertEqual(status, initiator.CHECK_CONDITION)
            self.assertEqual(initiator.sense_of(sense), (7, 0x27, 7), "SPACE ALLOCATION FAILED WRITE PROTECT (SBC-3 4.7.3.6)")
            self.assert_serves(session)
            self.assertEqual(ashlar.items("/pools")["p1"]["status"]["state"], "full")
            os.unlink(os.path.join(mount.path, "filler"))
            self.assertEqual(session.run(initiator.write_16(0, 64), lun=1, write=bytes(64 * BLOCK))[0], initiator.GOOD)


def fill(path):
    """Until there is no byte left."""
    with open(path, "wb", buffering=0) as file:
        for size in (array.MIB, 4096, 512, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
