//! `atelier jobs`: lists, shows, cancels and retries jobs.

use std::{fmt::Display, time::Duration};

use anyhow::{Context, anyhow};
use atelier_entities::{JobId, JobState, UserId, jobs, users};
use atelier_foundation::validation::email_forms;
use atelier_queue::{
    QueueName,
    inspect::{Attempt, COUNT_LIMIT, JobFilter, Page, Why},
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::output::{CommandOutput, age, format_time, operator, parse_duration, pretty_json, queue_name};
use super::{examples, timeout::TimeoutArgs};
use crate::{terminal, wire::Platform};

/// List, show, cancel and retry jobs.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  atelier jobs list --status failed --since 1h
  atelier jobs list --queue email --error MAIL_UNAVAILABLE --json | jq -r '.jobs[].id'
  atelier jobs why 0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a
  atelier jobs retry 0190c2e0-7d6b-7d2a-9d0a-1f2e3d4c5b6a

The commands use the database and the Redis of the settings, with or without a running
API. For many jobs at once use POST /api/admin/jobs/cancel, replay or discard.")]
pub(crate) struct JobsArgs {
    #[command(subcommand)]
    command: JobsCommand,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,
}

#[derive(Clone, Debug, Subcommand)]
enum JobsCommand {
    /// List jobs, newest first.
    #[command(after_help = examples::JOBS_LIST)]
    List(ListArgs),
    /// Show one job with all its attempts.
    #[command(after_help = examples::JOBS_SHOW)]
    Show {
        /// Its id.
        id: Uuid,
    },
    /// Say why a job does not run.
    #[command(after_help = examples::JOBS_WHY)]
    Why {
        /// Its id.
        id: Uuid,
    },
    /// Cancel jobs: waiting jobs at once; running jobs are told to stop.
    #[command(after_help = examples::JOBS_CANCEL)]
    Cancel {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<Uuid>,
    },
    /// Run failed, cancelled or discarded jobs again. A generation becomes another job, and
    /// its owner is charged for it.
    #[command(after_help = examples::JOBS_RETRY)]
    Retry {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<Uuid>,
    },
}

#[derive(Args, Clone, Debug)]
struct ListArgs {
    /// Only jobs of this queue.
    #[arg(long, value_parser = queue_name)]
    queue: Option<QueueName>,
    /// Only jobs in this state, such as available, running, retrying or failed.
    #[arg(long, value_parser = state)]
    status: Option<JobState>,
    /// Only jobs of this kind, such as email.deliver.
    #[arg(long)]
    kind: Option<String>,
    /// Only jobs of this account, by id or mail address.
    #[arg(long)]
    owner: Option<String>,
    /// Only jobs with this error, such as LLM_RATE_LIMITED.
    #[arg(long, value_name = "CODE")]
    error: Option<String>,
    /// Only jobs enqueued within this time, such as 30s, 15m, 2h or 7d.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    since: Option<Duration>,
    /// The maximum number of jobs.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    limit: u64,
}

fn state(text: &str) -> Result<JobState, String> {
    JobState::parse(text).ok_or_else(|| {
        let names: Vec<_> = JobState::ALL.iter().map(|state| state.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// Performs the command.
///
/// # Errors
/// If the job or the account does not exist, or the database does not answer.
pub(crate) async fn run(args: &JobsArgs, platform: &Platform) -> anyhow::Result<CommandOutput> {
    match &args.command {
        JobsCommand::List(list) => list_jobs(list, args.json, platform).await,
        JobsCommand::Show { id } => show(*id, args.json, platform).await,
        JobsCommand::Why { id } => {
            let why = platform.services.why(&operator(), &find(*id, platform).await?).await?;
            Ok(CommandOutput::of(if args.json { pretty_json(&why_json(&why)) } else { why_text(&why) }))
        }
        JobsCommand::Cancel { ids } => {
            let services = &platform.services;
            steer(ids, args.json, async |id| Ok(services.cancel_job(&operator(), id).await?)).await
        }
        JobsCommand::Retry { ids } => {
            let services = &platform.services;
            steer(ids, args.json, async |id| Ok(services.retry_job(&operator(), id).await?)).await
        }
    }
}

/// Applies the action to each job. Failures are listed at the end.
async fn steer(
    ids: &[Uuid],
    as_json: bool,
    act: impl AsyncFn(JobId) -> anyhow::Result<jobs::Model>,
) -> anyhow::Result<CommandOutput> {
    let (mut changed, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        match act(JobId(*id)).await {
            Ok(job) => changed.push(job),
            Err(error) => failures.push(format!("{id}: {error:#}")),
        }
    }
    let text = if as_json {
        pretty_json(&json!({"jobs": changed.iter().map(job_json).collect::<Vec<_>>()}))
    } else if changed.is_empty() {
        String::new()
    } else {
        let rows = changed.iter().map(|job| [job.id.to_string(), job.kind.clone(), job.state.to_string()]);
        terminal::table(["job", "kind", "status"], rows.collect(), &[])
    };
    Ok(CommandOutput { text, failures })
}

async fn find(id: Uuid, platform: &Platform) -> anyhow::Result<jobs::Model> {
    platform.services.get_job(&operator(), JobId(id)).await.with_context(|| id.to_string())
}

async fn list_jobs(args: &ListArgs, as_json: bool, platform: &Platform) -> anyhow::Result<CommandOutput> {
    let now = platform.queue.now();
    let filter = JobFilter {
        owner: match &args.owner {
            Some(owner) => Some(find_owner(owner, platform).await?),
            None => None,
        },
        kind: args.kind.clone(),
        queue: args.queue,
        state: args.status,
        error_code: args.error.clone(),
        created_from: args.since.map(|since| now - since),
        ..JobFilter::default()
    };
    let page = Page { number: 1, size: args.limit };
    let (jobs, total) = platform.services.list_all_jobs(filter, page).await?;
    if as_json {
        let jobs: Vec<Value> = jobs.iter().map(job_json).collect();
        let listed = json!({"jobs": jobs, "total": total, "total_is_capped": total >= COUNT_LIMIT});
        return Ok(CommandOutput::of(pretty_json(&listed)));
    }
    if jobs.is_empty() {
        return Ok(CommandOutput::of("no jobs found"));
    }
    let rows = jobs.iter().map(|job| {
        let attempts = format!("{}/{}", job.attempt, job.max_attempts);
        let error = job.error.as_ref().and_then(|error| error["code"].as_str()).unwrap_or_default();
        let (id, state) = (job.id.to_string(), job.state.to_string());
        [id, job.kind.clone(), state, attempts, age(now, job.created_at), error.to_owned()]
    });
    let header = ["job", "kind", "status", "attempt", "age", "error"];
    let table = terminal::table(header, rows.collect(), &[3, 4]);
    let at_least = if total >= COUNT_LIMIT { "at least " } else { "" };
    Ok(CommandOutput::of(format!("{table}\n{} of {at_least}{total}", jobs.len())))
}

/// Finds an account by id or mail address.
async fn find_owner(owner: &str, platform: &Platform) -> anyhow::Result<UserId> {
    if let Ok(id) = owner.parse() {
        return Ok(id);
    }
    let user = users::Entity::find_by_email(email_forms(owner)).one(&platform.db).await?;
    user.map(|user| user.id).ok_or_else(|| anyhow!("there is no account {owner}"))
}

async fn show(id: Uuid, as_json: bool, platform: &Platform) -> anyhow::Result<CommandOutput> {
    let job = find(id, platform).await?;
    let attempts = platform.queue.list_attempts(&job).await?;
    let why = platform.services.why(&operator(), &job).await?;
    if as_json {
        let mut shown = job_json(&job);
        shown["why"] = why_json(&why);
        shown["attempts"] = attempts.iter().map(attempt_json).collect();
        return Ok(CommandOutput::of(pretty_json(&shown)));
    }
    let facts = facts(&job, &why).into_iter().map(|(name, fact)| format!("{name:<9} {fact}"));
    let mut text = facts.collect::<Vec<_>>().join("\n");
    if !attempts.is_empty() {
        let header = ["attempt", "outcome", "worker", "started", "finished", "error"];
        let rows = attempts.iter().map(attempt_row).collect();
        text = format!("{text}\n\n{}", terminal::table(header, rows, &[0]));
    }
    Ok(CommandOutput::of(text))
}

fn facts(job: &jobs::Model, why: &Why) -> Vec<(&'static str, String)> {
    let all = [
        ("job", Some(job.id.to_string())),
        ("kind", Some(job.kind.clone())),
        ("queue", Some(job.queue.clone())),
        ("status", Some(job.state.to_string())),
        ("why", (!job.state.is_terminal()).then(|| why_text(why))),
        ("attempt", Some(format!("{} of {}", job.attempt, job.max_attempts))),
        ("owner", shown(job.owner_id)),
        ("about", shown(job.subject_id)),
        ("worker", shown(job.worker_id)),
        ("created", Some(format_time(job.created_at))),
        ("due", Some(format_time(job.run_at))),
        ("started", job.started_at.map(format_time)),
        ("finished", job.finished_at.map(format_time)),
        ("progress", job.progress.as_ref().map(Value::to_string)),
        ("error", job.error.as_ref().map(Value::to_string)),
        ("result", job.result.as_ref().map(Value::to_string)),
        ("args", Some(job.args.to_string())),
    ];
    all.into_iter().filter_map(|(name, fact)| Some((name, fact?))).collect()
}

fn shown(value: Option<impl Display>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn attempt_row(attempt: &Attempt) -> [String; 6] {
    let error = attempt.error.as_ref().and_then(|error| error["code"].as_str()).unwrap_or_default();
    [
        attempt.number.to_string(),
        attempt.outcome.map_or("running", |outcome| outcome.as_str()).to_owned(),
        shown(attempt.worker).unwrap_or_default(),
        attempt.started_at.map(format_time).unwrap_or_default(),
        attempt.finished_at.map(format_time).unwrap_or_default(),
        error.to_owned(),
    ]
}

fn attempt_json(attempt: &Attempt) -> Value {
    json!({
        "attempt": attempt.number,
        "outcome": attempt.outcome,
        "worker_id": attempt.worker,
        "error": attempt.error,
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
    })
}

fn why_text(why: &Why) -> String {
    format!("{}: {}", why.code, why.message)
}

fn why_json(why: &Why) -> Value {
    json!({
        "code": why.code,
        "message": why.message,
        "position": why.position,
        "estimated_start": why.estimated_start,
        "retry_at": why.retry_at,
        "details": why.details,
    })
}

fn job_json(job: &jobs::Model) -> Value {
    json!({
        "id": job.id,
        "kind": job.kind,
        "queue": job.queue,
        "status": job.state,
        "owner_id": job.owner_id,
        "subject_id": job.subject_id,
        "worker_id": job.worker_id,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "args": job.args,
        "result": job.result,
        "error": job.error,
        "progress": job.progress,
        "run_at": job.run_at,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    })
}
