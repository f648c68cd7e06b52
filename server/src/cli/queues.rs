//! `atelier queues`: how the queues stand, pausing and limiting them.

use std::time::Duration;

use atelier_queue::{
    QueueLimits, QueueName, Rate,
    inspect::{QueueOverview, QueueScaling},
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{Answer, brief, operator, pretty, queue_name};
use super::{examples, patience::Patience};
use crate::{terminal, wire::Platform};

/// Within which time a due job is to start, for the workers that are wanted.
const TARGET_WAIT: Duration = Duration::from_secs(30);
const MOST_JOBS: u32 = 1_000_000;
const LONGEST_PERIOD: u64 = 86_400;

/// See how the queues stand, pause and limit them.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  atelier queues list
  atelier queues pause email
  atelier queues limit generation --max-running 40 --per-owner 2
  atelier queues limit email --rate 100/60    at most 100 starts in 60 seconds
  atelier queues limit email --rate none      no rate any more
  atelier queues limit email --clear          no limit any more

Limits hold over all workers, from the next start on.")]
pub(crate) struct QueuesArgs {
    #[command(subcommand)]
    command: QueuesCommand,
    /// Write JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

#[derive(Clone, Debug, Subcommand)]
enum QueuesCommand {
    /// How each queue stands, and how many workers it wants for a wait of 30 seconds.
    #[command(after_help = examples::QUEUES_LIST)]
    List,
    /// Stop workers from taking jobs of a queue; running ones go on.
    #[command(after_help = examples::QUEUES_PAUSE)]
    Pause {
        /// Its name.
        #[arg(value_parser = queue_name)]
        queue: QueueName,
    },
    /// Let workers take jobs of a queue again.
    #[command(after_help = examples::QUEUES_RESUME)]
    Resume {
        /// Its name.
        #[arg(value_parser = queue_name)]
        queue: QueueName,
    },
    /// Change limits of a queue, or show them where none is given.
    #[command(after_help = examples::QUEUES_LIMIT)]
    Limit(LimitArgs),
}

#[derive(Args, Clone, Debug)]
struct LimitArgs {
    /// Its name.
    #[arg(value_parser = queue_name)]
    queue: QueueName,
    /// Jobs that may run at once, or none.
    #[arg(long, value_name = "JOBS", value_parser = bound)]
    max_running: Option<Bound<u32>>,
    /// Jobs of one owner that may run at once, or none.
    #[arg(long, value_name = "JOBS", value_parser = bound)]
    per_owner: Option<Bound<u32>>,
    /// Jobs that may start in so many seconds, or none.
    #[arg(long, value_name = "JOBS/SECONDS", value_parser = rate)]
    rate: Option<Bound<Rate>>,
    /// Remove every limit that is not given here.
    #[arg(long)]
    clear: bool,
}

/// A limit as it is typed; inside is none for `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bound<T>(Option<T>);

fn bound(text: &str) -> Result<Bound<u32>, String> {
    if text == "none" {
        return Ok(Bound(None));
    }
    let jobs = text.parse().ok().filter(|jobs| (1..=MOST_JOBS).contains(jobs));
    jobs.map(|jobs| Bound(Some(jobs))).ok_or_else(|| format!("expected 1 to {MOST_JOBS}, or none"))
}

fn rate(text: &str) -> Result<Bound<Rate>, String> {
    if text == "none" {
        return Ok(Bound(None));
    }
    let wrong = || "expected jobs and seconds such as 100/60, or none".to_owned();
    let (jobs, secs) = text.split_once('/').ok_or_else(wrong)?;
    let Bound(count) = bound(jobs)?;
    let secs = secs.parse().ok().filter(|secs| (1..=LONGEST_PERIOD).contains(secs)).ok_or_else(wrong)?;
    let rate = count.map(|count| Rate { count, period: Duration::from_secs(secs) }).ok_or_else(wrong)?;
    Ok(Bound(Some(rate)))
}

impl LimitArgs {
    fn changes_something(&self) -> bool {
        self.clear || self.max_running.is_some() || self.per_owner.is_some() || self.rate.is_some()
    }

    fn apply(&self, now: QueueLimits) -> QueueLimits {
        let kept = if self.clear { QueueLimits::default() } else { now };
        QueueLimits {
            max_running: self.max_running.map_or(kept.max_running, |Bound(jobs)| jobs),
            max_running_per_owner: self.per_owner.map_or(kept.max_running_per_owner, |Bound(jobs)| jobs),
            rate: self.rate.map_or(kept.rate, |Bound(rate)| rate),
        }
    }
}

/// Does what was asked.
///
/// # Errors
/// Where the database does not answer.
pub(crate) async fn run(args: &QueuesArgs, platform: &Platform) -> anyhow::Result<Answer> {
    let maintenance = &platform.services.maintenance;
    let (queue, text, changed) = match &args.command {
        QueuesCommand::List => return list(args.json, platform).await,
        QueuesCommand::Pause { queue } => {
            maintenance.pause_queue(&operator(), *queue).await?;
            (queue, format!("{queue} is paused"), json!({"paused": true}))
        }
        QueuesCommand::Resume { queue } => {
            maintenance.resume_queue(&operator(), *queue).await?;
            (queue, format!("{queue} goes on"), json!({"paused": false}))
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
        return Ok(Answer::of(text));
    }
    let mut shown = changed;
    shown["queue"] = json!(queue.as_str());
    Ok(Answer::of(pretty(&shown)))
}

async fn list(as_json: bool, platform: &Platform) -> anyhow::Result<Answer> {
    let overviews = platform.queue.queue_overview().await?;
    let scaling = platform.queue.list_scaling().await?;
    let queues = overviews.iter().zip(&scaling);
    if as_json {
        let queues: Vec<Value> = queues.map(|(overview, scaling)| queue_json(overview, scaling)).collect();
        return Ok(Answer::of(pretty(&json!({"queues": queues}))));
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
        "wanted",
        "drains",
        "limits",
    ];
    Ok(Answer::of(terminal::table(header, rows, &[1, 2, 3, 4, 5, 6, 7, 8, 9])))
}

fn queue_row(overview: &QueueOverview, scaling: &QueueScaling) -> [String; 11] {
    let secs = |secs: Option<f64>| {
        secs.map_or_else(
            || "-".to_owned(),
            |secs| brief(Duration::try_from_secs_f64(secs).unwrap_or_default()),
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
        limits.max_running.map(|jobs| format!("{jobs} at once")),
        limits.max_running_per_owner.map(|jobs| format!("{jobs} an owner")),
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
    fn reads_limits_as_they_are_typed() {
        let per_minute = Rate { count: 100, period: Duration::from_secs(60) };
        assert_eq!(bound("7"), Ok(Bound(Some(7))));
        assert_eq!((bound("none"), rate("none")), (Ok(Bound(None)), Ok(Bound(None))));
        assert_eq!(rate("100/60"), Ok(Bound(Some(per_minute))));
        for text in ["0", "-1", "1000001", "many", ""] {
            assert!(bound(text).is_err(), "{text}");
        }
        for text in ["100", "0/60", "100/0", "100/86401", "none/60", "/", "1/1/1"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn changes_what_is_given_and_keeps_the_rest() {
        let now = QueueLimits { max_running: Some(9), max_running_per_owner: Some(3), rate: None };
        let args = |per_owner, clear| LimitArgs {
            queue: QueueName::Email,
            max_running: None,
            per_owner,
            rate: None,
            clear,
        };

        let changed = args(Some(Bound(Some(1))), false).apply(now);
        assert_eq!((changed.max_running, changed.max_running_per_owner), (Some(9), Some(1)));
        let removed = args(Some(Bound(None)), false).apply(now);
        assert_eq!((removed.max_running, removed.max_running_per_owner), (Some(9), None));
        let cleared = args(Some(Bound(Some(1))), true).apply(now);
        assert_eq!(cleared, QueueLimits { max_running_per_owner: Some(1), ..QueueLimits::default() });
        assert!(!args(None, false).changes_something());
    }
}
