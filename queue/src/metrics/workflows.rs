//! The metrics of workflows and their runs.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::{Described, as_f64};

/// Runs that began to exist.
pub const RUNS_STARTED: &str = "atelier_workflow_runs_started_total";
/// Runs that ended.
pub const RUNS_ENDED: &str = "atelier_workflow_runs_ended_total";
/// Runs that the engine could not move.
pub const STUCK: &str = "atelier_workflow_stuck_total";
/// Transactions whose events had more triggers than may be pulled at once.
pub const TRIGGERS_LEFT_OUT: &str = "atelier_workflow_triggers_left_out_total";
/// Attempts of nodes that ended.
pub const ATTEMPTS: &str = "atelier_workflow_node_attempts_total";
/// Runs that have not ended.
pub const RUNS: &str = "atelier_workflow_runs";
/// Nodes that wait.
pub const WAITS: &str = "atelier_workflow_waits";
/// Age of the oldest node that is ready.
pub const OLDEST_READY: &str = "atelier_workflow_oldest_ready_seconds";
/// Integrations whose credentials were opened.
pub const CREDENTIALS: &str = "atelier_credentials_opened_total";
/// Tokens of OAuth that were asked for.
pub const TOKENS: &str = "atelier_oauth_tokens_total";

/// Fire times of schedules that were handled.
pub const TICKS: &str = "atelier_workflow_schedule_ticks_total";
/// How late schedules started runs.
pub const TICK_LAG: &str = "atelier_workflow_schedule_lag_seconds";
/// How long the schedule that is due the longest has been due.
pub const TICK_OVERDUE: &str = "atelier_workflow_schedule_overdue_seconds";
/// Fire times that wait.
pub const TICKS_BUFFERED: &str = "atelier_workflow_schedule_buffered";

/// Calls of webhooks.
pub const HOOKS: &str = "atelier_hooks_total";
/// Attempts to deliver events.
pub const DELIVERIES: &str = "atelier_webhook_attempts_total";
/// Webhooks that were disabled.
pub const DISABLED: &str = "atelier_webhooks_disabled_total";
/// Deliveries that wait.
pub const DELIVERIES_PENDING: &str = "atelier_webhook_deliveries_pending";
/// How long the delivery that is due the longest has been due.
pub const DELIVERY_OVERDUE: &str = "atelier_webhook_overdue_seconds";

/// Every metric of workflows.
pub const ALL: &[Described] = &[
    (RUNS_STARTED, "counter", "cause", "Runs of workflows that were accepted, by what started them"),
    (RUNS_ENDED, "counter", "status", "Runs of workflows that ended, by the status they ended in"),
    (STUCK, "counter", "", "Runs of workflows that ended with an undecided node: a bug of the engine"),
    (
        TRIGGERS_LEFT_OUT,
        "counter",
        "",
        "Transactions whose events had more than 1,000 triggers: the others started no run",
    ),
    (
        ATTEMPTS,
        "counter",
        "type, outcome",
        "Attempts of nodes that a worker ran, by the type of the node: `done`, `waiting`, `failed`, `held` where the run was paused or had ended, `stopped` where the time was over or the job was stopped, `repeated` where the job runs again",
    ),
    (RUNS, "gauge", "status", "Runs of workflows that have not ended"),
    (WAITS, "gauge", "kind", "Nodes of runs that wait, by what they wait for"),
    (
        OLDEST_READY,
        "gauge",
        "",
        "Age of the oldest node that is ready to run, of runs that are not paused; 0 where there is none",
    ),
    (
        CREDENTIALS,
        "counter",
        "type, outcome",
        "Integrations whose credentials a worker was to open, by their type: `opened`, or `refused` where a key, a secret or a token was missing",
    ),
    (TOKENS, "counter", "outcome", "Tokens of OAuth that a worker asked for: `renewed` or `failed`"),
    (
        TICKS,
        "counter",
        "outcome",
        "Fire times of people's schedules that a scheduler handled: `started`, `buffered`, `skipped_overlap`, `failed`, and ranges that were missed: `missed_window`, `missed_limit`",
    ),
    (
        TICK_LAG,
        "histogram",
        "",
        "From the fire time of a schedule, without its jitter, to the run that it started",
    ),
    (
        TICK_OVERDUE,
        "gauge",
        "",
        "For how long the schedule that is due the longest has been due; 0 where none is due",
    ),
    (TICKS_BUFFERED, "gauge", "", "Fire times of schedules that wait for the end of a run"),
    (
        DELIVERIES,
        "counter",
        "outcome",
        "Attempts to send an event to a webhook, by what became of its delivery: `succeeded`, `retried` where another attempt follows, `failed` after the last one, `aborted`",
    ),
    (
        DISABLED,
        "counter",
        "reason",
        "Webhooks that the platform disabled: `GONE` after an answer 410, `FAILING` after five days without a success",
    ),
    (DELIVERIES_PENDING, "gauge", "", "Deliveries to webhooks that wait for an attempt"),
    (
        DELIVERY_OVERDUE,
        "gauge",
        "",
        "For how long the attempt that is due the longest has been due, of webhooks that are enabled and not throttled; 0 where none is due",
    ),
    (
        HOOKS,
        "counter",
        "result",
        "Calls of webhooks: `accepted`, and of these `answered` where a node answered in time; `tested`, `challenge`, `duplicate`, `refused_signature`, `refused` for their method, type or form, `busy`, `limited` by their rate, `unknown`",
    ),
];

/// Counts a run that was accepted.
pub fn run_started(cause: &'static str) {
    counter!(RUNS_STARTED, "cause" => cause).increment(1);
}

/// Counts a run that ended.
pub fn run_ended(status: &'static str) {
    counter!(RUNS_ENDED, "status" => status).increment(1);
}

/// Counts a run that ended with an undecided node.
pub fn run_stuck() {
    counter!(STUCK).increment(1);
}

/// Counts a transaction whose events had more triggers than may be pulled at once.
pub fn triggers_left_out() {
    counter!(TRIGGERS_LEFT_OUT).increment(1);
}

/// Counts an attempt of a node of that type.
pub fn attempt_ended(kind: &'static str, outcome: &'static str) {
    counter!(ATTEMPTS, "type" => kind, "outcome" => outcome).increment(1);
}

/// Counts an integration of that type whose credentials were to be opened.
pub fn credential_opened(kind: &'static str, outcome: &'static str) {
    counter!(CREDENTIALS, "type" => kind, "outcome" => outcome).increment(1);
}

/// Counts a token that was asked for.
pub fn token_renewed(outcome: &'static str) {
    counter!(TOKENS, "outcome" => outcome).increment(1);
}

/// Counts a call of a webhook.
pub fn hook_called(result: &'static str) {
    counter!(HOOKS, "result" => result).increment(1);
}

/// Sets the gauge of the runs in one status.
pub fn observe_runs(status: &'static str, runs: usize) {
    gauge!(RUNS, "status" => status).set(as_f64(runs));
}

/// Sets the gauge of the waits of one kind.
pub fn observe_waits(kind: &'static str, waits: usize) {
    gauge!(WAITS, "kind" => kind).set(as_f64(waits));
}

/// Sets the gauge of the oldest ready node.
pub fn observe_oldest_ready(age: Duration) {
    gauge!(OLDEST_READY).set(age.as_secs_f64());
}

/// Counts a fire time of a schedule, or a range of missed ones. `late` is how late it started a run.
pub fn schedule_handled(outcome: &'static str, late: Option<Duration>) {
    counter!(TICKS, "outcome" => outcome).increment(1);
    if let Some(late) = late {
        histogram!(TICK_LAG).record(late.as_secs_f64());
    }
}

/// Sets the gauges of schedules: how long one has been due, and how many fire times wait.
pub fn observe_schedules(overdue: Duration, buffered: usize) {
    gauge!(TICK_OVERDUE).set(overdue.as_secs_f64());
    gauge!(TICKS_BUFFERED).set(as_f64(buffered));
}

/// Counts an attempt to send an event to a webhook.
pub fn webhook_attempted(outcome: &'static str) {
    counter!(DELIVERIES, "outcome" => outcome).increment(1);
}

/// Counts a webhook that was disabled.
pub fn webhook_disabled(reason: &'static str) {
    counter!(DISABLED, "reason" => reason).increment(1);
}

/// Sets the gauges of webhooks: how many deliveries wait, and how long one has been due.
pub fn observe_webhooks(pending: usize, overdue: Duration) {
    gauge!(DELIVERIES_PENDING).set(as_f64(pending));
    gauge!(DELIVERY_OVERDUE).set(overdue.as_secs_f64());
}
