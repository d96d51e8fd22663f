"""The engine that the cases talk to: hosts of every kind, two portals, two targets."""
import os

from support import array, initiator, iso_image

SECOND_TARGET = "iqn.2026-11.io.ashlar:second"
# Initiator names, and what is asked of each.
ONE_WAY, MUTUAL, STRANGER = (f"iqn.2026-11.io.ashlar.test:{kind}" for kind in ("one-way", "mutual", "other"))
USER, SECRET = "the-host", "a-secret-of-20-bytes"
MUTUAL_USER, MUTUAL_SECRET = "the-array", "another-20-byte-word"
BLOCKS = 65536   # of 512 bytes: a unit's
# What lies in the CD-ROM drive, LUN 1 of the second target.
DRIVE = iso_image.image_of({"name.txt": bytes(range(256)) * 64}, blocks=100)


def document():
    volumes = [array.memory_volume(name, size=BLOCKS * 512) for name in ("one", "two", "three")]
    volumes.append({"name": "drive", "block_bytes": 2048, "store": {"kind": "cdrom", "options": {"path": "drive.iso"}}})
    hosts = [{"name": "open", "any": True},
             {"name": "one-way", "initiators": [ONE_WAY], "chap": {"user": USER, "secret": SECRET}},
             {"name": "mutual", "initiators": [MUTUAL], "chap": {"user": USER, "secret": SECRET, "mutual_user": MUTUAL_USER,
                                                                 "mutual_secret": MUTUAL_SECRET}}]
    mappings = [{"host": host["name"], "target": array.TARGET, "volume": volume, "lun": lun}
                for host in hosts for lun, volume in ((1, "one"), (2, "two"))]
    mappings.append({"host": "open", "target": SECOND_TARGET, "volume": "three", "lun": 0})
    mappings.append({"host": "open", "target": SECOND_TARGET, "volume": "drive", "lun": 1})
    whole = array.document_of(volumes, ports=[array.free_port(), array.free_port()], hosts=hosts, mappings=mappings)
    whole["targets"] = [{"name": array.TARGET}, {"name": SECOND_TARGET, "portals": ["p1"]}]
    return whole


class World(array.Engine):
    target = array.TARGET
    host = initiator.NAME

    def start(self):
        with open(os.path.join(self.folder, "drive.iso"), "wb") as file:
            file.write(DRIVE)
        super().start()

    def memory(self):
        """Resident bytes of the engine."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096
