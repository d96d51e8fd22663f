"""What the NVMe/TCP cases have in their hands: queues, controllers, other hosts; all of which end with the case."""
import contextlib
import struct
import uuid

from conformance import case_files
from conformance.case_files import NotOffered, Wrong, check, family, one_of, same, slow  # noqa: F401
from conformance.nvme import wire
from conformance.nvme.host import Queue, good, status_is  # noqa: F401

# The groups of items, in the order in which they run. A case file is GROUP_SOMETHING.py.
PREFIX = "nvme."
GROUPS = ("tcp", "fabrics", "admin", "nvm", "reservation", "access", "both")


def cases():
    return case_files.cases_of("nvme", GROUPS, PREFIX)


class Controller:
    """One controller as its host has it: the admin queue, and the I/O queues in `queues`."""

    def __init__(self, bench, admin, facts, identity):
        self.bench, self.admin, self.facts, self.id, self.queues = bench, admin, facts, identity, []

    @property
    def io(self):
        return self.queues[0]

    def get(self, offset, wide=False):
        """Property Get."""
        return self.admin.run(wire.fabrics(wire.PROPERTY_GET, cdw10=int(wide), cdw11=offset))

    def set(self, offset, value, wide=False):
        return self.admin.run(wire.fabrics(wire.PROPERTY_SET, cdw10=int(wide), cdw11=offset, cdw12=value & 0xFFFFFFFF, cdw13=value >> 32))

    def enable(self):
        good(self.set(wire.CC, wire.ENABLE), "CC.EN")
        same(self.get(wire.CSTS).result & 3, 1, "CSTS.RDY and CFS")
        return self

    def add_queue(self, queue_id=None, portal=0, entries=32, attributes=0, **how):
        queue = self.bench.connect(portal, **how)
        queue_id = queue_id or len(self.queues) + 1
        good(queue.connect(queue_id, **{**self.facts, "controller_id": self.id}, entries=entries, attributes=attributes),
             "Connect of an I/O queue")
        self.queues.append(queue)
        return queue

    # Admin commands.
    def identify(self, cns, nsid=0, controller=0, command_set=0, room=4096):
        return self.admin.run(wire.entry(wire.IDENTIFY, nsid, cdw10=cns | controller << 16, cdw11=command_set << 24), room=room)

    def page(self, cns, nsid=0, **how):
        return good(self.identify(cns, nsid, **how), f"Identify {cns:02x}").data

    def log(self, page, length, **how):
        return self.admin.run(wire.log_entry(page, length, **how), room=length)

    def log_page(self, page, length, **how):
        return good(self.log(page, length, **how), f"log page {page:02x}").data

    def get_feature(self, feature, select=0, nsid=0, room=0, cdw11=0):
        return self.admin.run(wire.entry(wire.GET_FEATURES, nsid, cdw10=feature | select << 8, cdw11=cdw11), room=room)

    def set_feature(self, feature, value=0, nsid=0, save=False, data=b""):
        return self.admin.run(wire.entry(wire.SET_FEATURES, nsid, cdw10=feature | (1 << 31 if save else 0), cdw11=value), data)

    def await_event(self):
        """Sends an Asynchronous Event Request: its id."""
        return self.admin.submit(wire.entry(wire.EVENT_REQUEST))

    # I/O.
    def read(self, lba, count=1, nsid=1, block=512, queue=None):
        return good((queue or self.io).run(wire.blocks(wire.READ, lba, count, nsid), room=count * block), "Read").data

    def write(self, lba, data, nsid=1, block=512, queue=None, **how):
        return good((queue or self.io).run(wire.blocks(wire.WRITE, lba, len(data) // block, nsid), data, **how), "Write")

    # Reservations.
    def register(self, key, nsid=1, action=0, current=0, ignore=False, persist=0):
        self.bench.reserved.add(nsid)
        entry = wire.entry(wire.REGISTER, nsid, cdw10=action | (8 if ignore else 0) | persist << 30)
        return self.io.run(entry, struct.pack("<QQ", current, key))

    def acquire(self, key, kind=1, nsid=1, action=0, other=0):
        return self.io.run(wire.entry(wire.ACQUIRE, nsid, cdw10=action | kind << 8), struct.pack("<QQ", key, other))

    def release(self, key, kind=1, nsid=1, action=0):
        return self.io.run(wire.entry(wire.RELEASE, nsid, cdw10=action | kind << 8), struct.pack("<Q", key))

    def report(self, nsid=1, room=4096, extended=True):
        return self.io.run(wire.entry(wire.REPORT, nsid, cdw10=room // 4 - 1, cdw11=int(extended)), room=room)


class Bench:
    """What one case has in its hands: connections to the engine of its world, all of which end with the case."""

    def __init__(self, world, source="127.0.0.1"):
        self.world, self.source = world, source
        self.open = contextlib.ExitStack()
        self.reserved = set()   # namespaces on which somebody registered

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            for nsid in self.reserved if self.world.alive() else ():
                self.clear(nsid)
        finally:
            self.open.close()

    def clear(self, nsid):
        """Nobody is registered any more."""
        last = self.controller()
        good(last.register(0xC1EA4, nsid), "the last registration")
        good(last.release(0xC1EA4, nsid=nsid, action=1), "Clear")

    def connect(self, portal=0, raw=False, **how):
        """A connection; initialized, unless raw."""
        where = self.world.document["portals"][portal]
        queue = Queue(where["address"], where["port"], self.source)
        self.open.callback(queue.close)
        if not raw:
            queue.initialize(**how)
        return queue

    def names(self, subsystem=None, host=None, host_id=None):
        from conformance.nvme import world
        host_id = host_id or uuid.uuid4().bytes
        host = host or f"nqn.2014-08.org.nvmexpress:uuid:{uuid.UUID(bytes=host_id)}"
        return {"subsystem": world.SUBSYSTEM if subsystem is None else subsystem, "host": host, "host_id": host_id}

    def admin(self, portal=0, subsystem=None, host=None, host_id=None, enable=True, how=None, **fields):
        """A new controller of a new host, unless one is named."""
        facts = self.names(subsystem, host, host_id)
        queue = self.connect(portal, **(how or {}))
        answer = good(queue.connect(0, **facts, **fields), "Connect")
        made = Controller(self, queue, facts, answer.result & 0xFFFF)
        return made.enable() if enable else made

    def controller(self, queues=1, io=None, **fields):
        made = self.admin(**fields)
        for _ in range(queues):
            made.add_queue(portal=fields.get("portal", 0), **{**(fields.get("how") or {}), **(io or {})})
        return made

    def discovery(self, **fields):
        from conformance.nvme import world
        return self.admin(subsystem=world.DISCOVERY, **fields)

    def serves(self):
        """Somebody else is served as if nothing had been."""
        Bench.served_by(self.world, self.source)

    @staticmethod
    def served_by(world, source):
        with Bench(world, source) as fresh:
            fresh.controller().read(0)

    @contextlib.contextmanager
    def document(self, whole):
        """The engine serves another document within."""
        usual = self.world.document
        self.world.apply(whole)
        try:
            yield
        finally:
            self.world.apply(usual)
