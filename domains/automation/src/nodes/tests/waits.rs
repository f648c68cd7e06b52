//! Nodes that wait.

use atelier_entities::WaitKind;

use super::*;

fn wait(name: &str, config: Value, input: Value) -> Wait {
    match compute(name, config.clone(), input) {
        Ok(NodeOutput::Wait(wait)) => wait,
        other => panic!("{name} {config}: {other:?}"),
    }
}

fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[test]
fn a_delay_waits_from_now_on() {
    let found = wait("delay", json!({"seconds": "{{ input.n }}"}), json!({"n": 90}));
    assert_eq!((found.kind, found.due), (WaitKind::Delay, at("2026-11-30T12:01:30Z")));
    assert_eq!(compute("delay", json!({"seconds": 0}), json!(null)), Ok(NodeOutput::Input));
    for n in [json!(-1), json!(1.5), json!("soon"), json!(null), json!(2_592_001)] {
        let (code, message) = failure("delay", json!({"seconds": "{{ input }}"}), n.clone());
        assert_eq!(code, "CONFIG_INVALID", "{n}");
        assert!(message.starts_with("/seconds: "), "{n}: {message}");
    }
}

#[test]
fn a_moment_may_have_any_offset() {
    let found = wait("wait_until", json!({"at": "{{ input }}"}), json!("2026-12-01T09:00:00+01:00"));
    assert_eq!((found.kind, found.due), (WaitKind::Until, at("2026-12-01T08:00:00Z")));
    for passed in ["2026-11-30T12:00:00Z", "2020-01-01T00:00:00Z"] {
        assert_eq!(compute("wait_until", json!({"at": passed}), json!(null)), Ok(NodeOutput::Input));
    }
    for wrong in [json!("2026-12-01"), json!(5), json!("2027-01-01T00:00:00Z")] {
        assert_eq!(
            failure("wait_until", json!({"at": "{{ input }}"}), wrong.clone()).0,
            "CONFIG_INVALID",
            "{wrong}"
        );
    }
}

#[test]
fn a_signal_is_named_by_an_expression() {
    let config = json!({"signal": "paid:{{ input.id }}", "timeout_seconds": 60});
    let found = wait("wait_signal", config, json!({"id": "ü7"}));
    assert_eq!((found.kind, found.key.as_deref()), (WaitKind::Signal, Some("paid:ü7")));
    assert_eq!(found.due, at("2026-11-30T12:01:00Z"));
    assert_eq!(wait("wait_signal", json!({"signal": "a"}), json!(null)).due, None);
    for wrong in ["", "a\nb", &"x".repeat(201)] {
        assert_eq!(
            failure("wait_signal", json!({"signal": wrong}), json!(null)).0,
            "CONFIG_INVALID",
            "{wrong}"
        );
    }
}

#[test]
fn an_approval_asks_each_person_once() {
    let config = json!({"to": ["{{ input.boss }}", " ADA@example.com", "ada@example.com"], "message": "Send it?\nNow?"});
    let found = wait("approval", config, json!({"boss": "grace@example.com"}));
    assert_eq!(found.kind, WaitKind::Approval);
    let question = found.question.unwrap();
    assert_eq!(question["message"], "Send it?\nNow?");
    assert_eq!(question["approvers"], json!(["grace@example.com", "ada@example.com"]));
    for (config, place) in [
        (json!({"to": ["nobody"], "message": "a"}), "/to/0: "),
        (json!({"message": "a\u{0}b"}), "/message: "),
        (json!({"message": "x".repeat(5_001)}), "/message: "),
    ] {
        let (code, message) = failure("approval", config, json!(null));
        assert_eq!(code, "CONFIG_INVALID");
        assert!(message.starts_with(place), "{message}");
    }
}
