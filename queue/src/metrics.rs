//! The queue's metrics, named once. `docs/operations.md` tabulates them.

use std::time::Duration;

use atelier_entities::{Timestamp, jobs};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::{Fault, name::QueueName};

pub mod workflows;

/// Name, type, labels and meaning of a metric.
pub type Described = (&'static str, &'static str, &'static str, &'static str);

/// Jobs by queue and state, as the scheduler last counted them.
pub const JOBS: &str = "atelier_jobs";
/// Age of the oldest available job of a queue.
pub const OLDEST_AVAILABLE: &str = "atelier_queue_oldest_available_seconds";
/// Workers that a queue needs.
pub const DESIRED_WORKERS: &str = "atelier_queue_desired_workers";
/// Jobs enqueued.
pub const ENQUEUED: &str = "atelier_jobs_enqueued_total";
/// Enqueues answered with an earlier job.
pub const DUPLICATES: &str = "atelier_jobs_duplicate_suppressed_total";
/// Attempts started.
pub const STARTED: &str = "atelier_jobs_started_total";
/// Attempts ended.
pub const FINISHED: &str = "atelier_jobs_finished_total";
/// From due to started.
pub const WAIT: &str = "atelier_job_wait_seconds";
/// From started to ended.
pub const RUN: &str = "atelier_job_run_seconds";
/// Leases that ran out.
pub const LEASES_EXPIRED: &str = "atelier_leases_expired_total";
/// Ends of jobs whose effect failed.
pub const EFFECTS_FAILED: &str = "atelier_effects_failed_total";
/// Ids popped that could not be claimed.
pub const DROPPED: &str = "atelier_dispatch_dropped_total";
/// Claims whose answer was lost.
pub const HANDED_BACK: &str = "atelier_claims_handed_back_total";
/// Pushes to the transport that failed.
pub const DISPATCH_FAILED: &str = "atelier_dispatch_failed_total";
/// Ids the relay pushed.
pub const RELAYED: &str = "atelier_relay_pushed_total";
/// Passes of the relay that could not push due ids.
pub const RELAY_FAILED: &str = "atelier_relay_push_failed_total";
/// Whether the database and the transport take writes.
pub const WRITABLE: &str = "atelier_writable";
/// How late the relay made due jobs available.
pub const RELAY_LAG: &str = "atelier_relay_lag_seconds";
/// How long due jobs have waited to be made available.
pub const RELAY_OVERDUE: &str = "atelier_relay_overdue_seconds";
/// Ids of consumers that are gone, put back.
pub const RECLAIMED: &str = "atelier_dispatch_reclaimed_total";
/// Recurring jobs enqueued by their schedule.
pub const SCHEDULE_FIRED: &str = "atelier_schedule_fired_total";
/// How late a schedule fired.
pub const SCHEDULE_LAG: &str = "atelier_schedule_lag_seconds";
/// How long a schedule has been overdue.
pub const SCHEDULE_OVERDUE: &str = "atelier_schedule_overdue_seconds";
/// Failures of a schedule to fire.
pub const SCHEDULE_FAILED: &str = "atelier_schedule_failed_total";
/// Next runs of schedules that were set.
pub const SCHEDULE_REARMED: &str = "atelier_schedule_rearmed_total";
/// Jobs running in this process.
pub const RUNNING: &str = "atelier_worker_running";
/// Whether Redis may evict ids of the queue.
pub const EVICTION_RISK: &str = "atelier_redis_eviction_risk";
/// Ended jobs deleted by retention.
pub const SWEPT: &str = "atelier_jobs_swept_total";

/// Every metric of the queue, for documents and exporters. Those of workflows are in [`workflows::ALL`].
pub const ALL: &[Described] = &[
    (JOBS, "gauge", "queue, state", "Jobs in each state"),
    (OLDEST_AVAILABLE, "gauge", "queue", "Age of the oldest job that could run now"),
    (DESIRED_WORKERS, "gauge", "queue", "Workers it takes for a due job to start within 30 s"),
    (ENQUEUED, "counter", "queue, kind", "Jobs enqueued"),
    (DUPLICATES, "counter", "queue, kind", "Enqueues answered with the job that has the unique key"),
    (STARTED, "counter", "queue, kind", "Attempts started"),
    (
        FINISHED,
        "counter",
        "queue, kind, outcome",
        "Attempts ended, by the state they led to; `lost` where the lease was gone",
    ),
    (WAIT, "histogram", "queue", "From due to started"),
    (RUN, "histogram", "queue, kind", "From started to ended"),
    (LEASES_EXPIRED, "counter", "queue", "Jobs taken back from workers that died or stalled"),
    (
        EFFECTS_FAILED,
        "counter",
        "kind",
        "Ends of jobs put off, or written without their effect, since it fails",
    ),
    (
        DROPPED,
        "counter",
        "queue",
        "Popped ids that could not be claimed: duplicates, cancelled, paused, unknown kinds",
    ),
    (HANDED_BACK, "counter", "", "Jobs handed back because the answer to their claim was lost"),
    (DISPATCH_FAILED, "counter", "queue", "Pushes to the transport that failed; the relay repeats them"),
    (
        RELAYED,
        "counter",
        "queue, cause",
        "Ids the relay pushed to the transport: `refill` as it had room, `redispatch` as it no longer had what it was given",
    ),
    (
        RELAY_FAILED,
        "counter",
        "queue, cause",
        "Passes of the relay that could not push what is due of a queue, by the fault of the transport; tried again",
    ),
    (
        WRITABLE,
        "gauge",
        "part",
        "1 where the `database` or the `transport` took a scheduler's last write, 0 where it did not",
    ),
    (RELAY_LAG, "gauge", "", "How late the relay made the latest due job available"),
    (
        RELAY_OVERDUE,
        "gauge",
        "",
        "For how long a delayed job or retry has been due that no relay has made available; 0 where there is none",
    ),
    (RECLAIMED, "counter", "", "Ids taken back from consumers that went away"),
    (SCHEDULE_FIRED, "counter", "schedule", "Recurring jobs enqueued"),
    (SCHEDULE_LAG, "gauge", "schedule", "How late it fired"),
    (
        SCHEDULE_OVERDUE,
        "gauge",
        "schedule",
        "For how long it should have fired and has not; 0 where it need not",
    ),
    (SCHEDULE_FAILED, "counter", "schedule", "Times that it could not fire; it is tried again"),
    (
        SCHEDULE_REARMED,
        "counter",
        "schedule, cause",
        "Schedules set anew: `changed` by a new expression, `missed` where a moment passed while no scheduler ran",
    ),
    (RUNNING, "gauge", "queue", "Jobs running in this process"),
    (EVICTION_RISK, "gauge", "", "1 where Redis may evict keys of the queue, 0 where it may not"),
    (SWEPT, "counter", "state", "Ended jobs deleted by retention"),
];

/// Describes each metric to the recorder.
pub fn describe() {
    for (name, kind, _, meaning) in ALL.iter().chain(workflows::ALL) {
        match *kind {
            "histogram" => describe_histogram!(*name, *meaning),
            "gauge" => describe_gauge!(*name, *meaning),
            _ => describe_counter!(*name, *meaning),
        }
    }
}

pub(crate) fn enqueued(queue: QueueName, kind: &str, duplicate: bool) {
    let name = if duplicate { DUPLICATES } else { ENQUEUED };
    counter!(name, "queue" => queue.as_str(), "kind" => kind.to_owned()).increment(1);
}

/// Counts jobs of a queue that were claimed at that moment.
pub(crate) fn started(queue: QueueName, jobs: &[jobs::Model], now: Timestamp) {
    let queue = queue.as_str();
    let wait = histogram!(WAIT, "queue" => queue);
    for job in jobs {
        wait.record((now - job.run_at).to_std().unwrap_or_default().as_secs_f64());
    }
    for of_a_kind in jobs.chunk_by(|one, next| one.kind == next.kind) {
        let kind = of_a_kind[0].kind.clone();
        counter!(STARTED, "queue" => queue, "kind" => kind).increment(of_a_kind.len() as u64);
    }
    gauge!(RUNNING, "queue" => queue).increment(as_f64(jobs.len()));
}

/// Counts attempts of a queue that ended: kind, outcome, and run time.
pub(crate) fn finished(
    queue: QueueName,
    ended: impl IntoIterator<Item = (&'static str, &'static str, Duration)>,
) {
    let (queue, mut meters) = (queue.as_str(), None);
    for (kind, outcome, ran) in ended {
        if meters.as_ref().is_none_or(|(of, _, _)| *of != (kind, outcome)) {
            let finished = counter!(FINISHED, "queue" => queue, "kind" => kind, "outcome" => outcome);
            meters = Some(((kind, outcome), finished, histogram!(RUN, "queue" => queue, "kind" => kind)));
        }
        if let Some((_, finished, run)) = &meters {
            finished.increment(1);
            run.record(ran.as_secs_f64());
        }
    }
}

/// Counts jobs of a queue that no longer run in this process.
pub(crate) fn released(queue: QueueName, jobs: usize) {
    gauge!(RUNNING, "queue" => queue.as_str()).decrement(as_f64(jobs));
}

pub(crate) fn lease_expired(queue: &str) {
    counter!(LEASES_EXPIRED, "queue" => queue.to_owned()).increment(1);
}

pub(crate) fn effect_failed(kind: &str) {
    counter!(EFFECTS_FAILED, "kind" => kind.to_owned()).increment(1);
}

/// Counts popped ids without a job to claim: each was carried twice, or its job has changed.
pub(crate) fn dropped(queue: QueueName, ids: usize) {
    counter!(DROPPED, "queue" => queue.as_str()).increment(ids as u64);
}

pub(crate) fn handed_back(jobs: usize) {
    counter!(HANDED_BACK).increment(jobs as u64);
}

pub(crate) fn dispatch_failed(queue: QueueName) {
    counter!(DISPATCH_FAILED, "queue" => queue.as_str()).increment(1);
}

/// Why ids were pushed to fill a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushCause {
    /// The transport had room for them.
    Refill,
    /// The transport had lost them.
    Redispatch,
}

pub(crate) fn relayed(queue: QueueName, push: PushCause, ids: usize) {
    let cause = match push {
        PushCause::Refill => "refill",
        PushCause::Redispatch => "redispatch",
    };
    counter!(RELAYED, "queue" => queue.as_str(), "cause" => cause).increment(ids as u64);
}

pub(crate) fn not_relayed(queue: QueueName, cause: Fault) {
    counter!(RELAY_FAILED, "queue" => queue.as_str(), "cause" => cause.code()).increment(1);
}

pub(crate) fn relay_lag(lag: Duration) {
    gauge!(RELAY_LAG).set(lag.as_secs_f64());
}

pub(crate) fn reclaimed(ids: usize) {
    counter!(RECLAIMED).increment(ids as u64);
}

pub(crate) fn schedule_fired(name: &str, lag: Duration) {
    counter!(SCHEDULE_FIRED, "schedule" => name.to_owned()).increment(1);
    gauge!(SCHEDULE_LAG, "schedule" => name.to_owned()).set(lag.as_secs_f64());
}

pub(crate) fn schedule_failed(name: &str) {
    counter!(SCHEDULE_FAILED, "schedule" => name.to_owned()).increment(1);
}

/// Counts that a schedule's next run was set, with the cause.
pub(crate) fn schedule_rearmed(name: &str, cause: &'static str) {
    counter!(SCHEDULE_REARMED, "schedule" => name.to_owned(), "cause" => cause).increment(1);
}

pub(crate) fn swept(state: &'static str, rows: u64) {
    counter!(SWEPT, "state" => state).increment(rows);
}

/// Sets the gauge of the workers that a queue needs.
pub fn observe_desired_workers(queue: QueueName, workers: u64) {
    gauge!(DESIRED_WORKERS, "queue" => queue.as_str()).set(workers as f64);
}

/// Sets the gauges of whether the database and the transport take writes.
pub fn observe_writable(database: Option<Fault>, transport: Option<Fault>) {
    for (part, fault) in [("database", database), ("transport", transport)] {
        gauge!(WRITABLE, "part" => part).set(if fault.is_none() { 1.0 } else { 0.0 });
    }
}

/// Sets the gauge of due work that no relay has made available yet.
pub fn observe_overdue(overdue: Duration) {
    gauge!(RELAY_OVERDUE).set(overdue.as_secs_f64());
}

/// Sets the gauge of how long a schedule has been overdue.
pub fn observe_schedule_overdue(name: &str, overdue: Duration) {
    gauge!(SCHEDULE_OVERDUE, "schedule" => name.to_owned()).set(overdue.as_secs_f64());
}

/// Sets the gauge of the eviction risk of Redis.
pub fn observe_eviction(risky: bool) {
    gauge!(EVICTION_RISK).set(if risky { 1.0 } else { 0.0 });
}

/// Sets the gauges of one queue from a count of its jobs.
pub fn observe_queue(queue: &str, counts: &[(&'static str, u64)], oldest_available: Duration) {
    for (state, jobs) in counts {
        gauge!(JOBS, "queue" => queue.to_owned(), "state" => *state).set(as_f64(*jobs as usize));
    }
    gauge!(OLDEST_AVAILABLE, "queue" => queue.to_owned()).set(oldest_available.as_secs_f64());
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats; nobody counts 2^53 jobs")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
