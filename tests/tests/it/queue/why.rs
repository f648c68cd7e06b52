//! What a job that waits says of it, sentence by sentence.

use std::time::Duration;

use atelier_entities::{JobId, JobState, UserId};
use atelier_queue::{JobError, Outcome, QueueLimits, QueueName, Rate, inspect::Why};
use serde_json::json;

use super::{bed::Bed, stage::scripted};

async fn why(bed: &Bed, id: JobId) -> Why {
    bed.queue.why(&bed.job(id).await).await.expect("a reason")
}

/// Starts a job of that owner that runs for ever, and one more behind it.
async fn one_behind_another(bed: &Bed, limits: QueueLimits, owner: UserId) -> (JobId, JobId) {
    bed.queue.set_limits(QueueName::Stats, limits).await.expect("limited");
    bed.stage.on("endless", async |_| std::future::pending().await);
    let first = bed.queue.enqueue(scripted("endless").owned_by(owner)).await.expect("enqueued").id;
    bed.reaches(first, JobState::Running).await;
    let second = bed.queue.enqueue(scripted("second").owned_by(owner)).await.expect("enqueued").id;
    (first, second)
}

pub(super) async fn an_owners_limit_says_which_jobs_hold_it(bed: Bed) {
    let _worker = bed.worker(4);
    let limits = QueueLimits { max_running_per_owner: Some(1), ..QueueLimits::default() };

    let (first, second) = one_behind_another(&bed, limits, UserId::new()).await;

    let why = why(&bed, second).await;
    assert_eq!(why.code, "OWNER_LIMIT");
    assert!(why.message.contains(&first.to_string()), "{}", why.message);
    assert_eq!(why.details.expect("details")["jobs"], json!([first]));
}

pub(super) async fn a_queues_limit_and_its_rate_say_so(bed: Bed) {
    let _worker = bed.worker(4);
    let limits = QueueLimits { max_running: Some(1), ..QueueLimits::default() };
    let (_, second) = one_behind_another(&bed, limits, UserId::new()).await;
    let limited = why(&bed, second).await;
    assert_eq!((limited.code.as_ref(), limited.details), ("QUEUE_LIMIT", Some(json!({"max_running": 1}))));

    let rate = Rate { count: 1, period: Duration::from_secs(3_600) };
    bed.queue
        .set_limits(QueueName::Stats, QueueLimits { rate: Some(rate), ..QueueLimits::default() })
        .await
        .expect("limited");
    bed.reaches(second, JobState::Succeeded).await;
    let third = bed.queue.enqueue(scripted("third")).await.expect("enqueued").id;

    let rated = why(&bed, third).await;
    let until = rated.retry_at.expect("a time") - bed.queue.now();
    assert_eq!(rated.code, "RATE_LIMIT");
    // Starts are counted by sixtieths of the period.
    assert!((3_500..=3_660).contains(&until.num_seconds()), "{until}");
}

pub(super) async fn a_retry_says_after_which_error(bed: Bed) {
    bed.stage.on("broken", async |_| {
        Err(JobError::retry_after("NO_ANSWER", "nobody answered", Duration::from_secs(3_600)))
    });
    let _worker = bed.worker(1);
    let id = bed.queue.enqueue(scripted("broken")).await.expect("enqueued").id;
    let job = bed.reaches(id, JobState::Retrying).await;

    let why = why(&bed, id).await;

    assert_eq!((why.code.as_ref(), why.retry_at), ("WAITING_TO_RETRY", Some(job.run_at)));
    assert!(why.message.contains("nobody answered") && why.message.contains("1 of 3"), "{}", why.message);
    assert_eq!(why.details, Some(json!({"error_code": "NO_ANSWER"})));
}

pub(super) async fn what_waits_for_something_outside_says_for_what_and_spends_no_attempt(bed: Bed) {
    let stage = bed.stage.clone();
    bed.stage.on("circuit", move |ctx| {
        let starts = stage.starts(ctx.id());
        async move {
            let wait = match starts {
                1 => Duration::from_millis(10),
                2 => Duration::from_secs(2),
                _ => return Ok(Outcome::done()),
            };
            let open = JobError::wait("CIRCUIT_OPEN", "the circuit of nobody is open", wait);
            Err(open.with_details(json!({"provider": "nobody"})))
        }
    });
    let _worker = bed.worker(1);
    let id = bed.queue.enqueue(scripted("circuit")).await.expect("enqueued").id;
    let waiting = bed
        .until("it waits the second time", async || {
            let job = bed.job(id).await;
            (job.state == JobState::Scheduled && bed.stage.starts(id) == 2).then_some(job)
        })
        .await;

    let why = bed.queue.why(&waiting).await.expect("a reason");
    let job = bed.reaches(id, JobState::Succeeded).await;

    assert_eq!((why.code.as_ref(), why.retry_at), ("CIRCUIT_OPEN", Some(waiting.run_at)));
    assert!(why.message.starts_with("the circuit of nobody is open; "), "{}", why.message);
    assert_eq!(why.details, Some(json!({"provider": "nobody"})));
    assert_eq!((waiting.attempt, job.attempt, job.error.clone()), (0, 1, None));
    assert_eq!(bed.queue.list_attempts(&job).await.expect("attempts").len(), 1);
}

pub(super) async fn a_place_in_line_comes_with_an_estimate(bed: Bed) {
    let _worker = bed.worker(1);
    let quick = bed.queue.enqueue(scripted("quick")).await.expect("enqueued").id;
    bed.reaches(quick, JobState::Succeeded).await;
    bed.stage.on("endless", async |_| std::future::pending().await);
    let running = bed.queue.enqueue(scripted("endless")).await.expect("enqueued").id;
    bed.reaches(running, JobState::Running).await;
    let first = bed.queue.enqueue(scripted("first")).await.expect("enqueued").id;
    let second = bed.queue.enqueue(scripted("second")).await.expect("enqueued").id;

    let (first, second) = (why(&bed, first).await, why(&bed, second).await);

    assert_eq!((first.position, second.position), (Some(0), Some(1)));
    let (first, second) = (first.estimated_start.expect("a time"), second.estimated_start.expect("a time"));
    assert!(first <= second && second - bed.queue.now() < chrono::TimeDelta::minutes(1), "{first} {second}");
}
