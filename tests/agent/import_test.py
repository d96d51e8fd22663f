"""Configurations of other target software, by what a host sees afterwards: the same serial numbers, NAAs and LUNs."""
import os
import re

from case import Case
from support import agent, array, initiator

EXAMPLES = os.path.join(array.ROOT, "tests", "import")
GIB = array.GIB
EUI_64, NAA = 2, 3   # SPC-4 7.8.6.1, designator types


def example(*path):
    with open(os.path.join(EXAMPLES, *path), encoding="utf-8") as file:
        return file.read()


class ImportTest(Case):
    def setUp(self):
        self.ashlar = self.begin()
        self.port = array.free_port()

    def relocate(self, text, files, words=()):
        """The text with other paths: `files` is path -> bytes, each becomes a file of that size in the array's folder."""
        for number, (path, size) in enumerate(files.items()):
            # Their own last name stays: volumes and tgt's SCSI ids are called after it.
            folder = os.path.join(self.ashlar.folder, f"disks{number}")
            os.makedirs(folder)
            place = os.path.join(folder, os.path.basename(path))
            with open(place, "wb") as file:
                file.truncate(size)
            self.assertIn(path, text)
            text = text.replace(path, place)
        for old, new in words:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    def take_over(self, source, text):
        """A dry run, which changes nothing; then the import itself. What was left out, as texts."""
        how = {"headers": {"Content-Type": "text/plain"}}
        before = self.ashlar.get("/configuration"), self.ashlar.get("/status")["generation"]
        planned = self.ashlar.post(f"/configuration/import?source={source}&dry_run=true", text, **how)
        self.assertTrue(planned["plan"]["differences"])
        self.assertEqual((self.ashlar.get("/configuration"), self.ashlar.get("/status")["generation"]), before)
        done = self.ashlar.post(f"/configuration/import?source={source}", text, **how)
        self.assertEqual(done["left_out"], planned["left_out"])
        for each in done["left_out"]:
            self.assertTrue(each["where"] and each["what"] and each["why"], each)
        self.assertEqual(self.ashlar.get("/status")["generation"], before[1] + 1, "one change")
        self.ashlar.wait_served()
        again = self.ashlar.post(f"/configuration/import?source={source}", text, **how)
        paths = {each["path"] for each in again["plan"]["differences"]}
        self.assertEqual({path for path in paths if not path.endswith("secret")}, set(), "a second time there is nothing to do")
        return [f"{each['what']}: {each['why']}" for each in done["left_out"]]

    def assert_left_out(self, left_out, *words):
        for word in words:
            self.assertTrue(any(word in each for each in left_out), f"{word} in {left_out}")

    def luns(self, initiator, user="", password="", port=None):
        """target -> numbers of its LUNs, as iscsi-ls sees them."""
        login = {**os.environ, "LIBISCSI_CHAP_USERNAME": user, "LIBISCSI_CHAP_PASSWORD": password} if user else None
        said = array.run("iscsi-ls", "-s", "-i", initiator, f"iscsi://127.0.0.1:{port or self.port}", env=login).stdout
        found = {}
        for line in said.splitlines():
            target, lun = re.match(r"Target:(\S+)", line), re.match(r"Lun:(\d+)\s", line)
            if target:
                found[target.group(1)] = []
            elif lun:
                found[list(found)[-1]].append(int(lun.group(1)))
        return found

    def inquire(self, host, target, lun, user="", password="", port=None):
        """Serial number by iscsi-inq, identifiers of the unit (VPD 83) as hex, by their type, and vendor, product, revision."""
        url = self.url(port or self.port, lun, target, user, password)
        serial = re.search(r"Unit Serial Number:\[(.*)\]", array.run("iscsi-inq", "-i", host, "-e", "1", "-c", "128", url).stdout)
        standard = array.run("iscsi-inq", "-i", host, url).stdout
        made = [re.search(rf"{word}:(.*)", standard).group(1).rstrip() for word in ("Vendor", "Product", "Revision")]
        # iscsi-inq prints bytes up to the first zero: this takes its own look.
        with initiator.Session("127.0.0.1", port or self.port) as session:
            session.login(target, initiator=host, chap=(user, password) if user else None)
            status, page = session.run(initiator.vital_product_data(0x83), lun=lun, read=1024)
            self.assertEqual(status, initiator.GOOD)
            session.logout()
        names = {kind: value.hex() for association, kind, value in initiator.designators_of(page) if association == 0}
        # tgt fills the field with spaces before the number.
        return serial.group(1).strip("\0 "), names, made

    def test_targetcli(self):
        text = self.relocate(example("targetcli", "rhel9.json"), {
            "/srv/iscsi/vm store/disk01.img": 10 * GIB, "/dev/vg_san/db": 4 * GIB},
            [("192.0.2.20", "127.0.0.1"), ("2001:db8::20", "::1"), ('"port": 3260', f'"port": {self.port}')])
        left_out = self.take_over("targetcli", text)
        self.assert_left_out(left_out, "pscsi tape", "user ceph1", "LUN 4", "iqn.1994-05.com.redhat:node2", "naa.21000024ff314c48",
                             "loopback", "iser")
        target = "iqn.2003-01.org.linux-iscsi.san0.x8664:sn.5a8a9d7e0c1b"
        who = {"user": "node1", "password": "S3cret-node1-in"}
        host = "iqn.1994-05.com.redhat:node1"
        self.assertEqual(self.luns(host, **who), {target: [1, 7]})
        # LIO's serial is the unit's UUID; its NAA is 6 001405 and 25 digits of that.
        serial, names, made = self.inquire(host, target, 1, **who)
        self.assertEqual(serial, "ea54b27a-7e2a-45c5-af31-933aa92c0bd1")
        self.assertEqual(names[NAA], "6001405ea54b27a7e2a45c5af31933aa")
        self.assertEqual(made, ["LIO-ORG", "disk01", "4.0"])
        serial, names, made = self.inquire(host, target, 7, **who)
        self.assertEqual(serial, "b7f4d2c1-9a3e-4f52-8c0d-2e1a6b7c9d84")
        self.assertEqual(names[NAA], "6001405b7f4d2c19a3e4f528c0d2e1a6")
        self.assertEqual(made, ["LIO-ORG", "IBLOCK", "4.0"])
        # Both directions of CHAP, nobody else, and nothing writable that was not.
        mutual = self.url(self.port, 1, target, **who) + "?target_user=san0&target_password=S3cret-target-out"
        array.run("iscsi-inq", "-i", host, mutual)
        self.assertNotEqual(array.run("iscsi-inq", "-i", host, mutual + "x", check=False).returncode, 0)
        self.assertNotEqual(array.run("iscsi-inq", "-i", host, self.url(self.port, 1, target), check=False).returncode, 0)
        self.assertNotEqual(array.run("iscsi-inq", "-i", "iqn.2026-11.x:other", self.url(self.port, 1, target, **who),
                                      check=False).returncode, 0)
        volumes = self.ashlar.items("/volumes")
        self.assertEqual((volumes["db"]["read_only"], volumes["db"]["block_bytes"]), (True, 4096))

    def test_scst(self):
        self.port = 3260  # SCST's configuration has no port
        text = self.relocate(example("scst", "esos.scst"), {
            "/dev/vg1/lun1": 21470642176, "/mnt/vdisks/disk1": GIB, "/mnt/vdisks/disk2": 2 * GIB})
        left_out = self.take_over("scst", text)
        self.assert_left_out(left_out, "cdrom1", "1:0:0:0", "qla2x00t", "IncomingUser fred", "nv_cache of disk1",
                             "T10 device id 509f7d73-vg1")
        target = "iqn.2016-02.local.virtual:hpms01.vg1"
        who = {"user": "joe", "password": "12charsecret"}
        for host in ("iqn.1998-01.com.vmware:esx1-4c5f", "iqn.1998-01.com.vmware:esx2-77aa"):
            self.assertEqual(self.luns(host, **who), {target: [0, 1]})
        serial, names, made = self.inquire(host, target, 0, **who)
        self.assertEqual((serial, made), ("509f7d73", ["SCST_BIO", "vg1", " 320"]))
        group = self.ashlar.items("/groups")["esos"]
        self.assertEqual((group["volumes"], group["access"][0]["group_tag"], group["access"][0]["state"]), (["vg1"], 1, "non_optimized"))
        # Without naa_id SCST shows the first eight bytes of the T10 device id as an EUI-64.
        self.assertEqual(names[EUI_64], "509f7d73".encode().hex())
        backup = "iqn.2026-01.com.example:backup"
        self.assertEqual(self.luns(backup, **who), {target: [5]})
        _, names, _ = self.inquire(backup, target, 5, **who)
        self.assertEqual(names[NAA], "6589cfc000000d9f095196d274132652")

    def test_scst_of_truenas(self):
        self.port = 3260
        text = self.relocate(example("scst", "truenas.scst"), {
            "/dev/zvol/tank/web": GIB, "/mnt/tank/extents/archive": GIB},
            [("allowed_portal 192.0.2.7", "")])   # one address beside all of them would be a socket too many
        self.take_over("scst", text)
        host = "iqn.2026-11.x:anybody"
        target = "iqn.2005-10.org.freenas.ctl:web"
        self.assertEqual(self.luns(host)[target], [0])
        serial, names, made = self.inquire(host, target, 0)
        self.assertEqual((serial, made[:2]), ("038f0453d897b6a", ["TrueNAS", "iSCSI Disk"]))
        self.assertEqual(names[NAA], "6589cfc000000d9f095196d274132642")

    def test_tgt(self):
        self.port = 3260
        text = self.relocate(example("tgt", "blocks.tgt"), {
            "/dev/sdd": GIB, "/dev/sdb1": GIB, "/srv/disks/b.img": GIB, "/srv/disks/cd.iso": array.MIB})
        left_out = self.take_over("tgt", text)
        self.assert_left_out(left_out, "cd.iso", "mode_page", "identity of")
        target, host = "iqn.2008-09.com.example:server.target5", "iqn.2026-11.x:anybody"
        self.assertEqual(self.luns(host)[target], [1, 2, 15])
        serial, _, made = self.inquire(host, target, 1)
        self.assertEqual((serial, made), ("DIRECT1", ["VENDOR1", "DISK", "7"]))
        serial, _, _ = self.inquire(host, target, 15)
        self.assertEqual(serial, "multipath-10")

    def test_tgt_beside_tgt(self):
        """What Debian's tgtd shows, and what is shown after its configuration was taken over."""
        folder = self.ashlar.folder
        text = f"""
<target iqn.2026-11.org.example:first>
  <backing-store {folder}/disks/b.img>
    write-cache on
  </backing-store>
  <backing-store {folder}/disks/a.img>
    scsi_id "IET     00a5f007"
    scsi_sn SERIAL-OF-A
    vendor_id MyCorp
    product_id MyDisk
    product_rev 7.1
    lun 9
  </backing-store>
</target>
<target iqn.2026-11.org.example:second>
  controller_tid 12
  backing-store {folder}/disks/c.img
</target>
"""
        os.makedirs(os.path.join(folder, "disks"))
        for name in "abc":
            with open(os.path.join(folder, "disks", f"{name}.img"), "wb") as file:
                file.truncate(GIB)
        host, first, second = "iqn.2026-11.x:anybody", "iqn.2026-11.org.example:first", "iqn.2026-11.org.example:second"
        places = [(first, 1), (first, 9), (second, 1)]

        def see():
            return [self.inquire(host, target, lun, port=3260) for target, lun in places]
        self.run_tgtd(text)
        before, luns = see(), self.luns(host, port=3260)
        self.tgtd.kill()
        self.take_over("tgt", text)
        after = see()
        for (serial, names, made), new, place in zip(before, after, places):
            self.assertEqual((serial, made), (new[0], new[2]), place)
            self.assertEqual(names[NAA], new[1][NAA], place)
        # tgt has a controller at LUN 0 everywhere, which is no disk.
        self.assertEqual({target: [lun for lun in found if lun] for target, found in luns.items()}, self.luns(host, port=3260))

    def run_tgtd(self, text):
        folder = os.path.join(self.ashlar.folder, "tgt")
        os.makedirs(folder)
        configuration = os.path.join(folder, "targets.conf")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(text)
        environment = {**os.environ, "TGT_IPC_SOCKET": os.path.join(folder, "ipc")}
        self.tgtd = agent.Program("tgtd", folder, ["env", f"TGT_IPC_SOCKET={folder}/ipc", "tgtd", "-f"])
        self.addCleanup(self.tgtd.kill)
        self.tgtd.start(lambda: array.run("tgtadm", "--mode", "sys", "--op", "show", check=False,
                                          env=environment).returncode == 0)
        array.run("tgt-admin", "-e", "-c", configuration, env=environment)

    def test_nvmet(self):
        """Its subsystems are not taken over yet: their volumes come with their identity, and can be mapped."""
        text = self.relocate(example("nvmet", "tcp.json"), {
            "/srv/nvme/one.img": GIB, "/dev/nvme0n1": GIB, "/dev/nvme1n1": GIB, "/dev/nvme2n1": GIB})
        left_out = self.take_over("nvmet", text)
        self.assert_left_out(left_out, "subsystem nqn.2026-01.com.example:fast", "port 1 (tcp 192.0.2.68 4420)")
        volumes = self.ashlar.items("/volumes")
        self.assertEqual(sorted(volumes), ["fast-ns1", "fast-ns2", "fast-ns3", "fast-ns4"])
        self.assertEqual(volumes["fast-ns1"]["identity"]["uuid"], "43c4260a-826b-475d-9b42-883b4258f53f")
        self.assertEqual(volumes["fast-ns4"]["identity"]["eui64"], "0025385b71b00ea5")
        for kind in ("targets", "maps", "portals"):
            self.assertEqual(self.ashlar.items(f"/{kind}"), {})
        self.assertEqual(list(self.ashlar.items("/hosts")), ["4c4c4544-0044-3510-8051-b7c04f564432"])
        self.ashlar.post("/portals", {"name": "lo", "address": "127.0.0.1", "port": self.port})
        self.ashlar.post("/targets", {"name": array.TARGET})
        self.ashlar.post("/hosts", {"name": "any", "any": True})
        self.ashlar.post("/maps", {"volume": "fast-ns4", "host": "any", "target": array.TARGET})
        host = "iqn.2026-11.x:anybody"
        self.assertEqual(self.luns(host), {array.TARGET: [0]})
        _, names, made = self.inquire(host, array.TARGET, 0)
        self.assertEqual(names[EUI_64], "0025385b71b00ea5")
        self.assertEqual(made[0], "Linux")

    def test_what_is_none(self):
        """Another file than was said, half a file, no file at all: refused, and nothing changes."""
        generation = self.ashlar.get("/status")["generation"]
        whole = example("targetcli", "rhel9.json")
        wrong = [("targetcli", example("tgt", "plain.tgt")), ("scst", example("tgt", "plain.tgt")), ("nvmet", whole),
                 ("tgt", example("scst", "esos.scst")), ("targetcli", whole[:len(whole) // 2]), ("targetcli", "{}")]
        for source, text in wrong:
            answer = self.ashlar.call("POST", f"/configuration/import?source={source}", text, headers={"Content-Type": "text/plain"})
            self.assertIn(answer.status, (400, 422), f"{source}: {answer}")
        # Files that are not there.
        answer = self.ashlar.call("POST", "/configuration/import?source=tgt", headers={"Content-Type": "text/plain"},
                                  body="<target iqn.2026-11.x:y>\n backing-store /nowhere/at/all.img\n</target>\n")
        self.assertEqual(answer.status // 100, 4, answer)
        self.assertEqual(self.ashlar.get("/status")["generation"], generation)
