//! Agents' tokens, API keys, grants, and the revocation feed.

use std::time::Duration;

use paddock_functions::{
    actions::{
        Error, Requester, authenticate, authenticate_agent, authorize, create_api_key, declare_runner_dead,
        delete_api_key, delete_sandbox, find_api_key, list_api_keys, read_revocations, register_agent,
    },
    seal::sha256_hex,
};
use paddock_model::{
    access::Permission,
    id::{RunnerId, UserId},
    time::Timestamp,
};
use paddock_wire::agents::{Authorize, Credential, Register, Revoked};

use crate::{
    runner::{comeback, registration},
    scene::{API_KEY, JOIN_TOKEN, Scene},
};

fn wanted(name: &str, expires_at: Option<Timestamp>) -> create_api_key::Request {
    create_api_key::Request { name: name.to_owned(), permissions: vec![Permission::WriteSandboxes], expires_at }
}

fn ask(sandbox: &str, token: &str) -> Authorize {
    let credential = Credential::Bearer { token: token.to_owned() };
    Authorize { sandbox: sandbox.to_owned(), credential, organization: None }
}

#[tokio::test]
async fn only_the_join_token_joins_and_only_the_newest_token_speaks() {
    let scene = Scene::new().await;
    let refused = register_agent::run(&scene.app, "wrong", registration()).await;
    assert!(matches!(refused, Err(Error::InvalidAgentToken)));
    let first = register_agent::run(&scene.app, JOIN_TOKEN, registration()).await.unwrap();
    authenticate_agent::run(&scene.app, &first.token).await.unwrap();
    let again = comeback(&scene, first.runner_id);
    let second = register_agent::run(&scene.app, JOIN_TOKEN, again).await.unwrap();
    assert_eq!(
        (second.runner_id, &second.queue_url, &second.env_key),
        (first.runner_id, &first.queue_url, &first.env_key)
    );
    authenticate_agent::run(&scene.app, &second.token).await.unwrap();
    let old = authenticate_agent::run(&scene.app, &first.token).await;
    assert!(matches!(old, Err(Error::InvalidAgentToken)));
    for token in ["", "x", &format!("{}.", second.runner_id), &format!("{}.00", second.runner_id)] {
        assert!(matches!(authenticate_agent::run(&scene.app, token).await, Err(Error::InvalidAgentToken)));
    }
}

#[tokio::test]
async fn the_place_of_a_known_agent_is_its_own() {
    let scene = Scene::new().await;
    let agent = register_agent::run(&scene.app, JOIN_TOKEN, registration()).await.unwrap();
    let id = agent.runner_id;
    let lost_key = Register { runner_id: Some(id), ..registration() };
    let of_another = Register { proof: comeback(&scene, uuid::Uuid::new_v4()).proof, ..lost_key.clone() };
    let overheard = comeback(&scene, id);
    scene.pass(Duration::from_secs(302));
    for taker in [lost_key.clone(), of_another, overheard] {
        let refused = register_agent::run(&scene.app, JOIN_TOKEN, taker).await;
        assert!(matches!(refused, Err(Error::AgentNotProven(refused)) if refused.0 == id));
    }
    authenticate_agent::run(&scene.app, &agent.token).await.unwrap();
    register_agent::run(&scene.app, JOIN_TOKEN, comeback(&scene, id)).await.unwrap();

    declare_runner_dead::run(&scene.app, RunnerId(id)).await.unwrap();
    register_agent::run(&scene.app, JOIN_TOKEN, lost_key).await.unwrap();
}

#[tokio::test]
async fn a_revocation_that_is_written_late_is_still_heard() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.started(&mut runner).await.id;
    delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
    // Its time is that of the decision; the writing may take as long as a function may run.
    scene.pass(Duration::from_secs(40));
    let cursor = scene.app.now().0.to_string();
    let feed = read_revocations::run(&scene.app, Some(&cursor)).await.unwrap();
    assert!(feed.entries.iter().any(|entry| entry.what == Revoked::Sandbox { sandbox_id: id.0 }));
}

#[tokio::test]
async fn a_key_opens_until_it_expires_or_is_deleted() {
    let scene = Scene::new().await;
    let end = scene.app.now().after(Duration::from_secs(60));
    let made = create_api_key::run(&scene.app, &scene.requester, wanted("short", Some(end))).await.unwrap();
    assert!(made.value.starts_with("dtn_") && made.value.len() == 68);
    assert_eq!(authenticate::run(&scene.app, &made.value).await.unwrap().name, "short");
    scene.pass(Duration::from_secs(60));
    assert!(matches!(authenticate::run(&scene.app, &made.value).await, Err(Error::CredentialsExpired)));

    let made = create_api_key::run(&scene.app, &scene.requester, wanted("long", None)).await.unwrap();
    delete_api_key::run(&scene.app, &scene.requester, "long").await.unwrap();
    assert!(matches!(authenticate::run(&scene.app, &made.value).await, Err(Error::InvalidCredentials)));
    assert!(matches!(find_api_key::run(&scene.app, &scene.requester, "long").await, Err(Error::ApiKeyNotFound(_))));
    let feed = read_revocations::run(&scene.app, None).await.unwrap();
    let revoked = Revoked::Credential { sha256: sha256_hex(&made.value) };
    assert!(feed.entries.iter().any(|entry| entry.what == revoked));
}

#[tokio::test]
async fn key_names_are_unique_per_user_and_keys_are_listed_per_user() {
    let scene = Scene::new().await;
    create_api_key::run(&scene.app, &scene.requester, wanted("a", None)).await.unwrap();
    let twice = create_api_key::run(&scene.app, &scene.requester, wanted("a", None)).await;
    assert!(matches!(twice, Err(Error::NameTaken { .. })));
    let other = Requester { user: UserId("other".into()), ..scene.requester.clone() };
    create_api_key::run(&scene.app, &other, wanted("a", None)).await.unwrap();
    let names = |keys: Vec<paddock_model::access::ApiKey>| keys.into_iter().map(|key| key.name).collect::<Vec<_>>();
    assert_eq!(names(list_api_keys::run(&scene.app, &scene.requester).await.unwrap()), ["a", "first"]);
    assert_eq!(names(list_api_keys::run(&scene.app, &other).await.unwrap()), ["a"]);
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_at_most_each_ten_minutes() {
    let scene = Scene::new().await;
    let first = scene.app.now();
    authenticate::run(&scene.app, API_KEY).await.unwrap();
    scene.pass(Duration::from_secs(300));
    authenticate::run(&scene.app, API_KEY).await.unwrap();
    let used = |key: paddock_model::access::ApiKey| key.last_used_at;
    assert_eq!(used(find_api_key::run(&scene.app, &scene.requester, "first").await.unwrap()), Some(first));
    scene.pass(Duration::from_secs(300));
    authenticate::run(&scene.app, API_KEY).await.unwrap();
    let now = scene.app.now();
    assert_eq!(used(find_api_key::run(&scene.app, &scene.requester, "first").await.unwrap()), Some(now));
}

#[tokio::test]
async fn a_grant_names_the_owner_and_ends_with_the_sandbox() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.started(&mut runner).await.id;
    let grant = authorize::run(&scene.app, ask(&id.to_string(), API_KEY)).await.unwrap();
    assert_eq!((grant.sandbox_id, grant.runner_id), (id.0, Some(runner.registered.runner_id)));
    assert_eq!((grant.epoch, grant.generation, grant.wants_started, grant.ttl_seconds), (1, 1, true, 300));
    assert_eq!(grant.credential_sha256, sha256_hex(API_KEY));
    assert_eq!(grant.relay_url.as_deref(), Some("http://127.0.0.1:4100"));
    let wrong = authorize::run(&scene.app, ask(&id.to_string(), "dtn_wrong")).await;
    assert!(matches!(wrong, Err(Error::InvalidCredentials)));

    let cursor = read_revocations::run(&scene.app, None).await.unwrap().cursor;
    scene.pass(Duration::from_secs(2));
    delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
    let feed = read_revocations::run(&scene.app, Some(&cursor)).await.unwrap();
    assert!(feed.entries.iter().any(|entry| entry.what == Revoked::Sandbox { sandbox_id: id.0 }));
    runner.work_off(&scene).await;
    let gone = authorize::run(&scene.app, ask(&id.to_string(), API_KEY)).await;
    assert!(matches!(gone, Err(Error::SandboxNotFound(_))));
}

#[tokio::test]
async fn a_cursor_that_is_too_old_or_none_at_all_is_refused() {
    let scene = Scene::new().await;
    let cursor = read_revocations::run(&scene.app, None).await.unwrap().cursor;
    scene.pass(Duration::from_secs(3600));
    assert!(matches!(read_revocations::run(&scene.app, Some(&cursor)).await, Err(Error::CursorTooOld)));
    assert!(matches!(read_revocations::run(&scene.app, Some("x")).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_queue_of_an_earlier_version_gets_todays_attributes() {
    let scene = Scene::new().await;
    let id = uuid::Uuid::new_v4();
    let name = format!("{}{id}", scene.app.config.queue_prefix);
    let retention = aws_sdk_sqs::types::QueueAttributeName::MessageRetentionPeriod;
    scene.sqs.create_queue().queue_name(name).attributes(retention.clone(), "60").send().await.unwrap();
    let again = Register { runner_id: Some(id), ..registration() };
    let registered = register_agent::run(&scene.app, JOIN_TOKEN, again).await.unwrap();
    let ask = scene.sqs.get_queue_attributes().queue_url(registered.queue_url).attribute_names(retention.clone());
    let attributes = ask.send().await.unwrap().attributes.unwrap();
    assert_eq!(attributes[&retention], "600");
}
