"""TLS PSKs of NVMe/TCP, worked out from the text of the standards alone (NVMe/TCP 1.0 3.6.1.4 to 3.6.1.6)."""
import base64
import hashlib
import hmac
import struct

# The keys of libnvme's own tests.
KEYS = {"01": "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:",
        "02": "NVMeTLSkey-1:02:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwP/w0S89ELi3W2LxIcLXVsDn8kXZQ==:"}
SUITES = {"01": "TLS_AES_128_GCM_SHA256", "02": "TLS_AES_256_GCM_SHA384"}
DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery"


def expand(digest, secret, label, context):
    """HKDF-Extract, then HKDF-Expand-Label of as much as the hash has (RFC 5869, RFC 8446 7.1)."""
    size = hashlib.new(digest).digest_size
    key = hmac.digest(bytes(size), secret, digest)
    label = b"tls13 " + label
    info = struct.pack(">H", size) + bytes([len(label)]) + label + bytes([len(context)]) + context
    return hmac.digest(key, info + b"\1", digest)[:size]


def derive(text, host, subsystem, version=1):
    """The PSK identity and the TLS PSK of a configured key."""
    number = text.split(":")[1]
    digest = {"01": "sha256", "02": "sha384"}[number]
    key = base64.b64decode(text.split(":")[2])[:-4]
    retained = expand(digest, key, b"HostNQN", host.encode())
    identity = f"NVMe{version}R{number} {host} {subsystem}"
    context = identity.encode()
    if version == 1:
        proof = hmac.digest(retained, f"{host} {subsystem} NVMe-over-Fabrics".encode(), digest)
        proof = base64.b64encode(proof).decode()
        identity, context = f"{identity} {proof}", f"{number} {proof}".encode()
    return identity, expand(digest, retained, b"nvme-tls-psk", context)
