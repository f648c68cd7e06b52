//! Nodes that start actions of other domains.

use super::*;

const PROJECT: &str = "019aa0b2-0000-7000-8000-000000000002";

fn start(name: &str, config: Value, input: Value) -> (&'static str, Value, Option<Timestamp>) {
    match compute(name, config.clone(), input) {
        Ok(NodeOutput::Start { action, params, due }) => (action, params, due),
        other => panic!("{name} {config}: {other:?}"),
    }
}

#[test]
fn an_app_is_generated_in_a_new_project_or_changed_in_its_own() {
    let config = json!({"prompt": " A list of {{ input.what }} ", "timeout_seconds": 60});
    let (action, params, due) = start("generate_app", config, json!({"what": "chores"}));
    assert_eq!(action, "generate_app");
    let expected = json!({"project": null, "prompt": "A list of chores", "mode": "quick", "title": null, "kind": "web_app"});
    assert_eq!(params, expected);
    assert_eq!(due, Some("2026-11-30T12:01:00Z".parse().unwrap()));

    let config = json!({
        "project": "{{ input.project }}",
        "prompt": "Add dates",
        "mode": "{{ input.mode }}",
        "title": "Chores",
        "kind": "api",
    });
    let (_, params, due) = start("generate_app", config, json!({"project": PROJECT, "mode": "advanced"}));
    let expected = json!({"project": PROJECT, "prompt": "Add dates", "mode": "advanced", "title": "Chores", "kind": "api"});
    assert_eq!((params, due), (expected, None));
}

#[test]
fn what_an_action_cannot_work_with_is_refused_before_it_starts() {
    for (name, config, place) in [
        ("generate_app", json!({"prompt": " "}), "/prompt: "),
        ("generate_app", json!({"prompt": "x".repeat(5_001)}), "/prompt: "),
        ("generate_app", json!({"prompt": "a", "project": "mine"}), "/project: "),
        ("generate_app", json!({"prompt": "a", "title": "x".repeat(121)}), "/title: "),
        ("generate_app", json!({"prompt": "a", "mode": "{{ input }}"}), "/mode"),
        ("generate_app", json!({"prompt": "a", "timeout_seconds": 2_592_001}), "/timeout_seconds: "),
        ("deploy_app", json!({"project": ""}), "/project: "),
        ("deploy_app", json!({"project": PROJECT, "version": "{{ input }}"}), "/version"),
    ] {
        let (code, message) = failure(name, config.clone(), json!("slow"));
        assert_eq!(code, "CONFIG_INVALID", "{name} {config}");
        assert!(message.starts_with(place), "{name} {config}: {message}");
    }
}

#[test]
fn an_app_is_deployed_in_the_version_that_is_asked_for() {
    let config = json!({"project": PROJECT, "target": "preview", "version": "{{ input.version }}"});
    let (action, params, _) = start("deploy_app", config, json!({"version": 3}));
    assert_eq!(
        (action, params),
        ("deploy_app", json!({"project": PROJECT, "target": "preview", "version": 3}))
    );
}

#[test]
fn statistics_are_asked_for_without_a_word() {
    assert_eq!(start("enqueue_statistics", json!({}), json!(null)), ("enqueue_statistics", json!({}), None));
}

#[test]
fn a_trigger_names_an_event_that_there_is() {
    read("platform_event", json!({"event": "job.failed"})).unwrap();
    for wrong in ["", "job", "deployment.started", "DEPLOYMENT.FAILED"] {
        let fault = read("platform_event", json!({"event": wrong})).unwrap_err();
        assert_eq!(fault.pointer, "/event", "{wrong}");
    }
}
