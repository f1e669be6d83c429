//! What the table's stream leaves behind.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use paddock_functions::{
    actions::{create_sandbox, set_labels, stop_sandbox},
    stream,
};
use paddock_model::{id::SandboxId, lifecycle::State};
use serde_json::{Value, json};

use crate::scene::{Scene, TABLE, request};

type Image = HashMap<String, AttributeValue>;

/// As Lambda hands it over.
fn json_of(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(digits) => json!({ "N": digits }),
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::Null(value) => json!({ "NULL": value }),
        AttributeValue::L(list) => json!({ "L": list.iter().map(json_of).collect::<Vec<_>>() }),
        other => panic!("no head has {other:?}"),
    }
}

fn image(item: Option<&Image>) -> Value {
    item.into_iter().flatten().map(|(name, value)| (name.clone(), json_of(value))).collect()
}

/// Tells the function of each step from one image to the next, the first being an insert.
async fn tell(scene: &Scene, images: &[Image]) {
    let mut old = None;
    let mut records = Vec::new();
    for new in images {
        let change = json!({"OldImage": image(old), "NewImage": image(Some(new)), "SizeBytes": 1});
        records.push(json!({"awsRegion": "local", "eventID": "1", "eventName": "MODIFY", "dynamodb": change}));
        old = Some(new);
    }
    let event = serde_json::from_value(json!({ "Records": records })).expect("an event");
    stream::handle(&scene.app, event).await.expect("the history is written");
}

/// The states that the history shows, in its own order.
async fn told(scene: &Scene, id: SandboxId) -> Vec<String> {
    let query = scene.db.query().table_name(TABLE).consistent_read(true);
    let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
    let query = query.expression_attribute_values(":pk", AttributeValue::S(format!("S#{id}")));
    let query = query.expression_attribute_values(":sk", AttributeValue::S("T#".to_owned()));
    let items = query.send().await.expect("the table reads").items.unwrap_or_default();
    items.iter().map(|item| item["state"].as_s().expect("a text").clone()).collect()
}

#[tokio::test]
async fn what_a_user_sees_is_kept_once_and_nothing_of_it_is_lost() {
    let scene = Scene::new().await;
    let mut runner = scene.runner().await;
    let id = scene.create().await.head.id;
    let mut images = vec![scene.item(id, "H").await];
    runner.work_off(&scene).await;
    images.push(scene.item(id, "H").await);
    set_labels::run(&scene.app, &scene.requester, &id.to_string(), [("a".into(), "b".into())].into()).await.unwrap();
    images.push(scene.item(id, "H").await);
    stop_sandbox::run(&scene.app, &scene.requester, &id.to_string(), false).await.unwrap();
    images.push(scene.item(id, "H").await);
    // Nobody answers: the same counters, and another end.
    for _ in 0..5 {
        scene.pass(Duration::from_secs(60));
        scene.sweep().await;
        images.push(scene.item(id, "H").await);
    }
    assert_eq!(scene.head(id).await.state, State::Error);
    for _ in 0..2 {
        tell(&scene, &images).await;
        assert_eq!(told(&scene, id).await, ["creating", "started", "stopping", "error"]);
    }
}

#[tokio::test]
async fn what_waits_in_a_pool_has_no_history_before_its_claim() {
    let scene = Scene::with_pool(1).await;
    let mut runner = scene.runner().await;
    let id = SandboxId(runner.works(&scene).await.remove(0).sandbox_id);
    let mut images = vec![scene.item(id, "H").await];
    scene.pass(Duration::from_secs(5));
    scene.sweep().await;
    runner.work_off(&scene).await;
    images.push(scene.item(id, "H").await);
    tell(&scene, &images).await;
    assert!(told(&scene, id).await.is_empty());
    assert_eq!(create_sandbox::run(&scene.app, &scene.requester, request()).await.unwrap().head.id, id);
    images.push(scene.item(id, "H").await);
    tell(&scene, &images).await;
    assert_eq!(told(&scene, id).await, ["started"]);
}
