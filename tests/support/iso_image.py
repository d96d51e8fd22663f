"""ISO 9660 images (ECMA-119, level 1) with a few files in the root: what the tests put into CD-ROM drives."""
import struct

BLOCK = 2048
FIRST = 16        # the blocks before the volume descriptors are the system's


def both(value, size=4):
    """A number in both byte orders (ECMA-119 7.2.3, 7.3.3)."""
    letter = {2: "H", 4: "I"}[size]
    return struct.pack("<" + letter, value) + struct.pack(">" + letter, value)


def record(name, block, size, folder=False):
    """A directory record (9.1)."""
    length = 33 + len(name) + (len(name) + 1) % 2
    made = bytearray(length)
    made[0] = length
    made[2:10], made[10:18] = both(block), both(size)
    made[18:25] = bytes([126, 11, 20, 0, 0, 0, 0])
    made[25] = 2 if folder else 0
    made[28:32] = both(1, 2)
    made[32] = len(name)
    made[33:33 + len(name)] = name
    return bytes(made)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def descriptor(label, blocks, root, path_table):
    """The primary volume descriptor (8.4)."""
    made = bytearray(b" " * BLOCK)
    made[0:8] = b"\x01CD001\x01\x00"
    made[8:40] = b" " * 32
    made[40:72] = label.encode().ljust(32)
    made[72:80] = bytes(8)
    made[80:88] = both(blocks)
    made[88:120] = bytes(32)
    made[120:124], made[124:128], made[128:132] = both(1, 2), both(1, 2), both(BLOCK, 2)
    made[132:140] = both(10)
    made[140:156] = struct.pack("<II", path_table, 0) + struct.pack(">II", path_table + 1, 0)
    made[156:190] = root
    made[813:881] = (b"2026112000000000\x00" * 4)
    made[881:883] = b"\x01\x00"
    made[883:] = bytes(BLOCK - 883)
    return bytes(made)


def image_of(files, label="ASHLAR", blocks=0):
    """The bytes of an image with `files` (name to content); at least `blocks` long."""
    path_table, root_block = FIRST + 2, FIRST + 4
    at, entries, contents = root_block + 1, b"", b""
    for name, content in sorted(files.items()):
        entries += record((name.upper() + ";1").encode(), at, len(content))
        contents += padded(content)
        at += len(padded(content)) // BLOCK
    blocks = max(blocks, at)
    root = record(b"\x00", root_block, BLOCK, folder=True)
    folder = padded(root + record(b"\x01", root_block, BLOCK, folder=True) + entries)
    if len(folder) > BLOCK:
        raise ValueError("more files than one block of the root names")
    tables = [padded(struct.pack(order, 1, 0, root_block, 1, 0, 0)) for order in ("<BBIHBB", ">BBIHBB")]
    end = padded(b"\xffCD001\x01")
    whole = bytes(FIRST * BLOCK) + descriptor(label, blocks, root, path_table) + end + b"".join(tables) + folder + contents
    return whole + bytes(blocks * BLOCK - len(whole))


def write_image(path, files, **how):
    """Writes it, and gives its bytes."""
    image = image_of(files, **how)
    with open(path, "wb") as file:
        file.write(image)
    return image
