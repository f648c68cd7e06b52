//! `atelier workers`: lists the worker processes with a recent heartbeat.

use atelier_entities::workers;
use clap::Args;
use serde_json::{Value, json};

use super::output::{CommandOutput, age, pretty_json};
use super::timeout::TimeoutArgs;
use crate::{terminal, wire::Platform};

/// List the worker processes.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  atelier workers
  atelier workers --json | jq '[.workers[].running] | add'")]
pub(crate) struct WorkersArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,
}

/// Performs the command.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn run(args: &WorkersArgs, platform: &Platform) -> anyhow::Result<CommandOutput> {
    let workers = platform.queue.list_workers().await?;
    if args.json {
        let workers: Vec<Value> = workers.iter().map(worker_json).collect();
        return Ok(CommandOutput::of(pretty_json(&json!({"workers": workers}))));
    }
    if workers.is_empty() {
        return Ok(CommandOutput::of("no workers run"));
    }
    let now = platform.queue.now();
    let rows = workers.iter().map(|worker| {
        [
            worker.id.to_string(),
            worker.host.clone(),
            worker.pid.to_string(),
            worker.version.clone(),
            if worker.draining { "draining" } else { "working" }.to_owned(),
            worker.running.to_string(),
            age(now, worker.started_at),
            age(now, worker.heartbeat_at),
            slots(worker),
        ]
    });
    let header = ["worker", "host", "pid", "version", "state", "running", "up", "seen", "slots"];
    Ok(CommandOutput::of(terminal::table(header, rows.collect(), &[2, 5, 6, 7])))
}

/// `email 16, stats 2`.
fn slots(worker: &workers::Model) -> String {
    let queues = worker.queues.as_object().into_iter().flatten();
    queues.map(|(queue, slots)| format!("{queue} {slots}")).collect::<Vec<_>>().join(", ")
}

fn worker_json(worker: &workers::Model) -> Value {
    json!({
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "draining": worker.draining,
        "running": worker.running,
        "queues": worker.queues,
        "kinds": worker.kinds,
        "started_at": worker.started_at,
        "heartbeat_at": worker.heartbeat_at,
    })
}
