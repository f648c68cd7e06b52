use std::time::Duration;

use atelier_entities::JobState;
use atelier_queue::{
    JobError, NewJob, Outcome, QueueName,
    inspect::{JobFilter, QueueScaling},
};

use super::{bed::Bed, stage::scripted};

async fn load(bed: &Bed) -> QueueScaling {
    let queues = bed.queue.list_scaling().await.expect("the load");
    queues.into_iter().find(|queue| queue.queue == QueueName::Stats).expect("the queue")
}

pub(super) async fn the_load_of_a_queue_is_counted(bed: Bed) {
    bed.stage.on("slow", async |_| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(Outcome::done())
    });
    bed.stage.on("broken", async |_| Err(JobError::fail("BROKEN", "broken")));
    let later = bed.queue.now() + Duration::from_secs(3_600);
    bed.queue.enqueue(scripted("slow").at(later)).await.expect("enqueued");
    let names = ["slow", "slow", "slow", "broken"];
    let mut ids = Vec::new();
    for name in names {
        ids.push(bed.queue.enqueue(scripted(name)).await.expect("enqueued").id);
    }

    let before = load(&bed).await;
    assert_eq!((before.backlog, before.workers, before.slots), (4, 0, 0));
    assert_eq!((before.desired_workers(Duration::from_secs(30)), before.drain_secs()), (1, None));
    assert_eq!(before.mean_run_secs, None);

    let worker = bed.worker(4);
    for (id, name) in ids.iter().zip(names) {
        let state = if name == "broken" { JobState::Failed } else { JobState::Succeeded };
        bed.reaches(*id, state).await;
    }
    let after = load(&bed).await;
    assert_eq!((after.backlog, after.workers, after.slots), (0, 1, 4));
    assert_eq!(after.drain_secs(), Some(0.0));
    assert!((after.arrivals.last_minute - 5.0 / 60.0).abs() < 1e-9, "{after:?}");
    assert!((after.finishes.last_five_minutes - 4.0 / 300.0).abs() < 1e-9, "{after:?}");
    // Three of at least 50 ms and one of nearly none.
    let mean = after.mean_run_secs.expect("a mean");
    assert!((0.037..5.0).contains(&mean), "{mean}");
    worker.stop().await;
    assert_eq!(load(&bed).await.workers, 0, "a worker that says good-bye has no slots");
}

pub(super) async fn a_filter_survives_being_stored(bed: Bed) {
    let id = bed.queue.enqueue(NewJob::of(&super::stage::Novel {})).await.expect("enqueued").id;
    let other = bed.queue.enqueue(scripted("other")).await.expect("enqueued").id;
    let filter = JobFilter {
        queue: Some(QueueName::Stats),
        state: Some(JobState::Available),
        created_before: Some(bed.queue.now() + Duration::from_secs(60)),
        except_kinds: vec!["test.scripted".to_owned()],
        ..JobFilter::default()
    };

    let stored = serde_json::to_value(&filter).expect("JSON");
    let read: JobFilter = serde_json::from_value(stored.clone()).expect("a filter");

    assert_eq!(read, filter);
    let page = atelier_queue::inspect::Page { number: 1, size: 10 };
    let (found, total) = bed.queue.list_jobs(&read, page).await.expect("listed");
    assert_eq!((found.iter().map(|job| job.id).collect::<Vec<_>>(), total), (vec![id], 1));
    let mut newer = stored;
    newer["tenant"] = "acme".into();
    assert!(serde_json::from_value::<JobFilter>(newer).is_err(), "what it does not know may not be ignored");
    for id in [id, other] {
        bed.queue.cancel(id, None).await.expect("cancelled");
    }
}

pub(super) async fn the_transport_tells_how_it_evicts(bed: Bed) {
    let eviction = bed.queue.transport().eviction().await.expect("an answer");

    assert_eq!(eviction.is_some(), bed.queue.transport().is_remote());
    assert!(eviction.is_none_or(|eviction| !eviction.is_risky()), "a Redis for tests has no bound");
}
