"""Who talks to whom: TLS, certificates of both sides, and what each credential may."""
import http.client
import os
import ssl

from case import Case
from support import array, authority

REFUSED = (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)


class TlsTest(Case):
    def setUp(self):
        self.ashlar = self.begin()

    def curl(self, *words, path="/whoami"):
        """Exit code and HTTP status; 000 when there was no answer."""
        done = array.run("curl", "-sS", "-o", os.path.join(self.ashlar.folder, "answer"), "-w", "%{http_code}", "--cacert",
                         self.ashlar.authority, *words, f"{self.ashlar.url}/api/v1{path}", check=False)
        return done.returncode, done.stdout, done.stderr

    def our_authority(self):
        folder = self.ashlar.certificate_folder
        return authority.Authority(os.path.join(self.ashlar.folder, "ours"), os.path.join(folder, "ca.pem"),
                                   os.path.join(folder, "ca.key"))

    def user_with_certificate(self, name, role):
        """The answer, and the files of certificate and key."""
        self.ashlar.post("/users", {"name": name, "role": role, "password": "long enough for a rule"})
        issued = self.ashlar.post(f"/users/{name}/certificate", {"days": 7})
        files = [os.path.join(self.ashlar.folder, f"{name}.{kind}") for kind in ("pem", "key")]
        for path, text in zip(files, (issued["certificate_pem"], issued["key_pem"])):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return issued, files

    def whoami(self, certificate):
        return self.ashlar.call("GET", "/whoami", https=True, tls=self.ashlar.tls(certificate=certificate))

    def assert_refused_at_handshake(self, certificate, why):
        with self.assertRaises(REFUSED, msg=why):
            self.whoami(certificate)
        code, status, said = self.curl("--cert", certificate[0], "--key", certificate[1])
        self.assertEqual(status, "000", f"{why}: {said}")
        self.assertNotEqual(code, 0, why)
        self.assertIn("alert", said, why)

    def test_versions(self):
        code, status, _ = self.curl(path="/health")
        self.assertEqual((code, status), (0, "200"))
        self.assertEqual(self.curl("--tls-max", "1.2", path="/health")[1], "000")
        context = self.ashlar.tls()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(ssl.SSLError):
            self.ashlar.call("GET", "/health", https=True, tls=context)

    def test_wrong_authority(self):
        """A client that trusts somebody else does not talk to us; neither when the name is another."""
        other = authority.Authority(os.path.join(self.ashlar.folder, "other"))
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.ashlar.call("GET", "/health", https=True, tls=self.ashlar.tls(authority=other.certificate))
        done = array.run("curl", "-sS", "--cacert", other.certificate, f"{self.ashlar.url}/api/v1/health", check=False)
        self.assertEqual(done.returncode, 60, done.stderr)
        elsewhere = f"array.example:{self.ashlar.port}"
        done = array.run("curl", "-sS", "--cacert", self.ashlar.authority, "--resolve", f"{elsewhere}:127.0.0.1",
                         f"https://{elsewhere}/api/v1/health", check=False)
        self.assertEqual(done.returncode, 60, done.stderr)

    def test_no_plain_http(self):
        done = array.run("curl", "-sS", f"http://127.0.0.1:{self.ashlar.port}/api/v1/health", check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)

    def test_no_credentials(self):
        for path in ("/status", "/volumes", "/metrics", "/events", "/events/socket", "/users"):
            self.assert_refused(401, self.ashlar, "GET", path, https=True, code="unauthenticated")
        self.assert_refused(401, self.ashlar, "POST", "/pools", {"name": "p", "kind": "null"}, https=True)
        self.assert_refused(401, self.ashlar, "GET", "/status", https=True, token="ashlar_" + "0" * 40)
        self.assert_refused(401, self.ashlar, "GET", "/status", https=True, token="a-session-of-nobody")
        for path in ("/health", "/version", "/openapi.json", "/openapi.yaml", "/api"):
            self.assertEqual(self.ashlar.call("GET", path, https=True).status, 200)

    def test_client_certificate(self):
        issued, files = self.user_with_certificate("alice", "operator")
        self.assertIn("alice", issued["subject"])
        code, status, said = self.curl("--cert", files[0], "--key", files[1])
        self.assertEqual((code, status), (0, "200"), said)
        who = self.whoami(files).json
        self.assertEqual((who["user"], who["role"]), ("alice", "operator"))
        tls = self.ashlar.tls(certificate=files)
        self.ashlar.post("/pools", {"name": "hers", "kind": "null"}, https=True, tls=tls)
        # The right certificate, the wrong role.
        self.assert_refused(403, self.ashlar, "POST", "/users", {"name": "eve", "password": "long enough for a rule"},
                            https=True, tls=tls, code="permission_denied")
        self.assert_refused(403, self.ashlar, "GET", "/audit", https=True, tls=tls)

    def test_viewer_s_certificate(self):
        _, files = self.user_with_certificate("victor", "viewer")
        tls = self.ashlar.tls(certificate=files)
        self.assertEqual(self.ashlar.call("GET", "/volumes", https=True, tls=tls).status, 200)
        self.assert_refused(403, self.ashlar, "POST", "/pools", {"name": "p", "kind": "null"}, https=True, tls=tls)
        self.ashlar.patch("/users/victor", {"disabled": True})
        self.assert_refused(401, self.ashlar, "GET", "/volumes", https=True, tls=tls)
        self.ashlar.delete("/users/victor")
        self.assert_refused(401, self.ashlar, "GET", "/volumes", https=True, tls=tls)

    def test_revoked_certificate(self):
        issued, files = self.user_with_certificate("alice", "viewer")
        _, others = self.user_with_certificate("bob", "viewer")
        self.assertEqual(self.whoami(files).status, 200)
        self.ashlar.delete(f"/certificates/{issued['serial']}")
        self.assert_refused_at_handshake(files, "revoked")
        self.assertEqual(self.whoami(others).status, 200)
        self.ashlar.agent.stop()
        self.ashlar.start_agent()
        self.assert_refused_at_handshake(files, "revoked before a restart")
        self.assertEqual(self.whoami(others).status, 200)

    def test_certificates_that_do_not_count(self):
        self.user_with_certificate("alice", "admin")
        ours, other = self.our_authority(), authority.Authority(os.path.join(self.ashlar.folder, "other"))
        good = ours.issue("alice")
        self.assertEqual(self.whoami(good).json["user"], "alice", "the same by hand, to see that the rest is only its fault")
        self.assert_refused_at_handshake(ours.issue("alice", begins=-7200, ends=-3600), "expired")
        self.assert_refused_at_handshake(ours.issue("alice", begins=3600, ends=7200), "not valid yet")
        self.assert_refused_at_handshake(ours.issue("alice", kind="server"), "for servers")
        self.assert_refused_at_handshake(ours.issue("alice", kind="bare"), "without extended key usage")
        self.assert_refused_at_handshake(other.issue("alice"), "of another authority")
        # Ours, but of nobody that is known.
        self.assertEqual(self.whoami(ours.issue("mallory")).status, 401)

    def test_password_login(self):
        with open(os.path.join(self.ashlar.state, "first-password"), encoding="utf-8") as file:
            first = file.read().strip()
        session = self.ashlar.login("admin", first)
        self.ashlar.post("/users/admin/password", {"password": "another, chosen one"}, https=True, token=session)
        self.assertFalse(os.path.exists(os.path.join(self.ashlar.state, "first-password")))
        self.assert_refused(401, self.ashlar, "POST", "/login", {"user": "admin", "password": first}, https=True)
        session = self.ashlar.login("admin", "another, chosen one")
        self.assertEqual(self.ashlar.get("/whoami", https=True, token=session)["role"], "admin")
        self.ashlar.post("/logout", https=True, token=session)
        self.assert_refused(401, self.ashlar, "GET", "/whoami", https=True, token=session)

    def test_cookie_needs_its_csrf_token(self):
        self.ashlar.post("/users", {"name": "olga", "role": "operator", "password": "long enough for a rule"})
        answer = self.ashlar.call("POST", "/login", {"user": "olga", "password": "long enough for a rule"}, https=True)
        cookie = answer.headers["Set-Cookie"]
        for word in ("Secure", "HttpOnly", "SameSite=Strict"):
            self.assertIn(word, cookie)
        headers = {"Cookie": cookie.split(";")[0]}
        self.assertEqual(self.ashlar.call("GET", "/volumes", headers=headers, https=True).status, 200)
        pool = {"name": "p", "kind": "null"}
        self.assert_refused(403, self.ashlar, "POST", "/pools", pool, headers=headers, https=True)
        self.assert_refused(403, self.ashlar, "POST", "/pools", pool, headers={**headers, "X-CSRF-Token": "x" * 43}, https=True)
        headers["X-CSRF-Token"] = answer.json["csrf"]
        self.assertEqual(self.ashlar.call("POST", "/pools", pool, headers=headers, https=True).status, 201)

    def test_tokens(self):
        """No more than the user's role, only what they are for, and gone when they are deleted."""
        self.ashlar.post("/users", {"name": "olga", "role": "operator", "password": "long enough for a rule"})
        token = self.ashlar.post("/tokens", {"name": "t", "user": "olga", "role": "admin"})["token"]
        self.assertEqual(self.ashlar.get("/whoami", https=True, token=token)["role"], "operator")
        self.assert_refused(403, self.ashlar, "GET", "/audit", https=True, token=token)
        self.assertNotIn(token, self.ashlar.call("GET", "/tokens").text)
        narrow = self.ashlar.post("/tokens", {"name": "n", "user": "olga", "role": "operator", "grants": [
            {"kind": "pools", "name": "only*", "role": "operator"}]})["token"]
        self.ashlar.post("/pools", {"name": "only-this", "kind": "null"}, https=True, token=narrow)
        self.assert_refused(403, self.ashlar, "POST", "/pools", {"name": "other", "kind": "null"}, https=True, token=narrow)
        self.ashlar.post("/pools", {"name": "other", "kind": "null"})
        self.assertEqual(list(self.ashlar.items("/pools", https=True, token=narrow)), ["only-this"])
        self.ashlar.delete("/tokens/t")
        self.assert_refused(401, self.ashlar, "GET", "/whoami", https=True, token=token)

    def test_lockout(self):
        self.ashlar.post("/users", {"name": "olga", "role": "operator", "password": "long enough for a rule"})
        for _ in range(30):
            answer = self.ashlar.call("POST", "/login", {"user": "olga", "password": "wrong"}, https=True)
            if answer.status == 429:
                break
            self.assertEqual(answer.status, 401)
        self.assertEqual(answer.status, 429)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertTrue(self.ashlar.alerts("login_lockout"))
