//! `/port`, `/port/{port}/in-use`.

use paddock_wire::toolbox::ports::{InUse, Ports};
use tokio::net::TcpListener;

use crate::sandbox::Sandbox;

#[tokio::test]
async fn listeners_are_seen_at_once() {
    let sandbox = Sandbox::start().await;
    // A port of the range that callers may ask about.
    let mut bound = None;
    for port in 3000..=9999 {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            bound = Some((listener, port));
            break;
        }
    }
    let (listener, port) = bound.expect("one is free");
    let ports = sandbox.get("/port").await.read::<Ports>().ports;
    assert!(ports.contains(&port) && ports.contains(&sandbox.address.port()) && ports.is_sorted(), "{ports:?}");
    let in_use = async || sandbox.get(&format!("/port/{port}/in-use")).await.read::<InUse>().is_in_use;
    assert!(in_use().await);
    drop(listener);
    assert!(!in_use().await);
    for port in ["2999", "10000", "-1", "x", "70000"] {
        sandbox.get(&format!("/port/{port}/in-use")).await.assert_error(400, "BAD_REQUEST");
    }
}
