#!/usr/bin/env python3
"""Tests of mkfs and fsck: trees go into images and are read back, wrong input is refused, damage is found and repaired.

usage: test_mkfs.py MKFS FSCK [MUTATIONS]     (TAP on standard output)

The reader of images below is a third implementation of the format, after the kernel's and fsck's, from docs/fs-format.md.
Building MKFS and FSCK with -fsanitize=address,undefined makes the mutations at the end a test of memory safety.
"""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

BLOCK = 4096
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")  # both leave their memory to the system
MKFS, FSCK = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
MUTATIONS = int(sys.argv[3]) if len(sys.argv) > 3 else 300
SUPER_FIELDS = ("magic version block_size nblocks ninodes journal_start journal_slot inode_map_start inode_map_blocks "
                "block_map_start block_map_blocks inode_start inode_blocks data_start root").split()
CHECKSUM_AT = 8 + 14 * 4 + 16

tests = failures = 0


def ok(condition, text, detail=""):
    global tests, failures
    tests += 1
    if not condition:
        failures += 1
        for line in str(detail).splitlines()[:20]:
            print("#", line)
    print(f"{'ok' if condition else 'not ok'} {tests} - {text}", flush=True)


PRIMES = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def xxh64(data, seed=0):
    """After xxHash's doc/xxhash_spec.md; the kernel, mkfs and fsck share another one."""
    prime_1, prime_2, prime_3, prime_4, prime_5 = PRIMES
    mask = (1 << 64) - 1

    def rotate(x, bits):
        x &= mask
        return (x << bits | x >> 64 - bits) & mask

    def add_word(h, word):
        return rotate(h + word * prime_2, 31) * prime_1 & mask

    words = struct.unpack_from(f"<{len(data) // 8}Q", data)
    striped = len(words) // 4 * 4
    h = seed + prime_5
    if striped:
        sums = [seed + prime_1 + prime_2, seed + prime_2, seed, seed - prime_1]
        for i in range(striped):
            sums[i % 4] = add_word(sums[i % 4], words[i])
        h = sum(map(rotate, sums, (1, 7, 12, 18)))
        for s in sums:
            h = ((h ^ add_word(0, s)) * prime_1 + prime_4) & mask
    h = (h + len(data)) & mask
    for word in words[striped:]:
        h = rotate(h ^ add_word(0, word), 27) * prime_1 + prime_4 & mask
    rest = bytes(data[len(words) * 8:])
    if len(rest) >= 4:
        h = rotate(h ^ int.from_bytes(rest[:4], "little") * prime_1 & mask, 23) * prime_2 + prime_3 & mask
        rest = rest[4:]
    for byte in rest:
        h = rotate(h ^ byte * prime_5 & mask, 11) * prime_1 & mask
    h = (h ^ h >> 33) * prime_2 & mask
    h = (h ^ h >> 29) * prime_3 & mask
    return h ^ h >> 32


def checksum(*pieces):
    """The sum of one piece is the seed of the next; the lower half counts."""
    h = 0
    for piece in pieces:
        h = xxh64(piece, h)
    return h & 0xFFFFFFFF


class Inode:
    """One inode of an image, with its fields as attributes; store() writes them back."""
    LAYOUT = struct.Struct("<HHIIIQQqqqIIII46I")
    NAMES = "mode flags nlink uid gid size nblocks atime mtime ctime rdev generation next_orphan reserved".split()

    def __init__(self, image, ino):
        self.image, self.ino = image, ino
        self.at = image.inode_start * BLOCK + ino * 256
        values = self.LAYOUT.unpack_from(image.data, self.at)
        for name, value in zip(self.NAMES, values):
            setattr(self, name, value)
        self.pointers = list(values[14:])

    def store(self):
        self.LAYOUT.pack_into(self.image.data, self.at, *(getattr(self, n) for n in self.NAMES), *self.pointers)

    def blocks(self):
        """The file's blocks in order; 0 is a hole."""
        def below(block, levels):
            if levels == 0:
                yield block
            else:
                for pointer in struct.unpack_from("<1024I", self.image.data, block * BLOCK) if block else [0] * 1024:
                    yield from below(pointer, levels - 1)

        count = -(-self.size // BLOCK)
        sources = [(p, 0) for p in self.pointers[:43]] + [(p, n + 1) for n, p in enumerate(self.pointers[43:])]
        for pointer, levels in sources:
            for block in below(pointer, levels):
                if count == 0:
                    return
                count -= 1
                yield block

    def content(self):
        return b"".join(self.image.block(b) for b in self.blocks())[:self.size]


class Image:
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            self.data = bytearray(f.read())
        for name, value in zip(SUPER_FIELDS, struct.unpack_from("<Q14I", self.data)):
            setattr(self, name, value)
        self.uuid = bytes(self.data[64:80])

    def save(self):
        with open(self.path, "wb") as f:
            f.write(self.data)

    def block(self, n):
        return bytes(self.data[n * BLOCK:(n + 1) * BLOCK]) if n else bytes(BLOCK)

    def inode(self, ino):
        return Inode(self, ino)

    def entries(self, ino):
        """(offset in the image, inode, type, name) of each entry in use."""
        for block in self.inode(ino).blocks():
            for at in range(block * BLOCK, (block + 1) * BLOCK, 64):
                child, kind = struct.unpack_from("<IB", self.data, at)
                if child:
                    yield at, child, kind, bytes(self.data[at + 5:at + 64]).rstrip(b"\0").decode("latin-1")

    def find(self, path):
        ino = self.root
        for part in path.strip("/").split("/"):
            ino = {name: child for _, child, _, name in self.entries(ino)}[part]
        return self.inode(ino)

    def entry(self, path):
        directory, name = os.path.split(path)
        parent = self.find(directory).ino if directory.strip("/") else self.root
        return next(at for at, _, _, n in self.entries(parent) if n == name)

    def set_super(self, name, value):
        offset = 0 if name == "magic" else 8 + 4 * (SUPER_FIELDS.index(name) - 1)
        for at in 0, len(self.data) - BLOCK:
            struct.pack_into("<Q" if name == "magic" else "<I", self.data, at + offset, value)
        self.fix_checksums()

    def fix_checksums(self):
        for at in 0, len(self.data) - BLOCK:
            struct.pack_into("<I", self.data, at + CHECKSUM_AT, checksum(self.data[at:at + CHECKSUM_AT]))

    def flip_bit(self, map_start, bit):
        self.data[map_start * BLOCK + bit // 8] ^= 1 << bit % 8

    def transaction(self, sequence, changes, uuid=None):
        """Puts a committed transaction into the journal: changes is a list of (home block, contents)."""
        slot = (self.journal_start + sequence % 2 * self.journal_slot) * BLOCK
        homes, bodies = zip(*changes)
        header = struct.pack("<8sQII16s1012II", b"lodejrnl", sequence, len(changes), checksum(*bodies), uuid or self.uuid,
                             *homes, *[0] * (1012 - len(homes)), 0)
        self.data[slot:slot + BLOCK] = header + struct.pack("<I", checksum(header))
        self.data[slot + BLOCK:slot + BLOCK * (1 + len(bodies))] = b"".join(bodies)


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=300)


def fsck(*args):
    return run(FSCK, *args)


# ---- Trees ----

def make_tree(top):
    """One of everything: empty, one byte, the edges of the direct and indirect pointers, links, long names."""
    rng = random.Random(1)
    os.makedirs(f"{top}/bin/deep/er")
    os.makedirs(f"{top}/empty")
    os.makedirs(f"{top}/many")
    os.makedirs(f"{top}/dev")
    for name, size in {"zero": 0, "one": 1, "block": 4096, "direct": 43 * 4096, "direct+1": 43 * 4096 + 1,
                       "single": (43 + 1024) * 4096, "double": (43 + 1024 + 1030) * 4096 + 17, "n" * 59: 5000}.items():
        with open(f"{top}/bin/{name}", "wb") as f:
            f.write(rng.randbytes(size))
    for i in range(300):
        with open(f"{top}/many/file{i}", "w") as f:
            f.write(f"{i}\n")
    os.symlink("../bin/one", f"{top}/empty/link")
    os.symlink("x" * 4095, f"{top}/empty/longlink")
    os.chmod(f"{top}/bin/one", 0o4755)
    os.chmod(f"{top}/empty", 0o700)
    os.utime(f"{top}/bin/one", ns=(0, 1234567890123456789))


def compare(image, ino, host, problems, path=""):
    expected = sorted(os.listdir(host))
    found = {name: (child, kind) for _, child, kind, name in image.entries(ino) if name not in (".", "..")}
    if path == "":
        expected = sorted(set(expected) | {"dev", "proc", "tmp"})
    if path != "/dev" and expected != list(found):
        problems.append(f"{path}: names are {list(found)[:10]}")
    for name in os.listdir(host):
        child, kind = found[name]
        inode, real, st = image.inode(child), f"{host}/{name}", os.lstat(f"{host}/{name}")
        is_link = os.path.islink(real)
        if not is_link and inode.mode != st.st_mode or kind != inode.mode >> 12 or inode.uid or inode.gid:
            problems.append(f"{path}/{name}: mode {inode.mode:o} type {kind}")
        if inode.mtime != st.st_mtime_ns:
            problems.append(f"{path}/{name}: time {inode.mtime}")
        if os.path.isdir(real) and not is_link:
            compare(image, child, real, problems, f"{path}/{name}")
        else:
            with open(real, "rb") if not is_link else open(os.devnull, "rb") as f:
                content = os.readlink(real).encode() if is_link else f.read()
            if inode.content() != content:
                problems.append(f"{path}/{name}: another content")


def test_trees(tmp):
    tree, image = f"{tmp}/tree", f"{tmp}/image"
    make_tree(tree)
    result = run(MKFS, "-s", "64M", "-d", tree, image)
    ok(result.returncode == 0 and result.stdout == "", "mkfs makes an image of a tree", result.stdout)
    i = Image(image)
    problems = []
    compare(i, i.root, tree, problems)
    ok(not problems, "the image has the tree: names, modes, times, contents", "\n".join(problems))
    nodes = {"console": (5, 1), "tty": (5, 0), "null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
    ok(all(i.find(f"dev/{n}").rdev == a << 8 | b and i.find(f"dev/{n}").mode >> 12 == 2 for n, (a, b) in nodes.items()),
       "the device nodes are there")
    ok(i.find("tmp").mode == 0o41777 and i.find("proc").mode == 0o40755, "/tmp and /proc are there")
    ok(os.stat(image).st_size == 64 << 20 and os.stat(image).st_blocks * 512 < 32 << 20, "the image is sparse")
    result = fsck(image)
    ok(result.returncode == 0, "fsck finds it clean", result.stdout)

    run(MKFS, "--time", "1000", "-d", tree, f"{tmp}/a")
    shutil.copytree(tree, f"{tmp}/copy", symlinks=True)
    run(MKFS, "--time", "1000", "-d", f"{tmp}/copy", f"{tmp}/b")
    with open(f"{tmp}/a", "rb") as a, open(f"{tmp}/b", "rb") as b:
        ok(a.read() == b.read(), "images with a fixed time are reproducible")

    result = run(MKFS, "-s", "8M", "-a", f"{tree}/bin/one", "-a", f"{tree}/bin/zero=etc/x/y", "-a", f"{tree}/bin/block=/lib/", image)
    i = Image(image)
    ok(result.returncode == 0 and i.find("one").size == 1 and i.find("etc/x/y").size == 0 and i.find("lib/block").size == 4096
       and fsck(image).returncode == 0, "files are added one by one", result.stdout)
    ok(run(MKFS, "-s", "1M", f"{tmp}/small").returncode == 0 and fsck(f"{tmp}/small").returncode == 0, "the smallest image is clean")
    ok(run(MKFS, "-s", "20G", f"{tmp}/large").returncode == 0 and fsck("-q", f"{tmp}/large").returncode == 0, "a large one, too")
    os.unlink(f"{tmp}/large")


def test_refusals(tmp):
    tree, bad = f"{tmp}/tree", f"{tmp}/bad"
    os.makedirs(f"{bad}/long")
    os.makedirs(f"{bad}/odd")
    os.makedirs(f"{bad}/twice/dev")
    open(f"{bad}/long/{'n' * 60}", "w").close()
    os.mkfifo(f"{bad}/odd/fifo")
    open(f"{bad}/twice/dev/null", "w").close()
    one = f"{tree}/bin/one"
    cases = [
        ("files that do not fit", ["-s", "3M", "-i", "512", "-d", tree], "too big"),
        ("too many files", ["-i", "100", "-d", tree], "too many files"),
        ("a name of 60 bytes", ["-d", f"{bad}/long"], "60 bytes"),
        ("a fifo", ["-d", f"{bad}/odd"], "fifo"),
        ("a name that is there already", ["-d", f"{bad}/twice"], "duplicate name"),
        ("two files at one place", ["-a", f"{one}=x", "-a", f"{one}=x"], "duplicate name"),
        ("a file where a directory has to be", ["-a", f"{one}=x", "-a", f"{one}=x/y"], "duplicate name"),
        ("a missing directory", ["-d", f"{bad}/none"], "none"),
        ("a missing file", ["-a", f"{bad}/none"], "none"),
        ("a directory that is a file", ["-d", one], "one"),
        ("size 0", ["-s", "0"], "size"), ("a size of words", ["-s", "many"], "size"), ("a size of 4097", ["-s", "4097"], "size"),
        ("a tiny size", ["-s", "4096"], "size"), ("a huge size", ["-s", "99999999999G"], "size"),
        ("a negative size", ["-s", "-64M"], "size"),
        ("0 inodes", ["-i", "0"], "inodes"), ("more inodes than room", ["-s", "1M", "-i", "4000"], "inodes"),
        ("2^32 inodes", ["-i", "4294967297"], "inodes"),
        ("an impossible name", ["-a", f"{one}=/.."], "file name"),
        ("a missing folder for the image", [], "no/where"),
    ]
    for text, arguments, word in cases:
        image = f"{tmp}/refused" if "folder" not in text else f"{tmp}/no/where"
        result = run(MKFS, *arguments, image)
        left = [n for n in os.listdir(tmp) if n.startswith("refused")]
        ok(result.returncode == 1 and result.stdout.count("\n") == 1 and word in result.stdout and not left,
           f"mkfs refuses {text}", f"{result.returncode} {left}\n{result.stdout}")
    ok(run(MKFS).returncode == 2 and run(MKFS, "a", "b").returncode == 2 and run(MKFS, "-z", "a").returncode == 2,
       "wrong usage gives status 2")


# ---- Damage ----

DAMAGES = []


def damage(text, *words):
    """Registers a function that damages an image; fsck's lines must contain the words."""
    def register(function):
        DAMAGES.append((text, words, function))
        return function
    return register


def change_inode(path, **fields):
    def apply(i):
        inode = i.find(path)
        for name, value in fields.items():
            setattr(inode, name, value)
        inode.store()
    return apply


def change_entry(path, offset, data):
    def apply(i):
        at = i.entry(path) + offset
        i.data[at:at + len(data)] = data
    return apply


def change_pointer(path, index, block):
    def apply(i):
        inode = i.find(path)
        inode.pointers[index] = block(i) if callable(block) else block
        inode.store()
    return apply


def pointer_of(path, index=0):
    return lambda i: i.find(path).pointers[index]


def simple(text, words, function):
    DAMAGES.append((text, words, function))


simple("a wrong link count", ["link count is 7, but 1", "(/bin/one)"], change_inode("bin/one", nlink=7))
simple("a directory's wrong link count", ["(/bin)", "link count"], change_inode("bin", nlink=1))
simple("a wrong number of blocks", ["says 99"], change_inode("bin/block", nblocks=99))
simple("a mode of no type", ["no type of file", "names a free inode"], change_inode("bin/one", mode=0o30644))
simple("a named inode that is free", ["names a free inode"], change_inode("bin/one", mode=0))
simple("a size beyond all sizes", ["more than a file can have"], change_inode("bin/one", size=1 << 60))
simple("a size that leaves blocks beyond the end", ["lies beyond its end"], change_inode("bin/double", size=5))
simple("a directory of odd size", ["no whole blocks"], change_inode("many", size=4097))
simple("a directory of size 0", ["without a first block", "/lost+found"], change_inode("many", size=0))
simple("a directory with a hole", ["is missing", "/lost+found"], change_pointer("many", 2, 0))
simple("a huge directory", ["is missing"], change_inode("many", size=1 << 40))
simple("flags", ["flags"], change_inode("bin/one", flags=1))
simple("a symbolic link without target", ["symbolic link of 0"], change_inode("empty/link", size=0))
simple("a symbolic link without block", ["link without a block"], change_pointer("empty/link", 0, 0))
simple("a device with a block", ["lies beyond"], change_pointer("dev/null", 0, pointer_of("bin/one")))
simple("a pointer beyond the disk", ["block 4000000000 does not exist"], change_pointer("bin/block", 0, 4000000000))
simple("a pointer into the inode table", ["does not exist in the data area"], change_pointer("bin/block", 0, lambda i: i.inode_start))
simple("a pointer to the super block's copy", ["does not exist"], change_pointer("bin/block", 0, lambda i: i.nblocks - 1))
simple("a block of two files", ["is also used by inode", "(/bin/one)"], change_pointer("bin/one", 0, pointer_of("bin/block")))
simple("a block twice in a file", ["used twice by it"], change_pointer("bin/direct", 5, pointer_of("bin/direct", 6)))
simple("a block of pointers that is another file's", ["block of pointers"], change_pointer("bin/single", 43, pointer_of("bin/double", 43)))
simple("a directory's block that is another directory's", ["is also used"], change_pointer("many", 0, pointer_of("bin")))
simple("a type that differs from the inode's", ["has type 4"], change_entry("bin/one", 4, b"\x04"))
simple("an entry beyond the inode table", ["does not exist"], change_entry("bin/one", 0, b"\xff\xff\xff\xff"))
simple("a name with a slash", ["\"/\""], change_entry("bin/one", 5, b"a/b"))
simple("an empty name", ["has no name"], change_entry("bin/one", 5, b"\0\0\0"))
simple("bytes after a name", ["after its name"], change_entry("bin/one", 5, b"on\0e"))
simple("a second \"..\"", ["wrong place"], change_entry("bin/one", 5, b"..\0"))
simple("a wrong \"..\"", ["the entry \"..\" is wrong"], lambda i: change_entry("bin/..", 0, struct.pack("<I", i.find("many").ino))(i))
simple("a wrong \".\"", ["the entry \".\" is wrong"], change_entry("bin/.", 5, b"x"))
simple("a name twice", ["there twice"], change_entry("many/file1", 5, b"file2"))
simple("a directory with two names", ["another name"], lambda i: change_entry("many/file1", 0, struct.pack("<IB", i.find("bin/deep").ino, 4))(i))
simple("a directory inside itself", ["another name"], lambda i: change_entry("bin/deep/er", 0, struct.pack("<I", i.find("bin").ino))(i))
simple("an entry for the root", ["another name"], lambda i: change_entry("bin/deep", 0, struct.pack("<I", 1))(i))
simple("a free entry with a name", ["not all zeros"], change_entry("bin/one", 0, b"\0\0\0\0"))
simple("a file without a name", ["/lost+found/#"], change_entry("bin/block", 0, bytes(64)))
simple("an empty file without a name", ["and it is empty"], change_entry("bin/zero", 0, bytes(64)))
simple("a directory without a name", ["/lost+found/#"], change_entry("bin", 0, bytes(64)))
simple("a root that is no directory", ["root directory is no directory", "/lost+found"], lambda i: (
    i.data.__setitem__(slice(i.inode_start * BLOCK + 256, i.inode_start * BLOCK + 258), b"\xa4\x81")))
simple("a root that is free", ["root directory"], lambda i: i.data.__setitem__(
    slice(i.inode_start * BLOCK + 256, i.inode_start * BLOCK + 512), bytes(256)))
simple("a super block without magic", ["its copy in block"], lambda i: i.data.__setitem__(slice(0, 8), bytes(8)))
simple("a super block with a wrong bit", ["wrong checksum"], lambda i: i.data.__setitem__(30, i.data[30] ^ 1))
simple("a damaged copy of the super block", ["super block's copy"], lambda i: i.data.__setitem__(len(i.data) - BLOCK, 0))
simple("an orphan list that ends nowhere", ["orphans is broken"], lambda i: struct.pack_into(
    "<I", i.data, i.inode_start * BLOCK + Inode.LAYOUT.size - 184 - 8, 0xFFFFFF))
simple("an orphan list with a circle", ["is on it already"], lambda i: [
    struct.pack_into("<I", i.data, i.inode_start * BLOCK + n * 256 + 64, i.find("bin/one").ino) for n in (0, i.find("bin/one").ino)])


@damage("directories that name each other in a circle", "/lost+found/#")
def circle(i):
    deep, er = i.find("bin/deep"), i.find("bin/deep/er")
    at = i.entry("bin/deep/er/..")
    struct.pack_into("<I", i.data, at, er.ino)
    free = er.pointers[0] * BLOCK + 2 * 64
    i.data[free:free + 8] = struct.pack("<IB", deep.ino, 4) + b"d\0\0"
    at = i.entry("bin/deep")
    i.data[at:at + 64] = bytes(64)


@damage("used blocks marked as free, and free ones as used", "marked as free", "marked as in use, but free")
def block_map(i):
    i.flip_bit(i.block_map_start, i.find("bin/one").pointers[0])
    for n in range(10):
        i.flip_bit(i.block_map_start, i.nblocks - 10 - n)
    i.flip_bit(i.block_map_start, 0)


@damage("inodes with a wrong bit", "marked as free", "marked as in use, but free")
def inode_map(i):
    i.flip_bit(i.inode_map_start, i.find("bin/one").ino)
    i.flip_bit(i.inode_map_start, i.ninodes - 1)


@damage("a name that leads to a file to be deleted", "link count is 0")
def named_orphan(i):
    one = i.find("bin/one")
    change_inode("bin/one", nlink=0)(i)
    struct.pack_into("<I", i.data, i.inode_start * BLOCK + 64, one.ino)


def test_damage(tmp):
    base, image = f"{tmp}/base", f"{tmp}/image"
    run(MKFS, "-s", "24M", "-i", "512", "--time", "5", "-d", f"{tmp}/tree", base)
    for text, words, function in DAMAGES:
        i = Image(base)
        i.path = image
        function(i)
        i.save()
        check, repaired = fsck("-n", image), None
        with open(image, "rb") as f:
            unchanged = f.read() == i.data
        repaired, again = fsck("-y", image), fsck(image)
        ok(check.returncode == 4 and all(w in check.stdout for w in words) and unchanged and repaired.returncode == 1
           and again.returncode == 0, f"fsck finds and repairs {text}",
           f"{check.returncode} unchanged {unchanged}\n{check.stdout}-y: {repaired.returncode}\n{repaired.stdout}again: {again.stdout}")


def test_legal_states(tmp):
    base, image = f"{tmp}/base", f"{tmp}/image"

    def fresh():
        i = Image(base)
        i.path = image
        return i

    # A deleted file that was open, and a truncation half done: both after a power cut.
    i = fresh()
    block, single = i.find("bin/block"), i.find("bin/single")
    at = i.entry("bin/block")
    i.data[at:at + 64] = bytes(64)
    block.nlink, block.next_orphan = 0, single.ino
    block.store()
    single.size = 4096
    single.store()
    struct.pack_into("<I", i.data, i.inode_start * BLOCK + 64, block.ino)
    i.save()
    check = fsck(image)
    ok(check.returncode == 0 and check.stdout.count("is an orphan") == 2, "orphans are legal", check.stdout)
    repaired, again = fsck("-y", image), fsck(image)
    i = Image(image)
    ok(repaired.returncode == 0 and again.returncode == 0 and "orphan" not in again.stdout and i.inode(block.ino).mode == 0
       and i.find("bin/single").nblocks == 1, "-y frees them", repaired.stdout + again.stdout)

    # Transactions: inode "one" gets uid 1, then 2.
    def table_block(i, uid):
        one = i.find("bin/one")
        home = one.at // BLOCK
        contents = bytearray(i.block(home))
        struct.pack_into("<I", contents, one.at % BLOCK + 8, uid)
        return home, bytes(contents)

    i = fresh()
    i.transaction(7, [table_block(i, 1)])
    at = i.block_map_start
    i.transaction(8, [table_block(i, 2), (at, bytes(i.data[at * BLOCK:(at + 1) * BLOCK]))])
    i.save()
    check = fsck("-n", image)
    ok(check.returncode == 0 and "up to transaction 8" in check.stdout and Image(image).find("bin/one").uid == 0,
       "-n looks through the journal", check.stdout)
    repaired = fsck("-y", image)
    ok(repaired.returncode == 0 and Image(image).find("bin/one").uid == 2 and "journal" not in fsck(image).stdout,
       "-y replays the newer of two transactions", repaired.stdout)

    # As in the kernel: its homes were stable before the newer one was written.
    for text, sequences, kwargs, uid in (("just before the newest", (7, 8), {}, 2),
                                         ("older than its neighbour by more than one", (5, 8), {}, 2),
                                         ("of an older file system", (9,), {"uuid": b"x" * 16}, 0)):
        i = fresh()
        for n, sequence in enumerate(sequences):
            home, contents = table_block(i, n + 1)
            i.transaction(sequence, [(home, contents)] if n + 1 == len(sequences) else
                          [(home, bytes(BLOCK)), (home + 1, bytes(BLOCK))], **kwargs)
        i.save()
        check = fsck("-y", image)
        ok(check.returncode == 0 and Image(image).find("bin/one").uid == uid, f"a transaction {text} does not count", check.stdout)
    i = fresh()
    i.transaction(3, [table_block(i, 1)])
    i.data[(i.journal_start + i.journal_slot + 1) * BLOCK + 100] ^= 1
    i.save()
    ok(fsck("-y", image).returncode == 0 and Image(image).find("bin/one").uid == 0, "a torn transaction does not count")
    i = fresh()
    i.transaction(3, [(0, bytes(BLOCK))])
    i.save()
    check = fsck("-y", image)
    ok(check.returncode == 0 and "left out" in check.stdout and Image(image).magic, "a transaction over the super block does not count",
       check.stdout)


def test_unusable(tmp):
    image = f"{tmp}/image"
    contents = {"nothing": b"", "one byte": b"x", "zeros": bytes(1 << 20), "noise": random.Random(2).randbytes(1 << 20)}
    for text, content in contents.items():
        with open(image, "wb") as f:
            f.write(content)
        result = fsck("-y", image)
        ok(result.returncode == 8 and result.stdout.count("\n") == 1, f"fsck says that {text} is no file system", result.stdout)
    for field, value in (("nblocks", 0), ("nblocks", 2 ** 32 - 1), ("ninodes", 0), ("ninodes", 2 ** 32 - 1), ("journal_slot", 1),
                         ("journal_slot", 2 ** 32 - 1), ("inode_start", 0), ("block_map_start", 2 ** 32 - 1), ("data_start", 3),
                         ("data_start", 2 ** 32 - 1), ("inode_map_blocks", 0), ("version", 1), ("version", 3), ("block_size", 512), ("root", 2)):
        shutil.copy(f"{tmp}/base", image)
        i = Image(image)
        i.set_super(field, value)
        i.save()
        result = fsck("-y", image)
        ok(result.returncode == 8, f"a super block with {field} {value} is refused", f"{result.returncode} {result.stdout}")
    shutil.copy(f"{tmp}/base", image)
    i = Image(image)
    i.set_super("version", 1)
    for at in 0, len(i.data) - BLOCK:
        i.data[at + CHECKSUM_AT] ^= 1
    i.save()
    result = fsck("-n", image)
    ok(result.returncode == 8 and "is of another version" in result.stdout, "a disk of version 1, with its other checksum, is refused as such",
       f"{result.returncode} {result.stdout}")
    shutil.copy(f"{tmp}/base", image)
    os.truncate(image, 20 << 20)
    ok(fsck("-n", image).returncode == 8, "an image that is cut short is refused")
    ok(fsck(f"{tmp}/none").returncode == 8, "a missing image is refused")
    ok(fsck(tmp).returncode == 8 and "Is a directory" in fsck(tmp).stdout, "a directory is refused as such")
    ok(fsck().returncode == 2 and fsck("-x", image).returncode == 2 and fsck(image, image).returncode == 2, "wrong usage gives status 2")


def mutate(i, rng):
    """A few wrong values, mostly where they matter: metadata, and numbers that nearly make sense."""
    metadata = [i.inode_start * BLOCK + rng.randrange(450) * 256 + 4 * rng.randrange(64) for _ in range(6)]
    for _ in range(rng.choice((1, 2, 5, 30))):
        kind = rng.randrange(10)
        if kind < 5:
            at = rng.choice(metadata)
        elif kind < 8:
            at = (i.data_start + rng.randrange(i.nblocks - i.data_start)) * BLOCK + 4 * rng.randrange(1024)
        elif kind < 9:
            at = 4 * rng.randrange(i.data_start * 1024)
        else:
            at = 4 * rng.randrange(20)
        value = rng.choice((0, 1, 2, 0xFFFFFFFF, rng.getrandbits(32), rng.randrange(i.nblocks), rng.randrange(i.nblocks),
                            rng.randrange(i.data_start, i.nblocks), rng.randrange(i.ninodes), rng.choice((0x41ED, 0x81A4, 0xA1FF))))
        struct.pack_into("<I", i.data, at, value)
    if rng.randrange(4):
        i.fix_checksums()


def test_mutations(tmp):
    """No image makes fsck crash or hang, and what it says it has repaired is clean."""
    base, image = f"{tmp}/mutated", f"{tmp}/image"
    small = f"{tmp}/small_tree"
    os.makedirs(f"{small}/a/b/c")
    os.symlink("b/c", f"{small}/a/link")
    for n in range(200):
        with open(f"{small}/a/b/{n}", "wb") as f:
            f.write(bytes([n]) * (n * 37))
    with open(f"{small}/big", "wb") as f:
        f.write(b"." * (60 * 4096))
    run(MKFS, "-s", "3M", "-i", "448", "--time", "5", "-d", small, base)
    pristine, n, bad = Image(base), 0, []
    statuses = {}
    while n < MUTATIONS and len(bad) < 5:
        i = Image.__new__(Image)
        i.__dict__.update(pristine.__dict__)
        i.data, i.path = bytearray(pristine.data), image
        mutate(i, random.Random(n))
        i.save()
        try:
            check, repaired, again = fsck("-nq", image), fsck("-yq", image), fsck("-q", image)
        except subprocess.TimeoutExpired:
            bad.append(f"mutation {n}: hangs")
            n += 1
            continue
        codes = check.returncode, repaired.returncode, again.returncode
        statuses[codes] = statuses.get(codes, 0) + 1
        if codes not in ((0, 0, 0), (4, 1, 0), (8, 8, 8), (4, 4, 4)):
            bad.append(f"mutation {n}: status {codes}\n{check.stdout}\n-y: {repaired.stdout}\nagain: {again.stdout}")
            shutil.copy(image, f"{tmp}/bad{n}")
        n += 1
    ok(not bad and n > 0, f"{n} mutated images are checked and repaired", "\n".join(bad))
    left = statuses.get((4, 4, 4), 0)
    ok(left * 50 <= n, f"at most one in 50 cannot be repaired ({left})", statuses)


def main():
    with tempfile.TemporaryDirectory() as tmp:
        test_trees(tmp)
        test_refusals(tmp)
        test_damage(tmp)
        test_legal_states(tmp)
        test_unusable(tmp)
        test_mutations(tmp)
    print(f"1..{tests}")
    if failures:
        print(f"# {failures} of {tests} failed")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
