"""CHAP and mutual CHAP as libiscsi does them."""
from case import Case
from support import array, initiator

USER, SECRET = "host-a", "a-secret-of-20-bytes"
MUTUAL_USER, MUTUAL_SECRET = "the-array", "another-20-byte-word"


def document_with(**chap):
    hosts = [{"name": "any", "any": True, "chap": {"user": USER, "secret": SECRET, **chap}}]
    return array.document_of([array.memory_volume("one")], hosts=hosts)


class ChapTest(Case):
    def test_right_secret(self):
        served = self.serve(document_with())
        self.assertIn("ASHLAR", self.assert_runs("iscsi-inq", served.url(user=USER, password=SECRET)))
        self.assertIn("Lun:1", self.assert_runs("iscsi-ls", "-s", served.url(user=USER, password=SECRET).split("/iqn.")[0]))

    def test_wrong_secret_wrong_user_and_none(self):
        served = self.serve(document_with())
        self.assert_refused("iscsi-inq", served.url(user=USER, password=SECRET[:-1] + "x"))
        self.assert_refused("iscsi-inq", served.url(user=USER, password=SECRET + "x"))
        self.assert_refused("iscsi-inq", served.url(user="someone", password=SECRET))
        self.assert_refused("iscsi-inq", served.url())
        with self.assertRaises((initiator.Refused, initiator.Closed)):
            self.session(served)
        self.assertIn("ASHLAR", self.assert_runs("iscsi-inq", served.url(user=USER, password=SECRET)))

    def test_mutual(self):
        served = self.serve(document_with(mutual_user=MUTUAL_USER, mutual_secret=MUTUAL_SECRET))
        right = f"{served.url(user=USER, password=SECRET)}?target_user={MUTUAL_USER}&target_password={MUTUAL_SECRET}"
        self.assertIn("ASHLAR", self.assert_runs("iscsi-inq", right))
        # A host that does not ask the array to prove itself is served all the same (RFC 7143 12.1.3).
        self.assertIn("ASHLAR", self.assert_runs("iscsi-inq", served.url(user=USER, password=SECRET)))

    def test_mutual_with_a_wrong_array(self):
        """The host refuses an array that does not know the other secret."""
        served = self.serve(document_with(mutual_user=MUTUAL_USER, mutual_secret=MUTUAL_SECRET))
        wrong = f"{served.url(user=USER, password=SECRET)}?target_user={MUTUAL_USER}&target_password={MUTUAL_SECRET[:-1]}x"
        self.assert_refused("iscsi-inq", wrong)

    def test_no_secret_is_told(self):
        served = self.serve(document_with(mutual_user=MUTUAL_USER, mutual_secret=MUTUAL_SECRET))
        self.assert_refused("iscsi-inq", served.url(user=USER, password="not-the-secret-at-all"))
        told = str([served.call(method) for method in ("status", "document", "stats", "sessions", "events")]) + served.log()
        for secret in (SECRET, MUTUAL_SECRET):
            self.assertNotIn(secret, told)

    def test_discovery_has_a_secret_of_its_own(self):
        document = array.document_of([array.memory_volume("one")])
        document["portals"][0]["discovery_chap"] = {"user": USER, "secret": SECRET}
        served = self.serve(document)
        portal = served.url().split("/iqn.")[0]
        self.assertNotIn("iqn.", array.run("iscsi-ls", portal, check=False).stdout)
        with_secret = served.url(user=USER, password=SECRET).split("/iqn.")[0]
        self.assertIn(array.TARGET, self.assert_runs("iscsi-ls", with_secret))
        self.assertIn("ASHLAR", self.assert_runs("iscsi-inq", served.url()))
        self.assertNotIn(SECRET, str([served.call(method) for method in ("status", "document")]) + served.log())

    def test_guesses_slow_down(self):
        served = self.serve(document_with())
        for _ in range(5):
            self.assert_refused("iscsi-inq", served.url(user=USER, password="not-the-secret-at-all"))
        self.assert_refused("iscsi-inq", served.url(user=USER, password=SECRET))
        self.assertIn("too many proofs from this address failed", served.log())
