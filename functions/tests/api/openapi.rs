//! The description of the API.

use std::path::Path;

use paddock_functions::openapi;
use serde_json::Value;

/// Set to write the committed file anew instead of comparing.
const UPDATE: &str = "PADDOCK_UPDATE_OPENAPI";

/// All operations described: method in capitals, path without `/api`.
pub fn operations() -> Vec<(String, String, Value)> {
    let description: Value = serde_json::from_str(&openapi::json()).expect("JSON");
    let paths = description["paths"].as_object().expect("paths").clone();
    let mut operations = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods") {
            operations.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    operations
}

#[test]
fn the_committed_description_is_the_generated_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let generated = openapi::json();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&file, &generated).expect("written");
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = "functions/openapi.json differs from the handlers; if that is wanted, write it anew with";
    assert!(committed == generated, "{differs}: {UPDATE}=1 cargo test -p paddock-functions --test api openapi");
}

/// Each line of the router names a path and the methods of its handlers.
#[test]
fn the_description_and_the_router_name_the_same_operations() {
    let source = include_str!("../../src/router.rs");
    let mut routed = Vec::new();
    for line in source.lines().filter_map(|line| line.trim().strip_prefix(".route(\"")) {
        let (path, handlers) = line.split_once("\", ").expect("a route has handlers");
        for method in ["get", "post", "put", "patch", "delete"] {
            if handlers.starts_with(&format!("{method}(")) || handlers.contains(&format!(").{method}(")) {
                routed.push((method.to_uppercase(), path.to_owned()));
            }
        }
    }
    let mut described: Vec<_> = operations().into_iter().map(|(method, path, _)| (method, path)).collect();
    routed.sort();
    described.sort();
    assert_eq!(routed, described);
    assert!(routed.len() > 20, "the router was not read");
}
