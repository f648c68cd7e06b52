use super::*;
use crate::{
    Actor, audit,
    testing::{Fixture, curl},
};

fn ada() -> ErasedPerson {
    ErasedPerson { user: UserId::new(), addresses: vec![hash_address("Ada@example.org")] }
}

#[test]
fn fields_that_name_the_person_are_redacted() {
    let (ada, other) = (ada(), UserId::new());
    let redaction = |actor, target, context| Some(Redaction { actor, target, context });
    let (own, others) = (ada.target(), format!("user:{other}"));
    for (actor, action, target, expected) in [
        (Some(ada.user), "project.create", "project:1", redaction(true, false, false)),
        (Some(ada.user), "account.update", &own, redaction(true, true, true)),
        (Some(ada.user), "account.change", &others, redaction(true, false, false)),
        (Some(other), "account.change", &own, redaction(false, true, true)),
        (Some(other), "credits.adjust", &own, redaction(false, true, true)),
        (None, "auth.login_failed", &own, redaction(false, true, false)),
        (
            Some(other),
            "mail.delete_suppression",
            &address_target("ada@EXAMPLE.org"),
            redaction(false, true, true),
        ),
        (Some(other), "mail.delete_suppression", "address:ada@example.org", redaction(false, true, true)),
        (Some(other), "mail.delete_suppression", "address:bob@example.org", None),
        (Some(other), "mail.delete_suppression", &address_target("bob@example.org"), None),
        (Some(other), "account.delete", &own, None),
        (Some(ada.user), "account.delete", &others, redaction(true, false, false)),
        (Some(other), "account.change", &others, None),
        (None, "audit.archive", "object:audit/1", None),
    ] {
        assert_eq!(ada.redaction(actor, action, Some(target)), expected, "{actor:?} {action} {target}");
    }
    assert_eq!(ada.redaction(None, "auth.login_failed", None), None);
}

#[test]
fn lines_about_others_do_not_change_and_an_invalid_line_is_an_error() {
    let ada = ada();
    let others = "{\"actor_id\":null,   \"action\":\"x\",\"target\":\"address:bob@example.org\"}\nnot JSON\n";
    assert_eq!(ada.rewrite(others).expect("read"), (others.to_owned(), 0));

    assert!(ada.rewrite(&format!("not JSON {}\n", ada.user)).is_err());
}

/// Writes entries by the person, about them, and by and about others.
async fn write(fixture: &Fixture, ada: &ErasedPerson) {
    let by = |user| Actor::of_job(user).with_client(curl());
    let bob = UserId::new();
    let tx = fixture.services.queue.begin().await.expect("a transaction");
    let targets =
        [None, Some(ada.target()), Some(format!("user:{bob}")), Some(address_target("ada@example.org"))];
    for actor in [None, Some(ada.user), Some(bob)] {
        for action in ["auth.login", "account.change", "account.delete", "mail.delete_suppression"] {
            for target in &targets {
                let context = json!({"before": {"email": "ada@example.org"}});
                audit::record(&tx, &by(actor), action, target.clone(), context).await.expect("recorded");
            }
        }
    }
    tx.commit().await.expect("committed");
}

async fn lines(fixture: &Fixture) -> String {
    let rows = audit_log::Entity::find().order_by_asc(audit_log::Column::Id);
    let rows = rows.all(fixture.services.queue.db()).await.expect("listed");
    rows.iter().map(audit::json_line).collect()
}

/// Entries that one transaction redacts.
const STEP: u64 = 150;

#[tokio::test]
async fn the_database_and_the_archive_are_redacted_alike() {
    let (fixture, ada) = (Fixture::new().await, ada());
    for _ in 0..40 {
        write(&fixture, &ada).await;
    }
    let before = lines(&fixture).await;

    loop {
        let tx = fixture.services.queue.begin().await.expect("a transaction");
        let left = ada.redact_some(&tx, &[], STEP).await.expect("left");
        tx.commit().await.expect("committed");
        if left < STEP {
            break;
        }
    }

    let (archived, changed) = ada.rewrite(&before).expect("rewritten");
    assert!(changed > 2 * STEP);
    assert_eq!(lines(&fixture).await, archived);
    assert_eq!(ada.rewrite(&archived).expect("rewritten"), (archived, 0), "once is enough");
}
