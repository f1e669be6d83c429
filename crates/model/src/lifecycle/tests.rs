use std::fmt::Write as _;

use super::{Event, Refusal, State, next};

fn matrix() -> String {
    let mut text = String::from("state × event → next state, or why not; `-` changes nothing\n");
    for event in Event::ALL {
        let _ = write!(text, "\n{event:?}\n");
        for state in State::ALL {
            let cell = match next(state, event) {
                Ok(same) if same == state => "-".to_owned(),
                Ok(other) => other.to_string(),
                Err(refusal) => format!("refused: {refusal:?}"),
            };
            let _ = writeln!(text, "  {state:<18} {cell}");
        }
    }
    text
}

#[test]
fn matrix_is_the_reviewed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/lifecycle.txt");
    if std::env::var_os("PADDOCK_BLESS").is_some() {
        std::fs::write(path, matrix()).expect("lifecycle.txt can be written");
    }
    let reviewed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        matrix(),
        reviewed,
        "the lifecycle changed: PADDOCK_BLESS=1 cargo test -p paddock-model, then review the diff"
    );
}

#[test]
fn delete_is_possible_from_every_living_state() {
    for state in State::ALL {
        let expected = if state == State::Destroyed { Err(Refusal::Gone) } else { Ok(true) };
        let got = next(state, Event::Delete).map(|to| matches!(to, State::Destroying | State::Destroyed));
        assert_eq!(got, expected, "{state}");
    }
}

#[test]
fn nothing_leaves_destroyed() {
    for event in Event::ALL {
        assert_eq!(next(State::Destroyed, event), Err(Refusal::Gone), "{event:?}");
    }
}

#[test]
fn a_deletion_ends_only_in_destroyed() {
    for event in Event::ALL {
        if let Ok(to) = next(State::Destroying, event) {
            assert!(matches!(to, State::Destroying | State::Destroyed), "{event:?} leads to {to}");
        }
    }
}

#[test]
fn giving_up_settles_every_state_but_destroying() {
    for state in State::ALL {
        if let Ok(to) = next(state, Event::GaveUp) {
            assert!(to.is_settled() || to == State::Destroying, "{state} -> {to}");
        }
    }
}
