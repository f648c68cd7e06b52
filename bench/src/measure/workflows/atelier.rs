//! Workflows of Atelier, by its HTTP API and its released binaries.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time;

use super::{Outcome, graphs};
use crate::measure::{
    cli::WorkflowsArgs,
    installation::Installation,
    load::{self, Requests},
};

/// Interval of asking whether a run has ended. It does not show in a figure, since the run says when.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Longest that a run may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Callers that start runs at the same time.
const CALLERS: u16 = 16;

/// Runs before the first that counts.
const WARM_UP: usize = 3;

impl Installation {
    /// Everything once.
    pub(super) async fn measure(&mut self, args: &WorkflowsArgs) -> anyhow::Result<Outcome> {
        let chain = self.publish_runs("Chain", graphs::chain(args.chain)).await?;
        let chain_ms = self.run_each(&chain, args.samples).await?;
        let short = self.publish_runs("Short chain", graphs::chain(args.load_chain)).await?;
        let load_secs = self.run_together(&short, args.load_runs).await?;
        let fan = self.publish_runs("Fan-out", graphs::fan_out(args.fan)).await?;
        let fan_ms = self.run_each(&fan, args.samples).await?;
        let each = self.publish_runs("Loop", graphs::each_item(args.concurrency)).await?;
        let input = json!({"items": (0..args.items).collect::<Vec<_>>()});
        let loop_secs = self.run(&each, &json!({"input": input})).await? / 1_000.0;
        Ok(Outcome { chain_ms, load_runs: args.load_runs, load_secs, fan_ms, loop_secs })
    }

    /// Publishes a workflow with that graph, and returns the addresses of its runs.
    async fn publish_runs(&mut self, name: &str, graph: Value) -> anyhow::Result<Runs> {
        let workflow = self.publish(name, &graph).await?;
        Ok(Runs {
            execute: format!("{workflow}execute/"),
            list: format!("{workflow}executions/?page_size=1"),
        })
    }

    /// Milliseconds of each of so many runs, one after the other.
    async fn run_each(&mut self, runs: &Runs, count: u16) -> anyhow::Result<Vec<f64>> {
        for _ in 0..WARM_UP {
            self.run(runs, &Value::Null).await?;
        }
        let mut millis = Vec::new();
        for _ in 0..count {
            millis.push(self.run(runs, &Value::Null).await?);
        }
        Ok(millis)
    }

    /// Milliseconds from the request for a run to its end.
    async fn run(&mut self, runs: &Runs, body: &Value) -> anyhow::Result<f64> {
        let (sent, begun) = (Utc::now(), Instant::now());
        let started = self.call("POST", &runs.execute, body).await?;
        let id = started.pointer("/run/id").cloned().context("no run")?;
        loop {
            ensure!(begun.elapsed() < LIMIT, "the run has not ended after {} s", LIMIT.as_secs());
            let page = self.call("GET", &runs.list, &Value::Null).await?;
            let run = page.pointer("/results/0").context("no run is listed")?;
            ensure!(run.get("id") == Some(&id), "another run is the newest one");
            if let Some(ended) = run.get("finished_at").and_then(Value::as_str) {
                ensure!(run.get("status") == Some(&json!("succeeded")), "the run has failed: {run}");
                let ended: DateTime<Utc> = ended.parse()?;
                return Ok((ended - sent).as_seconds_f64() * 1_000.0);
            }
            time::sleep(LOOK_EVERY).await;
        }
    }

    /// Seconds from the first request until so many runs, which callers start at the same time, have succeeded.
    async fn run_together(&mut self, runs: &Runs, count: u16) -> anyhow::Result<f64> {
        let begun = Instant::now();
        let request = self.account.request("POST", &runs.execute, &Value::Null);
        let share = |caller: u16| usize::from(count / CALLERS + u16::from(caller < count % CALLERS));
        let callers = (0..CALLERS)
            .map(|caller| Box::new(std::iter::repeat_n(request.clone(), share(caller))) as Requests)
            .collect();
        load::run(self.address, callers, None, 202).await?;
        let succeeded = format!("{}&status=succeeded", runs.list);
        loop {
            ensure!(begun.elapsed() < LIMIT, "the runs have not succeeded after {} s", LIMIT.as_secs());
            let page = self.call("GET", &succeeded, &Value::Null).await?;
            if page.get("count") == Some(&json!(count)) {
                return Ok(begun.elapsed().as_secs_f64());
            }
            time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Addresses of the runs of a workflow.
struct Runs {
    execute: String,
    list: String,
}
