//! Neighbour, host, metadata service and private ranges cannot be reached; the public internet can.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{Look, PATIENCE, within};
use paddock_tests::stack::STACK;
use paddock_tests::toolbox::Toolbox;
use paddock_tests::{docker, turn};

use super::world::{METADATA, PORT, PRIVATE, PUBLIC, World, host_addresses};

/// Ports that are worth an attack: our own services, and Docker's and SSH's wherever they listen.
fn services() -> Vec<u16> {
    let ours = [&STACK.api_url, &STACK.aws_url, &STACK.proxy_url, &STACK.second_proxy_url()];
    let port = |url: &String| reqwest::Url::parse(url).ok()?.port();
    ours.into_iter().filter_map(port).chain([22, 2375, 2376]).collect()
}

type Target = (String, u16);

// Others' calls would only slow the probes down, but the world's routes are the host's.
#[tokio::test]
async fn a_sandbox_reaches_the_internet_but_no_neighbour_host_or_private_network() -> Result<()> {
    let _turn = turn::alone().await;
    let world = World::make().await?;
    let api = Api::owner();
    let (attacker, neighbour) = (api.create(labelled("isolation")).await?, api.create(labelled("isolation")).await?);
    let neighbour_address =
        docker::pause_of(&docker::container(&neighbour).await?).await?.address().context("a sandbox has an address")?;
    Toolbox::of(&neighbour).sh("nohup python3 -m http.server 8080 >/dev/null 2>&1 &").await?;

    let host = host_addresses().await?;
    let mut forbidden: BTreeSet<Target> =
        PRIVATE.iter().chain([&METADATA]).map(|ip| ((*ip).to_owned(), PORT)).collect();
    forbidden.extend(host.iter().map(|ip| (ip.clone(), world.host_port)));
    let public = (PUBLIC.to_owned(), PORT);
    let everything: BTreeSet<Target> = forbidden.iter().cloned().chain([public.clone()]).collect();

    // An ordinary container of the same image reaches all of it (IPv6 only where Docker has it): the servers are there.
    let image = docker::container(&attacker).await?.all["Image"].as_str().unwrap_or_default().to_owned();
    let expected: BTreeSet<Target> = everything.iter().filter(|(ip, _)| !ip.contains(':')).cloned().collect();
    within(PATIENCE, "an ordinary container reaches all servers", || async {
        let reached = from_ordinary_container(&image, &everything).await?;
        Ok(if reached.is_superset(&expected) {
            Look::Done(())
        } else {
            Look::NotYet(format!("{reached:?} of {expected:?}"))
        })
    })
    .await?;
    // And the neighbour's servers answer the host.
    for port in [8080, 2280] {
        within(PATIENCE, "the neighbour's server listens", || async {
            tokio::net::TcpStream::connect((neighbour_address.as_str(), port)).await?;
            Ok(Look::Done(()))
        })
        .await?;
    }

    forbidden.extend([8080, 2280].map(|port| (neighbour_address.clone(), port)));
    forbidden.extend(host.iter().flat_map(|ip| services().into_iter().map(|port| (ip.clone(), port))));
    forbidden.insert(("fd00:ec2::254".to_owned(), PORT));
    let all: BTreeSet<Target> = forbidden.iter().cloned().chain([public.clone()]).collect();
    for id in [&attacker, &neighbour] {
        let own = |target: &Target| id == &neighbour && target.0 == neighbour_address;
        let leaks = |reached: &BTreeSet<Target>| -> Vec<Target> {
            reached.intersection(&forbidden).filter(|target| !own(target)).cloned().collect()
        };
        // On a busy machine a probe's time may be over before any packet came through; a leak is one at first sight.
        let leaked = within(PATIENCE, "a sandbox reaches the internet, or the probe proves nothing", || async {
            let reached = from_sandbox(id, &all).await?;
            let leaked = leaks(&reached);
            let is_proof = reached.contains(&public) || !leaked.is_empty();
            Ok(if is_proof { Look::Done(leaked) } else { Look::NotYet(format!("{reached:?}")) })
        })
        .await?;
        ensure!(leaked.is_empty(), "a sandbox reaches {leaked:?}");
    }
    drop(world);
    api.delete(&attacker).await?;
    api.delete(&neighbour).await
}

/// Prints the targets that accept a connection.
fn probe(targets: &BTreeSet<Target>) -> String {
    format!(
        "import socket
from concurrent.futures import ThreadPoolExecutor
def reached(target):
    try:
        with socket.create_connection(target, timeout=3): return True
    except OSError: return False
targets = {targets:?}
targets = list(targets)
with ThreadPoolExecutor(64) as pool:
    for target, yes in zip(targets, pool.map(reached, targets)):
        if yes: print(*target)"
    )
}

async fn from_sandbox(id: &str, targets: &BTreeSet<Target>) -> Result<BTreeSet<Target>> {
    let ran = Toolbox::of(id).python(&probe(targets)).await?;
    ensure!(ran.code == 0, "the probe failed: {}", ran.output);
    Ok(parse(&ran.output))
}

async fn from_ordinary_container(image: &str, targets: &BTreeSet<Target>) -> Result<BTreeSet<Target>> {
    let code = probe(targets);
    Ok(parse(&docker::docker(&["run", "--rm", "--entrypoint", "python3", image, "-c", &code]).await?))
}

fn parse(output: &str) -> BTreeSet<Target> {
    let target = |line: &str| {
        let (address, port) = line.split_once(' ')?;
        Some((address.to_owned(), port.parse().ok()?))
    };
    output.lines().filter_map(target).collect()
}
