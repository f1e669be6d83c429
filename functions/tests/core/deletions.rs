//! Delete succeeds from each of the states: each is forced, by the table where no runner of a test gets it there.

use aws_sdk_dynamodb::types::AttributeValue;
use paddock_functions::actions::delete_sandbox;
use paddock_model::{
    lifecycle::{Desired, State},
    quota::Charge,
};

use crate::scene::Scene;

/// What is wished in a state, so that the head is one that can come to be.
fn desired(state: State) -> Desired {
    match state {
        State::Destroyed | State::Destroying => Desired::Destroyed,
        State::Stopped | State::Stopping => Desired::Stopped,
        State::Archived | State::Archiving => Desired::Archived,
        State::Pausing | State::Paused => Desired::Paused,
        State::Creating
        | State::Restoring
        | State::Started
        | State::Starting
        | State::Error
        | State::BuildFailed
        | State::PendingBuild
        | State::BuildingSnapshot
        | State::Unknown
        | State::PullingSnapshot
        | State::Resizing
        | State::Snapshotting
        | State::Forking
        | State::Resuming => Desired::Started,
    }
}

#[tokio::test]
async fn delete_succeeds_from_every_state_and_pays_everything_back() {
    for state in State::ALL.into_iter().filter(|state| *state != State::Destroyed) {
        let scene = Scene::new().await;
        let mut runner = scene.runner().await;
        let id = scene.started(&mut runner).await.id;
        if state == State::Destroying {
            // Nobody is in it without a wish that is under way.
            delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await.unwrap();
        } else {
            let text = |text: &str| AttributeValue::S(text.to_owned());
            scene.tamper(id, "H", "state", text(state.as_str())).await;
            scene.tamper(id, "H", "desired", text(desired(state).as_str())).await;
        }
        let first = delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await;
        if state == State::Destroying {
            assert!(first.is_ok(), "asked for again: {first:?}");
        } else {
            let head = first.unwrap_or_else(|error| panic!("{state}: {error}")).head;
            assert_eq!(head.desired, Desired::Destroyed, "{state}");
        }
        scene.pass(std::time::Duration::from_secs(6));
        scene.sweep().await;
        runner.work_off(&scene).await;
        assert_eq!(scene.head(id).await.state, State::Destroyed, "{state}");
        assert_eq!(scene.used_and_held().await, (Charge::default(), Charge::default()), "{state}");
        let again = delete_sandbox::run(&scene.app, &scene.requester, &id.to_string()).await;
        assert!(again.is_err(), "{state}: it is gone");
    }
}
