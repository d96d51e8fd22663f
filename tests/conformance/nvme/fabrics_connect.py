"""Connect: who gets a controller, and who another queue of it (NVMe-oF 1.1 3.3; UNH-IOL NVMe-oF 1.1, 1.2)."""
from conformance.nvme import wire, world
from conformance.nvme.bench import NotOffered, check, family, good, same, slow, status_is
from support.initiator import Closed

SUBSYSTEM_FIELD, HOST_FIELD, ID_FIELD, CONTROLLER_FIELD = (1 << 16 | at for at in (256, 512, 0, 16))
QUEUE_FIELD, ENTRIES_FIELD = 42, 44


def _refused(t, answer, queue, status, field=None):
    status_is(answer, status)
    if field is not None:
        same(answer.result & 0x1FFFF, field, "IATTR and IPO (NVMe-oF 1.1 figure 21)")
    check(answer.do_not_retry or status == wire.CONTROLLER_BUSY, "DNR is clear")
    queue.ended()
    t.serves()


def _names(**more):
    return {"host": "nqn.2014-08.org.nvmexpress:uuid:00000000-0000-4000-8000-000000000b0b", "host_id": b"\x0b" * 16, **more}


@family({"discovery": world.DISCOVERY, "subsystem": world.SUBSYSTEM})
def connects(t, subsystem):
    """1.1.1, 1.2.1 Connect (NVMe-oF 1.1 3.3): CNTLID of a new controller, and no authentication is asked for."""
    c = t.connect()
    answer = good(c.connect(0, **t.names(subsystem)))
    check(0 < (answer.result & 0xFFFF) <= 0xFFEF, f"CNTLID {answer.result & 0xFFFF:#x}")
    same(answer.result >> 16 & 0xFFFF, 0, "AUTHREQ")


@family({str(value): value for value in (1, 2, 0xFFFF)})
def incompatible_format(t, value):
    """1.2.2 Connect with Incompatible Format (NVMe-oF 1.1 3.3): RECFMT that is not there: Connect Incompatible Format."""
    c = t.connect()
    _refused(t, c.connect(0, **t.names(), record_format=value), c, wire.BAD_FORMAT)


@family({"unknown": "nqn.2026-11.io.ashlar:nobody", "nothing": b"", "an iSCSI name": "iqn.2026-11.io.ashlar:main",
         "without its zero": b"n" * 256, "224 characters": b"nqn.2026-11.io.ashlar:" + b"x" * 202, "in capitals": world.SUBSYSTEM.upper(),
         "with a blank": world.SUBSYSTEM + " ", "a part of it": world.SUBSYSTEM[:-1], "the iSCSI target": world.World.target})
def subsystem_that_is_not_there(t, name):
    """1.2 Connect to NVM Subsystem, SUBNQN (NVMe-oF 1.1 3.3): Connect Invalid Parameters, and SUBNQN is named."""
    c = t.connect()
    _refused(t, c.connect(0, **t.names(name)), c, wire.BAD_PARAMETERS, SUBSYSTEM_FIELD)


@family({"nothing": b"", "without its zero": b"n" * 256, "224 characters": b"nqn.2026-11.io.ashlar:" + b"x" * 202})
def host_without_a_name(t, name):
    """1.2 Connect to NVM Subsystem, HOSTNQN (NVMe-oF 1.1 3.3): Connect Invalid Parameters, and HOSTNQN is named."""
    c = t.connect()
    facts = {**t.names(), "host": name}
    _refused(t, c.connect(0, **facts), c, wire.BAD_PARAMETERS, HOST_FIELD)


def host_without_an_identifier(t):
    """1.2 Connect to NVM Subsystem, HOSTID (NVMe-oF 1.1 3.3): a host identifier of zero is none: Connect Invalid Parameters."""
    c = t.connect()
    _refused(t, c.connect(0, **{**t.names(), "host_id": bytes(16)}), c, wire.BAD_PARAMETERS, ID_FIELD)


def subsystem_of_somebody_else(t):
    """1.2 Connect to NVM Subsystem (NVMe-oF 1.1 3.3): a host that may not use the subsystem: Connect Invalid Host, or there is none."""
    c = t.connect(portal=1)
    answer = c.connect(0, **t.names(world.SECOND_SUBSYSTEM))
    status_is(answer, wire.INVALID_HOST, wire.BAD_PARAMETERS)
    c.ended()


def subsystem_of_another_port(t):
    """1.2 Connect to NVM Subsystem (NVMe-oF 1.1 3.3): a subsystem that this port does not lead to: SUBNQN is named."""
    c = t.connect(portal=0)
    _refused(t, c.connect(0, **t.names(world.SECOND_SUBSYSTEM, host=world.NAMED)), c, wire.BAD_PARAMETERS, SUBSYSTEM_FIELD)
    good(t.connect(portal=1).connect(0, **t.names(world.SECOND_SUBSYSTEM, host=world.NAMED)))


def host_that_must_prove_itself(t):
    """1.2 Connect to NVM Subsystem (NVMe-oF 1.1 6): who has to prove who it is has no I/O before it did."""
    c = t.connect()
    answer = c.connect(0, **t.names(host=world.PROVING))
    if answer.status == wire.GOOD:
        check(answer.result >> 16 & 0xFFFF, "AUTHREQ is zero")
        status_is(c.run(wire.fabrics(wire.PROPERTY_GET, cdw11=wire.VS)), 0x191, wire.SEQUENCE_ERROR)
    else:
        status_is(answer, wire.INVALID_HOST)


@family({f"{value:#06x}": value for value in (0x0000, 0xFFF0, 0xFFF7, 0xFFFD)})
def controller_id_that_none_can_have(t, value):
    """1.1.2 Connect with wrong Controller ID (NVMe-oF 1.1 3.3): Connect Invalid Parameters, and CNTLID is named."""
    c = t.connect()
    _refused(t, c.connect(0, **t.names(), controller_id=value), c, wire.BAD_PARAMETERS, CONTROLLER_FIELD)


def controller_id_of_a_static_controller(t):
    """1.1.2 Connect (NVMe-oF 1.1 3.3): FFFEh, any static controller: one, or Invalid Parameters of a subsystem of dynamic controllers."""
    answer = t.connect().connect(0, **t.names(), controller_id=0xFFFE)
    status_is(answer, wire.GOOD, wire.BAD_PARAMETERS)


@family({"1": 1, "one more than there are": None, "65536": 0x10000})
def queue_size(t, entries):
    """1.2 Connect, SQSIZE (NVMe-oF 1.1 3.3): 0, or more than MQES: Connect Invalid Parameters, and SQSIZE is named."""
    most = (t.admin(enable=False).get(wire.CAP, wide=True).result & 0xFFFF) + 1
    c = t.connect()
    _refused(t, c.connect(0, **t.names(), entries=entries or most + 1), c, wire.BAD_PARAMETERS, ENTRIES_FIELD)


def largest_queue(t):
    """1.2 Connect, SQSIZE (NVMe-oF 1.1 3.3): MQES + 1 entries are granted to both kinds of queues."""
    c = t.admin()
    most = (c.get(wire.CAP, wide=True).result & 0xFFFF) + 1
    good(t.connect().connect(0, **t.names(), entries=most))
    c.add_queue(entries=most)


@family({"0": 0, "urgent": 1, "high": 2, "low": 3, "no flow control": 4, "deletion of queues": 8, "reserved bits": 0xF0})
def attributes(t, bits):
    """1.2 Connect, CATTR (NVMe-oF 1.1 3.3): priorities and what is not known are no reason to refuse."""
    c = t.connect()
    good(c.connect(0, **t.names(), attributes=bits))


@family({"nothing": b"", "512 bytes": bytes(512), "1020 bytes": bytes(1020), "2048 bytes": bytes(2048), "8192 bytes": bytes(8192)})
def data_of_another_length(t, data):
    """1.2 Connect, data (NVMe-oF 1.1 3.3): 1024 bytes, or an error and the end of the connection."""
    c = t.connect()
    answer = c.run(wire.connect_entry(0), data, capsule=True)
    status_is(answer, wire.DATA_LENGTH, wire.INVALID_FIELD)
    c.ended()
    t.serves()


def two_controllers_of_a_host(t):
    """1.2 Connect (NVMe-oF 1.1 3.3): a host may have several controllers; their ids differ."""
    names = t.names()
    first, second = t.admin(host=names["host"], host_id=names["host_id"]), t.admin(host=names["host"], host_id=names["host_id"])
    check(first.id != second.id, "two controllers have one id")
    same(int.from_bytes(second.page(0x01)[78:80], "little"), second.id, "CNTLID of Identify")


def more_controllers_than_a_host_may_have(t):
    """1.2 Connect (NVMe-oF 1.1 3.3): above the bound of a host: Connect Controller Busy, which may be tried again."""
    first = t.admin(host=world.BOUNDED)
    answer = t.connect().connect(0, **t.names(host=world.BOUNDED))
    status_is(answer, wire.CONTROLLER_BUSY)
    check(not answer.do_not_retry, "DNR is set")
    first.admin.close()


def admin_queue_twice(t):
    """1.2 Connect (NVMe-oF 1.1 3.3): Connect on a queue that is connected: Command Sequence Error; the queue lives."""
    c = t.admin()
    status_is(c.admin.connect(0, **c.facts), wire.SEQUENCE_ERROR)
    good(c.identify(0x01))


@family({name: entry for name, entry in (("Identify", wire.entry(wire.IDENTIFY)), ("Keep Alive", wire.entry(wire.KEEP_ALIVE)),
        ("Read", wire.blocks(wire.READ, 0)), ("Property Get", wire.fabrics(wire.PROPERTY_GET)), ("Property Set",
                                                            wire.fabrics(wire.PROPERTY_SET)),
        ("Disconnect", wire.fabrics(wire.DISCONNECT)), ("Authentication Send", wire.fabrics(wire.AUTH_SEND)), ("reserved type",
                                                            wire.fabrics(0x77)),
        ("opcode ff", wire.entry(0xFF)))})
def something_else_than_connect(t, entry):
    """1.2 Connect (NVMe-oF 1.1 2.5): the first command of a queue is Connect: all others are a Command Sequence Error."""
    c = t.connect()
    try:
        status_is(c.run(entry), wire.SEQUENCE_ERROR)
    except Closed:
        pass
    c.ended()
    t.serves()


# I/O queues.
def io_queue_before_the_controller_is_enabled(t):
    """1.2 Connect, I/O queues (NVMe-oF 1.1 3.3): before CC.EN: Command Sequence Error."""
    c = t.admin(enable=False)
    queue = t.connect()
    status_is(queue.connect(1, **c.facts, controller_id=c.id), wire.SEQUENCE_ERROR)
    c.enable()
    c.add_queue()


@family({"another host": ("host", HOST_FIELD), "another host identifier": ("host_id", ID_FIELD), "another subsystem": ("subsystem",
                                                            SUBSYSTEM_FIELD)})
def io_queue_of_somebody_else(t, field, place):
    """1.2 Connect, I/O queues (NVMe-oF 1.1 3.3): names that are not those of the controller: Connect Invalid Parameters, and the field is
    named."""
    c, queue = t.admin(), t.connect(portal=1)
    other = {**_names(subsystem=world.SECOND_SUBSYSTEM)}[field]
    answer = queue.connect(1, **{**c.facts, field: other}, controller_id=c.id)
    status_is(answer, wire.BAD_PARAMETERS, wire.INVALID_HOST)
    if answer.status == wire.BAD_PARAMETERS:
        same(answer.result & 0x1FFFF, place, "IATTR and IPO")
    queue.ended()
    good(c.identify(0x01))


@family({"never given": 0xFFEF, "dynamic": 0xFFFF, "static": 0xFFFE, "0": 0})
def io_queue_of_no_controller(t, value):
    """1.2 Connect, I/O queues (NVMe-oF 1.1 3.3): a controller that is not there: Connect Invalid Parameters, and CNTLID is named."""
    c, queue = t.admin(), t.connect()
    _refused(t, queue.connect(1, **c.facts, controller_id=value), queue, wire.BAD_PARAMETERS, CONTROLLER_FIELD)


def io_queue_of_a_controller_that_is_gone(t):
    """1.2 Connect, I/O queues (NVMe-oF 1.1 3.3): a controller whose admin queue ended is gone, and its I/O queues end, too."""
    c = t.controller()
    c.admin.close()
    c.io.ended()
    queue = t.connect()
    status_is(queue.connect(2, **c.facts, controller_id=c.id), wire.BAD_PARAMETERS)


def io_queue_twice(t):
    """1.2 Connect, I/O queues (NVMe-oF 1.1 3.3): a queue id that is in use is refused, and the queue that has it lives."""
    c, queue = t.controller(), t.connect()
    status_is(queue.connect(1, **c.facts, controller_id=c.id), wire.CONTROLLER_BUSY, wire.SEQUENCE_ERROR, wire.BAD_PARAMETERS)
    c.read(0)


def io_queue_again(t):
    """1.2 Connect, I/O queues (NVMe-oF 1.1 3.3, 2.4): the id of a queue that ended may be used again."""
    c = t.controller()
    for _ in range(5):
        c.io.close()
        c.queues.clear()
        for attempt in range(200):
            queue = t.connect()
            answer = queue.connect(1, **c.facts, controller_id=c.id)
            if answer.status == wire.GOOD:
                break
            check(attempt < 199, "the id does not become free")
        c.queues.append(queue)
        c.read(0)


@family({"one more than there are": None, "0xffff": 0xFFFF, "0x8000": 0x8000})
def io_queue_id(t, value):
    """1.2 Connect, I/O queues (NVMe-oF 1.1 3.3): a queue id above those that there are: Connect Invalid Parameters, and QID is named."""
    c, queue = t.admin(), t.connect()
    most = (good(c.get_feature(0x07)).result & 0xFFFF) + 1
    _refused(t, queue.connect(value or most + 1, **c.facts, controller_id=c.id), queue, wire.BAD_PARAMETERS, QUEUE_FIELD)


def all_io_queues(t):
    """1.2 Connect, I/O queues (NVMe-oF 1.1 3.3): as many as Number of Queues grants, in any order, each of use."""
    c = t.admin()
    most = (good(c.get_feature(0x07)).result & 0xFFFF) + 1
    for queue_id in range(most, 0, -1):
        c.add_queue(queue_id)
    for queue in c.queues:
        c.read(0, queue=queue)


def io_queue_of_a_discovery_controller(t):
    """1.1 Connect to Discovery Service (NVMe-oF 1.1 5.1): a discovery controller has no I/O queues."""
    c, queue = t.discovery(), t.connect()
    status_is(queue.connect(1, **c.facts, controller_id=c.id), wire.BAD_PARAMETERS, wire.INVALID_FIELD)
    good(c.identify(0x01))


def io_queue_by_another_port(t):
    """1.2 Connect, I/O queues (NVMe-oF 1.1 2.1): a controller is of one port; a queue by the other is refused, or serves."""
    c, queue = t.admin(), t.connect(portal=1)
    answer = queue.connect(1, **c.facts, controller_id=c.id)
    status_is(answer, wire.GOOD, wire.BAD_PARAMETERS)
    t.serves()


def disconnect_of_an_io_queue(t):
    """1.5 Disconnect (NVMe-oF 1.1 3.4): it is answered, the queue ends, the controller lives, and the id is free again."""
    c = t.controller(queues=2)
    if not int.from_bytes(c.page(0x01)[1804:1806], "little") & 1:
        raise NotOffered("OFCS says no Disconnect")
    good(c.io.run(wire.fabrics(wire.DISCONNECT)))
    c.io.ended()
    c.read(0, queue=c.queues[1])
    c.add_queue(1)


def disconnect_of_the_admin_queue(t):
    """1.1.3 Disconnect (NVMe-oF 1.1 3.4): on an Admin Queue it is refused, and nothing ends."""
    for c in (t.admin(), t.discovery()):
        status_is(c.admin.run(wire.fabrics(wire.DISCONNECT)), wire.INVALID_OPCODE, 0x185, wire.INVALID_FIELD)
        good(c.identify(0x01))


@family({f"{value:#04x}": value for value in (0x02, 0x03, 0x07, 0x09, 0x10, 0x40, 0xC0, 0xFF)})
def fabrics_type_that_is_not_there(t, kind):
    """1.6 Fabrics commands (NVMe-oF 1.1 3): a type that is not there: Invalid Command Opcode or Invalid Field; on either kind of queue."""
    c = t.controller()
    for queue in (c.admin, c.io):
        status_is(queue.run(wire.fabrics(kind)), wire.INVALID_OPCODE, wire.INVALID_FIELD)
    c.read(0)


def ids_do_not_come_back_at_once(t):
    """1.2 Connect, CNTLID (NVMe-oF 1.1 4.2): the id of a controller that ended is not given to the next one."""
    first = t.admin()
    first.admin.close()
    check(t.admin().id != first.id, "the id came back")


@slow
def no_connect_in_time(t):
    """1.2 Connect (NVMe-oF 1.1 3.3): a connection that is initialized and does not say Connect is ended; it keeps nothing."""
    c = t.connect()
    c.socket.settimeout(60)
    c.ended()


def keep_alive_of_connect(t):
    """1.2 Connect, KATO (NVMe-oF 1.1 3.3): what was said at Connect is what Get Features tells."""
    c = t.admin(keep_alive=0x1F400)
    same(good(c.get_feature(0x0F)).result, 0x1F400, "KATO")
