"""Which volume and which paths each test of iscsi-test-cu needs: a test that finds the wrong kind skips itself."""
import os

from support import array

MEANING = {
    "plain": "a thin volume of 512-byte blocks",
    "onetoone": "physical blocks of 512 bytes too",
    "removable": "a removable volume",
    "readonly": "a read-only volume",
    "twopaths": "one volume by two portals",
    "blocks4096": "4096-byte blocks",
    "chap": "CHAP",
    "encrypted": "an encrypted volume",
    "memory": "a volume in memory, whose atomic writes are longer than one block",
    "slow": "a small volume in memory behind a slow disk",
}
# Where a suite, or one test of it, counts: in one configuration, the one in which it does not skip itself.
HOME = {"PreventAllow": "removable", "StartStopUnit": "removable", "NoMedia": "removable", "ReadOnly": "readonly",
        "MultipathIO": "twopaths",
        # Its second half asks for the block after a run and expects the physical block after it: right only where they are one.
        "GetLBAStatus": "onetoone",
        # They ask for CRYPTOGRAPHIC ERASE.
        "Sanitize.CryptoErase": "encrypted", "Sanitize.Readonly": "encrypted", "Sanitize.Reservations": "encrypted",
        # It wants the erasure to go on 3 s after it began and about a second later.
        "Sanitize.Reset": "slow",
        # It writes up to 256 blocks whatever MAXIMUM ATOMIC TRANSFER LENGTH says.
        "WriteAtomic16": "memory"}
# An overwrite has pieces of 1 MiB: SLOW_MIB of them take 13 s, long after Sanitize.Reset has asked twice.
SLOW_MIB = 64
SLOW = {"kind": "fault", "options": {"operations": "write", "rate_per_million": "1000000", "error": "none", "delay_ms": "200"}}
# Run once more, beside their home.
EXTRA = {
    "blocks4096": ("Inquiry", "ModeSense6", "Read*", "Write1*", "WriteSame*", "WriteVerify*", "Verify*",
                   "Unmap", "Prefetch*", "OrWrite", "CompareAndWrite", "iSCSIResiduals"),
    "encrypted": ("Read10", "Read16", "Write10", "Write16", "WriteSame*", "Unmap", "OrWrite", "CompareAndWrite"),
    "chap": ("TestUnitReady", "Read10", "Write10", "iSCSITMF", "iSCSIResiduals"),
}
# Commands that are not there yet: these skip themselves, and are counted apart.
LATER: set[str] = set()
# These end with CU_PASS("[SKIPPED] ..."), which counts as an assertion and prints nothing.
SKIP_IN_SILENCE = {"MultipathIO.CompareAndWrite"}
USER, SECRET = "conformance", "one-secret-of-many"
NOT_TWICE = {"ReadDefectData10", "ReadDefectData12", "ReadOnly"}


def home_of(test):
    return HOME.get(test) or HOME.get(test.split(".")[0], "plain")


def matches(suite, pattern):
    return suite.startswith(pattern[:-1]) if pattern.endswith("*") else suite == pattern


def of_test(test):
    suite = test.split(".")[0]
    again = [name for name, patterns in EXTRA.items()
             if suite not in NOT_TWICE and any(matches(suite, pattern) for pattern in patterns)]
    return [home_of(test), *again]


def document_for(configuration):
    fields = {"onetoone": {"physical_block_bytes": 512}, "removable": {"removable": True}, "readonly": {"read_only": True},
              "encrypted": {"encrypted": True},
              "blocks4096": {"block_bytes": 4096, "physical_block_bytes": 16384}}.get(configuration, {})
    ports = [array.free_port(), array.free_port()] if configuration == "twopaths" else None
    hosts = [{"name": "any", "any": True, "chap": {"user": USER, "secret": SECRET}}] if configuration == "chap" else None
    if configuration == "memory":
        return array.document_of([array.memory_volume("v1", size=256 * array.MIB)])
    if configuration == "slow":
        return array.document_of([array.memory_volume("v1", size=SLOW_MIB * array.MIB, layers=[SLOW])])
    # A relative path: in the folder of the array that serves it.
    return array.document_of([array.file_volume("v1", "v1.img", **fields)], ports=ports, hosts=hosts)


def prepare(folder):
    """A read-only volume is not created: its file is there before."""
    with open(os.path.join(folder, "v1.img"), "wb") as file:
        file.truncate(array.GIB)


def urls_for(configuration, document):
    if Foreign.urls:
        return Foreign.urls
    who = {"user": USER, "password": SECRET} if configuration == "chap" else {}
    return [array.url_of(document, portal=i, **who) for i in range(len(document["portals"]))]


class Foreign:
    """A LUN that somebody else serves: nothing to start and nothing to end."""

    urls = []

    def __init__(self, _document, prepare=None):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def alive(self):
        return True


def use_foreign(urls):
    Foreign.urls = urls
