"""Whatever comes by the wire: the engine lives, and those who behave are served. By the thousand: tests/fuzz/sockets."""
import resource
import socket

from case import Case
from support import array, initiator

HALF_OPEN_OF_A_SHARD = 256   # docs/architecture.md


def ended(connection):
    """Has the other side closed it?"""
    connection.setblocking(False)
    try:
        return connection.recv(4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class MalformedTest(Case):
    def setUp(self):
        hosts = [{"name": "any", "any": True}]
        self.served = self.serve(array.document_of([array.memory_volume("v1")], hosts=hosts))
        self.port = self.served.document["portals"][0]["port"]
        self.witness = self.session(self.served)

    def assert_still_serves(self):
        self.assertTrue(self.served.alive(), "the engine died")
        self.assertEqual(self.witness.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD, "a session that was there")
        with self.session(self.served) as session:
            self.assertEqual(session.run(initiator.read_16(0, 8), read=4096)[0], initiator.GOOD)
            session.logout()

    def test_other_protocols(self):
        """What port scanners send."""
        for said in (b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), b"\n", b"\0" * 4096,
                     b"\xff" * 100000, b"SSH-2.0-OpenSSH_9.2\r\n"):
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as scanner:
                try:
                    scanner.sendall(said)
                    scanner.shutdown(socket.SHUT_WR)
                    while scanner.recv(4096):
                        pass
                except TimeoutError:
                    raise
                except OSError:
                    pass  # it has hung up already, also before we were through
        self.assert_still_serves()

    def test_half_logins_hold_nobody_up(self):
        """Two thousand connections of fifty hosts that say nothing, or half of something: few may wait, and those who log in are served."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        half = []
        try:
            for number in range(2000):
                half.append(socket.create_connection(("127.0.0.1", self.port), 10, (f"127.8.0.{number % 50 + 1}", 0)))
                if number % 2:
                    half[-1].send(b"\x43\x87" + bytes(number % 46))
                if number % 200 == 0:
                    self.assert_still_serves()
            self.assert_still_serves()
            shards = self.served.call("status")["shards"]
            array.wait_for(lambda: len(half) - sum(ended(each) for each in half) <= HALF_OPEN_OF_A_SHARD * shards, "the rest to be dropped")
        finally:
            for each in half:
                each.close()

    def test_data_of_a_refused_login(self):
        """Keys of any length are echoed or refused, never more."""
        for length in (1, 63, 64, 255, 256, 4096, 8191, 16384, 65536):
            session = initiator.Session("127.0.0.1", self.port, timeout=10)
            try:
                session.send(session.login_header(), initiator.keys_of({"X" * length: "y" * length})[:65536])
                session.receive()
            except (initiator.Closed, OSError):
                pass
            finally:
                session.close()
        self.assert_still_serves()
