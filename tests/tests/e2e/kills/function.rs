//! Function processes, killed while they serve a request.

use anyhow::{Result, ensure};
use futures::future::join_all;
use paddock_tests::api::{Api, labelled};
use paddock_tests::converge::{CONVERGENCE, Look, within};
use paddock_tests::toolbox::Toolbox;
use paddock_tests::{docker, kill, processes, quota, turn};
use reqwest::Method;
use tokio::sync::watch;

use super::no_containers;

const TEST: &str = "kill-function";

#[tokio::test]
async fn functions_killed_in_the_middle_of_requests_lose_nothing() -> Result<()> {
    let _turn = turn::alone().await;
    let api = Api::owner();
    let (done, finished) = watch::channel(false);
    let killer = tokio::spawn(kill_busy_functions(finished));

    let answers = join_all((0..12).map(|_| async {
        let answer = api.call(Method::POST, "/sandbox", Some(&labelled(TEST))).await;
        answer
            .ok()
            .filter(|answer| answer.status == 200)
            .and_then(|answer| Some(answer.body["id"].as_str()?.to_owned()))
    }))
    .await;
    // It may have killed enough and ended already.
    let _ = done.send(true);
    let killed = killer.await??;
    ensure!(killed > 0, "no function was caught at work");
    let promised: Vec<String> = answers.into_iter().flatten().collect();
    println!("{killed} function processes killed; {} of 12 creates were answered", promised.len());

    // Each create happened or did not; what was promised is there, and whatever is there settles.
    let all = settled(&api).await?;
    for id in &promised {
        ensure!(all.contains(id), "{id} was promised and is lost");
    }
    for id in &all {
        Toolbox::of(id).until_works().await?;
        docker::container(id).await?;
    }
    quota::settles().await?;
    for id in &all {
        api.delete(id).await?;
        no_containers(id).await?;
    }
    quota::settles().await
}

/// All sandboxes, once every one is started.
async fn settled(api: &Api) -> Result<Vec<String>> {
    within(CONVERGENCE, "all sandboxes settle", || async {
        let listed = api.list().await?;
        let busy = listed.iter().any(|(_, state)| state != "started");
        Ok(if busy {
            Look::NotYet(format!("{listed:?}"))
        } else {
            Look::Done(listed.into_iter().map(|(id, _)| id).collect())
        })
    })
    .await
}

/// Kills what is at work, again and again, at most so often that some requests come through.
async fn kill_busy_functions(mut finished: watch::Receiver<bool>) -> Result<u32> {
    let mut killed = 0;
    while !*finished.borrow_and_update() && killed < 6 {
        for instance in kill::busy_functions().into_iter().take(1) {
            killed += u32::from(processes::kill_9(instance.pid).is_ok());
        }
        tokio::task::yield_now().await;
    }
    Ok(killed)
}
