"""Makes a tree of all that files can be, or prints what it is. Runs in a sandbox, as root."""

import hashlib
import os
import sys

ROOT = "/home/daytona/tree"


def build(files):
    os.makedirs(f"{ROOT}/many")
    for number in range(files):
        folder = f"{ROOT}/many/{number % 40}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{number}", "w") as file:
            file.write(f"{number}\n" * (number % 50))
    with open(f"{ROOT}/random", "wb") as file:
        file.write(os.urandom(3_000_000))
    with open(f"{ROOT}/sparse", "wb") as file:
        file.write(b"begin")
        file.seek(64 * 1024 * 1024)
        file.write(b"end")
    os.link(f"{ROOT}/random", f"{ROOT}/linked")
    os.symlink("../nowhere", f"{ROOT}/dangling")
    os.symlink("/etc/passwd", f"{ROOT}/absolute")
    os.mkfifo(f"{ROOT}/fifo")
    with open(f"{ROOT}/setuid", "w") as file:
        file.write("#!/bin/true\n")
    os.chown(f"{ROOT}/setuid", 1234, 4321)
    os.chmod(f"{ROOT}/setuid", 0o4755)
    os.setxattr(f"{ROOT}/setuid", "user.note", b"kept")
    os.mkdir(f"{ROOT}/empty")
    with open(f"{ROOT}/" + "n" * 200 + "-\u00fc", "w") as file:
        file.write("a long name")
    os.utime(f"{ROOT}/random", ns=(1_700_000_000_123_456_789, 1_600_000_000_987_654_321))
    # Of the image: one file gone, one directory made anew.
    os.remove("/etc/debian_version")
    for entry in os.listdir("/etc/skel"):
        os.remove(f"/etc/skel/{entry}")
    os.rmdir("/etc/skel")
    os.mkdir("/etc/skel")
    with open("/etc/skel/new", "w") as file:
        file.write("new")


def show():
    print("debian_version", os.path.exists("/etc/debian_version"), "skel", sorted(os.listdir("/etc/skel")))
    for folder, folders, files in os.walk(ROOT):
        folders.sort()
        for name in sorted(files + folders):
            path = os.path.join(folder, name)
            at = os.lstat(path)
            content = ""
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            attributes = []
            if not os.path.islink(path):
                attributes = [(key, os.getxattr(path, key)) for key in sorted(os.listxattr(path))]
            has_holes = os.path.isfile(path) and at.st_blocks * 512 < at.st_size // 2
            print(path, oct(at.st_mode), at.st_uid, at.st_gid, at.st_nlink, at.st_mtime_ns, content, attributes, has_holes)


build(int(sys.argv[2])) if sys.argv[1] == "build" else show()
