"""A small WebSocket client (RFC 6455) and a reader of server-sent events, on plain sockets."""
import base64
import hashlib
import json
import os
import socket
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"   # RFC 6455 1.3
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


class Refused(Exception):
    """The answer to the handshake was no 101."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Closed(Exception):
    """The other side closed; `code` is why (1005: it did not say, 1006: without a close frame)."""

    def __init__(self, code):
        super().__init__(f"closed with {code}")
        self.code = code


class WebSocket:
    """Over a socket that is connected already, TLS included."""

    def __init__(self, stream, path, host, headers=None):
        self.stream = stream
        self.reader = stream.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        stream.sendall("\r\n".join(lines + ["", ""]).encode())
        status = int(self.reader.readline().split()[1])
        answer = {}
        while (line := self.reader.readline().strip()):
            name, _, value = line.decode().partition(":")
            answer[name.lower()] = value.strip()
        if status != 101:
            raise Refused(status, self.reader.read(int(answer.get("content-length", 0))).decode())
        expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        if answer.get("sec-websocket-accept") != expected:
            raise Refused(status, f"Sec-WebSocket-Accept is {answer.get('sec-websocket-accept')}, not {expected}")

    def close(self):
        self.reader.close()
        self.stream.close()

    def send_frame(self, opcode, payload=b"", masked=True, final=True):
        head = bytes([(0x80 if final else 0) | opcode])
        flag = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([flag | len(payload)])
        else:
            head += bytes([flag | 126]) + struct.pack(">H", len(payload))
        if masked:
            mask = os.urandom(4)
            head, payload = head + mask, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.stream.sendall(head + payload)

    def send(self, message):
        self.send_frame(TEXT, json.dumps(message).encode())

    def take(self, count):
        taken = self.reader.read(count)
        if len(taken) < count:
            raise Closed(1006)
        return taken

    def receive_frame(self):
        """Opcode and payload; a close frame is Closed."""
        try:
            first, second = self.take(2)
            length = second & 0x7F
            if length == 126:
                length = struct.unpack(">H", self.take(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", self.take(8))[0]
            payload = self.take(length)
        except (ConnectionError, socket.timeout):
            raise Closed(1006) from None
        if first & 0x0F == CLOSE:
            raise Closed(struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005)
        return first & 0x0F, payload

    def receive(self):
        """The next message; pings on the way are answered."""
        while True:
            opcode, payload = self.receive_frame()
            if opcode == PING:
                self.send_frame(PONG, payload)
            elif opcode == TEXT:
                return json.loads(payload)


def events_of(response):
    """The events of a text/event-stream, as they come: dictionaries of their fields. Comments are skipped."""
    event = {}
    while (line := response.readline()):
        line = line.decode().rstrip("\r\n")
        if not line and event:
            yield event
            event = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value
