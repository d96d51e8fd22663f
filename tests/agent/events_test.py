"""What happens, as it happens: pages, server-sent events, WebSocket; and nothing missed when one comes back."""
import json
import threading

from case import Case
from support import web_socket

PATIENCE = 20


class EventsTest(Case):
    def setUp(self):
        self.ashlar = self.begin()
        self.ashlar.post("/users", {"name": "olga", "role": "operator", "password": "long enough for a rule"})
        self.token = self.ashlar.post("/tokens", {"name": "t", "user": "olga", "role": "operator"})["token"]

    def make_pool(self, name):
        self.ashlar.post("/pools", {"name": name, "kind": "null"})

    def last(self):
        return self.ashlar.get("/events?limit=1000")["last"]

    def stream(self, after=None, https=True):
        connection = self.ashlar.connection(https, timeout=PATIENCE)
        self.addCleanup(connection.close)
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {self.token}"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        connection.request("GET", "/api/v1/events", headers=headers)
        response = connection.getresponse()
        self.assertEqual((response.status, response.headers["Content-Type"]), (200, "text/event-stream"))
        return connection, web_socket.events_of(response)

    def next_of(self, events, name):
        """The next event of this name; those before it are passed by. Ids rise."""
        last = 0
        for event in events:
            self.assertGreater(int(event["id"]), last)
            last = int(event["id"])
            if event["event"] == name:
                data = json.loads(event["data"])
                self.assertEqual(data["id"], last)
                return data
        self.fail(f"the stream ended before {name}")

    def socket(self, headers=None, **message):
        connection = self.ashlar.connection(https=True, timeout=PATIENCE)
        connection.connect()
        opened = web_socket.WebSocket(connection.sock, "/api/v1/events/socket", f"127.0.0.1:{self.ashlar.port}",
                                      {"Authorization": f"Bearer {self.token}", **(headers or {})})
        self.addCleanup(opened.close)
        if message:
            opened.send(message)
        return opened

    def test_stream(self):
        _, events = self.stream()
        self.make_pool("one")
        event = self.next_of(events, "pools.created")
        self.assertEqual((event["topic"], event["action"], event["name"], event["actor"]), ("pools", "created", "one", "root"))

    def test_stream_goes_on_where_it_broke(self):
        connection, events = self.stream()
        self.make_pool("one")
        seen = self.next_of(events, "pools.created")["id"]
        connection.close()
        self.make_pool("two")
        self.make_pool("three")
        _, events = self.stream(after=seen)
        self.assertEqual(self.next_of(events, "pools.created")["name"], "two")
        self.assertEqual(self.next_of(events, "pools.created")["name"], "three")
        self.make_pool("four")
        self.assertEqual(self.next_of(events, "pools.created")["name"], "four")

    def test_streams_over_a_crash_of_the_agent(self):
        """Ids go on, so that whoever comes back hears the rest."""
        _, events = self.stream()
        opened = self.socket(subscribe=["pools"], after=self.last())
        self.make_pool("one")
        seen = self.next_of(events, "pools.created")["id"]
        self.assertEqual(opened.receive()["id"], seen)
        self.ashlar.agent.kill()
        with self.assertRaises(web_socket.Closed):
            opened.receive()
        self.ashlar.start_agent()
        self.make_pool("two")
        _, events = self.stream(after=seen)
        self.assertEqual(self.next_of(events, "pools.created")["name"], "two")
        self.assertEqual(self.socket(subscribe=["pools"], after=seen).receive()["name"], "two")

    def test_stream_by_the_unix_socket(self):
        _, events = self.stream(https=False)
        self.make_pool("one")
        self.assertEqual(self.next_of(events, "pools.created")["name"], "one")

    def test_every_change_is_told_once_and_in_order(self):
        """Two writers, four listeners, from the middle on."""
        start = self.last()
        heard = [[] for _ in range(4)]

        def listen(into, events):
            for event in events:
                if event["event"] == "pools.created":
                    into.append((int(event["id"]), json.loads(event["data"])["name"]))
                    if len(into) == 40:
                        return

        listeners = [threading.Thread(target=listen, args=(into, self.stream(after=start)[1])) for into in heard]
        writers = [threading.Thread(target=lambda who=who: [self.make_pool(f"{who}-{i}") for i in range(20)]) for who in "ab"]
        for thread in listeners + writers:
            thread.start()
        for thread in writers + listeners:
            thread.join(PATIENCE)
        self.assertEqual(sorted(name for _, name in heard[0]), sorted(f"{who}-{i}" for who in "ab" for i in range(20)))
        self.assertEqual(heard[0], sorted(heard[0]))
        for other in heard[1:]:
            self.assertEqual(heard[0], other)

    def test_socket(self):
        opened = self.socket(subscribe=["pools"])
        opened.send_frame(web_socket.PING, b"are you there")
        self.assertEqual(opened.receive_frame(), (web_socket.PONG, b"are you there"))
        self.make_pool("one")
        event = opened.receive()
        self.assertEqual((event["topic"], event["action"], event["name"]), ("pools", "created", "one"))
        # Another topic: pools are not told any more.
        opened.send({"subscribe": ["hosts"]})
        opened.send_frame(web_socket.PING, b"taken")
        self.assertEqual(opened.receive_frame(), (web_socket.PONG, b"taken"))
        self.ashlar.post("/hosts", {"name": "h0"})
        self.make_pool("two")
        self.ashlar.post("/hosts", {"name": "h1"})
        names = []
        while "h1" not in names:
            names.append(opened.receive()["name"])
        self.assertLess(names.index("h0"), names.index("h1"))

    def test_socket_goes_on_where_it_broke(self):
        opened = self.socket(subscribe=["*"], after=self.last())
        self.make_pool("one")
        while (event := opened.receive())["topic"] != "pools":
            pass
        opened.close()
        self.make_pool("two")
        opened = self.socket(subscribe=["pools"], after=event["id"])
        self.assertEqual(opened.receive()["name"], "two")
        self.make_pool("three")
        self.assertEqual(opened.receive()["name"], "three")

    def test_socket_is_only_for_those_who_may(self):
        for headers, status in (({"Authorization": "Bearer ashlar_wrong"}, 401), ({"Origin": "https://evil.example"}, 403)):
            with self.assertRaises(web_socket.Refused) as refused:
                self.socket(headers=headers)
            self.assertEqual(refused.exception.status, status)
        self.socket(headers={"Origin": f"https://127.0.0.1:{self.ashlar.port}"})

    def test_socket_against_bad_peers(self):
        opened = self.socket()
        for message in ({"subscribe": "volumes"}, [], "x"):
            opened.send(message)
            self.assertIn("error", opened.receive())
        opened.send_frame(web_socket.TEXT, b"{")
        self.assertIn("error", opened.receive())
        # RFC 6455 5.1: a frame of a client that is not masked ends the connection.
        opened.send_frame(web_socket.TEXT, b"{}", masked=False)
        with self.assertRaises(web_socket.Closed):
            opened.receive()
        opened = self.socket()
        opened.send_frame(web_socket.CLOSE, b"\x03\xe8")
        with self.assertRaises(web_socket.Closed) as closed:
            opened.receive()
        self.assertEqual(closed.exception.code, 1000)
        self.assertEqual(self.ashlar.call("GET", "/health", https=True).status, 200)
