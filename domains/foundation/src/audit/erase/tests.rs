use std::collections::BTreeMap;

use atelier_entities::{AuditLevel, JobState, UserId, audit_log, users};
use bytes::Bytes;
use sea_orm::PaginatorTrait;

use super::*;
use crate::{
    audit,
    identity::AccountChanges,
    testing::{Fixture, acting, curl},
};

const DAYS: i64 = 24 * 3600;

fn actor(user: UserId) -> Actor {
    acting(user).with_client(curl())
}

/// A person with audit entries, among them an administrator's change of the address.
async fn person(fixture: &Fixture, name: &str) -> users::Model {
    let ada = fixture.register(&format!("{name}@example.org")).await;
    let tx = fixture.services.queue.begin().await.expect("a transaction");
    for number in 0..3 {
        record(&tx, &actor(ada.id), "test.act", None, json!({"number": number})).await.expect("recorded");
    }
    tx.commit().await.expect("committed");
    let email = Some(format!("{name}@other.example"));
    let changes = AccountChanges { email, ..AccountChanges::default() };
    let changed = fixture.services.identity.change_account(&Actor::anonymous(), ada.id, changes).await;
    changed.expect("changed")
}

async fn archive(fixture: &Fixture) {
    fixture.advance(40 * DAYS);
    fixture.services.audit.start_cleanup(&Actor::anonymous(), Some(30)).await.expect("started");
    fixture.work().await;
}

async fn erase(fixture: &Fixture, user: UserId) {
    fixture.services.identity.erase_account(&actor(user), user).await.expect("erased");
}

/// All objects in the folder of the archive by key.
async fn objects(fixture: &Fixture) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for key in fixture.objects.list_prefix("audit").await.expect("listed") {
        let (bytes, _) = fixture.objects.get(&key).await.expect("read").expect("an object");
        found.insert(key, String::from_utf8(bytes.to_vec()).expect("text"));
    }
    found
}

async fn archives(fixture: &Fixture) -> Vec<audit_archives::Model> {
    audit_archives::Entity::find().all(fixture.services.queue.db()).await.expect("listed")
}

/// Asserts that the rows of the archives match the stored objects.
async fn assert_archives_match_objects(fixture: &Fixture) {
    let objects = objects(fixture).await;
    let archives = archives(fixture).await;
    assert_eq!(archives.len(), objects.len(), "{archives:?} {:?}", objects.keys());
    for archive in archives {
        let text = &objects[&archive.object_key];
        assert_eq!((archive.sha256, archive.entries), (sha256(text.as_bytes()), text.lines().count() as i64));
    }
}

#[tokio::test]
async fn an_erasure_redacts_earlier_archives_and_keeps_entries_about_others() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (person(&fixture, "ada").await, person(&fixture, "bob").await);
    archive(&fixture).await;
    let before = objects(&fixture).await;
    let text: String = before.values().cloned().collect();
    assert!(text.contains(&ada.id.to_string()) && text.contains("ada@other.example"));

    erase(&fixture, ada.id).await;
    fixture.work().await;

    let after = objects(&fixture).await;
    let text: String = after.values().cloned().collect();
    assert!(!text.contains(&ada.id.to_string()) && !text.contains("ada@"), "{text}");
    assert!(text.contains(&bob.id.to_string()) && text.contains("bob@other.example"));
    assert_eq!(text.matches("192.0.2.1").count(), 3, "only those of the other person");
    assert_eq!(text.lines().count(), before.values().flat_map(|text| text.lines()).count());
    assert_archives_match_objects(&fixture).await;
    let job = fixture.jobs_of_kind("maintenance.erase_archived").await.remove(0);
    assert_eq!((job.state, &job.result.expect("a result")["objects"]), (JobState::Succeeded, &json!(1)));
}

#[tokio::test]
async fn entries_that_an_erasure_redacts_meanwhile_are_not_archived() {
    let fixture = Fixture::new().await;
    let ada = person(&fixture, "ada").await;
    fixture.advance(40 * DAYS);
    let audit = &fixture.services.audit;
    let rows = audit_log::Entity::find().all(fixture.services.queue.db()).await.expect("listed");
    let lines: String = rows.iter().map(audit::json_line).collect();
    let written = audit.write_object(rows[0].created_at, lines).await.expect("written");

    erase(&fixture, ada.id).await;
    fixture.work().await;
    archive(&fixture).await;

    let text: String = objects(&fixture).await.into_values().collect();
    assert!(!text.contains(&ada.id.to_string()) && !text.contains("ada@"), "{text}");
    assert!(fixture.objects.get(&written.key).await.expect("asked").is_none(), "what nothing names is gone");
    assert_archives_match_objects(&fixture).await;
}

#[tokio::test]
async fn concurrent_erasures_do_not_undo_each_other() {
    let fixture = Fixture::new().await;
    let (ada, bob) = (person(&fixture, "ada").await, person(&fixture, "bob").await);
    archive(&fixture).await;
    let audit = &fixture.services.audit;
    let as_erased = |user| ErasedPerson { user, addresses: Vec::new() };
    // One job has read the row before the other one rewrites the archive.
    let read = archives(&fixture).await.remove(0);
    let first = audit.rewrite(&read, &as_erased(bob.id)).await.expect("rewritten");
    assert!(matches!(first, Rewrite::Rewritten(_)));

    let late = audit.rewrite(&read, &as_erased(ada.id)).await.expect("asked");
    assert!(matches!(late, Rewrite::Superseded));
    erase(&fixture, ada.id).await;
    erase(&fixture, bob.id).await;
    fixture.work().await;

    let text: String = objects(&fixture).await.into_values().collect();
    assert!(!text.contains(&ada.id.to_string()) && !text.contains(&bob.id.to_string()), "{text}");
    assert_archives_match_objects(&fixture).await;
}

#[tokio::test]
async fn a_late_replacement_of_an_object_changes_nothing() {
    let fixture = Fixture::new().await;
    person(&fixture, "ada").await;
    archive(&fixture).await;
    let (audit, read) = (&fixture.services.audit, archives(&fixture).await.remove(0));
    let change = async || {
        let object = audit.write_object(read.first_at, "{}\n".to_owned()).await.expect("written");
        Replacement { old_sha256: read.sha256.clone(), entries: 1, object }
    };
    let (one, two) = (change().await, change().await);

    assert!(audit.replace_object(&read, &one).await.expect("asked"));
    assert!(!audit.replace_object(&read, &two).await.expect("asked"));

    assert_eq!(archives(&fixture).await[0].object_key, one.object.key);
}

#[tokio::test]
async fn an_archive_that_was_changed_in_the_store_is_recorded() {
    let fixture = Fixture::new().await;
    let ada = person(&fixture, "ada").await;
    archive(&fixture).await;
    let archive = archives(&fixture).await.remove(0);
    let (bytes, _) = fixture.objects.get(&archive.object_key).await.expect("read").expect("an object");
    let forged = String::from_utf8(bytes.to_vec()).expect("text").replace("test.act", "test.forged");
    let sha256 = sha256(forged.as_bytes());
    fixture.objects.put(&archive.object_key, Bytes::from(forged), "text/plain").await.expect("put");

    erase(&fixture, ada.id).await;
    fixture.work().await;

    let told = audit_log::Entity::find().filter(audit_log::Column::Action.eq("audit.rewrite_archive"));
    let told = told.one(fixture.services.queue.db()).await.expect("asked").expect("an entry");
    assert_eq!(told.level, AuditLevel::Critical);
    assert_eq!(
        (&told.context["noted"], &told.context["found"]),
        (&json!(archive.sha256), &json!(sha256)),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_missing_archive_is_counted_and_the_others_are_rewritten() {
    let fixture = Fixture::new().await;
    let ada = person(&fixture, "ada").await;
    archive(&fixture).await;
    let lost = archives(&fixture).await.remove(0);
    fixture.objects.delete(&lost.object_key).await.expect("deleted");
    let tx = fixture.services.queue.begin().await.expect("a transaction");
    record(&tx, &actor(ada.id), "test.act", None, json!({})).await.expect("recorded");
    tx.commit().await.expect("committed");
    archive(&fixture).await;

    erase(&fixture, ada.id).await;
    fixture.work().await;

    let job = fixture.jobs_of_kind("maintenance.erase_archived").await.remove(0);
    let result = job.result.expect("a result");
    assert_eq!((&result["lost"], &result["objects"]), (&json!(1), &json!(1)), "{result}");
}

#[tokio::test]
async fn entries_recorded_during_an_erasure_are_redacted_too() {
    let fixture = Fixture::new().await;
    let ada = person(&fixture, "ada").await;
    erase(&fixture, ada.id).await;
    let tx = fixture.services.queue.begin().await.expect("a transaction");
    record(&tx, &actor(ada.id), "test.late", None, json!({})).await.expect("recorded");
    tx.commit().await.expect("committed");

    fixture.work().await;

    let of_ada = audit_log::Entity::find().filter(audit_log::Column::ActorId.eq(ada.id));
    assert_eq!(of_ada.count(fixture.services.queue.db()).await.expect("counted"), 0);
}
