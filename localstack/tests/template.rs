//! The template as the code of other crates relies on it (brief, design section 5).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use paddock_localstack::template::{KeySchema, Route, Template, TemplateError};

fn parsed() -> Template {
    Template::parse(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml")).unwrap()
}

#[test]
fn the_table_has_the_keys_indexes_stream_and_expiry_the_store_uses() {
    let template = parsed();
    let table = template.table("PaddockTable").unwrap();
    let key = |partition: &str, sort: &str| KeySchema { partition: partition.into(), sort: Some(sort.into()) };
    assert_eq!((table.name.as_str(), &table.key), ("paddock", &key("pk", "sk")));
    let indexes: Vec<_> =
        table.indexes.iter().map(|index| (index.name.as_str(), &index.key, index.projection.as_str())).collect();
    let (one, two, three) = (key("g1pk", "g1sk"), key("g2pk", "g2sk"), key("g3pk", "g3sk"));
    assert_eq!(indexes, [("gsi1", &one, "KEYS_ONLY"), ("gsi2", &two, "KEYS_ONLY"), ("gsi3", &three, "KEYS_ONLY")]);
    assert_eq!(table.stream_view.as_deref(), Some("NEW_AND_OLD_IMAGES"));
    assert_eq!(table.ttl_attribute.as_deref(), Some("ttl"));
    assert!(table.attributes.values().all(|kind| kind == "S"));
    assert_eq!(table.create_request["BillingMode"], "PAY_PER_REQUEST");
}

#[test]
fn every_function_has_its_name_program_environment_and_sources() {
    let template = parsed();
    let programs: Vec<_> =
        template.functions.iter().map(|function| (function.name.as_str(), function.program.as_str())).collect();
    let expected = ["api", "agents", "events", "reconcile"].map(|name| (format!("paddock-{name}"), name));
    assert!(expected.iter().all(|(name, program)| programs.contains(&(name, program))), "{programs:?}");
    for function in &template.functions {
        assert_eq!(function.environment["PADDOCK_TABLE"], "paddock");
        assert_eq!(function.environment["PADDOCK_PROXY_URL"], "http://localhost:4000/toolbox");
    }
    let route = |path: &str| Route { method: "ANY".into(), path: path.into() };
    let routes = |name: &str| template.function(name).unwrap().routes.clone();
    assert_eq!(routes("paddock-api").len(), 2);
    assert!([route("/api"), route("/api/{proxy+}")].iter().all(|wanted| routes("paddock-api").contains(wanted)));
    assert_eq!(routes("AgentsFunction"), [route("/agents/{proxy+}")]);
    let reconcile = template.function("paddock-reconcile").unwrap();
    assert_eq!(
        reconcile.schedules.iter().map(|schedule| schedule.every).collect::<Vec<_>>(),
        [Duration::from_secs(60)]
    );
    let stream = &template.function("paddock-events").unwrap().streams[0];
    assert_eq!((stream.table.as_str(), stream.retries), ("paddock", 5));
    assert_eq!(stream.dead_letters.as_deref(), Some("paddock-events-dead-letters"));
    assert!(stream.bisects && stream.window > Duration::ZERO);
    let record = |pk: &str, sk: &str| serde_json::json!({"eventName": "MODIFY", "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}}});
    let passes = |pk: &str, sk: &str| stream.filters.iter().any(|filter| filter.matches(&record(pk, sk)));
    assert!(passes("S#a", "H") && !passes("S#a", "P") && !passes("S#a", "T#1") && !passes("W#a", "L"));
}

#[test]
fn secrets_have_no_default_and_given_values_reach_names_and_environment() {
    let template = parsed();
    assert_eq!(template.missing_parameters(), ["JoinTokenSha256", "MasterKey"]);
    let given = BTreeMap::from([("TableName".to_owned(), "other".to_owned())]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml");
    let template = Template::parse_with(&path, &given).unwrap();
    assert_eq!(template.tables[0].name, "other");
    assert_eq!(template.functions[0].environment["PADDOCK_TABLE"], "other");
    assert_eq!(template.queues[0].name, "other-events-dead-letters");
    let unknown = BTreeMap::from([("Tablename".to_owned(), "x".to_owned())]);
    assert!(matches!(Template::parse_with(&path, &unknown), Err(TemplateError::UnknownParameter(..))));
}

/// The functions refuse to start without their variables, and no emulator would say so before.
#[test]
fn the_environment_is_what_the_functions_read() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/src/config.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let literals = source.split('"').filter(|part| part.starts_with("PADDOCK_"));
    let read: BTreeSet<&str> = literals
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .collect();
    assert!(read.contains("PADDOCK_MASTER_KEY"), "the configuration is read elsewhere now: {read:?}");
    for function in parsed().functions {
        let given: BTreeSet<&str> =
            function.environment.keys().map(String::as_str).filter(|key| key.starts_with("PADDOCK_")).collect();
        assert_eq!(given, read, "{}", function.name);
    }
}

/// An agent that lacks a variable ends at once, on a machine that nobody looks at.
#[test]
fn the_fleet_gives_agents_what_they_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let code = std::fs::read_to_string(folder.join("runner-agent/src/config.rs")).unwrap();
    let fleet = std::fs::read_to_string(folder.join("infra/fleet.yaml")).unwrap();
    let known: BTreeSet<&str> = code.split('"').filter(|part| part.starts_with("PADDOCK_")).collect();
    let required: BTreeSet<&str> = code
        .split("required")
        .skip(1)
        .filter_map(|after| after.split_once('(')?.1.strip_prefix('"')?.split('"').next())
        .filter(|name| name.starts_with("PADDOCK_"))
        .collect();
    assert!(required.len() > 6, "the configuration is read elsewhere now: {required:?}");
    let others = [("runner", vec!["PADDOCK_EDGE_LISTEN"]), ("edge", vec!["PADDOCK_RELAY_LISTEN", "PADDOCK_DAEMON"])];
    for (role, others) in others {
        let (_, script) = fleet.split_once(&format!("PADDOCK_ROLE={role}")).unwrap();
        let (script, _) = script.split_once("END").unwrap();
        let lines = script.lines().filter_map(|line| line.trim().split_once('='));
        let given: BTreeSet<&str> = lines.map(|(name, _)| name).filter(|name| name.starts_with("PADDOCK_")).collect();
        let unknown: Vec<_> = given.difference(&known).collect();
        assert!(unknown.is_empty(), "{role}: nobody reads {unknown:?}");
        let needed = required.iter().filter(|name| !others.contains(name) && **name != "PADDOCK_ROLE");
        let missing: Vec<_> = needed.filter(|name| !given.contains(*name)).collect();
        assert!(missing.is_empty(), "{role}: {missing:?}");
    }
}
