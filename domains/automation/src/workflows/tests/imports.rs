//! Documents of n8n, which are imported and run.

use std::{fs, path::Path};

use atelier_entities::RunStatus;

use super::*;
use crate::{import::n8n::ImportStatus, runs::StartInput};

fn example(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/examples/n8n/{name}.json"));
    serde_json::from_str(&fs::read_to_string(path).expect("a text")).expect("JSON")
}

/// Imports an example, runs it, and reads the output of a node.
async fn output(fixture: &Fixture, name: &str, input: Value, node: &str) -> Value {
    let imported = fixture.workflows().import(&fixture.ada, example(name), None).await.expect("imported");
    assert!(!imported.workflow.enabled, "{name}");
    assert!(!has_errors(&imported.faults), "{name}: {:?}", imported.faults);
    let id = imported.workflow.id;
    fixture.publish(id).await.expect("published");
    let runs = &fixture.services.automation.runs;
    let input = StartInput { input, ..StartInput::default() };
    let run = runs.start(&fixture.ada, id, input).await.expect("started").run.id;
    fixture.work().await;
    let summary = runs.get_summary(&fixture.ada, run).await.expect("there");
    assert_eq!(summary.status, RunStatus::Succeeded, "{name}");
    runs.get_output(&fixture.ada, run, ("", node)).await.expect("there").expect("an output")
}

#[tokio::test]
async fn exact_documents_of_n8n_run_as_there() {
    let fixture = Fixture::new().await;
    let order = json!({"first": "Ada", "last": "Byron", "price": 40, "count": 3, "note": ""});
    let done = output(&fixture, "check-an-order", order.clone(), "done").await;
    let text = "Ada BYRON pays well";
    assert_eq!(
        done,
        json!({"customer": "Ada BYRON", "total": 120, "note": {"text": "none"}, "message": text})
    );
    let small = json!({"first": "Ada", "last": "Byron", "price": 1, "count": 3, "note": ""});
    let done = output(&fixture, "check-an-order", small, "done").await;
    assert_eq!(done, json!({"message": "Small: 3"}));

    let row = |name: &str, total: u32, paid: bool| json!({"name": name, "total": total, "paid": paid});
    let rows =
        [row("a", 1, true), row("b", 9, false), row("c", 5, true), row("a", 7, true), row("d", 2, true)];
    let ranked = output(&fixture, "rank-a-list", json!({"rows": rows}), "together").await;
    assert_eq!(ranked, json!({"labels": ["0: a", "1: c"]}));

    let rows = json!({"rows": [{"value": 1}, {"value": 2}, {"value": 5}]});
    assert_eq!(output(&fixture, "in-batches", rows, "sum").await, json!({"twice": [2, 4, 10]}));
}

#[tokio::test]
async fn a_document_of_n8n_is_stored_whatever_is_wrong_with_it() {
    let fixture = Fixture::new().await;
    let imported =
        fixture.workflows().import(&fixture.ada, example("answer-a-webhook"), None).await.expect("imported");
    assert!(codes(&imported.faults).contains(&"CONFIG_INVALID"), "{:?}", imported.faults);
    assert_eq!(imported.report.nodes.len(), 6);
    assert_eq!(fixture.draft(imported.workflow.id).await.nodes.len(), 6);

    // No address is verified, so that nobody gets a mail.
    let imported =
        fixture.workflows().import(&fixture.ada, example("nightly-summary"), None).await.expect("imported");
    let mail = imported.report.nodes.iter().find(|node| node.node == "Mail").expect("reported");
    assert_eq!(mail.status, ImportStatus::Placeholder);
    let many: Vec<Value> = (0..501).map(|number| json!({"name": format!("{number}"), "type": "x"})).collect();
    let document = json!({"nodes": many, "connections": {}});
    assert_eq!(refused(fixture.workflows().import(&fixture.ada, document, None).await), ["TOO_MANY_NODES"]);
}
