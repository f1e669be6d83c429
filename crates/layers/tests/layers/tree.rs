//! Exports of whole file systems, what changed between them, and that applied to the first. Needs root, and GNU tar.

use std::{
    fs::{self, File},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown, symlink},
    path::Path,
    process::Command,
};

use paddock_layers::{Tree, unpack_onto};

use crate::support::{layer, seen};

/// As an engine exports it: no times below a second, and nothing of the root.
fn export(dir: &Path) -> Vec<u8> {
    let mut tar = Command::new("tar");
    tar.args(["--format=pax", "--pax-option=delete=atime,delete=ctime,delete=mtime", "--xattrs"]);
    let output = tar.args(["--xattrs-include=*", "-C"]).arg(dir).args(["-c", "."]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn tree(dir: &Path) -> Tree {
    Tree::read(&*export(dir), None).unwrap()
}

/// All times the same, but for the root's, of which exports do not speak.
fn settle(dir: &Path) {
    let done = Command::new("find").arg(dir).args(["-exec", "touch", "-h", "-d", "@1000", "{}", "+"]).status();
    assert!(done.unwrap().success());
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Command::new("touch").args(["-d", "@0"]).arg(dir).status().unwrap().success());
}

fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let done = Command::new("cp").arg("-a").arg(dir.join(".")).arg(copy.path()).status();
    assert!(done.unwrap().success());
    copy
}

fn base() -> tempfile::TempDir {
    let base = tempfile::tempdir().unwrap();
    let root = base.path();
    for dir in ["etc", "gone/deep", "was dir/in", "kept", "emptied"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    for file in ["etc/same", "etc/other", "etc/gone", "gone/deep/file", "was dir/in/file", "was file", "emptied/a"] {
        fs::write(root.join(file), file).unwrap();
    }
    for name in ["kept/one", "kept/two"] {
        fs::write(root.join(name), "linked").unwrap();
        fs::hard_link(root.join(name), root.join(format!("{name} too"))).unwrap();
    }
    symlink("etc/same", root.join("link")).unwrap();
    base
}

fn change(root: &Path) {
    fs::write(root.join("etc/other"), "changed").unwrap();
    fs::remove_file(root.join("etc/gone")).unwrap();
    fs::remove_dir_all(root.join("gone")).unwrap();
    fs::remove_dir_all(root.join("was dir")).unwrap();
    fs::write(root.join("was dir"), "a file").unwrap();
    fs::remove_file(root.join("was file")).unwrap();
    fs::create_dir(root.join("was file")).unwrap();
    fs::write(root.join("was file/in"), "new").unwrap();
    fs::remove_file(root.join("emptied/a")).unwrap();
    fs::remove_file(root.join("link")).unwrap();
    symlink("etc/other", root.join("link")).unwrap();
    // One more name of a file that is as it was; and one name less.
    fs::hard_link(root.join("kept/one"), root.join("kept/one more")).unwrap();
    fs::remove_file(root.join("kept/two")).unwrap();
    let sparse = File::create(root.join("sparse")).unwrap();
    sparse.write_all_at(b"end", 8 << 20).unwrap();
    chown(root.join("sparse"), Some(1000), Some(1001)).unwrap();
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    xattr::set(root.join("was file/in"), "security.capability", &capability).unwrap();
    fs::create_dir(root.join("many")).unwrap();
    for number in 0..2000 {
        fs::write(root.join(format!("many/{number}")), number.to_string()).unwrap();
    }
    fs::write(root.join("n".repeat(200)), "a long name").unwrap();
}

#[test]
fn what_changed_applied_to_the_first_gives_the_second() {
    let base = base();
    settle(base.path());
    let now = copy_of(base.path());
    change(now.path());
    settle(now.path());
    let changes = tree(now.path()).changes_of(&tree(base.path()));
    let upper = tempfile::tempdir().unwrap();
    changes.place(&*export(now.path()), upper.path(), None).unwrap();
    assert!(!upper.path().join("etc/same").exists(), "what did not change is left out");
    assert!(fs::metadata(upper.path().join("sparse")).unwrap().blocks() < 4096, "zeros are holes");
    let whiteout = fs::symlink_metadata(upper.path().join("etc/gone")).unwrap();
    assert_eq!((whiteout.mode() & 0o170_000, whiteout.rdev()), (0o020_000, 0));

    let (layer, _) = layer(upper.path());
    let whole = copy_of(base.path());
    unpack_onto(&*layer.bytes, whole.path(), &layer.expected, layer.limits, None).unwrap();
    assert_eq!(seen(whole.path()), seen(now.path()));
}

#[test]
fn nothing_changed_is_nothing() {
    let base = base();
    settle(base.path());
    let changes = tree(base.path()).changes_of(&tree(base.path()));
    let upper = tempfile::tempdir().unwrap();
    changes.place(&*export(base.path()), upper.path(), None).unwrap();
    assert_eq!(fs::read_dir(upper.path()).unwrap().count(), 0);
}

#[test]
fn an_opaque_directory_hides_what_was_in_it() {
    let whole = base();
    let upper = tempfile::tempdir().unwrap();
    fs::create_dir(upper.path().join("etc")).unwrap();
    xattr::set(upper.path().join("etc"), "trusted.overlay.opaque", b"y").unwrap();
    fs::write(upper.path().join("etc/new"), "new").unwrap();
    let (layer, _) = layer(upper.path());
    unpack_onto(&*layer.bytes, whole.path(), &layer.expected, layer.limits, None).unwrap();
    let names: Vec<_> =
        fs::read_dir(whole.path().join("etc")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["new"]);
    assert_eq!(xattr::get(whole.path().join("etc"), "trusted.overlay.opaque").unwrap(), None);
}

#[test]
fn a_layer_that_climbs_over_a_link_of_the_file_system_is_refused() {
    let whole = base();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), whole.path().join("out")).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    tar.append_data(&mut header, "out/file", &b"x"[..]).unwrap();
    let layer = crate::support::layer_of(&tar.into_inner().unwrap());
    assert!(unpack_onto(&*layer.bytes, whole.path(), &layer.expected, layer.limits, None).is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
