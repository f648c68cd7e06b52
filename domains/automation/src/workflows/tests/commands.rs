use atelier_entities::ProjectKind;
use atelier_foundation::{Class, FieldErrors, Problem};

use super::*;
use crate::engine::Concurrency;

fn new(name: &str) -> NewWorkflow {
    NewWorkflow { name: name.to_owned(), ..NewWorkflow::default() }
}

fn with(settings: Settings) -> WorkflowChanges {
    WorkflowChanges { settings: Some(settings), ..WorkflowChanges::default() }
}

fn fields(error: WorkflowError) -> Vec<&'static str> {
    match error {
        WorkflowError::InvalidInput(FieldErrors(fields)) => fields.into_keys().collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_project_and_a_person_outside_of_projects_have_a_limit_each() {
    let fixture = Fixture::new().await;
    let project = fixture.create_project(fixture.user(), ProjectKind::WebApp).await;
    let in_project = || NewWorkflow { project: Some(project.id), ..new("In the project") };
    for _ in 1..MAX_WORKFLOWS {
        fixture.workflows().create(&fixture.ada, in_project()).await.expect("room");
    }
    let create = async || fixture.workflows().create(&fixture.ada, in_project()).await;
    let (first, second, third) = tokio::join!(create(), create(), create());
    let made: Vec<_> = [first, second, third].into_iter().filter_map(Result::ok).collect();
    assert_eq!(made.len(), 1, "of three at once");

    let refusal = create().await.expect_err("full").refusal();
    assert_eq!((refusal.class, refusal.code), (Class::Conflict, "WORKFLOW_LIMIT"));
    let outside = fixture.create("Outside").await;
    let moved = WorkflowChanges { project: Some(Some(project.id)), ..WorkflowChanges::default() };
    let moved = fixture.workflows().update(&fixture.ada, outside.id, moved).await;
    assert!(matches!(moved, Err(WorkflowError::TooMany)), "{moved:?}");
    let copied = fixture.workflows().duplicate(&fixture.ada, made[0].id).await;
    assert!(matches!(copied, Err(WorkflowError::TooMany)), "{copied:?}");

    fixture.workflows().delete(&fixture.ada, made[0].id).await.expect("deleted");
    create().await.expect("there is room again");
}

#[tokio::test]
async fn another_persons_workflow_is_not_found() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(row(&["send"])).await.id;
    let bob = fixture.bob().await;
    let workflows = fixture.workflows();
    let page = Page { number: 1, size: 20 };
    let empty = Graph::default();
    let edge = crate::graph::Edge {
        from: "start".to_owned(),
        from_port: "main".to_owned(),
        to: "send".to_owned(),
        to_port: "in".to_owned(),
    };
    let any = Some(Expected::Any);
    let node = NewNode { parent: None, node: serde_json::from_value(step("more")).expect("a node") };

    let results = [
        workflows.get(&bob, id).await.map(drop),
        workflows.update(&bob, id, WorkflowChanges::default()).await.map(drop),
        workflows.delete(&bob, id).await,
        workflows.enable(&bob, id).await.map(drop),
        workflows.disable(&bob, id).await.map(drop),
        workflows.duplicate(&bob, id).await.map(drop),
        workflows.get_draft(&bob, id).await.map(drop),
        workflows.replace_graph(&bob, id, any, empty).await.map(drop),
        workflows.draw(&bob, id).await.map(drop),
        workflows.list_nodes(&bob, id).await.map(drop),
        workflows.create_node(&bob, id, node).await.map(drop),
        workflows.update_node(&bob, id, "send", NodeChanges::default()).await.map(drop),
        workflows.delete_node(&bob, id, "send").await,
        workflows.list_edges(&bob, id).await.map(drop),
        workflows.create_edge(&bob, id, edge).await.map(drop),
        workflows.delete_edge(&bob, id, "start.main>send.in").await,
        workflows.publish(&bob, id, None, None).await.map(drop),
        workflows.list_versions(&bob, id, page).await.map(drop),
        workflows.export(&bob, id).await.map(drop),
    ];

    for (place, result) in results.into_iter().enumerate() {
        assert!(matches!(result, Err(WorkflowError::NotFound)), "{place}: {result:?}");
    }
    assert_eq!(workflows.list(&bob, WorkflowFilter::default(), page).await.expect("listed").1, 0);
    assert_eq!(fixture.get(id).await.revision, 2, "nothing has changed");
}

#[tokio::test]
async fn every_invalid_field_is_named() {
    let fixture = Fixture::new().await;
    let settings = Settings {
        concurrency: Concurrency { limit: Some(0), max_queued: 10_001, ..Concurrency::default() },
        timeout_secs: MAX_TIMEOUT_SECS + 1,
        vars: [("text".to_owned(), "x".repeat(MAX_VARS_BYTES).into())].into_iter().collect(),
        ..Settings::default()
    };
    let description = "é".repeat(MAX_DESCRIPTION + 1);

    let input = NewWorkflow { name: " ".to_owned(), description, settings, ..NewWorkflow::default() };
    let refused = fixture.workflows().create(&fixture.ada, input).await.expect_err("refused");

    assert_eq!(
        fields(refused),
        [
            "description",
            "name",
            "settings.concurrency.limit",
            "settings.concurrency.max_queued",
            "settings.timeout_secs",
            "settings.vars"
        ]
    );
}

#[tokio::test]
async fn an_error_workflow_is_another_one_of_the_same_person() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.create("First").await, fixture.create("Second").await);
    let bobs = fixture.workflows().create(&fixture.bob().await, new("Bob's")).await.expect("created");
    let to = |id| with(Settings { error_workflow_id: Some(id), ..Settings::default() });
    for wrong in [first.id, bobs.id, WorkflowId::new()] {
        let refused =
            fixture.workflows().update(&fixture.ada, first.id, to(wrong)).await.expect_err("refused");
        assert_eq!(fields(refused), ["settings.error_workflow_id"]);
    }

    fixture.workflows().update(&fixture.ada, first.id, to(second.id)).await.expect("set");
    assert_eq!(Settings::of(&fixture.get(first.id).await).expect("read").error_workflow_id, Some(second.id));
    fixture.workflows().delete(&fixture.ada, second.id).await.expect("deleted");

    assert_eq!(fixture.get(first.id).await.error_workflow_id, None);
}

#[tokio::test]
async fn what_is_not_changed_stays() {
    let fixture = Fixture::new().await;
    let settings = Settings { timeout_secs: 60, lane: RunLane::Bulk, ..Settings::default() };
    let input = NewWorkflow { description: "Each Monday".to_owned(), settings, ..new("Report") };
    let before = fixture.workflows().create(&fixture.ada, input).await.expect("created");
    let renamed = WorkflowChanges { name: Some("Weekly report".to_owned()), ..WorkflowChanges::default() };

    let after = fixture.workflows().update(&fixture.ada, before.id, renamed).await.expect("changed");

    let expected =
        workflows::Model { name: "Weekly report".to_owned(), updated_at: after.updated_at, ..before };
    assert_eq!(after, expected);
}

#[tokio::test]
async fn lists_are_filtered_by_project_state_and_name() {
    let fixture = Fixture::new().await;
    let project = fixture.create_project(fixture.user(), ProjectKind::WebApp).await;
    let input = NewWorkflow { project: Some(project.id), ..new("Été 100%") };
    let summer = fixture.workflows().create(&fixture.ada, input).await.expect("created");
    fixture.create("Winter 1000").await;
    fixture.replace(summer.id, row(&[])).await;
    fixture.publish(summer.id).await.expect("published");
    fixture.workflows().enable(&fixture.ada, summer.id).await.expect("enabled");
    let search = |text: &str| WorkflowFilter { search: Some(text.to_owned()), ..WorkflowFilter::default() };

    assert_eq!(fixture.listed(WorkflowFilter::default()).await, ["Winter 1000", "Été 100%"]);
    let of_project = WorkflowFilter { project: Some(project.id), ..WorkflowFilter::default() };
    assert_eq!(fixture.listed(of_project).await, ["Été 100%"]);
    for (enabled, name) in [(true, "Été 100%"), (false, "Winter 1000")] {
        let filter = WorkflowFilter { enabled: Some(enabled), ..WorkflowFilter::default() };
        assert_eq!(fixture.listed(filter).await, [name]);
    }
    assert_eq!(fixture.listed(search("WINTER")).await, ["Winter 1000"]);
    assert_eq!(fixture.listed(search("Été")).await, ["Été 100%"]);
    assert_eq!(fixture.listed(search("100%")).await, ["Été 100%"], "a percent sign is no wildcard");
    assert_eq!(fixture.listed(search(" ")).await.len(), 2);
}

#[tokio::test]
async fn a_workflow_outlives_its_project() {
    let fixture = Fixture::new().await;
    let project = fixture.create_project(fixture.user(), ProjectKind::WebApp).await;
    let input = NewWorkflow { project: Some(project.id), ..new("Report") };
    let id = fixture.workflows().create(&fixture.ada, input).await.expect("created").id;

    fixture.services.foundation.projects.delete(&fixture.ada, project.id).await.expect("deleted");

    assert_eq!(fixture.get(id).await.project_id, None);
}

#[tokio::test]
async fn a_project_of_another_person_takes_no_workflow() {
    let fixture = Fixture::new().await;
    let bob = fixture.bob().await;
    let project = fixture.create_project(bob.person().expect("bob"), ProjectKind::WebApp).await;

    let input = NewWorkflow { project: Some(project.id), ..new("Report") };
    let refused = fixture.workflows().create(&fixture.ada, input).await.expect_err("refused");

    assert_eq!(fields(refused), ["project_id"]);
}

#[tokio::test]
async fn a_deleted_workflow_is_gone_with_its_triggers_and_purged_later() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(row(&["send"])).await.id;
    fixture.publish(id).await.expect("published");
    fixture.workflows().enable(&fixture.ada, id).await.expect("enabled");

    fixture.workflows().delete(&fixture.ada, id).await.expect("deleted");

    assert!(matches!(fixture.workflows().get(&fixture.ada, id).await, Err(WorkflowError::NotFound)));
    assert!(fixture.triggers(id).await.is_empty());
    assert!(fixture.listed(WorkflowFilter::default()).await.is_empty());
    let again = fixture.workflows().delete(&fixture.ada, id).await;
    assert!(matches!(again, Err(WorkflowError::NotFound)));
    assert_eq!(purge_deleted(fixture.queue(), 100).await.expect("purged"), 1);
    let left = workflows::Entity::find().all(fixture.queue().db()).await.expect("listed");
    assert!(left.is_empty());
}

#[tokio::test]
async fn a_copy_is_disabled_and_has_a_draft_of_its_own() {
    let fixture = Fixture::new().await;
    let original = fixture.with_draft(nested()).await;
    fixture.publish(original.id).await.expect("published");
    fixture.workflows().enable(&fixture.ada, original.id).await.expect("enabled");

    let copy = fixture.workflows().duplicate(&fixture.ada, original.id).await.expect("copied");
    fixture.replace(copy.id, row(&["other"])).await;

    assert_eq!((copy.name.as_str(), copy.enabled, copy.published_id), ("Weekly report (copy)", false, None));
    assert_eq!(fixture.draft(original.id).await, graph(nested()));
    assert_eq!(fixture.draft(copy.id).await, graph(row(&["other"])));
    let long = fixture.create(&"é".repeat(MAX_NAME)).await;
    let copy = fixture.workflows().duplicate(&fixture.ada, long.id).await.expect("copied");
    assert_eq!(copy.name.chars().count(), MAX_NAME);
}

#[tokio::test]
async fn variables_hold_no_nul() {
    let fixture = Fixture::new().await;
    let vars = [("text".to_owned(), json!(["a\u{0}b"]))].into_iter().collect();
    let settings = Settings { vars, ..Settings::default() };

    let input = NewWorkflow { settings, ..new("Report") };
    let refused = fixture.workflows().create(&fixture.ada, input).await.expect_err("refused");

    assert_eq!(fields(refused), ["settings.vars"]);
}
