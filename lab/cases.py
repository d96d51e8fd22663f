"""What each case of the lab serves, and what its guests may ask for. What they do stands in case_*.sh."""
import hashlib
import os
import random
import time

import guest as lab
from support import array, iso_image

MIB = array.MIB


class Case:
    """One engine, one or two guests on networks of their own."""

    name = ""
    guests = ("guest",)

    def __init__(self, options, work, preload):
        self.options, self.work, self.preload = options, work, preload
        self.networks, self.served = [], None
        self.states = ("optimized", "non_optimized")

    def volumes(self):
        return [array.file_volume("disk", "disk.img", size=256 * MIB)]

    def document(self):
        document = array.document_of(self.volumes(), ports=[lab.PORT], target=lab.TARGET)
        document["portals"] = [portal for number, network in enumerate(self.networks)
                               for portal in ({"name": f"first{number}", "address": network.first, "port": lab.PORT},
                                              {"name": f"second{number}", "address": network.second, "port": lab.PORT,
                                               "group_tag": 2})]
        return document

    def run(self):
        """(how many checks passed, what failed)"""
        began, guests, failures = time.monotonic(), [], []
        self.networks = [lab.Network(number) for number, _ in enumerate(self.guests)]
        kind = array.Tgt if self.options.tgt else array.Engine
        try:
            with kind(self.document()) as self.served:
                try:
                    guests = [lab.Guest(self.name, name, network, self.work, self.preload)
                              for name, network in zip(self.guests, self.networks)]
                    failures = self.drive(guests) + self.stop_engine()
                finally:
                    for guest in guests:
                        guest.close()
                failures += [failure for guest in guests for failure in guest.failures()]
                if failures:
                    self.explain(guests)
        except array.Broken as error:
            failures.append(str(error))
        finally:
            for network in self.networks:
                network.close()
        print(f"{self.name} took {time.monotonic() - began:.0f} s", flush=True)
        return sum(guest.passed() for guest in guests), [f"{self.name}: {failure}" for failure in failures]

    def drive(self, guests):
        handlers = {"kill": self.kill_engine, "cut": self.networks[0].cut, "mend": self.networks[0].mend,
                    "allocated": self.allocated, "portals": self.set_portals, "states": self.set_states,
                    "said": lambda name, word: next(int(guest.said(word)) for guest in guests if guest.name == name)}
        return lab.serve(guests, handlers)

    def stop_engine(self):
        if not self.served.alive():
            return ["the engine ended by itself"]
        if self.options.tgt:
            return []
        code = self.served.stop()
        return [f"the engine ended with {code} when asked to stop"] if code != 0 else []

    def explain(self, guests):
        print(f"--- what {self.served.log_path} said last:\n{self.served.log()}")
        for guest in guests:
            print("\n".join(guest.lines[-60:]))
            print(f"the guest's console is in {guest.console_path}")

    def kill_engine(self):
        self.served.kill()
        self.served.restart()

    def allocated(self, name):
        """The bytes that a volume's file takes on the disk."""
        return os.stat(os.path.join(self.served.folder, name)).st_blocks * 512

    def set_portals(self, *names):
        """Only these go on; their sessions with them."""
        document = self.document()
        document["portals"] = [portal for portal in document["portals"] if portal["name"] in names]
        tags = {portal.get("group_tag", 1) for portal in document["portals"]}
        document["groups"] = [{**group, "access": [each for each in group["access"] if each["group_tag"] in tags]}
                              for group in document.get("groups", [])]
        self.served.apply(document)

    def set_states(self, first, second):
        self.states = (first, second)
        self.served.apply(self.document())


def groups(states, explicit=False):
    return [{"name": "ways", "volumes": ["disk"], "explicit": explicit,
             "access": [{"group_tag": tag, "state": state} for tag, state in enumerate(states, 1)]}]


class Tools(Case):
    """sg3_utils, and what blkdiscard gives back."""

    name = "tools"

    def volumes(self):
        return [array.file_volume("disk", "disk.img", size=256 * MIB), array.file_volume("copy", "copy.img", size=64 * MIB),
                array.file_volume("small", "small.img", size=8 * MIB)]

    def document(self):
        return {**super().document(), "groups": groups(self.states, explicit=True)}


class Sessions(Case):
    """CHAP both ways, digests, several sessions of one host."""

    name = "sessions"
    guests = ("secret",)

    def document(self):
        chap = {"user": "lab", "secret": "the host proves this", "mutual_user": "array", "mutual_secret": "the array this one"}
        return {**super().document(), "hosts": [{"name": "any", "initiators": [lab.PREFIX + "secret"], "chap": chap}]}


class Cdrom(Case):
    """A CD-ROM drive: sr_mod, a mounted ISO, media that come and go."""

    name = "cdrom"

    def __init__(self, options, work, preload):
        super().__init__(options, work, preload)
        self.files = {"first": {"readme.txt": b"the first disc\n", "big.bin": random.randbytes(3 * MIB)},
                      "second": {"other.txt": b"the second disc\n" * 5000}}
        self.images, self.medium = {}, "first"
        for name, files in self.files.items():
            self.images[name] = iso_image.write_image(os.path.join(work, name + ".iso"), files, label=name.upper(), blocks=2000)

    def volumes(self):
        options = {} if self.medium == "nothing" else {"path": os.path.join(self.work, self.medium + ".iso")}
        return [{"name": "cd0", "block_bytes": 2048, "store": {"kind": "cdrom", "options": options}}]

    def drive(self, guests):
        return lab.serve(guests, {"kill": self.kill_engine, "insert": self.insert, "force": self.force, "sums": self.sums,
                                  "sum_of_image": lambda name: hashlib.sha256(self.images[name]).hexdigest(),
                                  "blocks_of_image": lambda name: len(self.images[name]) // 2048})

    def insert(self, medium):
        before, self.medium = self.medium, medium
        try:
            self.served.apply(self.document())
        except array.Refusal:
            self.medium = before
            raise

    def force(self, medium):
        self.served.call("volume.allow_removal", name="cd0")
        self.insert(medium)

    def sums(self, name):
        """As `sha256sum` in the guest's mount says it, which shows names in lower case."""
        return "\n".join(sorted(f"{hashlib.sha256(data).hexdigest()}  {file}" for file, data in self.files[name].items()))


class Fence(Case):
    """Two nodes of a cluster on one unit, one shuts the other out."""

    name = "fence"
    guests = ("a", "b")

    def document(self):
        document = super().document()
        hosts = [{"name": name, "initiators": [lab.PREFIX + name]} for name in self.guests]
        mappings = [{"host": name, "target": lab.TARGET, "volume": "disk", "lun": 1} for name in self.guests]
        return {**document, "hosts": hosts, "mappings": mappings}


class Paths(Case):
    """multipath-tools: one file system by two portals of two target port groups."""

    name = "paths"

    def document(self):
        return {**super().document(), "groups": groups(self.states)}


class Load(Case):
    """XFS and ext4 while the engine is killed again and again."""

    name = "load"

    def volumes(self):
        return [array.file_volume("xfs", "xfs.img", size=600 * MIB),
                array.file_volume("ext4", "ext4.img", size=600 * MIB, write_cache=True)]

    def drive(self, guests):
        guest, failures = guests[0], []
        if guest.wait_said("begin load", lab.GUEST_SECONDS):
            killed = self.kill_again_and_again(guest)
            if killed != self.options.kills:
                failures.append(f"the engine was killed {killed} times only")
        return failures + lab.serve(guests, {})

    def kill_again_and_again(self, guest):
        """Each time, a moment after the guest's writes are seen to flow: a kill in a pause would prove nothing."""
        done, before = 0, os.path.join(self.work, "before")
        for number in range(1, self.options.kills + 1):
            seen = self.networks[0].bytes_from_guest()
            array.wait_for(lambda: guest.ended or guest.said("end load") or
                           self.networks[0].bytes_from_guest() > seen + 2 * MIB, "the guest's writes to flow", 300)
            if guest.ended or guest.said("end load"):
                break
            time.sleep(random.uniform(0.2, 1.5))
            if self.options.lose:
                self.copy_volumes(self.served.folder, before)
                time.sleep(0.5)
            self.served.kill()
            if self.options.lose:
                self.copy_volumes(before, self.served.folder)
            down = random.uniform(0.1, 2)
            time.sleep(down)
            began = time.monotonic()
            self.served.restart()
            done = number
            print(f"killed the engine, time {number}: gone for {down:.1f} s, {time.monotonic() - began:.2f} s to start", flush=True)
        with open(os.path.join(guest.work, "enough"), "w", encoding="ascii"):
            pass
        return done

    def copy_volumes(self, source, destination):
        """There and back again: what a volatile cache does at a power cut."""
        os.makedirs(destination, exist_ok=True)
        for volume in self.served.document["volumes"]:
            name = volume["store"]["options"]["path"]
            array.run("cp", "--sparse=always", os.path.join(source, name), os.path.join(destination, name))


class Device(Case):
    """The engine is in the guest, and passes a SCSI device of the guest's kernel through."""

    name = "device"

    def run(self):
        began, failures = time.monotonic(), []
        network = lab.Network(0)
        guest = lab.Guest(self.name, self.guests[0], network, self.work, self.preload)
        try:
            failures = lab.serve([guest], {}) + guest.failures()
            if failures:
                print("\n".join(guest.lines[-60:]))
                print(f"the guest's console is in {guest.console_path}")
        finally:
            guest.close()
            network.close()
        print(f"{self.name} took {time.monotonic() - began:.0f} s", flush=True)
        return guest.passed(), [f"{self.name}: {failure}" for failure in failures]


# The quick ones first.
CASES = {case.name: case for case in (Device, Tools, Sessions, Cdrom, Fence, Paths, Load)}
