"""What each type of reservation lets each host do (NVMe 2.0 figure 528; UNH-IOL NVMe 7.8)."""
import struct

from conformance.nvme import wire
from conformance.nvme.bench import family, good, same, status_is
from conformance.nvme.registrants import A, B, KINDS

HOLDER, REGISTRANT, STRANGER = range(3)
ROLES = {"holder": HOLDER, "registrant": REGISTRANT, "another host": STRANGER}
READS = {"Read": (wire.READ, b"", 512), "Compare": (wire.COMPARE, bytes(512), 0), "Verify": (wire.VERIFY, b"", 0)}
WRITES = {"Write": (wire.WRITE, bytes(512), 0), "Write Zeroes": (wire.ZEROES, b"", 0), "Flush": (wire.FLUSH, b"", 0),
          "Dataset Management": (wire.DATASET, struct.pack("<IIQ", 0, 1, 0), 0), "Copy": (wire.COPY, bytes(32), 0)}


def _allowed(kind, role, writes):
    exclusive_access, registrants_only = kind in (2, 4, 6), kind >= 3
    if role == HOLDER or (role == REGISTRANT and registrants_only):
        return True
    return not writes and not exclusive_access


@family({f"{name}, {who}, {what}": (kind, role, command, what in WRITES) for name, kind in KINDS.items() for who, role in ROLES.items()
         for what, command in {**READS, **WRITES}.items()})
def access(t, kind, role, command, writes):
    """7.8 Command Behavior with Different Reservation Types (NVMe 2.0 figure 528): served, or Reservation Conflict."""
    holder, other = t.controller(), t.controller(portal=1)
    good(holder.register(A))
    holder.write(0, bytes(512))
    if role == REGISTRANT:
        good(other.register(B))
    good(holder.acquire(A, kind))
    opcode, data, room = command
    entry = wire.entry(opcode, 1) if opcode != wire.DATASET else wire.entry(opcode, 1, cdw11=4)
    answer = (holder if role == HOLDER else other).io.run(entry, data, room=room)
    status_is(answer, wire.GOOD if _allowed(kind, role, writes) else wire.RESERVATION_CONFLICT)


@family({f"{name}, {who}": (kind, role) for name, kind in KINDS.items() for who, role in ROLES.items()})
def fused_pair(t, kind, role):
    """7.8 Command Behavior with Different Reservation Types (NVMe 2.0 figure 528): of Compare and Write both are done, or nothing is."""
    holder, other = t.controller(), t.controller(portal=1)
    good(holder.register(A))
    holder.write(0, bytes(512))
    if role == REGISTRANT:
        good(other.register(B))
    good(holder.acquire(A, kind))
    c = holder if role == HOLDER else other
    tags = c.io.submit(wire.blocks(wire.COMPARE, 0, fuse=1), bytes(512)), c.io.submit(wire.blocks(wire.WRITE, 0, fuse=2), bytes([1]) * 512)
    answers = [c.io.wait(tag) for tag in tags]
    if _allowed(kind, role, True):
        good(answers[0])
        good(answers[1])
    else:
        status_is(answers[1], wire.RESERVATION_CONFLICT, wire.FAILED_FUSED)
        same(holder.read(0), bytes(512), "the medium")


@family({f"{name}, {who}": (kind, role) for name, kind in KINDS.items() for who, role in ROLES.items()})
def report(t, kind, role):
    """7.8 Command Behavior with Different Reservation Types (NVMe 2.0 8.19.3): everybody may ask for the report."""
    holder, other = t.controller(), t.controller()
    good(holder.register(A))
    if role == REGISTRANT:
        good(other.register(B))
    good(holder.acquire(A, kind))
    good((holder if role == HOLDER else other).report())
