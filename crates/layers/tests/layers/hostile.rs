//! Layers that nobody here would write: each is refused, and nothing outside its directory is touched. Needs root.

use std::{fs, path::Path};

use crate::support::{Layer, Tar, layer, seen};
use paddock_layers::Error;

/// Unpacks beside a file that must not change, and answers with the error.
fn refused(layer: &Layer) -> Error {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("dir");
    fs::create_dir(&dir).unwrap();
    fs::create_dir(outer.path().join("outside")).unwrap();
    fs::write(outer.path().join("outside/file"), "as it was").unwrap();
    let before = seen(outer.path());
    let error = layer.unpack(&dir).unwrap_err();
    let mut after = seen(outer.path());
    let mut before = before;
    // It was written into and emptied: its time is another.
    assert_eq!(after.remove(Path::new("dir")).is_some(), before.remove(Path::new("dir")).is_some());
    assert_eq!(after, before, "{error}");
    error
}

fn not_a_layer(tar: &Tar) {
    let error = refused(&tar.layer());
    assert!(matches!(error, Error::Refused(_)), "{error}");
}

#[test]
fn paths_that_leave() {
    for name in ["../outside/file", "/tmp/paddock-layers-absolute", "a/../../outside/new", "a//b", "a/./b", ".."] {
        not_a_layer(Tar::default().entry(b'0', name, "", b"hostile"));
        not_a_layer(Tar::default().records(&[("path", name)]).entry(b'0', "harmless", "", b"hostile"));
        not_a_layer(Tar::default().entry(b'1', "link", name, b""));
    }
    assert!(!Path::new("/tmp/paddock-layers-absolute").exists());
}

#[test]
fn ways_through_a_symbolic_link() {
    for target in ["../outside", "/", ".", "sub"] {
        let mut tar = Tar::default();
        tar.entry(b'5', "sub/", "", b"").entry(b'2', "link", target, b"");
        let through = refused(&{
            let mut tar = Tar::default();
            tar.entry(b'5', "sub/", "", b"").entry(b'2', "link", target, b"").entry(b'0', "link/file", "", b"hostile");
            tar.layer()
        });
        assert!(matches!(through, Error::Files { .. }), "{through}");
        tar.entry(b'1', "hard", "link/file", b"");
        assert!(matches!(refused(&tar.layer()), Error::Files { .. }));
    }
    // In place of the link itself, or of a file through it.
    let mut tar = Tar::default();
    tar.entry(b'2', "link", "../outside/file", b"").entry(b'0', "link", "", b"hostile");
    assert!(matches!(refused(&tar.layer()), Error::Files { .. }));
}

#[test]
fn a_hard_link_to_what_was_not_made() {
    for target in ["absent", "dir/absent", "./"] {
        let error = refused(&Tar::default().entry(b'1', "link", target, b"").layer());
        assert!(matches!(error, Error::Files { .. }), "{error}");
    }
}

#[test]
fn devices_and_other_kinds() {
    not_a_layer(Tar::default().device(b'3', "mem", "", b"", 1));
    for kind in *b"4gLKSV7" {
        not_a_layer(Tar::default().entry(kind, "x", "", b""));
    }
}

#[test]
fn attributes_outside_the_list() {
    for (name, value) in [
        ("trusted.overlay.redirect", "/"),
        ("trusted.overlay.metacopy", ""),
        ("trusted.overlay.opaque", "x"),
        ("user.overlay.opaque", "y"),
        ("security.selinux", "x"),
    ] {
        let record = format!("SCHILY.xattr.{name}");
        not_a_layer(Tar::default().records(&[(&record, value)]).entry(b'5', "dir/", "", b""));
    }
    not_a_layer(Tar::default().records(&[("SCHILY.fflags", "x")]).entry(b'5', "dir/", "", b""));
}

#[test]
fn more_than_was_said() {
    let bomb = vec![0; 1 << 20];
    let mut layer = Tar::default().entry(b'0', "bomb", "", &bomb).entry(b'0', "more", "", &bomb).layer();
    layer.limits.max_bytes = 1 << 20;
    assert!(matches!(refused(&layer), Error::TooLarge { what: "bytes", .. }));
    layer.limits.max_bytes = 3 << 20;
    layer.limits.max_entries = 1;
    assert!(matches!(refused(&layer), Error::TooLarge { what: "entries", .. }));
    layer.limits.max_entries = 2;
    layer.unpack(tempfile::tempdir().unwrap().path()).unwrap();
    // What comes after the end counts too.
    let trailing = crate::support::layer_of(&vec![0; 65 << 20]);
    assert!(matches!(refused(&trailing), Error::TooLarge { what: "bytes", .. }));
}

#[test]
fn maps_of_holes_that_lie() {
    let map = |text: &str| {
        let mut map = text.as_bytes().to_vec();
        map.resize(512, 0);
        map.extend_from_slice(b"data");
        map
    };
    let sparse = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "100")];
    for text in ["1\n98\n4\n", "2\n10\n2\n11\n2\n", "1\n0\n5\n", "99999999999\n", "1\n18446744073709551615\n4\n", "x"] {
        let error = refused(&Tar::default().records(&sparse).entry(b'0', "file", "", &map(text)).layer());
        assert!(matches!(error, Error::Refused(_) | Error::TooLarge { .. }), "{text:?}: {error}");
    }
    Tar::default()
        .records(&sparse)
        .entry(b'0', "file", "", &map("1\n96\n4\n"))
        .layer()
        .unpack(tempfile::tempdir().unwrap().path())
        .unwrap();
}

#[test]
fn a_stream_that_is_cut_or_changed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "content ".repeat(100_000)).unwrap();
    let (whole, packed) = layer(dir.path());
    for length in [0, 1, whole.bytes.len() / 2, whole.bytes.len() - 1] {
        let cut =
            Layer { bytes: whole.bytes[..length].to_vec(), expected: whole.expected.clone(), limits: whole.limits };
        refused(&cut);
    }
    let mut longer = Layer { bytes: whole.bytes.clone(), expected: whole.expected.clone(), limits: whole.limits };
    longer.bytes.push(0);
    refused(&longer);
    let mut other = Layer { bytes: whole.bytes.clone(), expected: whole.expected.clone(), limits: whole.limits };
    other.expected.sha256 = "0".repeat(64);
    let error = refused(&other);
    assert!(matches!(error, Error::Digest { .. }), "{error}");
    assert!(error.to_string().contains(&packed.sha256), "{error}");
}

#[test]
fn a_directory_that_is_not_empty_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "as it was").unwrap();
    let (layer, _) = layer(dir.path());
    layer.unpack(dir.path()).unwrap_err();
    assert_eq!(fs::read_to_string(dir.path().join("file")).unwrap(), "as it was");
}
