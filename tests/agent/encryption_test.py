"""Encrypted volumes by the array's own door: made, told, kept out of everything that is told, and gone with their keys."""
import glob
import io
import os
import tarfile

from case import Case


class EncryptionTest(Case):
    def keys(self, ashlar):
        """By id, what the file holds."""
        return {os.path.basename(path): open(path, "rb").read() for path in glob.glob(f"{ashlar.folder}/**/keys/*", recursive=True)}

    def test_a_life(self):
        ashlar = self.begin()
        ashlar.post("/pools", {"name": "mem", "kind": "memory"})
        made = ashlar.post("/volumes", {"name": "safe", "pool": "mem", "size_bytes": "16MiB", "encrypted": True})
        self.assertTrue(made["encrypted"])
        self.assertEqual(made["key_id"], made["identity"]["uuid"])
        self.assertEqual(made["status"]["state"], "online")
        self.assertEqual(list(self.keys(ashlar)), [made["key_id"]])
        refusal = self.assert_refused(501, ashlar, "PATCH", "/volumes/safe", {"encrypted": False}, headers={"If-Match": "*"})
        self.assertIn("fixed when the volume is created", refusal["detail"])

        key = self.keys(ashlar)[made["key_id"]].split(b'"key":"')[1][:64].decode()
        job = ashlar.run_job("POST", "/support-bundle")
        with tarfile.open(fileobj=io.BytesIO(ashlar.call("GET", f"/support-bundle/{job}").body)) as bundle:
            told = [bundle.extractfile(member).read().decode() for member in bundle if member.isfile()]
        told += [ashlar.call("GET", path).text for path in ("/volumes", "/configuration?format=yaml", "/events?limit=1000",
                                                            "/audit?limit=1000")]
        told += [ashlar.agent.log(), ashlar.engine.log()]
        self.assertFalse([text for text in told if key in text])

        ashlar.call("DELETE", "/volumes/safe?force=true", headers={"If-Match": "*"})
        self.assertEqual(list(self.keys(ashlar)), [made["key_id"]], "it may be recovered")
        ashlar.call("DELETE", "/recycle-bin/safe?force=true", headers={"If-Match": "*"})
        self.assertEqual(self.keys(ashlar), {})
