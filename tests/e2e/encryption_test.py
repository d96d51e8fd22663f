"""Encrypted volumes by the real program: what lies in the pool, where the key is, lost keys, CRYPTOGRAPHIC ERASE."""
import json
import os
import stat

from case import Case
from support import array, initiator

MARKER = b"a secret that must not be found in any pool. "
BLOCKS = 64
DATA = (MARKER * (BLOCKS * 512 // len(MARKER) + 1))[:BLOCKS * 512]
SANITIZE, CRYPTOGRAPHIC_ERASE, BLOCK_ERASE, IMMEDIATE = 0x48, 0x03, 0x02, 0x80


def sanitize(action, length=0):
    return bytes([SANITIZE, action, 0, 0, 0, 0, 0]) + length.to_bytes(2, "big") + b"\0"


def reported(action):
    """REPORT SUPPORTED OPERATION CODES of one service action of SANITIZE."""
    return bytes([0xA3, 0x0C, 0x02, SANITIZE, 0, action, 0, 0, 0, 64, 0, 0])


class EncryptionTest(Case):
    def serve_one(self, **fields):
        volume = array.file_volume("v1", "v1.img", size=64 * array.MIB, encrypted=True, **fields)
        return self.serve(array.document_of([volume]))

    def ready(self, served):
        session = self.session(served)
        self.assertEqual(session.run(initiator.TEST_UNIT_READY)[0], initiator.GOOD)
        return session

    def write(self, session):
        self.assertEqual(session.run(initiator.write_16(8, BLOCKS), write=DATA)[0], initiator.GOOD)

    def read(self, session):
        status, data = session.run(initiator.read_16(8, BLOCKS), read=len(DATA))
        self.assertEqual(status, initiator.GOOD)
        return data

    def volume(self, served):
        return served.call("status")["volumes"][0]

    def key_path(self, served):
        return os.path.join(served.folder, "keys", self.volume(served)["identity"]["uuid"])

    def key(self, served):
        with open(self.key_path(served), "rb") as file:
            return file.read().split(b'"key":"')[1][:128]

    def in_pool(self, served, what):
        with open(os.path.join(served.folder, "v1.img"), "rb") as file:
            return what in file.read()

    def refused_with(self, session, cdb, **how):
        session.command(cdb, **how)
        _, status, sense = session.answer()
        self.assertEqual(status, initiator.CHECK_CONDITION)
        return initiator.sense_of(sense)

    def test_the_pool_holds_ciphertext_and_the_key_lies_apart(self):
        served = self.serve_one()
        self.write(self.ready(served))
        self.assertFalse(self.in_pool(served, MARKER))
        self.assertEqual(stat.S_IMODE(os.stat(self.key_path(served)).st_mode), 0o600)
        key = self.key(served).decode()
        self.assertEqual(len(key), 128)
        for told in (served.log(), *(json.dumps(served.call(method)) for method in ("status", "document", "stats", "events"))):
            self.assertNotIn(key[:32], told)
        self.assertNotIn(key[:32], json.dumps(served.call("document", secrets=True)))
        served.kill()
        served.restart()
        self.assertEqual(self.read(self.ready(served)), DATA)

    def test_cryptographic_erase(self):
        served = self.serve_one()
        session = self.ready(served)
        self.write(session)
        key = self.key(served)
        self.assertEqual(session.run(reported(CRYPTOGRAPHIC_ERASE), read=64)[1][1] & 7, 3)
        self.assertEqual(session.run(initiator.vital_product_data(0xB1), read=255)[1][7] & 0x30, 0x10, "WACEREQ")
        self.assertEqual(session.run(sanitize(CRYPTOGRAPHIC_ERASE))[0], initiator.GOOD)
        self.assertEqual(self.read(session), bytes(len(DATA)))
        with open(self.key_path(served), "rb") as file:
            self.assertNotIn(key, file.read(), "in neither half")
        self.write(session)
        served.kill()
        served.restart()
        self.assertEqual(self.read(self.ready(served)), DATA)

    def test_what_is_refused(self):
        served = self.serve_one()
        session = self.ready(served)
        self.write(session)
        for cdb, how in ((sanitize(CRYPTOGRAPHIC_ERASE, 8), {"write": bytes(8)}), (sanitize(CRYPTOGRAPHIC_ERASE | 0x40), {})):
            self.assertEqual(self.refused_with(session, cdb, **how)[:2], (5, 0x24), cdb.hex())
        document = json.loads(json.dumps(served.document))
        document["volumes"][0]["key_shared"] = True
        served.apply(document)
        self.assertEqual(self.refused_with(session, sanitize(CRYPTOGRAPHIC_ERASE))[:2], (5, 0x24))
        self.assertEqual(session.run(reported(CRYPTOGRAPHIC_ERASE), read=64)[1][1] & 7, 1)
        self.assertEqual(self.read(session), DATA)
        document["volumes"][0]["encrypted"] = False
        document["volumes"][0]["key_shared"] = False
        with self.assertRaisesRegex(array.Refusal, "make a new volume"):
            served.apply(document)

    def test_a_plain_volume_has_no_cryptographic_erase(self):
        served = self.serve(array.document_of([array.file_volume("v1", "v1.img", size=array.MIB)]))
        session = self.ready(served)
        self.assertEqual(self.refused_with(session, sanitize(CRYPTOGRAPHIC_ERASE | IMMEDIATE))[:2], (5, 0x24))
        self.assertEqual(session.run(reported(CRYPTOGRAPHIC_ERASE), read=64)[1][1] & 7, 1)
        self.assertEqual(session.run(reported(BLOCK_ERASE), read=64)[1][1] & 7, 3)
        self.assertEqual(session.run(initiator.vital_product_data(0xB1), read=255)[1][7] & 0x30, 0)

    def test_a_lost_key_fails_the_volume_and_may_come_back(self):
        served = self.serve_one()
        self.write(self.ready(served))
        path = self.key_path(served)
        served.stop()
        os.rename(path, path + ".lost")
        served.restart()
        volume = self.volume(served)
        self.assertEqual(volume["state"], "failed")
        self.assertIn("is not in the state folder", volume["message"])
        self.assertIn("encrypted volume v1 fails", served.log())
        session = self.session(served)
        session.run(initiator.TEST_UNIT_READY)
        session.command(initiator.read_16(8, 8), read=4096)
        self.assertNotEqual(session.answer()[1], initiator.GOOD)
        session.close()
        served.stop()
        os.rename(path + ".lost", path)
        served.restart()
        self.assertEqual(self.read(self.ready(served)), DATA)

    def test_a_key_is_destroyed_when_nobody_serves_its_volume(self):
        served = self.serve_one()
        path, key = self.key_path(served), self.volume(served)["identity"]["uuid"]
        with self.assertRaisesRegex(array.Refusal, "v1"):
            served.call("key.destroy", id=key)
        served.call("apply", document={})
        served.call("key.destroy", id=key)
        self.assertFalse(os.path.exists(path))
