use super::*;

#[tokio::test]
async fn an_exported_workflow_is_imported_to_the_same_bytes() {
    let fixture = Fixture::new().await;
    let workflow = fixture.with_draft(nested()).await;
    let settings = Settings {
        timeout_secs: 600,
        lane: RunLane::Urgent,
        vars: [("rate".to_owned(), json!(0.1)), ("name".to_owned(), json!("Zoë"))].into_iter().collect(),
        ..Settings::default()
    };
    let changes = WorkflowChanges { settings: Some(settings), ..WorkflowChanges::default() };
    fixture.workflows().update(&fixture.ada, workflow.id, changes).await.expect("changed");
    let first = fixture.workflows().export(&fixture.ada, workflow.id).await.expect("exported");

    let document = serde_json::from_str(&first).expect("JSON");
    let bob = fixture.bob().await;
    let imported = fixture.workflows().import(&bob, document, None).await.expect("imported");
    let again = fixture.workflows().export(&bob, imported.workflow.id).await.expect("exported");

    assert_eq!(first, again);
    assert_eq!(first, fixture.workflows().export(&fixture.ada, workflow.id).await.expect("exported"));
    assert!(first.starts_with(&format!("{{\n  \"$schema\": \"{SCHEMA}\"")) && first.ends_with("}\n"));
    assert_eq!((imported.workflow.enabled, imported.faults), (false, Vec::new()));
}

#[tokio::test]
async fn a_document_has_no_id_of_its_installation() {
    let fixture = Fixture::new().await;
    let other = fixture.create("Other").await.id;
    let project = uuid::Uuid::now_v7().to_string();
    let inner = node("call", "sub_workflow", json!({"workflow": other.to_string()}));
    let draft = json!({"nodes": [
        start(),
        node("deploy", "deploy_app", json!({"project": project})),
        node("computed", "deploy_app", json!({"project": "{{ input.project }}"})),
        {"key": "each", "type": "loop", "config": {"items": []}, "body": {"nodes": [inner]}},
    ]});
    let workflow = fixture.with_draft(draft).await;
    let settings = Settings { error_workflow_id: Some(other), ..Settings::default() };
    let changes = WorkflowChanges { settings: Some(settings), ..WorkflowChanges::default() };
    fixture.workflows().update(&fixture.ada, workflow.id, changes).await.expect("changed");

    let text = fixture.workflows().export(&fixture.ada, workflow.id).await.expect("exported");

    for id in [other.to_string(), project, workflow.id.to_string(), fixture.user().to_string()] {
        assert!(!text.contains(&id), "{id} in {text}");
    }
    assert!(text.contains("{{ input.project }}"), "an expression names nothing here");
    let document = serde_json::from_str(&text).expect("JSON");
    let imported = fixture.workflows().import(&fixture.ada, document, None).await.expect("imported");
    let found = codes(&imported.faults);
    assert!(found.contains(&"SUBWORKFLOW_MISSING") && found.contains(&"PROJECT_MISSING"), "{found:?}");
}

#[tokio::test]
async fn a_document_that_cannot_be_read_creates_nothing() {
    let fixture = Fixture::new().await;
    let document = |change: &dyn Fn(&mut Value)| {
        let mut document = json!({"$schema": SCHEMA, "name": "Report", "graph": row(&["a"])});
        change(&mut document);
        document
    };
    for (wrong, code, place) in [
        (json!({"name": "Report", "nodes": []}), "MALFORMED", "/$schema"),
        (document(&|all| all["$schema"] = json!("https://example.org/other.json")), "MALFORMED", "/$schema"),
        (document(&|all| all["colour"] = json!(1)), "MALFORMED", "/colour"),
        (
            document(&|all| all["graph"]["nodes"][0]["colour"] = json!(1)),
            "MALFORMED",
            "/graph/nodes/0/colour",
        ),
        (
            document(&|all| all["settings"] = json!({"error_workflow_id": uuid::Uuid::now_v7()})),
            "MALFORMED",
            "/settings/error_workflow_id",
        ),
        (document(&|all| all["graph"]["nodes"] = json!([step("a"), step("a")])), "DUPLICATE_KEY", ""),
    ] {
        let Err(WorkflowError::Faulty(faults)) = fixture.workflows().import(&fixture.ada, wrong, None).await
        else {
            panic!("{place} was taken");
        };
        let pointer = faults[0].pointer.clone().unwrap_or_default();
        assert_eq!((codes(&faults), pointer.as_str()), (vec![code], place));
    }
    let nameless =
        fixture.workflows().import(&fixture.ada, document(&|all| all["name"] = json!("")), None).await;
    assert!(matches!(nameless, Err(WorkflowError::InvalidInput(_))), "{nameless:?}");
    assert!(fixture.listed(WorkflowFilter::default()).await.is_empty());
}
