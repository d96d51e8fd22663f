"""Asymmetric namespace access (NVMe 2.0 8.1): what each state lets a host do, and how it is told (UNH-IOL NVMe 1.3, 1.7; NVMe-oF ANA)."""
import copy
import struct

from conformance.nvme import wire, world
from conformance.nvme.bench import family, good, same, status_is

STATES = {  # name in the document: (state in the log, status of I/O)
    "optimized": (1, wire.GOOD), "non_optimized": (2, wire.GOOD), "standby": (3, wire.INACCESSIBLE), "unavailable": (3, wire.INACCESSIBLE),
    "offline": (4, wire.PERSISTENT_LOSS), "transitioning": (0xF, wire.TRANSITION)}


def _document(t, *states):
    access = [{"group_tag": tag, "state": state} for tag, state in enumerate(states, 1)]
    return {**copy.deepcopy(t.world.document), "groups": [{"name": "ways", "volumes": ["one"], "access": access}]}


def _states(c):
    page, at, found = c.log_page(0x0C, 4096), 16, {}
    for _ in range(struct.unpack_from("<H", page, 8)[0]):
        group, spaces = struct.unpack_from("<II", page, at)
        found[group] = page[at + 16]
        at += 32 + 4 * spaces
    return found


def _group(c, nsid=world.ONE):
    return wire.number(c.page(0x00, nsid), 92, 4)


COMMANDS = {"Read": (wire.READ, b"", 512), "Write": (wire.WRITE, bytes(512), 0), "Compare": (wire.COMPARE, bytes(512), 0),
            "Flush": (wire.FLUSH, b"", 0),
            "Write Zeroes": (wire.ZEROES, b"", 0), "Verify": (wire.VERIFY, b"", 0)}


@family({f"{state}, {name}": (state, command) for state in STATES for name, command in COMMANDS.items()})
def command(t, state, how):
    """ANA states (NVMe 2.0 8.1.3, 8.1.4): a command of the path ends as its state says; other namespaces and the other path are not
    touched."""
    opcode, data, room = how
    c, other = t.controller(), t.controller(portal=1)
    c.write(0, bytes(512))
    with t.document(_document(t, state, "optimized")):
        answer = status_is(c.io.run(wire.entry(opcode, world.ONE), data, room=room), STATES[state][1])
        same(answer.do_not_retry and state != "offline", False, "DNR")
        c.read(0, nsid=world.TWO)
        other.read(0)
    good(c.io.run(wire.entry(opcode, world.ONE), data, room=room))


@family({state: state for state in STATES})
def log_page(t, state):
    """ANA log page (NVMe 2.0 5.16.1.13): the state of the path that asks; the other path has its own."""
    c, other = t.admin(), t.admin(portal=1)
    with t.document(_document(t, state, "non_optimized")):
        same((_states(c)[_group(c)], _states(other)[_group(other)]), (STATES[state][0], 2), "the states")
        same(_states(c)[_group(c, world.TWO)], 1, "the state of another namespace")


@family({state: state for state in STATES if state not in ("optimized", "transitioning")})
def change(t, state):
    """ANA change (NVMe 2.0 8.1.4, figure 149): told to controllers of both paths, once until the log is read; Change Count moves."""
    controllers = [t.admin(), t.admin(portal=1)]
    before = [wire.number(c.log_page(0x0C, 16), 0, 8) for c in controllers]
    tags = []
    for c in controllers:
        good(c.set_feature(0x0B, 1 << 11))
        tags.append(c.await_event())
    with t.document(_document(t, state, "optimized")):
        for c, tag, count in zip(controllers, tags, before):
            same(good(c.admin.wait(tag)).result & 0xFFFFFF, 0x0C0302, "the event")
            same(wire.number(c.log_page(0x0C, 16), 0, 8) != count, True, "whether Change Count moved")


@family({state: state for state in STATES})
def admin_commands(t, state):
    """ANA states (NVMe 2.0 8.1.3): Identify, features and the log are served in every state."""
    c = t.admin()
    with t.document(_document(t, state)):
        good(c.identify(0x00, world.ONE))
        good(c.identify(0x01))
        good(c.get_feature(0x07))
        good(c.log(0x02, 512))


@family({state: state for state in STATES})
def connecting(t, state):
    """ANA states (NVMe 2.0 8.1.3): a host connects in every state, and learns of it by the log."""
    with t.document(_document(t, state)):
        c = t.controller()
        same(_states(c)[_group(c)], STATES[state][0], "the state")
        c.read(0, nsid=world.TWO)


@family({state: state for state in STATES if STATES[state][1] != wire.GOOD})
def write_whose_data_comes_after_the_change(t, state):
    """ANA states (NVMe 2.0 8.1.3): a Write that was taken before the change ends, either way, and says truly whether it was done."""
    c, other = t.controller(), t.controller(portal=1)
    other.write(200, bytes(32768), capsule=False)
    tag = c.io.submit(wire.blocks(wire.WRITE, 200, 64), b"\x99" * 32768, capsule=False)
    r2t = c.io.next_request()
    with t.document(_document(t, state, "optimized")):
        c.io.send_data(r2t, b"\x99" * 32768)
        answer = status_is(c.io.wait(tag), wire.GOOD, STATES[state][1])
        same(other.read(200, 64), (b"\x99" if answer.status == wire.GOOD else b"\0") * 32768, "the medium")


@family({state: state for state in STATES if STATES[state][1] != wire.GOOD})
def reservation_commands(t, state):
    """ANA states (NVMe 2.0 8.1.3.3): reservation commands by a path that is not usable end as others do; by the other path they are
    done."""
    c, other = t.controller(), t.controller(portal=1)
    with t.document(_document(t, state, "optimized")):
        status_is(c.register(0xA), STATES[state][1])
        good(other.register(0xB))
        status_is(c.report(), STATES[state][1], wire.GOOD)
