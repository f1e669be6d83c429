//! Any tree is the same after a round trip. Needs root.

use std::{
    fs::{self, File},
    os::unix::fs::{FileExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

use crate::support::copied;
use nix::sys::stat::{Mode, SFlag, mknod};
use proptest::prelude::*;

/// Something to make below a directory; numbers choose among what was made before.
#[derive(Debug, Clone)]
enum Step {
    Directory(Vec<u8>),
    File { name: Vec<u8>, pieces: Vec<(u32, Vec<u8>)>, length: u32 },
    Symlink(Vec<u8>, Vec<u8>),
    Link(Vec<u8>, usize),
    Fifo(Vec<u8>),
    Whiteout(Vec<u8>),
    Attribute(usize, Vec<u8>),
    Owner(usize, u32, u32),
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_filter("not in a name", |byte| *byte != 0 && *byte != b'/');
    let bytes = prop_oneof![proptest::collection::vec(byte, 1..20), proptest::collection::vec(b'a'..b'd', 90..255)];
    bytes.prop_filter("has a meaning", |name| name != b"." && name != b"..")
}

fn step() -> impl Strategy<Value = Step> {
    let piece = (0_u32..2 << 20, proptest::collection::vec(any::<u8>(), 1..6000));
    prop_oneof![
        name().prop_map(Step::Directory),
        (name(), proptest::collection::vec(piece, 0..4), 0_u32..3 << 20)
            .prop_map(|(name, pieces, length)| Step::File { name, pieces, length }),
        (name(), proptest::collection::vec(1_u8..255, 1..300)).prop_map(|(name, target)| Step::Symlink(name, target)),
        (name(), any::<usize>()).prop_map(|(name, of)| Step::Link(name, of)),
        name().prop_map(Step::Fifo),
        name().prop_map(Step::Whiteout),
        (any::<usize>(), proptest::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(of, value)| Step::Attribute(of, value)),
        (any::<usize>(), any::<u32>(), 0_u32..0o10_000).prop_map(|(of, owner, mode)| Step::Owner(of, owner, mode)),
    ]
}

/// Steps that do not fit (a name is taken) are left out.
fn make(root: &Path, steps: &[(usize, Step)]) {
    let mut dirs: Vec<PathBuf> = vec![root.to_path_buf()];
    let mut files: Vec<PathBuf> = Vec::new();
    for (at, step) in steps {
        let dir = dirs[at % dirs.len()].clone();
        let path = |name: &Vec<u8>| dir.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name));
        match step {
            Step::Directory(name) => dirs.extend(fs::create_dir(path(name)).is_ok().then(|| path(name))),
            Step::File { name, pieces, length } => {
                let Ok(file) = File::create_new(path(name)) else { continue };
                file.set_len(u64::from(*length)).unwrap();
                for (offset, bytes) in pieces {
                    file.write_all_at(bytes, u64::from(*offset)).unwrap();
                }
                files.push(path(name));
            }
            Step::Symlink(name, target) => {
                let target: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(&target[..]);
                drop(symlink(target, path(name)));
            }
            Step::Link(name, of) if !files.is_empty() => drop(fs::hard_link(&files[of % files.len()], path(name))),
            Step::Fifo(name) => drop(mknod(&path(name), SFlag::S_IFIFO, Mode::S_IRUSR, 0)),
            Step::Whiteout(name) => drop(mknod(&path(name), SFlag::S_IFCHR, Mode::empty(), 0)),
            Step::Attribute(of, value) if !files.is_empty() => {
                drop(xattr::set(&files[of % files.len()], "user.x", value));
            }
            Step::Owner(of, owner, mode) if !files.is_empty() => {
                let file = &files[of % files.len()];
                // All ones is "as it is".
                chown(file, Some(owner & 0x7fff_ffff), Some(owner >> 1)).unwrap();
                fs::set_permissions(file, fs::Permissions::from_mode(*mode)).unwrap();
            }
            Step::Link(..) | Step::Attribute(..) | Step::Owner(..) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_tree_is_the_same_after_a_round_trip(steps in proptest::collection::vec((any::<usize>(), step()), 0..40)) {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), &steps);
        copied(dir.path());
    }
}
