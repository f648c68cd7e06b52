use atelier_entities::{WorkflowVersionId, workflow_nodes};
use atelier_foundation::{Class, Problem};
use sea_orm::sea_query::Expr;

use super::*;
use crate::workflows::versions::load;

async fn published(fixture: &Fixture, id: WorkflowId) -> WorkflowVersionId {
    fixture.get(id).await.published_id.expect("published")
}

#[tokio::test]
async fn a_published_version_never_changes() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(nested()).await.id;
    assert_eq!(fixture.publish(id).await.expect("published"), 1);
    let first = published(&fixture, id).await;
    // Read from rows, not from the process.
    let before = rows::read(fixture.queue().db(), first).await.expect("read");

    fixture.workflows().delete_node(&fixture.ada, id, "outer").await.expect("deleted");
    fixture.replace(id, row(&["send"])).await;
    assert_eq!(fixture.publish(id).await.expect("published"), 2);

    let after = rows::read(fixture.queue().db(), first).await.expect("read");
    assert_eq!((&before, &after), (&graph(nested()), &graph(nested())));
    let second =
        load(fixture.queue().db(), published(&fixture, id).await).await.expect("read").expect("there");
    assert_eq!((second.number, &second.graph), (Some(2), &graph(row(&["send"]))));
    let page = Page { number: 1, size: 10 };
    let (versions, count) = fixture.workflows().list_versions(&fixture.ada, id, page).await.expect("listed");
    let numbers: Vec<_> = versions.iter().map(|version| version.number).collect();
    assert_eq!((numbers, count), (vec![Some(2), Some(1)], 2));
}

#[tokio::test]
async fn a_draft_with_errors_is_not_published_and_all_of_them_are_told() {
    let fixture = Fixture::new().await;
    let wrong = json!({"nodes": [
        node("odd", "teleport", json!({})), node("pause", "delay", json!({"seconds": "soon"})), step("a")
    ], "edges": [{"from": "a", "to": "gone"}]});
    let id = fixture.with_draft(wrong).await.id;

    let error = fixture.publish(id).await.expect_err("refused");

    let refusal = error.refusal();
    assert_eq!((refusal.class, refusal.code), (Class::Invalid, "GRAPH_INVALID"));
    let listed = refusal.details["faults"].as_array().expect("a list");
    let found: Vec<_> = listed.iter().filter_map(|fault| fault["code"].as_str()).collect();
    for code in ["UNKNOWN_TYPE", "CONFIG_INVALID", "DANGLING_EDGE", "NO_TRIGGER"] {
        assert!(found.contains(&code), "{found:?}");
    }
    assert_eq!(refusal.details["count"], found.len());
    assert_eq!(fixture.get(id).await.last_number, 0);
}

#[tokio::test]
async fn warnings_do_not_keep_a_draft_from_being_published() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(json!({"nodes": [start(), step("alone")]})).await.id;
    let draft = fixture.workflows().get_draft(&fixture.ada, id).await.expect("there");
    assert_eq!(codes(&draft.faults), ["UNREACHABLE_NODE"]);

    assert_eq!(fixture.publish(id).await.expect("published"), 1);
}

#[tokio::test]
async fn the_revision_that_was_read_is_published_or_none() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(row(&["send"])).await.id;
    let publish = async |revision| {
        let expected = Some(Expected::OneOf(vec![revision]));
        fixture.workflows().publish(&fixture.ada, id, expected, Some(" The first ".to_owned())).await
    };

    let refused = publish(1).await;
    let version = publish(2).await.expect("published");

    assert!(matches!(refused, Err(WorkflowError::RevisionChanged(2))), "{refused:?}");
    assert_eq!((version.number, version.note.as_deref()), (Some(1), Some("The first")));
}

#[tokio::test]
async fn triggers_fire_while_a_published_workflow_is_enabled() {
    let fixture = Fixture::new().await;
    let event = node("deployed", "platform_event", json!({"event": "deployment.succeeded"}));
    let off = json!({"key": "off", "type": "manual", "disabled": true});
    let id = fixture.with_draft(json!({"nodes": [start(), event, off, step("a")]})).await.id;
    let refusal = fixture.workflows().enable(&fixture.ada, id).await.expect_err("refused").refusal();
    assert_eq!((refusal.class, refusal.code), (Class::Conflict, "NOT_PUBLISHED"));
    fixture.publish(id).await.expect("published");
    assert!(fixture.triggers(id).await.is_empty(), "it is not enabled");

    fixture.workflows().enable(&fixture.ada, id).await.expect("enabled");
    assert_eq!(fixture.triggers(id).await, ["deployed", "start"]);
    let of_event = workflow_triggers::Column::Event.eq("deployment.succeeded");
    let found = workflow_triggers::Entity::find().filter(of_event).one(fixture.queue().db()).await;
    assert_eq!(found.expect("asked").expect("there").kind, "platform_event");

    fixture.replace(id, row(&["send"])).await;
    assert_eq!(fixture.triggers(id).await, ["deployed", "start"], "a draft changes no trigger");
    fixture.publish(id).await.expect("published");
    assert_eq!(fixture.triggers(id).await, ["start"]);
    fixture.workflows().disable(&fixture.ada, id).await.expect("disabled");
    assert!(fixture.triggers(id).await.is_empty());
}

/// [n8n#2415]
#[tokio::test]
async fn a_workflow_that_no_longer_works_can_be_disabled() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(row(&["send"])).await.id;
    fixture.publish(id).await.expect("published");
    fixture.workflows().enable(&fixture.ada, id).await.expect("enabled");
    // A later version of the program knew this type.
    workflow_nodes::Entity::update_many()
        .col_expr(workflow_nodes::Column::Kind, Expr::value("teleport"))
        .filter(workflow_nodes::Column::Key.eq("send"))
        .exec(fixture.queue().db())
        .await
        .expect("changed");

    fixture.workflows().disable(&fixture.ada, id).await.expect("disabled");

    assert!(fixture.triggers(id).await.is_empty());
    fixture.workflows().enable(&fixture.ada, id).await.expect("enabled");
    assert_eq!(fixture.triggers(id).await, ["start"]);
}

#[tokio::test]
async fn old_versions_that_no_run_has_are_deleted() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(row(&["send"])).await.id;
    for _ in 0..=KEPT_VERSIONS {
        fixture.publish(id).await.expect("published");
    }

    let page = Page { number: 1, size: 10 };
    let (versions, count) = fixture.workflows().list_versions(&fixture.ada, id, page).await.expect("listed");

    let kept = u64::try_from(KEPT_VERSIONS).expect("positive");
    assert_eq!((versions[0].number, count), (Some(KEPT_VERSIONS + 1), kept));
}

#[tokio::test]
async fn a_version_is_loaded_once_and_a_draft_never() {
    let fixture = Fixture::new().await;
    let id = fixture.with_draft(nested()).await.id;
    fixture.publish(id).await.expect("published");
    let version = published(&fixture, id).await;
    let db = fixture.queue().db();

    let first = load(db, version).await.expect("read").expect("there");
    fixture.workflows().delete(&fixture.ada, id).await.expect("deleted");
    purge_deleted(fixture.queue(), 100).await.expect("purged");
    let again = load(db, version).await.expect("read").expect("kept in the process");

    assert!(std::sync::Arc::ptr_eq(&first, &again));
    assert_eq!((first.workflow_id, first.number), (id, Some(1)));
    assert!(first.plan.find_node("deep").is_some());
    let other = fixture.create("Another").await;
    assert!(load(db, other.draft_id).await.expect("read").is_none());
    assert!(load(db, WorkflowVersionId::new()).await.expect("read").is_none());
}
