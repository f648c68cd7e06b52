use std::time::Duration;

use atelier_entities::JobState;
use atelier_queue::{
    JobError, NewJob, Outcome, QueueName,
    inspect::{JobFilter, QueueScaling},
};

use super::{fixture::Fixture, scripted::scripted};

async fn load(fixture: &Fixture) -> QueueScaling {
    let queues = fixture.queue.list_scaling().await.expect("the load");
    queues.into_iter().find(|queue| queue.queue == QueueName::Stats).expect("the queue")
}

pub(super) async fn the_load_of_a_queue_is_counted(fixture: Fixture) {
    fixture.handlers.on("slow", async |_| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(Outcome::done())
    });
    fixture.handlers.on("broken", async |_| Err(JobError::fail("BROKEN", "broken")));
    let later = fixture.queue.now() + Duration::from_secs(3_600);
    fixture.queue.enqueue(scripted("slow").at(later)).await.expect("enqueued");
    let names = ["slow", "slow", "slow", "broken"];
    let mut ids = Vec::new();
    for name in names {
        ids.push(fixture.queue.enqueue(scripted(name)).await.expect("enqueued").id);
    }

    let before = load(&fixture).await;
    assert_eq!((before.backlog, before.workers, before.slots), (4, 0, 0));
    assert_eq!((before.desired_workers(Duration::from_secs(30)), before.drain_secs()), (1, None));
    assert_eq!(before.mean_run_secs, None);

    let worker = fixture.worker(4);
    for (id, name) in ids.iter().zip(names) {
        let state = if name == "broken" { JobState::Failed } else { JobState::Succeeded };
        fixture.reaches(*id, state).await;
    }
    let after = load(&fixture).await;
    assert_eq!((after.backlog, after.workers, after.slots), (0, 1, 4));
    assert_eq!(after.drain_secs(), Some(0.0));
    assert!((after.arrivals.last_minute - 5.0 / 60.0).abs() < 1e-9, "{after:?}");
    assert!((after.finishes.last_five_minutes - 4.0 / 300.0).abs() < 1e-9, "{after:?}");
    // Three jobs of at least 50 ms and one of almost 0 ms.
    let mean = after.mean_run_secs.expect("a mean");
    assert!((0.037..5.0).contains(&mean), "{mean}");
    worker.stop().await;
    assert_eq!(load(&fixture).await.workers, 0, "a stopped worker has no slots");
}

pub(super) async fn a_filter_can_be_stored_and_read_again(fixture: Fixture) {
    let id = fixture.queue.enqueue(NewJob::of(&super::scripted::Unknown {})).await.expect("enqueued").id;
    let other = fixture.queue.enqueue(scripted("other")).await.expect("enqueued").id;
    let filter = JobFilter {
        queue: Some(QueueName::Stats),
        state: Some(JobState::Available),
        created_before: Some(fixture.queue.now() + Duration::from_secs(60)),
        except_kinds: vec!["test.scripted".to_owned()],
        ..JobFilter::default()
    };

    let stored = serde_json::to_value(&filter).expect("JSON");
    let read: JobFilter = serde_json::from_value(stored.clone()).expect("a filter");

    assert_eq!(read, filter);
    let page = atelier_queue::inspect::Page { number: 1, size: 10 };
    let (found, total) = fixture.queue.list_jobs(&read, page).await.expect("listed");
    assert_eq!((found.iter().map(|job| job.id).collect::<Vec<_>>(), total), (vec![id], 1));
    let mut newer = stored;
    newer["tenant"] = "acme".into();
    assert!(serde_json::from_value::<JobFilter>(newer).is_err(), "an unknown field must be rejected");
    for id in [id, other] {
        fixture.queue.cancel(id, None).await.expect("cancelled");
    }
}

pub(super) async fn the_transport_reports_its_eviction_policy(fixture: Fixture) {
    let eviction = fixture.queue.transport().eviction().await.expect("an answer");

    assert_eq!(eviction.is_some(), fixture.queue.transport().is_remote());
    assert!(eviction.is_none_or(|eviction| !eviction.is_risky()), "a Redis for tests has no bound");
}
