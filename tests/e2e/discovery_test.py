"""What hosts find: targets, portals and LUNs, by IPv4 and IPv6, and nothing that is not theirs."""
from case import Case
from support import array, initiator

HOST_A, HOST_B, STRANGER = (f"iqn.2026-11.io.ashlar.test:{name}" for name in ("a", "b", "stranger"))


def target_name(number):
    return f"iqn.2026-11.io.ashlar:t{number:03d}"


class DiscoveryTest(Case):
    def test_luns(self):
        served = self.serve(array.document_of([array.memory_volume("one"), array.memory_volume("two", size=128 * array.MIB)]))
        said = self.assert_runs("iscsi-ls", "-s", f"iscsi://127.0.0.1:{served.document['portals'][0]['port']}")
        self.assertIn(f"Target:{array.TARGET} Portal:127.0.0.1:{served.document['portals'][0]['port']},1", said)
        self.assertRegex(said, r"Lun:1 +Type:DIRECT_ACCESS \(Size:6[34]M\)")
        self.assertRegex(said, r"Lun:2 +Type:DIRECT_ACCESS \(Size:12[78]M\)")

    def test_many_targets(self):
        """Far more than fit into one answer of the size that hosts take."""
        count = 200
        volumes = [array.memory_volume(f"v{i}", size=array.MIB) for i in range(count)]
        document = array.document_of(volumes)
        document["targets"] = [{"name": target_name(i)} for i in range(count)]
        document["mappings"] = [{"host": "any", "target": target_name(i), "volume": f"v{i}", "lun": 0} for i in range(count)]
        served = self.serve(document)
        said = self.assert_runs("iscsi-ls", f"iscsi://127.0.0.1:{document['portals'][0]['port']}")
        for number in range(count):
            self.assertIn(f"Target:{target_name(number)} ", said)
        with self.session(served, target=target_name(199)) as session:
            self.assertEqual(session.run(initiator.TEST_UNIT_READY, lun=0)[0], initiator.GOOD)

    def test_nothing_until_mapped(self):
        """A host sees the targets and LUNs that are mapped to it; to others they do not exist."""
        volumes = [array.memory_volume("for-a"), array.memory_volume("for-b")]
        hosts = [{"name": "a", "initiators": [HOST_A]}, {"name": "b", "initiators": [HOST_B]}]
        document = array.document_of(volumes, hosts=hosts)
        document["targets"] = [{"name": target_name(1)}, {"name": target_name(2)}]
        document["mappings"] = [{"host": "a", "target": target_name(1), "volume": "for-a", "lun": 5},
                                {"host": "b", "target": target_name(2), "volume": "for-b", "lun": 6}]
        served = self.serve(document)
        portal = f"iscsi://127.0.0.1:{document['portals'][0]['port']}"
        seen = {name: self.assert_runs("iscsi-ls", "-i", name, "-s", portal) for name in (HOST_A, HOST_B)}
        self.assertIn(target_name(1), seen[HOST_A])
        self.assertIn("Lun:5", seen[HOST_A])
        self.assertNotIn(target_name(2), seen[HOST_A])
        self.assertIn("Lun:6", seen[HOST_B])
        self.assertNotIn(target_name(1), seen[HOST_B])
        stranger = array.run("iscsi-ls", "-i", STRANGER, "-s", portal, check=False)
        self.assertNotIn("iqn.", stranger.stdout)
        self.assert_refused("iscsi-inq", "-i", STRANGER, f"{portal}/{target_name(1)}/5")
        self.assert_refused("iscsi-inq", "-i", HOST_B, f"{portal}/{target_name(1)}/5")
        for name in (STRANGER, HOST_B):
            with self.assertRaises(initiator.Refused) as refused:
                self.session(served, target=target_name(1), initiator=name)
            # RFC 7143 11.13.5: 0202 authorization failure, 0203 not found; a host is not to learn which.
            self.assertIn(refused.exception.status, ((2, 2), (2, 3)))
        unmapped_lun = array.run("iscsi-inq", "-i", HOST_A, f"{portal}/{target_name(1)}/6", check=False)
        self.assertNotIn("DIRECT_ACCESS", unmapped_lun.stdout)

    def test_unmapped_while_in_use(self):
        """A mapping that goes away is gone for those who are logged in."""
        served = self.serve(array.document_of([array.memory_volume("one"), array.memory_volume("two")]))
        session = self.session(served)
        self.assertEqual(session.run(initiator.TEST_UNIT_READY, lun=2)[0], initiator.GOOD)
        document = {**served.document, "mappings": served.document["mappings"][:1]}
        served.apply(document)
        status, sense = session.run(initiator.TEST_UNIT_READY, lun=2)
        self.assertEqual((status, initiator.sense_of(sense)), (initiator.CHECK_CONDITION, (5, 0x25, 0)))
        self.assertEqual(session.run(initiator.TEST_UNIT_READY, lun=1)[0], initiator.GOOD)
        served.apply({**document, "mappings": [*document["mappings"], {"host": "any", "target": array.TARGET, "volume": "two",
                                                                      "lun": 9}]})
        self.assertEqual(session.run(initiator.TEST_UNIT_READY, lun=9)[0], initiator.GOOD)

    def test_ipv6(self):
        served = self.serve(array.document_of([array.memory_volume("one")], address="::1"))
        port = served.document["portals"][0]["port"]
        said = self.assert_runs("iscsi-ls", "-s", f"iscsi://[::1]:{port}")
        self.assertIn(f"Portal:[::1]:{port},1", said)
        self.assertIn("Lun:1", said)

    def test_wildcard_tells_the_address_that_was_asked(self):
        served = self.serve(array.document_of([array.memory_volume("one")], address="0.0.0.0"))
        port = served.document["portals"][0]["port"]
        self.assertIn(f"Portal:127.0.0.1:{port},1", self.assert_runs("iscsi-ls", f"iscsi://127.0.0.1:{port}"))

    def test_target_on_one_portal_only(self):
        ports = [array.free_port(), array.free_port()]
        document = array.document_of([array.memory_volume("one")], ports=ports)
        document["targets"][0]["portals"] = ["p0"]
        served = self.serve(document)
        self.assertEqual(self.session(served).run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)
        with self.assertRaises(initiator.Refused):
            self.session(served, portal=1)

    def test_same_identity_by_every_path_and_after_a_restart(self):
        ports = [array.free_port(), array.free_port()]
        served = self.serve(array.document_of([array.memory_volume("one")], ports=ports))
        page = ("iscsi-inq", "-e", "1", "-c", "131")
        first, second = (self.assert_runs(*page, served.url(portal=i)) for i in (0, 1))
        self.assertIn("NAA", first)
        # Only the relative target port may differ.
        self.assertEqual([line for line in first.splitlines() if "NAA" in line],
                         [line for line in second.splitlines() if "NAA" in line])
        self.assertEqual(served.stop(), 0)
        served.restart()
        self.assertEqual(self.assert_runs(*page, served.url()), first)

    def test_hosts_are_bound_to_addresses(self):
        hosts = [{"name": "a", "initiators": [HOST_A], "addresses": ["203.0.113.0/24"]},
                 {"name": "b", "initiators": [HOST_B], "addresses": ["203.0.113.7", "127.0.0.0/8"]}]
        document = array.document_of([array.memory_volume("one")], hosts=hosts)
        document["mappings"] = [{"host": name, "target": array.TARGET, "volume": "one", "lun": 1} for name in ("a", "b")]
        served = self.serve(document)
        portal = f"iscsi://127.0.0.1:{document['portals'][0]['port']}"
        self.assertNotIn("iqn.", array.run("iscsi-ls", "-i", HOST_A, portal, check=False).stdout)
        self.assert_refused("iscsi-inq", "-i", HOST_A, served.url())
        self.assertIn(array.TARGET, self.assert_runs("iscsi-ls", "-i", HOST_B, portal))
        self.assertIn("ASHLAR", self.assert_runs("iscsi-inq", "-i", HOST_B, served.url()))

    def test_a_target_sends_its_hosts_elsewhere(self):
        there = self.serve(array.document_of([array.memory_volume("one", size=128 * array.MIB)]))
        document = array.document_of([array.memory_volume("one")])
        document["targets"][0]["redirect"] = f"127.0.0.1:{there.document['portals'][0]['port']}"
        here = self.serve(document)
        self.assertIn("ASHLAR", self.assert_runs("iscsi-inq", here.url()))
        self.assertEqual(len([e for e in there.call("events")["events"] if e["kind"] == "session.login"]), 1)
        with self.assertRaises(initiator.Refused) as refused:
            self.session(here)
        self.assertEqual(refused.exception.status, (1, 1))
