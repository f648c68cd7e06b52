//! Whole documents: what is refused, and what is kept of the rest.

use super::*;

#[test]
fn a_document_is_known_by_its_shape() {
    assert!(is_document(&alone("noOp", 1.0, json!({}))));
    assert!(is_document(&json!({"nodes": [], "connections": {}})));
    for other in [
        json!({"name": "Report", "nodes": []}),
        json!({"nodes": [{"key": "a"}], "connections": {}}),
        json!({"$schema": "x", "nodes": [], "connections": {}}),
        json!([]),
        json!("nodes"),
    ] {
        assert!(!is_document(&other), "{other}");
    }
}

#[test]
fn only_what_is_too_large_is_refused() {
    let many: Vec<Value> =
        (0..501).map(|number| node(&format!("N{number}"), "noOp", 1.0, json!({}))).collect();
    let refused = import(&document(&many, ""), &[]).expect_err("too many nodes");
    assert_eq!(refused.code, FaultCode::TooManyNodes);
    let large = alone("code", 2.0, json!({"jsCode": "x".repeat(MAX_BYTES)}));
    assert_eq!(import(&large, &[]).expect_err("too large").code, FaultCode::GraphTooLarge);
    assert_eq!(import(&json!([]), &[]).expect_err("no object").code, FaultCode::Malformed);

    let odd = json!({
        "nodes": [5, {"name": "A"}, node("A", "noOp", 1.0, json!({})), node("A", "noOp", 1.0, json!(7))],
        "connections": {"A": {"main": [null, [{"node": "B"}], "x"]}, "C": 5}, "settings": [], "pinData": 3
    });
    let draft = imported(&odd);
    assert_eq!((draft.name.as_str(), draft.graph.nodes.len()), ("Imported workflow", 2));
    assert_eq!(draft.report.notes.len(), 5, "{:?}", draft.report.notes);
}

#[test]
fn what_has_no_equal_is_kept_as_it_was() {
    let code = json!({"jsCode": "return {{ 1 }} // {{{ $json }}}"});
    let (kept, reported) = it(&alone("code", 2.0, code.clone()));
    assert_eq!((kept.kind.as_str(), reported.status), ("not_imported", ImportStatus::Placeholder));
    let original = kept.config["original"].as_str().expect("a text");
    let original: Value = serde_json::from_str(original).expect("JSON");
    assert_eq!(original["parameters"], code);
    assert_eq!(kept.config["is_cut"], false);

    let long = json!({"jsCode": "é".repeat(50_000)});
    let (kept, reported) = it(&alone("code", 2.0, long));
    assert_eq!(kept.config["is_cut"], true);
    assert!(reported.reasons.iter().any(|reason| reason.contains("cut")), "{reported:?}");
}

#[test]
fn an_unknown_trigger_is_pulled_by_hand() {
    let nodes = [node("It", "telegramTrigger", 1.1, json!({})), node("A", "noOp", 1.0, json!({}))];
    let draft = imported(&document(&nodes, "It>A"));
    assert_eq!(draft.graph.nodes[0].kind, "manual");
    assert_eq!(draft.report.nodes[0].status, ImportStatus::Placeholder);
    assert_eq!(errors(&draft.graph), Vec::<String>::new());
}

#[test]
fn a_document_that_grows_too_much_is_drawn_without_loops() {
    let mut nodes = vec![
        node("Start", "manualTrigger", 1.0, json!({})),
        node("Rows", "splitOut", 1.0, json!({"fieldToSplitOut": "rows"})),
    ];
    let mut links = "Start>Rows".to_owned();
    let mut above = "Rows".to_owned();
    for number in 0..400 {
        let name = format!("N{number}");
        nodes.push(node(&name, "set", 3.4, json!({"assignments": {"assignments": []}})));
        links.push_str(&format!(" {above}>{name}"));
        above = name;
    }
    let draft = imported(&document(&nodes, &links));
    assert_eq!(draft.graph.nodes.len(), 402);
    assert!(draft.graph.find_node("n0_each").is_none());
}

#[test]
fn settings_credentials_and_notes_are_told() {
    let mut document = alone("noOp", 1.0, json!({}));
    document["name"] = json!("A\u{0} name\nof two lines");
    document["active"] = json!(true);
    document["settings"] = json!({"timezone": "Mars/Base", "errorWorkflow": "7", "executionTimeout": 90});
    document["pinData"] = json!({"It": []});
    document["nodes"][1]["credentials"] = json!({"slackApi": {"id": "1", "name": "Team"}});
    document["nodes"][1]["notes"] = json!("Look here");
    let draft = imported(&document);
    assert_eq!((draft.name.as_str(), draft.timeout_secs), ("A name of two lines", Some(90)));
    assert_eq!(draft.report.notes.len(), 4, "{:?}", draft.report.notes);
    assert_eq!(draft.report.credentials[0].name, "Team");
    let reported = &draft.report.nodes[1];
    assert!(
        reported.status == ImportStatus::Exact && reported.reasons[0].contains("Look here"),
        "{reported:?}"
    );
}
