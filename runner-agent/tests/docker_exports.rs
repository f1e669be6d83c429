//! Captures without the upper directory, on real Docker: what one sandbox changed, applied to another of the same image.

mod support;

use std::{
    fs::{self, File},
    net::Ipv4Addr,
    os::unix::fs::{FileExt, MetadataExt, symlink},
    path::{Path, PathBuf},
};

use paddock_layers::{Expected, Limits, pack, unpack_onto};
use paddock_runner_agent::{
    engine::{
        ContainerSpec, Kind,
        labels::{Labels, Role},
    },
    snapshots::exports,
};
use paddock_wire::work::{Wish, Work};
use support::{
    Rig,
    docker::{self, Cleanup},
    next,
};
use uuid::Uuid;

const SPARSE: u64 = 64 << 20;

fn name(work: &Work) -> String {
    format!("paddock-{}", work.sandbox_id)
}

async fn root(rig: &Rig, work: &Work) -> PathBuf {
    let container = rig.engine.inspect(&name(work)).await.unwrap().unwrap();
    PathBuf::from(format!("/proc/{}/root", container.pid.expect("it runs")))
}

/// A container of the image that is never started.
async fn still(rig: &Rig, image: &str) -> String {
    let spec = ContainerSpec {
        name: format!("paddock-{}-still", Uuid::new_v4()),
        labels: Labels {
            deployment: rig.deployment.clone(),
            runner: rig.runner_id().to_string(),
            address: Ipv4Addr::UNSPECIFIED,
            role: Role::Still,
        },
        image: image.to_owned(),
        kind: Kind::Still,
    };
    rig.engine.create(&spec).await.unwrap()
}

fn change(root: &Path) {
    fs::remove_file(root.join("etc/passwd")).unwrap();
    fs::remove_dir_all(root.join("tmp")).unwrap();
    fs::write(root.join("tmp"), "a file now").unwrap();
    let home = root.join("root");
    let sparse = File::create(home.join("sparse")).unwrap();
    sparse.write_all_at(b"end", SPARSE).unwrap();
    fs::write(home.join("one"), "linked").unwrap();
    fs::hard_link(home.join("one"), home.join("two")).unwrap();
    // A further name of a file of the image.
    fs::hard_link(root.join("pause"), root.join("etc/pause")).unwrap();
    symlink("one", home.join("link")).unwrap();
    fs::create_dir(home.join("many")).unwrap();
    for number in 0..20_000 {
        fs::write(home.join(format!("many/{number}")), number.to_string()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sandbox_changed_is_found_and_applied_to_another() {
    let (engine, daemon) = docker::engine().await;
    let image = docker::image(&engine, &daemon).await;
    let rig = Rig::start(engine, &daemon).await;
    // In this order the runner ends first, and makes nothing more.
    let (_cleanup, rig) = (Cleanup::of(rig.runner_id()), rig);
    let (first, second) = (rig.first_work(&image), rig.first_work(&image));
    for work in [&first, &second] {
        rig.reach(work).await;
    }
    change(&root(&rig, &first).await);

    let engine = &*rig.engine;
    let still = still(&rig, &image).await;
    let base = exports::tree(engine, &still).await.unwrap();
    engine.remove(&still).await.unwrap();
    let upper = tempfile::tempdir().unwrap();
    let dir = upper.path().join("capture");
    engine.pause(&name(&first)).await.unwrap();
    exports::place(engine, &name(&first), &base, &dir).await.unwrap();
    let blocks = fs::metadata(dir.join("root/sparse")).unwrap().blocks();
    assert!(blocks * 512 < SPARSE / 2, "zeros are holes");

    let mut layer = Vec::new();
    let packed = pack(&dir, &mut layer, None).unwrap();
    let expected = Expected { sha256: packed.sha256, size: packed.size };
    let limits = Limits { max_bytes: packed.unpacked, max_entries: packed.entries };
    engine.pause(&name(&second)).await.unwrap();
    unpack_onto(&*layer, &root(&rig, &second).await, &expected, limits, None).unwrap();

    let before = exports::tree(engine, &name(&first)).await.unwrap();
    let after = exports::tree(engine, &name(&second)).await.unwrap();
    let differs = after.changes_of(&before);
    // What is mounted has a place in each, made when each was started.
    let changed: [&[u8]; 4] = [b"tmp", b"pause", b"etc/pause", b"etc/passwd"];
    let differs: Vec<_> =
        differs.names().into_iter().filter(|name| name.starts_with(b"root") || changed.contains(name)).collect();
    assert!(differs.is_empty(), "{differs:?}");
    let sparse = fs::metadata(root(&rig, &second).await.join("root/sparse")).unwrap();
    assert_eq!(sparse.len(), SPARSE + 3);
    assert!(!root(&rig, &second).await.join("etc/passwd").exists());
    for work in [&first, &second] {
        engine.unpause(&name(work)).await.unwrap();
        rig.reach(&next(work, Wish::Destroyed)).await;
    }
}
