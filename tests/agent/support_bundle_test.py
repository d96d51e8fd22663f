"""What is sent to somebody for help holds no secrets."""
import io
import json
import os
import tarfile

from case import Case

SECRETS = {"chap": "planted-chap-secret-1", "mutual": "planted-mutual-word-2", "password": "planted password 3",
           "mail": "planted-mail-word-4", "signing": "planted-signing-key-5", "privacy": "planted-privacy-key-6",
           "authentication": "planted-snmp-key-77", "refused": "planted-in-vain-888", "odd": "planted-beside-999"}


class SupportBundleTest(Case):
    def test_no_secret_is_in_it(self):
        ashlar = self.begin()
        ashlar.serve("one", host={"chap": {"user": "u", "secret": SECRETS["chap"], "mutual_user": "m",
                                           "mutual_secret": SECRETS["mutual"]}})
        planted = dict(SECRETS)
        ashlar.post("/users", {"name": "olga", "role": "admin", "password": SECRETS["password"]})
        planted["session"] = ashlar.login("olga", SECRETS["password"])
        planted["token"] = ashlar.post("/tokens", {"name": "t", "user": "olga"}, https=True, token=planted["session"])["token"]
        ashlar.get("/status", https=True, token=planted["token"])
        planted["totp"] = ashlar.post("/users/olga/totp")["secret"]
        planted["key"] = ashlar.post("/users/olga/certificate", {"days": 1})["key_pem"].splitlines()[2]
        channels = [{"name": "mail", "kind": "email", "secret": SECRETS["mail"],
                     "options": {"server": "smtp://127.0.0.1:1", "tls": "none", "from": "a@example.org", "to": "b@example.org",
                                 "user": "array"}},
                    {"name": "hook", "kind": "webhook", "secret": SECRETS["signing"], "options": {"url": "https://127.0.0.1:1/x"}},
                    {"name": "trap", "kind": "snmp", "secret": SECRETS["authentication"], "second_secret": SECRETS["privacy"],
                     "options": {"server": "127.0.0.1:1", "user": "ashlar"}}]
        for channel in channels:
            ashlar.post("/alert-channels", channel)
            if channel["kind"] != "webhook":   # it tries for some seconds
                ashlar.call("POST", f"/alert-channels/{channel['name']}/test")
        # What is refused is told in the log and in the audit trail.
        ashlar.call("POST", "/hosts", {"name": "bad name", "chap": {"user": "u", "secret": SECRETS["refused"]}})
        ashlar.call("POST", "/hosts", {"name": "h", "chap": {"user": "u", "secret": SECRETS["odd"], "odd": 1}})
        ashlar.call("POST", "/login", {"user": "olga", "password": SECRETS["password"] + "x"}, https=True)
        ashlar.call("POST", "/users/olga/password", {"password": SECRETS["password"] + "y", "odd": 1})
        with open(os.path.join(ashlar.state, "first-password"), encoding="utf-8") as file:
            planted["first password"] = file.read().strip()

        job = ashlar.run_job("POST", "/support-bundle")
        answer = ashlar.call("GET", f"/support-bundle/{job}")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/gzip"))
        with tarfile.open(fileobj=io.BytesIO(answer.body)) as bundle:
            texts = {member.name: bundle.extractfile(member).read().decode() for member in bundle if member.isfile()}
        for name in ("configuration.json", "engine-status.json", "events.jsonl", "jobs.jsonl", "metrics.txt", "system.txt"):
            self.assertTrue(texts[f"ashlar-support/{name}"], name)
        self.assertEqual(json.loads(texts["ashlar-support/configuration.json"])["volumes"][0]["name"], "one")
        told = {"the bundle": "".join(texts.values()), "the agent's log": ashlar.agent.log(), "the engine's log": ashlar.engine.log(),
                "audit": ashlar.call("GET", "/audit?limit=1000").text, "events": ashlar.call("GET", "/events?limit=1000").text,
                "jobs": ashlar.call("GET", "/jobs?limit=1000").text,
                "configuration": ashlar.call("GET", "/configuration?format=yaml").text,
                "hosts": ashlar.call("GET", "/hosts").text, "users": ashlar.call("GET", "/users").text}
        for place, text in told.items():
            for what, secret in planted.items():
                self.assertNotIn(secret, text, f"{what} in {place}")
        self.assertNotIn("secret:", told["the bundle"], "not even where they are kept")
        there = os.stat(os.path.join(ashlar.state, "support.tar.gz"))
        self.assertEqual(there.st_mode & 0o077, 0)

    def test_only_for_administrators(self):
        ashlar = self.begin()
        ashlar.post("/users", {"name": "olga", "role": "operator", "password": "long enough for a rule"})
        token = ashlar.post("/tokens", {"name": "t", "user": "olga", "role": "operator"})["token"]
        self.assert_refused(403, ashlar, "POST", "/support-bundle", https=True, token=token)
        job = ashlar.run_job("POST", "/support-bundle")
        self.assert_refused(403, ashlar, "GET", f"/support-bundle/{job}", https=True, token=token)
