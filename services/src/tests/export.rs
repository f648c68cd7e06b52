use atelier_foundation::testing::acting;
use std::collections::BTreeSet;

use atelier_entities::{ProjectKind, UserId};
use atelier_foundation::{
    Actor, Client, audit,
    identity::{AccountChanges, AccountData, Part, Rows},
};

use serde_json::json;

use crate::testing::Bench;

/// Rows of one read of an export.
const PAGE: u64 = 500;

/// Every row of an export by part, with the number of reads that it took.
async fn export(bench: &Bench, user: UserId) -> (AccountData, Vec<Rows>) {
    let (account, mut export) =
        bench.services.foundation.identity.start_export(&acting(user)).await.expect("an export");
    let mut read = Vec::new();
    while let Some(rows) = export.next().await.expect("rows") {
        read.push(rows);
    }
    (account, read)
}

fn count(read: &[Rows], part: Part) -> u64 {
    read.iter().filter(|rows| rows.part() == part).map(Rows::count).sum()
}

#[tokio::test]
async fn holds_what_is_the_persons_and_nothing_of_others() {
    let bench = Bench::new().await;
    let (ada, bob) = (bench.register("ada@example.org").await, bench.register("bob@example.org").await);
    for owner in [ada.id, ada.id, bob.id] {
        let project = bench.create_project(owner, ProjectKind::WebApp).await;
        bench.store_version(&project, 1, &[("index.html", "<p>Books</p>"), ("app.js", "1")]).await;
        bench.generate(owner, project.id, Some("Add a shelf")).await;
    }

    let (account, read) = export(&bench, ada.id).await;

    assert_eq!((account.user.id, account.api_tokens.len()), (ada.id, 0));
    assert_eq!(read.iter().map(Rows::part).collect::<Vec<_>>(), Part::ALL, "each part is there once");
    for (part, rows) in [
        (Part::Sessions, 1),
        (Part::Links, 1),
        (Part::Projects, 2),
        (Part::Versions, 2),
        (Part::Jobs, 2),
        (Part::Mails, 1),
        (Part::Records, 0),
    ] {
        assert_eq!(count(&read, part), rows, "{part:?}");
    }
    for rows in &read {
        match rows {
            Rows::Projects(rows) => assert!(rows.iter().all(|row| row.user_id == ada.id)),
            Rows::Versions(rows) => assert!(rows.iter().all(|row| row.files == ["app.js", "index.html"])),
            Rows::Jobs(rows) => assert!(rows.iter().all(|row| row.args["prompt"] == "Add a shelf")),
            Rows::Activity(rows) => assert!(rows.iter().any(|row| row.action == "account.export")),
            _ => {}
        }
    }
}

#[tokio::test]
async fn has_sign_ins_that_ended_and_what_others_did() {
    let bench = Bench::new().await;
    let (ada, root) = (bench.register("ada@example.org").await, bench.register("root@example.org").await);
    let (identity, phone) = (
        &bench.services.foundation.identity,
        Actor::anonymous()
            .with_client(Client { user_agent: Some("Phone/1".to_owned()), ..Client::default() }),
    );
    identity.login(&phone, "ada@example.org", "correct horse").await.expect("in");
    identity.login(&phone, "ada@example.org", "wrong horse").await.err().expect("refused");
    let by_root = acting(root.id);
    let close = AccountChanges { is_active: Some(false), ..Default::default() };
    identity.change_account(&by_root, ada.id, close).await.expect("closed");

    let (_, read) = export(&bench, ada.id).await;

    let mut actions = Vec::new();
    for rows in read {
        match rows {
            Rows::Sessions(rows) => {
                assert_eq!(rows.len(), 2);
                assert!(rows.iter().all(|row| row.revoked_at.is_some()));
                assert_eq!(rows[0].user_agent.as_deref(), Some("Phone/1"));
            }
            Rows::Records(rows) => actions = rows.into_iter().map(|row| row.action).collect(),
            _ => {}
        }
    }
    assert_eq!(actions, ["account.deactivate", "auth.login_failed"]);
}

#[tokio::test]
async fn nothing_is_cut_however_much_there_is() {
    let bench = Bench::new().await;
    let ada = bench.register("ada@example.org").await;
    let actor = acting(ada.id);
    let tx = bench.services.queue.begin().await.expect("a transaction");
    for number in 0..2 * PAGE {
        audit::record(&tx, &actor, "test.act", None, json!({"number": number})).await.expect("recorded");
    }
    tx.commit().await.expect("committed");

    let (_, read) = export(&bench, ada.id).await;

    let of_activity: Vec<_> = read
        .into_iter()
        .filter_map(|rows| if let Rows::Activity(rows) = rows { Some(rows) } else { None })
        .collect();
    assert_eq!(of_activity.len(), 3);
    assert!(of_activity.iter().all(|rows| rows.len() as u64 <= PAGE));
    let ids: Vec<_> = of_activity.concat().into_iter().map(|row| row.id).collect();
    assert_eq!(ids.len() as u64, 2 * PAGE + 2, "with the registration and the export");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each once");
}
