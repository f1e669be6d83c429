//! A runner on real Docker: start, isolation, and what breaks behind its back.

mod support;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use paddock_runner_agent::{network, sandboxes::registry::Phase};
use paddock_wire::work::{Observed, Wish, Work};
use support::{
    Rig,
    docker::{self, Cleanup},
    next,
};

async fn rig() -> (Cleanup, Rig, String) {
    let _already = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
    let (engine, daemon) = docker::engine().await;
    let image = docker::image(&engine, &daemon).await;
    let rig = Rig::start(engine, &daemon).await;
    let cleanup = Cleanup::of(rig.runner_id());
    (cleanup, rig, image)
}

async fn pid(rig: &Rig, work: &Work) -> i32 {
    let container = rig.engine.inspect(&format!("paddock-{}", work.sandbox_id)).await.unwrap().unwrap();
    container.pid.expect("it runs")
}

/// Networks are made in advance: what is timed is a start that uses one.
/// The host name that this process sees.
fn host_name(pid: i32) -> String {
    docker::run("nsenter", &["-t", &pid.to_string(), "-u", "hostname"]).trim().to_owned()
}

async fn stock_is_full(rig: &Rig) {
    let full = async {
        while rig.containers().await.iter().filter(|(_, running)| *running).count() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, full).await.expect("stock is made");
}

/// Whether a TCP connection from the sandbox's network gets through at once, which is long enough for a packet that is
/// dropped by no rule.
fn reaches(pid: i32, target: SocketAddr) -> bool {
    let probe = move || {
        let namespace = std::fs::File::open(format!("/proc/{pid}/ns/net")).unwrap();
        nix::sched::setns(namespace.as_fd(), nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        TcpStream::connect_timeout(&target, Duration::from_millis(700)).is_ok()
    };
    std::thread::spawn(probe).join().unwrap()
}

/// Whether one gets through in the end: on a busy machine a packet may be late, or be sent again after a second.
async fn comes_to_reach(pid: i32, target: SocketAddr) -> bool {
    let reached = async {
        while !reaches(pid, target) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, reached).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_starts_stops_and_goes() {
    let (_cleanup, rig, image) = rig().await;
    stock_is_full(&rig).await;
    let created = rig.first_work(&image);
    let began = Instant::now();
    rig.wish(&created);
    let addr = rig.running(&created).await;
    println!("create to ready: {:?}", began.elapsed());
    let report = rig.control.heard(&created, |seen| *seen == Observed::Started).await;
    assert!(report.facts.daemon_version.is_some());
    assert_eq!(addr.port(), 2280);

    let pid = pid(&rig, &created).await;
    assert_eq!(host_name(pid), created.sandbox_id.to_string());
    let hosts = std::fs::read_to_string(format!("/proc/{pid}/root/etc/hosts")).unwrap();
    assert!(hosts.contains(&format!("{}\t{}", addr.ip(), created.sandbox_id)), "{hosts}");
    let ipv6 = std::fs::read_to_string(format!("/proc/{pid}/net/if_inet6")).unwrap_or_default();
    assert_eq!(ipv6, "", "IPv6 is off");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("Seccomp:\t2"), "the default profile is in force");

    let stopped = next(&created, Wish::Stopped { force: false });
    rig.reach(&stopped).await;
    let started = next(&stopped, Wish::Started);
    rig.reach(&started).await;
    assert_eq!(rig.running(&started).await, addr, "the address stays");
    rig.reach(&next(&started, Wish::Destroyed)).await;
    assert_eq!(rig.bodies(created.sandbox_id).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_reaches_the_resolver_and_nothing_else_nearby() {
    let (_cleanup, rig, image) = rig().await;
    let (_other_cleanup, other_rig, _) = self::rig().await;
    let (ours, neighbour, stranger) = (rig.first_work(&image), rig.first_work(&image), other_rig.first_work(&image));
    let ours_addr = {
        rig.reach(&ours).await;
        rig.running(&ours).await
    };
    rig.reach(&neighbour).await;
    let neighbour = rig.running(&neighbour).await;
    other_rig.reach(&stranger).await;
    let stranger = other_rig.running(&stranger).await;
    let pid = pid(&rig, &ours).await;

    let network = rig.engine.ensure_network(&spec(&rig).await).await.unwrap();
    assert!(comes_to_reach(pid, (network.gateway, 53).into()).await, "the resolver");
    assert!(comes_to_reach(pid, ours_addr).await, "itself");
    assert!(!reaches(pid, neighbour), "a neighbour on the same bridge");
    assert!(!reaches(pid, stranger), "a sandbox of another runner");

    // A service of the host, on all its addresses.
    let service = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = service.local_addr().unwrap().port();
    let addresses = docker::run("hostname", &["-I"]);
    let addresses: Vec<Ipv4Addr> = addresses.split_whitespace().filter_map(|text| text.parse().ok()).collect();
    assert!(addresses.contains(&network.gateway), "{addresses:?}");
    // Networks of other tests come and go: what does not answer to the host proves nothing. Where one has just gone the
    // packets leave the machine, and nobody answers for minutes.
    let answers =
        |address: &Ipv4Addr| TcpStream::connect_timeout(&(*address, port).into(), Duration::from_secs(10)).is_ok();
    let answering: Vec<_> = addresses.into_iter().filter(answers).collect();
    assert!(answering.contains(&network.gateway) && answering.len() > 1, "{answering:?}");
    for address in answering {
        assert!(!reaches(pid, (address, port).into()), "the host at {address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_another_tool_changed_are_put_back() {
    let (_cleanup, mut rig, _) = rig().await;
    let firewall = rig.runner.as_ref().unwrap().host.firewall.clone().expect("a real network");
    // The agent upholds the rules too, in its own time: it might put them back before the look below.
    rig.kill_agent().await;
    let table = format!("paddock_{}", network::short(rig.runner_id()));
    let listed = || docker::run("nft", &["list", "table", "inet", &table]);
    let before = listed();
    assert!(firewall.holds() && before.contains("drop"), "{before}");
    // The table is still there, and lets everything through.
    docker::run("nft", &["flush", "table", "inet", &table]);
    assert_ne!(listed(), before);
    firewall.uphold().await.unwrap();
    assert_eq!(listed(), before);
    firewall.uphold().await.unwrap();
}

async fn spec(rig: &Rig) -> paddock_runner_agent::engine::NetworkSpec {
    network::ensure(&rig.engine, &rig.deployment, rig.runner_id(), None).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_killed_comes_back() {
    let (_cleanup, mut rig, image) = rig().await;
    let created = rig.first_work(&image);
    rig.reach(&created).await;
    let addr = rig.running(&created).await;
    let name = format!("paddock-{}", created.sandbox_id);
    let marker = |pid: i32| format!("/proc/{pid}/root/root/marker");
    std::fs::write(marker(pid(&rig, &created).await), "kept").unwrap();

    let before = pid(&rig, &created).await;
    docker::run("kill", &["-9", &before.to_string()]);
    came_back(&rig, &created, before).await;

    let before = pid(&rig, &created).await;
    let labels = rig.engine.inspect(&name).await.unwrap().unwrap().labels;
    let pause = labels.sandbox().unwrap().pause.clone();
    docker::run("docker", &["kill", &pause]);
    came_back(&rig, &created, before).await;
    assert_eq!(rig.running(&created).await, addr, "with its address");

    let before = pid(&rig, &created).await;
    rig.kill_agent().await;
    // As if the agent had ended between the container's start and its naming.
    docker::run("nsenter", &["-t", &before.to_string(), "-u", "hostname", "unnamed"]);
    rig.start_agent().await;
    assert_eq!(rig.running(&created).await, addr);
    assert_eq!(pid(&rig, &created).await, before, "an agent's restart disturbs nothing");
    assert_eq!(host_name(before), created.sandbox_id.to_string());
    assert_eq!(std::fs::read_to_string(marker(before)).unwrap(), "kept");
    assert_eq!(rig.bodies(created.sandbox_id).await, 1);
}

/// Doors are open again, to another process.
async fn came_back(rig: &Rig, work: &Work, before: i32) {
    let back = async {
        loop {
            // The death is noticed in its own time: until then the old state stands.
            rig.running(work).await;
            let now = rig.engine.inspect(&format!("paddock-{}", work.sandbox_id)).await.unwrap().unwrap();
            let applied = rig.applied(work.sandbox_id, |_| true).await;
            if now.pid.is_some_and(|pid| pid != before) && matches!(applied.phase, Phase::Running { .. }) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, back).await.expect("it comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_fills_its_disk_is_held_to_it_or_stopped_and_keeps_its_files() {
    let (_cleanup, rig, image) = rig().await;
    let mut created = rig.first_work(&image);
    created.spec.disk_gib = 1;
    rig.reach(&created).await;
    let big = format!("/proc/{}/root/root/big", pid(&rig, &created).await);
    let mut bytes = std::io::Read::take(std::io::repeat(1), 1100 << 20);
    let written = std::io::copy(&mut bytes, &mut std::fs::File::create(&big).unwrap());
    println!("the engine limits the disk: {}", rig.engine.limits_disk());
    if rig.engine.limits_disk() {
        let error = written.unwrap_err();
        assert!(matches!(error.kind(), std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::StorageFull), "{error}");
        rig.running(&created).await;
        rig.reach(&next(&created, Wish::Destroyed)).await;
        return;
    }
    assert_eq!(written.unwrap(), 1100 << 20);
    let failed = rig.control.heard(&created, |seen| matches!(seen, Observed::Failed { .. })).await;
    assert_eq!(
        failed.observed,
        Observed::Failed { reason: "disk limit of 1 GiB exceeded (uses 1.1 GiB)".to_owned(), recoverable: true }
    );
    let name = format!("paddock-{}", created.sandbox_id);
    assert!(!rig.engine.inspect(&name).await.unwrap().unwrap().running);
    let recovered = next(&created, Wish::Started);
    rig.reach(&recovered).await;
    let big = format!("/proc/{}/root/root/big", pid(&rig, &recovered).await);
    assert_eq!(std::fs::metadata(&big).unwrap().len(), 1100 << 20, "its files are there");
    std::fs::remove_file(&big).unwrap();
    rig.running(&recovered).await;
    rig.reach(&next(&recovered, Wish::Destroyed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_creates_succeeds() {
    let (_cleanup, rig, image) = rig().await;
    let rig = Arc::new(rig);
    let works: Vec<_> = (0..6).map(|_| rig.first_work(&image)).collect();
    for work in &works {
        rig.wish(work);
    }
    let mut addresses = std::collections::BTreeSet::new();
    for work in &works {
        addresses.insert(rig.running(work).await);
    }
    assert_eq!(addresses.len(), works.len(), "each has its own address");
    for work in &works {
        rig.reach(&next(work, Wish::Destroyed)).await;
    }
    assert_eq!(rig.runner.as_ref().unwrap().host.holdings.allocated().sandboxes, 0);
}
