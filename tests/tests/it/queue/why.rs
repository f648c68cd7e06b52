//! The codes and sentences of waiting jobs.

use std::time::Duration;

use atelier_entities::{JobId, JobState, UserId};
use atelier_queue::{JobError, Outcome, QueueLimits, QueueName, Rate, inspect::Why};
use serde_json::json;

use super::{fixture::Fixture, scripted::scripted};

async fn why(fixture: &Fixture, id: JobId) -> Why {
    fixture.queue.why(&fixture.job(id).await).await.expect("a reason")
}

/// Starts an endless job of this owner, and enqueues another one.
async fn one_behind_another(fixture: &Fixture, limits: QueueLimits, owner: UserId) -> (JobId, JobId) {
    fixture.queue.set_limits(QueueName::Stats, limits).await.expect("limited");
    fixture.handlers.on("endless", async |_| std::future::pending().await);
    let first = fixture.queue.enqueue(scripted("endless").owned_by(owner)).await.expect("enqueued").id;
    fixture.reaches(first, JobState::Running).await;
    let second = fixture.queue.enqueue(scripted("second").owned_by(owner)).await.expect("enqueued").id;
    (first, second)
}

pub(super) async fn why_names_the_jobs_that_use_up_an_owners_limit(fixture: Fixture) {
    let _worker = fixture.worker(4);
    let limits = QueueLimits { max_running_per_owner: Some(1), ..QueueLimits::default() };

    let (first, second) = one_behind_another(&fixture, limits, UserId::new()).await;

    let why = why(&fixture, second).await;
    assert_eq!(why.code, "OWNER_LIMIT");
    assert!(why.message.contains(&first.to_string()), "{}", why.message);
    assert_eq!(why.details.expect("details")["jobs"], json!([first]));
}

pub(super) async fn why_names_the_limit_and_the_rate_of_a_queue(fixture: Fixture) {
    let _worker = fixture.worker(4);
    let limits = QueueLimits { max_running: Some(1), ..QueueLimits::default() };
    let (_, second) = one_behind_another(&fixture, limits, UserId::new()).await;
    let limited = why(&fixture, second).await;
    assert_eq!((limited.code.as_ref(), limited.details), ("QUEUE_LIMIT", Some(json!({"max_running": 1}))));

    let rate = Rate { count: 1, period: Duration::from_secs(3_600) };
    fixture
        .queue
        .set_limits(QueueName::Stats, QueueLimits { rate: Some(rate), ..QueueLimits::default() })
        .await
        .expect("limited");
    fixture.reaches(second, JobState::Succeeded).await;
    let third = fixture.queue.enqueue(scripted("third")).await.expect("enqueued").id;

    let rated = why(&fixture, third).await;
    let until = rated.retry_at.expect("a time") - fixture.queue.now();
    assert_eq!(rated.code, "RATE_LIMIT");
    // Starts are counted in sixtieths of the period.
    assert!((3_500..=3_660).contains(&until.num_seconds()), "{until}");
}

pub(super) async fn why_names_the_error_before_a_retry(fixture: Fixture) {
    fixture.handlers.on("broken", async |_| {
        Err(JobError::retry_after("NO_ANSWER", "nobody answered", Duration::from_secs(3_600)))
    });
    let _worker = fixture.worker(1);
    let id = fixture.queue.enqueue(scripted("broken")).await.expect("enqueued").id;
    let job = fixture.reaches(id, JobState::Retrying).await;

    let why = why(&fixture, id).await;

    assert_eq!((why.code.as_ref(), why.retry_at), ("WAITING_TO_RETRY", Some(job.run_at)));
    assert!(why.message.contains("nobody answered") && why.message.contains("1 of 3"), "{}", why.message);
    assert_eq!(why.details, Some(json!({"error_code": "NO_ANSWER"})));
}

pub(super) async fn waiting_for_an_external_service_counts_no_attempt_and_is_explained(fixture: Fixture) {
    let handlers = fixture.handlers.clone();
    fixture.handlers.on("circuit", move |ctx| {
        let starts = handlers.starts(ctx.id());
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
    let _worker = fixture.worker(1);
    let id = fixture.queue.enqueue(scripted("circuit")).await.expect("enqueued").id;
    let waiting = fixture
        .until("it waits for the second time", async || {
            let job = fixture.job(id).await;
            (job.state == JobState::Scheduled && fixture.handlers.starts(id) == 2).then_some(job)
        })
        .await;

    let why = fixture.queue.why(&waiting).await.expect("a reason");
    let job = fixture.reaches(id, JobState::Succeeded).await;

    assert_eq!((why.code.as_ref(), why.retry_at), ("CIRCUIT_OPEN", Some(waiting.run_at)));
    assert!(why.message.starts_with("the circuit of nobody is open; "), "{}", why.message);
    assert_eq!(why.details, Some(json!({"provider": "nobody"})));
    assert_eq!((waiting.attempt, job.attempt, job.error.clone()), (0, 1, None));
    assert_eq!(fixture.queue.list_attempts(&job).await.expect("attempts").len(), 1);
}

pub(super) async fn why_estimates_the_start_of_a_waiting_job(fixture: Fixture) {
    let _worker = fixture.worker(1);
    let quick = fixture.queue.enqueue(scripted("quick")).await.expect("enqueued").id;
    fixture.reaches(quick, JobState::Succeeded).await;
    fixture.handlers.on("endless", async |_| std::future::pending().await);
    let running = fixture.queue.enqueue(scripted("endless")).await.expect("enqueued").id;
    fixture.reaches(running, JobState::Running).await;
    let first = fixture.queue.enqueue(scripted("first")).await.expect("enqueued").id;
    let second = fixture.queue.enqueue(scripted("second")).await.expect("enqueued").id;

    let (first, second) = (why(&fixture, first).await, why(&fixture, second).await);

    assert_eq!((first.position, second.position), (Some(0), Some(1)));
    let (first, second) = (first.estimated_start.expect("a time"), second.estimated_start.expect("a time"));
    assert!(
        first <= second && second - fixture.queue.now() < chrono::TimeDelta::minutes(1),
        "{first} {second}"
    );
}
