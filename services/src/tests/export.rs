use atelier_foundation::testing::acting;
use std::collections::BTreeSet;

use atelier_builder::versions::ListedVersion;
use atelier_entities::{ProjectKind, UserId, audit_log, jobs, projects, sessions};
use atelier_foundation::{
    Actor, Client, audit,
    identity::{AccountChanges, AccountData},
    personal::Rows,
};

use serde_json::json;

use crate::testing::Fixture;

/// Rows that one read of an export returns.
const PAGE: u64 = 500;

/// The lists of an export, in the order of its document.
const LISTS: [&str; 19] = [
    "sessions",
    "links",
    "projects",
    "versions",
    "messages",
    "model_requests",
    "deployments",
    "workflows",
    "workflow_runs",
    "integrations",
    "workflow_schedules",
    "workflow_hooks",
    "credits",
    "webhook_subscriptions",
    "webhook_deliveries",
    "mails",
    "jobs",
    "activity",
    "records",
];

/// Rows of one read with the name of their list.
type Read = (&'static str, Rows);

/// Reads a whole export.
async fn export(fixture: &Fixture, user: UserId) -> (AccountData, Vec<Read>) {
    let (account, mut export) =
        fixture.services.foundation.identity.start_export(&acting(user)).await.expect("an export");
    let mut read = Vec::new();
    while let Some(rows) = export.next().await.expect("rows") {
        read.push(rows);
    }
    (account, read)
}

fn count(read: &[Read], list: &str) -> u64 {
    read.iter().filter(|(name, _)| *name == list).map(|(_, rows)| rows.count()).sum()
}

/// All rows of a list.
fn rows<T: 'static>(read: Vec<Read>, list: &str) -> Vec<T> {
    let of_list = read.into_iter().filter(|(name, _)| *name == list);
    of_list.flat_map(|(_, rows)| rows.take::<T>().expect("rows of that type")).collect()
}

#[tokio::test]
async fn an_export_has_the_data_of_its_person_only() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (fixture.register("ada@example.org").await, fixture.register("bob@example.org").await);
    for owner in [ada.id, ada.id, bob.id] {
        let project = fixture.create_project(owner, ProjectKind::WebApp).await;
        fixture.store_version(&project, 1, &[("index.html", "<p>Books</p>"), ("app.js", "1")]).await;
        fixture.generate(owner, project.id, Some("Add a shelf")).await;
    }

    let (account, read) = export(&fixture, ada.id).await;

    assert_eq!((account.user.id, account.api_tokens.len()), (ada.id, 0));
    assert_eq!(read.iter().map(|(name, _)| *name).collect::<Vec<_>>(), LISTS, "each list is there once");
    for (list, rows) in [
        ("sessions", 1),
        ("links", 1),
        ("projects", 2),
        ("versions", 2),
        ("messages", 2),
        ("jobs", 2),
        ("mails", 1),
        ("records", 0),
    ] {
        assert_eq!(count(&read, list), rows, "{list}");
    }
    for (list, rows) in read {
        match list {
            "projects" => {
                let rows = rows.take::<projects::Model>().expect("projects");
                assert!(rows.iter().all(|row| row.user_id == ada.id));
            }
            "versions" => {
                let rows = rows.take::<ListedVersion>().expect("versions");
                assert!(rows.iter().all(|row| row.files == ["app.js", "index.html"]));
            }
            "jobs" => {
                let rows = rows.take::<jobs::Model>().expect("jobs");
                assert!(rows.iter().all(|row| row.args["prompt"] == "Add a shelf"));
            }
            "activity" => {
                let rows = rows.take::<audit_log::Model>().expect("entries");
                assert!(rows.iter().any(|row| row.action == "account.export"));
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn an_export_has_ended_sign_ins_and_actions_of_others() {
    let fixture = Fixture::new().await;
    let (ada, root) = (fixture.register("ada@example.org").await, fixture.register("root@example.org").await);
    let (identity, phone) = (
        &fixture.services.foundation.identity,
        Actor::anonymous()
            .with_client(Client { user_agent: Some("Phone/1".to_owned()), ..Client::default() }),
    );
    identity.login(&phone, "ada@example.org", "correct horse").await.expect("in");
    identity.login(&phone, "ada@example.org", "wrong horse").await.err().expect("refused");
    let by_root = acting(root.id);
    let close = AccountChanges { is_active: Some(false), ..Default::default() };
    identity.change_account(&by_root, ada.id, close).await.expect("closed");

    let (_, read) = export(&fixture, ada.id).await;

    let (records, others): (Vec<_>, Vec<_>) = read.into_iter().partition(|(list, _)| *list == "records");
    let sessions: Vec<sessions::Model> = rows(others, "sessions");
    assert_eq!(sessions.len(), 2);
    assert!(sessions.iter().all(|row| row.revoked_at.is_some()));
    assert_eq!(sessions[0].user_agent.as_deref(), Some("Phone/1"));
    let records: Vec<audit_log::Model> = rows(records, "records");
    let actions: Vec<_> = records.into_iter().map(|row| row.action).collect();
    assert_eq!(actions, ["account.deactivate", "auth.login_failed"]);
}

#[tokio::test]
async fn a_large_export_is_complete() {
    let fixture = Fixture::new().await;
    let ada = fixture.register("ada@example.org").await;
    let actor = acting(ada.id);
    let tx = fixture.services.queue.begin().await.expect("a transaction");
    for number in 0..2 * PAGE {
        audit::record(&tx, &actor, "test.act", None, json!({"number": number})).await.expect("recorded");
    }
    tx.commit().await.expect("committed");

    let (_, read) = export(&fixture, ada.id).await;

    let pages: Vec<_> = read.iter().filter(|(list, _)| *list == "activity").collect();
    assert_eq!(pages.len(), 3);
    assert!(pages.iter().all(|(_, rows)| rows.count() <= PAGE));
    let ids: Vec<_> = rows::<audit_log::Model>(read, "activity").into_iter().map(|row| row.id).collect();
    assert_eq!(ids.len() as u64, 2 * PAGE + 2, "with the registration and the export");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each once");
}
