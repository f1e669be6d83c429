"""Makes a tree of every kind of file (`tree.py build 3000 1`) or compares it with what it was (`tree.py check SHA256`).
Needs root.

A line of the list is all that must be the same when the files come back: not the sizes of directories, which are
the file system's own affair.

Whoever did not hear that it was built builds again, with a greater number, even while the first building is under way.
"""

import difflib
import fcntl
import hashlib
import os
import shutil
import stat
import sys

TREE = "/home/daytona/tree"
LISTED = "/home/daytona/tree.txt"
# Exit code: none of Python's own.
CHANGED = 3
# Of the image: whiteout, opaque directory, changed permissions, changed content.
DELETED, REPLACED, CLOSED, EXTENDED = "/etc/debian_version", "/etc/skel", "/etc/issue", "/etc/issue.net"
# A smaller file may be one block however little it holds.
LARGE = 1 << 20


def write(name, content):
    path = os.path.join(TREE, name)
    with open(path, "wb") as file:
        file.write(content)
        settle(file, len(content))
    return path


def settle(file, size):
    """Blocks are counted once they are allocated. Not a whole sync: under load that can take minutes."""
    if size >= LARGE:
        file.flush()
        os.fsync(file.fileno())


def many(count):
    for number in range(count):
        folder = f"{number % 7}/{number % 11}/{number % 3}"
        os.makedirs(os.path.join(TREE, folder), exist_ok=True)
        write(f"{folder}/{number}", os.urandom(number % 2000))


def special():
    write("empty", b"")
    write("large", os.urandom(8 * LARGE))
    write("n" * 200, b"a long name")
    write("with space, ü and\nline", b"an awkward name")
    os.chmod(write("private", b"mode"), 0o600)
    os.utime(write("dated", b"time"), ns=(1, 1_234_567_890_123_456_789))

    marked = write("marked", b"attributes")
    os.setxattr(marked, "user.origin", b"\0\xffbinary")
    os.setxattr(marked, "user.empty", b"")
    os.makedirs(os.path.join(TREE, "folder/without/files"))
    os.setxattr(os.path.join(TREE, "folder"), "user.of-folder", b"yes")

    os.link(write("first name", b"two names"), os.path.join(TREE, "0/second name"))
    os.symlink("first name", os.path.join(TREE, "link"))
    os.symlink("/no/such/" + "target" * 30, os.path.join(TREE, "dangling"))
    os.mkfifo(os.path.join(TREE, "fifo"))

    foreign = write("foreign", b"another owner")
    os.chown(foreign, 1234, 4321)
    # In this order: a new owner takes setuid away.
    program = write("setuid", b"#!/bin/sh\n")
    os.chown(program, 0, 1000)
    os.chmod(program, 0o4750)

    with open(os.path.join(TREE, "sparse"), "wb") as file:
        file.truncate(64 * LARGE)
        file.seek(40 * LARGE)
        file.write(b"an island")
        settle(file, 64 * LARGE)


def of_image():
    if os.path.exists(DELETED):
        os.remove(DELETED)
    # Filled before: an empty directory would be replaced by itself.
    assert os.listdir(REPLACED)
    shutil.rmtree(REPLACED)
    os.mkdir(REPLACED)
    with open(f"{REPLACED}/new", "w") as file:
        file.write("new")
    os.chmod(CLOSED, 0o640)
    with open(EXTENDED, "a") as file:
        file.write("one line more\n")


def describe(path):
    name = repr(os.fsencode(path))
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        return f"{name} is not there"
    facts = [name, oct(info.st_mode), info.st_uid, info.st_gid, info.st_mtime_ns]
    if stat.S_ISLNK(info.st_mode):
        return " ".join(map(str, [*facts, repr(os.readlink(path))]))
    if stat.S_ISREG(info.st_mode):
        with open(path, "rb") as file:
            facts += [info.st_size, info.st_nlink, hashlib.file_digest(file, "sha256").hexdigest()]
        if info.st_size >= LARGE:
            facts.append("holes" if info.st_blocks * 512 < info.st_size else "whole")
    facts += [f"{key}={os.getxattr(path, key).hex()}" for key in sorted(os.listxattr(path))]
    return " ".join(map(str, facts))


def below(root):
    yield root
    for folder, folders, files in os.walk(root):
        yield from (os.path.join(folder, name) for name in folders + files)


def listed():
    paths = [*below(TREE), *below(REPLACED), DELETED, CLOSED, EXTENDED]
    pair = f"{TREE}/first name", f"{TREE}/0/second name"
    names = all(map(os.path.exists, pair)) and os.path.samefile(*pair)
    return sorted(map(describe, paths)) + [f"two names of one file: {names}"]


def digest(lines):
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def build(files, turn):
    # The lock holds the number of the latest building; one that comes late would destroy what another has promised.
    if int(lock.read() or 0) >= turn:
        sys.exit("a later building has begun")
    lock.seek(0)
    lock.truncate()
    print(turn, file=lock, flush=True)
    shutil.rmtree(TREE, ignore_errors=True)
    os.mkdir(TREE)
    many(files)
    special()
    of_image()
    lines = listed()
    assert len(lines) > files
    with open(LISTED, "w") as file:
        file.write("\n".join(lines))
    print(digest(lines))


def check(sha256):
    lines = listed()
    # The list is a file too, and only says where a difference is.
    kept = open(LISTED).read().split("\n") if os.path.exists(LISTED) else []
    if digest(lines) == digest(kept) == sha256:
        return
    changes = list(difflib.unified_diff(kept, lines, "before", "now", lineterm="", n=0))
    print("\n".join(changes[:20]) or "the list itself")
    sys.exit(CHANGED)


# Not listed.
lock = open("/var/tmp/tree.lock", "a+")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.seek(0)
if sys.argv[1] == "build":
    build(int(sys.argv[2]), int(sys.argv[3]))
else:
    check(sys.argv[2])
