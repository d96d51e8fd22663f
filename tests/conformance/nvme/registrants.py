"""Hosts that are registered, and what the report says of them: what the cases of reservations stand on (NVMe 2.0 7.2 to 7.5)."""
import struct

from conformance.nvme import wire
from conformance.nvme.bench import good

KINDS = {"Write Exclusive": 1, "Exclusive Access": 2, "Write Exclusive, Registrants Only": 3, "Exclusive Access, Registrants Only": 4,
         "Write Exclusive, All Registrants": 5, "Exclusive Access, All Registrants": 6}
ALL_REGISTRANTS = (5, 6)
A, B, C = 0xA1A1A1A1A1A1A1A1, 0xB2, 0xC3


class Report:
    def __init__(self, octets):
        self.generation, self.kind, count, self.persists = struct.unpack_from("<IBHxxB", octets)
        self.hosts = {}
        for number in range(count):
            entry = octets[64 + 64 * number:128 + 64 * number]
            self.hosts[entry[16:32]] = (wire.number(entry, 8, 8), entry[2] & 1, wire.number(entry, 0, 2))

    def key(self, controller):
        return self.hosts[controller.facts["host_id"]][0] if controller.facts["host_id"] in self.hosts else None

    def holds(self, controller):
        return bool(self.hosts[controller.facts["host_id"]][1])


def report_of(c, **how):
    return Report(good(c.report(**how), "Reservation Report").data)


def two_hosts(t, kind=None, other=True):
    """A host that is registered (and holds a reservation of that type), and another that is registered, too, if it is to be."""
    c, second = t.controller(), t.controller(portal=1)
    good(c.register(A), "Register")
    if other:
        good(second.register(B), "Register")
    if kind:
        good(c.acquire(A, kind), "Acquire")
    return c, second
