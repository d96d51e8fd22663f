"""What the target does when its own clock says so: pings, and the end of who does not answer or does not log in (UNH-IOL Full Feature
Phase 15.1, Login Phase 8.1). These cases wait for it; nothing is measured."""
from conformance.iscsi import pdu
from conformance.iscsi.bench import check, same, slow
from conformance.iscsi.pdu import OPERATIONAL

PATIENCE = 75   # above the target's interval of pings and its patience together


@slow
def target_pings_an_idle_host(t):
    """Full Feature 15.1 NOP-Out Ping Response (RFC 7143 11.19.2): a ping has a transfer tag and no task tag; who answers it stays."""
    c = t.session()
    c.socket.settimeout(PATIENCE)
    stands = c.exp_stat_sn
    ping = c.receive_of(pdu.NOP_IN)
    same((ping.itt, ping.stat_sn, ping.final), (pdu.RESERVED, stands, True), "task tag, StatSN, F")
    check(ping.ttt != pdu.RESERVED, "a ping without a transfer tag")
    c.pong(ping)
    c.alive()


@slow
def host_that_does_not_answer_pings(t):
    """Full Feature 15.1 NOP-Out Ping Response (RFC 7143 11.19): who does not answer is taken for gone: the connection ends."""
    c = t.session()
    c.socket.settimeout(PATIENCE)
    same(c.receive_of(pdu.NOP_IN).itt, pdu.RESERVED, "the task tag of the ping")
    c.receive_end()
    t.serves()


@slow
def login_that_does_not_come_to_its_end(t):
    """Login 8.1 Invalid PDU (RFC 7143 6.3): a connection that says nothing, or stops within its login, is not kept for ever."""
    silent, halfway, cut = t.connect(), t.connect(), t.connect()
    halfway.login_step(OPERATIONAL, None, t.keys())
    cut.send_raw(bytes(17))
    for c in (silent, halfway, cut):
        c.socket.settimeout(PATIENCE)
        c.receive_end()
    t.serves()
