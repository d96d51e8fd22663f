"""The engine that the NVMe/TCP cases talk to: hosts of every kind, two ports, two subsystems, and an iSCSI portal beside them."""
from conformance.iscsi import world
from support import array

SUBSYSTEM, SECOND_SUBSYSTEM = "nqn.2026-11.io.ashlar:main", "nqn.2026-11.io.ashlar:second"
DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery"
# Host names, and what is special about each. Every other name is that of the host that is any.
NAMED, PROVING, BOUNDED = (f"nqn.2014-08.org.nvmexpress:uuid:00000000-0000-4000-8000-00000000{kind}" for kind in ("a001", "a002", "a003"))
BLOCKS, WIDE_BLOCKS = 65536, 4096   # of 512 bytes: of namespaces 1, 2 and 3; of 4096 bytes: of namespace 4
ONE, TWO, READ_ONLY, WIDE, ABSENT = 1, 2, 3, 4, 77   # namespaces; 77 is not there


def document():
    volumes = [array.memory_volume(name, size=BLOCKS * 512) for name in ("one", "two", "still")]
    volumes.append(array.memory_volume("wide", size=WIDE_BLOCKS * 4096, block_bytes=4096))
    hosts = [{"name": "open", "any": True}, {"name": "named", "initiators": [NAMED]},
             {"name": "proving", "initiators": [PROVING], "chap": {"user": world.USER, "secret": world.SECRET}},
             {"name": "bounded", "initiators": [BOUNDED], "max_sessions": 1}]
    mappings = [{"host": host["name"], "target": SUBSYSTEM, "volume": volume, "lun": lun, "read_only": lun == READ_ONLY - 1}
                for host in hosts for lun, volume in enumerate(("one", "two", "still", "wide"))]
    mappings.append({"host": "named", "target": SECOND_SUBSYSTEM, "volume": "two", "lun": 6})
    mappings += [{"host": "open", "target": array.TARGET, "volume": volume, "lun": lun} for lun, volume in ((1, "one"), (2, "two"))]
    whole = array.document_of(volumes, ports=[array.free_port() for _ in range(3)], hosts=hosts, mappings=mappings)
    for tag, portal in enumerate(whole["portals"], 1):
        portal.update(protocol="nvme-tcp" if tag < 3 else "iscsi", group_tag=tag)
    whole["targets"] = [{"name": SUBSYSTEM}, {"name": SECOND_SUBSYSTEM, "portals": ["p1"]}, {"name": array.TARGET}]
    return whole


class World(world.World):
    """Its iSCSI portal is the third."""

    target = array.TARGET
