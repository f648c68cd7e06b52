//! `atelier queues`: lists, pauses and limits queues.

use std::time::Duration;

use atelier_queue::{
    QueueLimits, QueueName, Rate,
    inspect::{QueueOverview, QueueScaling},
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{CommandOutput, format_duration, operator, pretty_json, queue_name};
use super::{examples, timeout::TimeoutArgs};
use crate::{terminal, wire::Platform};

/// The time within which a due job should start, for the number of desired workers.
const TARGET_WAIT: Duration = Duration::from_secs(30);
const MAX_JOBS: u32 = 1_000_000;
const MAX_PERIOD_SECS: u64 = 86_400;

/// List, pause and limit queues.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  atelier queues list
  atelier queues pause email
  atelier queues limit generation --max-running 40 --per-owner 2
  atelier queues limit email --rate 100/60    at most 100 starts in 60 seconds
  atelier queues limit email --rate none      remove the rate
  atelier queues limit email --clear          remove all limits

Limits hold over all workers, from the next claim on.")]
pub(crate) struct QueuesArgs {
    #[command(subcommand)]
    command: QueuesCommand,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,
}

#[derive(Clone, Debug, Subcommand)]
enum QueuesCommand {
    /// List the queues, with the number of workers for a wait of 30 seconds.
    #[command(after_help = examples::QUEUES_LIST)]
    List,
    /// Stop workers from claiming jobs of a queue; running jobs continue.
    #[command(after_help = examples::QUEUES_PAUSE)]
    Pause {
        /// Its name.
        #[arg(value_parser = queue_name)]
        queue: QueueName,
    },
    /// Let workers claim jobs of a queue again.
    #[command(after_help = examples::QUEUES_RESUME)]
    Resume {
        /// Its name.
        #[arg(value_parser = queue_name)]
        queue: QueueName,
    },
    /// Change the limits of a queue. Without an option, show them.
    #[command(after_help = examples::QUEUES_LIMIT)]
    Limit(LimitArgs),
}

#[derive(Args, Clone, Debug)]
struct LimitArgs {
    /// Its name.
    #[arg(value_parser = queue_name)]
    queue: QueueName,
    /// Maximum number of running jobs, or none.
    #[arg(long, value_name = "JOBS", value_parser = bound)]
    max_running: Option<LimitArg<u32>>,
    /// Maximum number of running jobs of one owner, or none.
    #[arg(long, value_name = "JOBS", value_parser = bound)]
    per_owner: Option<LimitArg<u32>>,
    /// Maximum number of starts in this many seconds, or none.
    #[arg(long, value_name = "JOBS/SECONDS", value_parser = rate)]
    rate: Option<LimitArg<Rate>>,
    /// Remove every limit without an option here.
    #[arg(long)]
    clear: bool,
}

/// The value of a limit option; `None` for the word `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LimitArg<T>(Option<T>);

fn bound(text: &str) -> Result<LimitArg<u32>, String> {
    if text == "none" {
        return Ok(LimitArg(None));
    }
    let jobs = text.parse().ok().filter(|jobs| (1..=MAX_JOBS).contains(jobs));
    jobs.map(|jobs| LimitArg(Some(jobs))).ok_or_else(|| format!("expected 1 to {MAX_JOBS}, or none"))
}

fn rate(text: &str) -> Result<LimitArg<Rate>, String> {
    if text == "none" {
        return Ok(LimitArg(None));
    }
    let wrong = || "expected jobs and seconds such as 100/60, or none".to_owned();
    let (jobs, secs) = text.split_once('/').ok_or_else(wrong)?;
    let LimitArg(count) = bound(jobs)?;
    let secs = secs.parse().ok().filter(|secs| (1..=MAX_PERIOD_SECS).contains(secs)).ok_or_else(wrong)?;
    let rate = count.map(|count| Rate { count, period: Duration::from_secs(secs) }).ok_or_else(wrong)?;
    Ok(LimitArg(Some(rate)))
}

impl LimitArgs {
    fn changes_something(&self) -> bool {
        self.clear || self.max_running.is_some() || self.per_owner.is_some() || self.rate.is_some()
    }

    fn apply(&self, now: QueueLimits) -> QueueLimits {
        let kept = if self.clear { QueueLimits::default() } else { now };
        QueueLimits {
            max_running: self.max_running.map_or(kept.max_running, |LimitArg(jobs)| jobs),
            max_running_per_owner: self.per_owner.map_or(kept.max_running_per_owner, |LimitArg(jobs)| jobs),
            rate: self.rate.map_or(kept.rate, |LimitArg(rate)| rate),
        }
    }
}

/// Performs the command.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn run(args: &QueuesArgs, platform: &Platform) -> anyhow::Result<CommandOutput> {
    let maintenance = &platform.services.maintenance;
    let (queue, text, changed) = match &args.command {
        QueuesCommand::List => return list(args.json, platform).await,
        QueuesCommand::Pause { queue } => {
            maintenance.pause_queue(&operator(), *queue).await?;
            (queue, format!("{queue} is paused"), json!({"paused": true}))
        }
        QueuesCommand::Resume { queue } => {
            maintenance.resume_queue(&operator(), *queue).await?;
            (queue, format!("{queue} is resumed"), json!({"paused": false}))
        }
        QueuesCommand::Limit(limit) => {
            let limits = if limit.changes_something() {
                maintenance.limit_queue(&operator(), limit.queue, |now| limit.apply(now)).await?
            } else {
                platform.queue.get_limits(limit.queue).await?
            };
            let text = format!("{}: {}", limit.queue, limits_text(&limits));
            (&limit.queue, text, json!({"limits": limits_json(&limits)}))
        }
    };
    if !args.json {
        return Ok(CommandOutput::of(text));
    }
    let mut shown = changed;
    shown["queue"] = json!(queue.as_str());
    Ok(CommandOutput::of(pretty_json(&shown)))
}

async fn list(as_json: bool, platform: &Platform) -> anyhow::Result<CommandOutput> {
    let overviews = platform.queue.queue_overview().await?;
    let scaling = platform.queue.list_scaling().await?;
    let queues = overviews.iter().zip(&scaling);
    if as_json {
        let queues: Vec<Value> = queues.map(|(overview, scaling)| queue_json(overview, scaling)).collect();
        return Ok(CommandOutput::of(pretty_json(&json!({"queues": queues}))));
    }
    let rows = queues.map(|(overview, scaling)| queue_row(overview, scaling)).collect();
    let header = [
        "queue",
        "available",
        "running",
        "slots",
        "later",
        "failed",
        "oldest",
        "workers",
        "desired",
        "drains",
        "limits",
    ];
    Ok(CommandOutput::of(terminal::table(header, rows, &[1, 2, 3, 4, 5, 6, 7, 8, 9])))
}

fn queue_row(overview: &QueueOverview, scaling: &QueueScaling) -> [String; 11] {
    let secs = |secs: Option<f64>| {
        secs.map_or_else(
            || "-".to_owned(),
            |secs| format_duration(Duration::try_from_secs_f64(secs).unwrap_or_default()),
        )
    };
    let limits = limits_text(&scaling.limits);
    [
        overview.queue.to_string(),
        overview.available.to_string(),
        overview.running.to_string(),
        scaling.slots.to_string(),
        (overview.scheduled + overview.retrying).to_string(),
        overview.failed.to_string(),
        secs(overview.oldest_age_secs),
        scaling.workers.to_string(),
        scaling.desired_workers(TARGET_WAIT).to_string(),
        secs(scaling.drain_secs()),
        if overview.is_paused() { format!("PAUSED, {limits}") } else { limits },
    ]
}

fn queue_json(overview: &QueueOverview, scaling: &QueueScaling) -> Value {
    json!({
        "queue": overview.queue.as_str(),
        "scheduled": overview.scheduled,
        "available": overview.available,
        "running": overview.running,
        "retrying": overview.retrying,
        "failed": overview.failed,
        "oldest_age_secs": overview.oldest_age_secs,
        "paused_at": overview.paused_at,
        "workers": scaling.workers,
        "slots": scaling.slots,
        "desired_workers": scaling.desired_workers(TARGET_WAIT),
        "drain_secs": scaling.drain_secs(),
        "limits": limits_json(&scaling.limits),
    })
}

fn limits_text(limits: &QueueLimits) -> String {
    let parts = [
        limits.max_running.map(|jobs| format!("{jobs} running")),
        limits.max_running_per_owner.map(|jobs| format!("{jobs} running per owner")),
        limits.rate.map(|rate| format!("{} in {} s", rate.count, rate.period.as_secs())),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "no limits".to_owned() } else { parts.join(", ") }
}

fn limits_json(limits: &QueueLimits) -> Value {
    let rate = limits.rate.map(|rate| json!({"count": rate.count, "period_secs": rate.period.as_secs()}));
    json!({
        "max_running": limits.max_running,
        "max_running_per_owner": limits.max_running_per_owner,
        "rate": rate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_limit_options() {
        let per_minute = Rate { count: 100, period: Duration::from_secs(60) };
        assert_eq!(bound("7"), Ok(LimitArg(Some(7))));
        assert_eq!((bound("none"), rate("none")), (Ok(LimitArg(None)), Ok(LimitArg(None))));
        assert_eq!(rate("100/60"), Ok(LimitArg(Some(per_minute))));
        for text in ["0", "-1", "1000001", "many", ""] {
            assert!(bound(text).is_err(), "{text}");
        }
        for text in ["100", "0/60", "100/0", "100/86401", "none/60", "/", "1/1/1"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn changes_the_given_limits_and_keeps_the_others() {
        let now = QueueLimits { max_running: Some(9), max_running_per_owner: Some(3), rate: None };
        let args = |per_owner, clear| LimitArgs {
            queue: QueueName::Email,
            max_running: None,
            per_owner,
            rate: None,
            clear,
        };

        let changed = args(Some(LimitArg(Some(1))), false).apply(now);
        assert_eq!((changed.max_running, changed.max_running_per_owner), (Some(9), Some(1)));
        let removed = args(Some(LimitArg(None)), false).apply(now);
        assert_eq!((removed.max_running, removed.max_running_per_owner), (Some(9), None));
        let cleared = args(Some(LimitArg(Some(1))), true).apply(now);
        assert_eq!(cleared, QueueLimits { max_running_per_owner: Some(1), ..QueueLimits::default() });
        assert!(!args(None, false).changes_something());
    }
}
