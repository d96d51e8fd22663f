"""CRC32C as iSCSI digests use it (RFC 7143 13.1; RFC 3385): polynomial 0x1EDC6F41, reflected, sent least significant byte first."""


def _table():
    rows = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        rows.append(value)
    return rows


TABLE = _table()


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc = TABLE[(crc ^ octet) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def digest(octets):
    """The four bytes on the wire."""
    return crc32c(octets).to_bytes(4, "little")
