use std::collections::BTreeSet;

use atelier_entities::{AuditLevel, JobId, JobState};
use sea_orm::PaginatorTrait;

use super::*;
use crate::testing::{self, Fixture, at_address};

const DAYS: i64 = 24 * 3600;

fn operator() -> Actor {
    Actor::anonymous()
}

async fn write(fixture: &Fixture, count: usize) -> BTreeSet<AuditId> {
    let tx = fixture.services.queue.begin().await.expect("a transaction");
    for number in 0..count {
        let actor = at_address("192.0.2.1");
        record(&tx, &actor, "test.old", None, json!({"number": number})).await.expect("recorded");
    }
    tx.commit().await.expect("committed");
    let of_test = audit_log::Entity::find().filter(audit_log::Column::Action.eq("test.old"));
    let rows = of_test.all(fixture.services.queue.db()).await.expect("listed");
    rows.into_iter().map(|row| row.id).collect()
}

async fn left(fixture: &Fixture) -> u64 {
    let of_test = audit_log::Entity::find().filter(audit_log::Column::Action.eq("test.old"));
    of_test.count(fixture.services.queue.db()).await.expect("counted")
}

/// The ids of all entries in all archives. Checks each object against the row of its
/// archive.
async fn archived(fixture: &Fixture) -> Vec<AuditId> {
    let archives = audit_archives::Entity::find().all(fixture.services.queue.db()).await.expect("listed");
    let mut ids = Vec::new();
    for archive in archives {
        let (bytes, _) = fixture.objects.get(&archive.object_key).await.expect("read").expect("an object");
        assert_eq!(archive.sha256, objects::sha256(&bytes));
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        assert_eq!(text.lines().count(), usize::try_from(archive.entries).expect("a count"));
        for line in text.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(entry["ip"], "192.0.2.1");
            ids.push(serde_json::from_value(entry["id"].clone()).expect("an id"));
        }
    }
    ids
}

async fn cleanup(fixture: &Fixture, days: u32) -> JobId {
    fixture.services.audit.start_cleanup(&operator(), Some(days)).await.expect("started").id
}

#[tokio::test]
async fn old_entries_move_to_objects_and_young_ones_stay() {
    let fixture = Fixture::new().await;
    let old = write(&fixture, 250).await;
    fixture.advance(40 * DAYS);
    write(&fixture, 3).await;

    let job = cleanup(&fixture, 30).await;
    fixture.work().await;

    let job = fixture.job(job).await;
    assert_eq!((job.state, &job.result.expect("a result")["entries"]), (JobState::Succeeded, &json!(250)));
    assert_eq!(left(&fixture).await, 3);
    let moved = archived(&fixture).await;
    assert_eq!((moved.len(), moved.into_iter().collect::<BTreeSet<_>>()), (250, old));
    let stats = fixture.services.audit.stats(None, None).await.expect("statistics").archived;
    assert_eq!((stats.objects, stats.entries), (3, 250), "of 100 at most");
    let asked = audit_log::Entity::find().filter(audit_log::Column::Action.eq("audit.cleanup"));
    let asked = asked.one(fixture.services.queue.db()).await.expect("asked").expect("an entry");
    assert_eq!(asked.level, AuditLevel::Critical);
}

#[tokio::test]
async fn a_crash_before_the_commit_neither_loses_nor_duplicates_entries() {
    let fixture = Fixture::new().await;
    let old = write(&fixture, 150).await;
    fixture.advance(40 * DAYS);
    let audit = &fixture.services.audit;
    let before = fixture.services.queue.now();
    // The process died after the object was written.
    let batch = audit.list_oldest(before).await.expect("listed");
    let lost = audit.write_object(batch[0].created_at, lines(&batch)).await.expect("written");
    assert_eq!((left(&fixture).await, archived(&fixture).await.len()), (150, 0));

    cleanup(&fixture, 30).await;
    fixture.work().await;

    let moved = archived(&fixture).await;
    assert_eq!((moved.len(), moved.into_iter().collect::<BTreeSet<_>>()), (150, old));
    // A late attempt changes nothing.
    assert!(!audit.commit_archive(&operator(), &batch, &lost).await.expect("asked"));
    assert_eq!(archived(&fixture).await.len(), 150);
}

#[tokio::test]
async fn a_repeated_cleanup_is_one_job_and_another_bound_is_refused() {
    let fixture = Fixture::new().await;
    let first = cleanup(&fixture, 30).await;
    let audit = &fixture.services.audit;

    assert_eq!(cleanup(&fixture, 30).await, first);
    let other = audit.start_cleanup(&operator(), Some(7)).await;
    assert!(matches!(other, Err(AuditError::InProgress(job)) if job == first), "{other:?}");
}

#[tokio::test]
async fn a_cleanup_needs_a_valid_bound() {
    let fixture = Fixture::new().await;
    for days in [None, Some(0), Some(MAX_DAYS + 1)] {
        let refused = fixture.services.audit.start_cleanup(&operator(), days).await;
        let Err(AuditError::InvalidInput(errors)) = refused else { panic!("{refused:?}") };
        assert!(errors.0.contains_key("older_than_days"));
    }
}

#[tokio::test]
async fn the_recurring_job_moves_nothing_without_a_retention() {
    let fixture = Fixture::new().await;
    write(&fixture, 3).await;
    fixture.advance(4_000 * DAYS);
    let job =
        fixture.services.queue.enqueue(NewJob::of(&ArchiveAudit { before: None })).await.expect("enqueued");

    fixture.work().await;

    assert_eq!(fixture.job(job.id).await.state, JobState::Succeeded);
    assert_eq!(left(&fixture).await, 3);
}

#[tokio::test]
async fn entries_that_changed_after_they_were_written_are_not_archived() {
    let fixture = Fixture::new().await;
    write(&fixture, 3).await;
    fixture.advance(40 * DAYS);
    let audit = &fixture.services.audit;
    let batch = audit.list_oldest(fixture.services.queue.now()).await.expect("listed");
    let object = audit.write_object(batch[0].created_at, lines(&batch)).await.expect("written");
    let nobody = sea_orm::sea_query::Expr::value(Option::<String>::None);
    let erase = audit_log::Entity::update_many().col_expr(audit_log::Column::UserAgent, nobody.clone());
    erase.exec(fixture.services.queue.db()).await.expect("nothing changes");
    assert!(audit.commit_archive(&operator(), &batch[..2], &object).await.is_ok_and(|done| !done));
    let erase = audit_log::Entity::update_many().col_expr(audit_log::Column::Ip, nobody);
    erase
        .filter(audit_log::Column::Id.eq(batch[1].id))
        .exec(fixture.services.queue.db())
        .await
        .expect("erased");

    assert!(!audit.commit_archive(&operator(), &batch, &object).await.expect("asked"));

    assert_eq!((left(&fixture).await, archived(&fixture).await.len()), (3, 0));
}

#[tokio::test]
async fn an_archive_is_deleted_after_its_retention() {
    let mut options = testing::options();
    options.retention.audit_archives = Some(Duration::from_secs(100 * 24 * 3600));
    let fixture = Fixture::with_options(options).await;
    let stored = async || fixture.objects.list_prefix("audit").await.expect("listed").len();
    write(&fixture, 3).await;
    fixture.advance(52 * DAYS);
    cleanup(&fixture, 30).await;
    fixture.work().await;
    fixture.advance(46 * DAYS);
    cleanup(&fixture, 30).await;
    fixture.work().await;
    assert_eq!(stored().await, 2, "the second has what was recorded of the first");

    fixture.advance(3 * DAYS);
    let job = fixture.services.queue.enqueue(NewJob::of(&ArchiveAudit { before: None })).await;
    fixture.work().await;

    let job = fixture.job(job.expect("enqueued").id).await;
    assert_eq!(job.result.expect("a result")["expired"], json!(1));
    let archives = audit_archives::Entity::find().all(fixture.services.queue.db()).await.expect("listed");
    assert_eq!((archives.len(), stored().await), (1, 1));
    let told = audit_log::Entity::find().filter(audit_log::Column::Action.eq("audit.expire"));
    let told = told.one(fixture.services.queue.db()).await.expect("asked").expect("an entry");
    assert_eq!(told.context["entries"], json!(3));
}
