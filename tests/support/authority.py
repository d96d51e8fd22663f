"""A certificate authority for tests, by `openssl`: its own, or an array's whose key the test has."""
import os
import time

from support import array

CONFIGURATION = """[ca]
default_ca = it
[it]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = supplied
[req]
distinguished_name = none
[none]
[client]
extendedKeyUsage = clientAuth
[server]
extendedKeyUsage = serverAuth
[bare]
basicConstraints = CA:FALSE
"""


def written(seconds):
    """A time as `openssl ca` takes it."""
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds))


class Authority:
    """`folder` is for its files. Without `certificate` and `key` it makes a CA of its own."""

    def __init__(self, folder, certificate=None, key=None):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.configuration = os.path.join(folder, "openssl.cnf")
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(folder=folder))
        open(os.path.join(folder, "index"), "w", encoding="utf-8").close()
        with open(os.path.join(folder, "serial"), "w", encoding="utf-8") as file:
            file.write("700000000000000001\n")
        self.certificate, self.key = certificate, key
        if certificate is None:
            self.certificate, self.key = os.path.join(folder, "ca.pem"), os.path.join(folder, "ca.key")
            array.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/O=Ashlar/CN=Another CA", "-keyout", self.key, "-out", self.certificate)

    def issue(self, common_name, kind="client", begins=-3600, ends=86400):
        """The files of certificate and key. `kind`: client, server, or bare (no extended key usage)."""
        base = os.path.join(self.folder, f"{common_name}-{kind}-{ends}")
        request, certificate, key = f"{base}.csr", f"{base}.pem", f"{base}.key"
        array.run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                  "-subj", f"/O=Ashlar/CN={common_name}", "-keyout", key, "-out", request)
        array.run("openssl", "ca", "-batch", "-config", self.configuration, "-extensions", kind, "-cert", self.certificate,
                  "-keyfile", self.key, "-notext", "-startdate", written(begins), "-enddate", written(ends),
                  "-in", request, "-out", certificate)
        return certificate, key
