//! Trees as sandboxes leave them, packed and unpacked. Needs root.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown, symlink},
    path::Path,
    process::Command,
    sync::atomic::AtomicBool,
};

use crate::support::{copied, layer, not_text, seen};
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, makedev, mknod, utimensat};
use nix::sys::time::TimeSpec;

fn whiteout(path: &Path) {
    mknod(path, SFlag::S_IFCHR, Mode::empty(), makedev(0, 0)).unwrap();
}

#[test]
fn deletions_and_opaque_directories_stay() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    whiteout(&dir.path().join("etc/gone"));
    // The kernel gives all deletions of an overlay one inode.
    fs::hard_link(dir.path().join("etc/gone"), dir.path().join("gone too")).unwrap();
    xattr::set(dir.path().join("etc"), "trusted.overlay.opaque", b"y").unwrap();
    let (layer, _) = layer(dir.path());
    let copy = tempfile::tempdir().unwrap();
    layer.unpack(copy.path()).unwrap();
    for name in ["etc/gone", "gone too"] {
        let meta = fs::symlink_metadata(copy.path().join(name)).unwrap();
        assert_eq!((meta.mode() & 0o170_000, meta.rdev()), (0o020_000, 0));
    }
    assert_eq!(xattr::get(copy.path().join("etc"), "trusted.overlay.opaque").unwrap().unwrap(), b"y");
    assert_eq!(crate::support::layer(copy.path()).0.bytes, layer.bytes);
}

#[test]
fn attributes_of_the_list_stay_and_others_do_not_go_along() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let sub = dir.path().join("sub");
    fs::create_dir(&sub).unwrap();
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    chown(&file, Some(1000), Some(1000)).unwrap();
    xattr::set(&file, "security.capability", &capability).unwrap();
    xattr::set(&file, "user.a=b%c", &[0, b'\n', 0xff]).unwrap();
    // Version 2: user::rwx, user 1000 rwx, group::r-x, mask::rwx, other::r-x; of what is made in there from now on.
    let acl = b"\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x02\0\x07\0\xe8\x03\0\0\x04\0\x05\0\xff\xff\xff\xff\x10\0\x07\0\xff\xff\xff\xff\x20\0\x05\0\xff\xff\xff\xff";
    fs::write(sub.join("before the acl"), "").unwrap();
    xattr::set(&sub, "system.posix_acl_default", acl).unwrap();
    xattr::set(&sub, "system.posix_acl_access", acl).unwrap();
    fs::write(sub.join("after the acl"), "").unwrap();
    copied(dir.path());

    xattr::set(&file, "trusted.secret", b"x").unwrap();
    xattr::set(&file, "user.overlay.opaque", b"y").unwrap();
    xattr::set(&sub, "trusted.overlay.impure", b"y").unwrap();
    let copy = tempfile::tempdir().unwrap();
    layer(dir.path()).0.unpack(copy.path()).unwrap();
    let mut names: Vec<_> = xattr::list(copy.path().join("file")).unwrap().collect();
    names.sort();
    assert_eq!(names, ["security.capability", "user.a=b%c"]);
    assert_eq!(xattr::get(copy.path().join("sub"), "trusted.overlay.impure").unwrap(), None);
}

#[test]
fn what_a_layer_cannot_hold_is_left_out_or_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    mknod(&dir.path().join("null"), SFlag::S_IFCHR, Mode::empty(), makedev(1, 3)).unwrap();
    let (_, packed) = layer(dir.path());
    assert_eq!((packed.entries, packed.skipped), (1, 2));
    xattr::set(dir.path(), "trusted.overlay.redirect", b"/x").unwrap();
    let error = paddock_layers::pack(dir.path(), std::io::sink(), None).unwrap_err();
    assert!(matches!(error, paddock_layers::Error::Unsupported { .. }), "{error}");
}

#[test]
fn modes_owners_links_and_times_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for (name, mode, owner) in [("setuid", 0o4755, 0), ("plain", 0o640, 1000), ("nothing", 0, 4_000_000_000)] {
        fs::write(path(name), name).unwrap();
        chown(path(name), Some(owner), Some(owner)).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir_all(path("empty/dirs/in/dirs")).unwrap();
    fs::set_permissions(path("empty/dirs"), fs::Permissions::from_mode(0o2555)).unwrap();
    chown(path("empty/dirs"), Some(5), Some(6)).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    symlink("/etc/passwd", path("absolute")).unwrap();
    symlink("x".repeat(4000), path("far")).unwrap();
    nix::unistd::mkfifo(&path("fifo"), Mode::S_IRUSR).unwrap();
    fs::hard_link(path("plain"), path("empty/another")).unwrap();
    fs::hard_link(path("dangling"), path("empty/dangling too")).unwrap();
    let long: String = "d".repeat(200);
    fs::create_dir_all(path(&format!("{long}/{long}"))).unwrap();
    fs::write(path(&format!("{long}/{long}/file")), "deep").unwrap();
    fs::write(dir.path().join(not_text()), "not text").unwrap();
    for (name, seconds, nanos) in
        [("plain", -5, 250_000_000), ("dangling", 7, 1), ("empty/dirs", 1_900_000_000, 999_999_999)]
    {
        let time = TimeSpec::new(seconds, nanos);
        utimensat(nix::fcntl::AT_FDCWD, &path(name), &time, &time, UtimensatFlags::NoFollowSymlink).unwrap();
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o751)).unwrap();
    let copy = copied(dir.path());
    let ino = |name: &str| fs::symlink_metadata(copy.path().join(name)).unwrap().ino();
    assert_eq!(ino("plain"), ino("empty/another"));
    assert_eq!(ino("dangling"), ino("empty/dangling too"));
}

#[test]
fn holes_stay_holes() {
    let dir = tempfile::tempdir().unwrap();
    let file = File::create(dir.path().join("disk")).unwrap();
    file.set_len(1 << 30).unwrap();
    for (offset, byte) in [(0, 1), (100 << 20, 2), ((100 << 20) + 8192, 3), ((1 << 30) - 1, 4)] {
        file.write_all_at(&[byte], offset).unwrap();
    }
    for (name, size) in [("all hole", 4 << 40), ("short", 10_000), ("one hole at the end", 1 << 20)] {
        let file = File::create(dir.path().join(name)).unwrap();
        file.set_len(size).unwrap();
        file.write_all_at(b"x", 0).unwrap();
    }
    File::create(dir.path().join("hole only")).unwrap().set_len(1 << 20).unwrap();
    let (_, packed) = layer(dir.path());
    assert!(packed.unpacked < 200_000, "{packed:?}");
    let copy = copied(dir.path());
    let blocks = |dir: &Path| fs::metadata(dir.join("disk")).unwrap().blocks();
    assert!(blocks(copy.path()) <= blocks(dir.path()) + 16, "{} {}", blocks(copy.path()), blocks(dir.path()));
    let copied = File::open(copy.path().join("disk")).unwrap();
    for (offset, byte) in [(0, 1), (100 << 20, 2), ((100 << 20) + 1, 0), ((100 << 20) + 8192, 3), ((1 << 30) - 1, 4)] {
        let mut got = [9];
        copied.read_exact_at(&mut got, offset).unwrap();
        assert_eq!(got, [byte], "at {offset}");
    }
}

#[test]
fn twenty_thousand_small_files() {
    let dir = tempfile::tempdir().unwrap();
    for group in 0..100 {
        let sub = dir.path().join(format!("node_modules/{group}"));
        fs::create_dir_all(&sub).unwrap();
        for file in 0..200 {
            fs::write(sub.join(format!("{file}.js")), format!("module {group} {file}\n").repeat(file % 7)).unwrap();
        }
    }
    copied(dir.path());
}

#[test]
fn tar_and_zstd_read_a_layer_too() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x".repeat(150)), "long").unwrap();
    fs::write(dir.path().join(not_text()), "not text").unwrap();
    let file = File::create(dir.path().join("disk")).unwrap();
    file.set_len(10 << 20).unwrap();
    file.write_all_at(b"in the middle", 5 << 20).unwrap();
    xattr::set(dir.path().join("disk"), "user.a", b"b").unwrap();
    let (layer, _) = layer(dir.path());
    let copy = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar")
        .args(["--zstd", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpC"])
        .arg(copy.path())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    tar.stdin.take().unwrap().write_all(&layer.bytes).unwrap();
    assert!(tar.wait().unwrap().success());
    let (mut there, mut here) = (seen(copy.path()), seen(dir.path()));
    assert_eq!(there.remove(Path::new("disk")).is_some(), here.remove(Path::new("disk")).is_some());
    assert_eq!(there, here);
    let mut middle = [0; 13];
    File::open(copy.path().join("disk")).unwrap().read_exact_at(&mut middle, 5 << 20).unwrap();
    assert_eq!(&middle, b"in the middle");
}

#[test]
fn a_raised_flag_stops_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    let raised = AtomicBool::new(true);
    let packed = paddock_layers::pack(dir.path(), std::io::sink(), Some(&raised));
    assert!(matches!(packed, Err(paddock_layers::Error::Cancelled)), "{packed:?}");
    let (layer, _) = layer(dir.path());
    let copy = tempfile::tempdir().unwrap();
    let unpacked = paddock_layers::unpack(&*layer.bytes, copy.path(), &layer.expected, layer.limits, Some(&raised));
    assert!(matches!(unpacked, Err(paddock_layers::Error::Cancelled)), "{unpacked:?}");
    assert_eq!(seen(copy.path()).len(), 1);
}

/// What the kernel itself makes of deletions, renames and replaced directories.
#[test]
fn an_overlay_looks_the_same_over_the_copy() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for name in ["lower/etc/old", "lower/usr/lib", "upper", "work", "merged"] {
        fs::create_dir_all(path(name)).unwrap();
    }
    for name in ["lower/etc/hosts", "lower/etc/old/config", "lower/usr/lib/big", "lower/gone"] {
        fs::write(path(name), name).unwrap();
    }
    let options = |upper: &Path, work: &Path| {
        format!("lowerdir={},upperdir={},workdir={}", path("lower").display(), upper.display(), work.display())
    };
    let mounted = Overlay::mount(&path("merged"), &options(&path("upper"), &path("work")));
    let mounted = mounted.expect("root can mount an overlay, as the container engine of this machine does");
    fs::remove_file(path("merged/gone")).unwrap();
    fs::remove_dir_all(path("merged/etc/old")).unwrap();
    fs::create_dir(path("merged/etc/old")).unwrap();
    fs::write(path("merged/etc/old/new"), "new").unwrap();
    fs::hard_link(path("merged/usr/lib/big"), path("merged/usr/big too")).unwrap();
    fs::rename(path("merged/etc/hosts"), path("merged/etc/hosts.bak")).unwrap();
    fs::set_permissions(path("merged/usr/lib"), fs::Permissions::from_mode(0o700)).unwrap();
    let before = seen(&path("merged"));
    drop(mounted);

    let (layer, _) = layer(&path("upper"));
    for name in ["upper 2", "work 2", "merged 2"] {
        fs::create_dir(path(name)).unwrap();
    }
    layer.unpack(&path("upper 2")).unwrap();
    let options = options(&path("upper 2"), &path("work 2"));
    let _mounted = Overlay::mount(&path("merged 2"), &options).unwrap();
    assert_eq!(seen(&path("merged 2")), before);
    assert!(before.contains_key(Path::new("etc/old/new")) && !before.contains_key(Path::new("etc/old/config")));
}

/// Unmounted when dropped.
struct Overlay(std::path::PathBuf);

impl Overlay {
    fn mount(at: &Path, options: &str) -> Option<Self> {
        let flags = nix::mount::MsFlags::empty();
        let mounted = nix::mount::mount(Some("overlay"), at, Some("overlay"), flags, Some(options));
        mounted.ok().map(|()| Self(at.to_path_buf()))
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        nix::mount::umount(&self.0).unwrap();
    }
}
