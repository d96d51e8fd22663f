"""What the connections of both protocols stand on: a plain socket, by which anything can be said, and what comes by it, by count."""
import socket

from conformance.case_files import Wrong
from support.initiator import Closed

SECONDS = 20   # for an answer; a quiet machine needs a thousandth


class PlainSocket:
    def __init__(self, address, port, source):
        self.socket = socket.create_connection((address, port), timeout=SECONDS, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()

    def close(self):
        self.socket.close()

    def send_raw(self, octets):
        try:
            self.socket.sendall(octets)
        except OSError as problem:
            raise Closed(str(problem)) from None

    def take(self, count):
        while len(self.received) < count:
            try:
                got = self.socket.recv(1 << 18)
            except socket.timeout:
                raise Wrong(f"no answer within {self.socket.gettimeout():.0f} s") from None
            except OSError as problem:
                raise Closed(str(problem)) from None
            if not got:
                raise Closed("the target closed the connection")
            self.received += got
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken
