//! What every peer is asked to do, and how it is timed.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::time;

use crate::tally;

/// Jobs of one bulk enqueue.
const BULK: usize = 1_000;

/// Jobs before the first whose latency counts, and the time between two.
const WARM_UP: usize = 50;
const INTERVAL: Duration = Duration::from_millis(5);

/// Longest wait for all jobs of a measurement.
const LIMIT: Duration = Duration::from_secs(60);

/// How much work, and on which servers.
pub struct Plan {
    pub jobs: usize,
    pub singles: usize,
    pub latencies: usize,
    pub redis: String,
    pub database: String,
    /// Jobs at the same time, to try another number than the best known.
    concurrency: Option<usize>,
}

impl Plan {
    /// From the environment.
    pub fn read() -> anyhow::Result<Self> {
        let text = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
        let number = |name: &str| anyhow::Ok(text(name)?.parse()?);
        Ok(Self {
            jobs: number("PEER_JOBS")?,
            singles: number("PEER_SINGLES")?,
            latencies: number("PEER_LATENCIES")?,
            redis: text("PEER_REDIS_URL")?,
            database: text("PEER_DATABASE_URL")?,
            concurrency: text("PEER_CONCURRENCY").ok().map(|text| text.parse()).transpose()?,
        })
    }

    /// Jobs at the same time: the best known number, unless another is to be tried.
    pub fn concurrency(&self, best: usize) -> usize {
        self.concurrency.unwrap_or(best)
    }
}

/// A job queue.
pub trait Peer {
    /// Its name, the crate it comes from, and how it is set up.
    fn describe(&self) -> (&'static str, &'static str, String);
    /// Enqueues that many jobs that do nothing at once.
    async fn enqueue(&self, count: usize) -> anyhow::Result<()>;
    /// Enqueues a job that tells when it was started.
    async fn enqueue_stamp(&self, index: usize) -> anyhow::Result<()>;
    /// Takes away what waits.
    async fn clear(&self) -> anyhow::Result<()>;
    /// Starts the worker.
    async fn work(&mut self) -> anyhow::Result<()>;
    /// Whether every job has ended and is accounted for.
    async fn is_drained(&self, jobs: usize) -> anyhow::Result<bool>;
}

/// Everything once.
pub async fn run(plan: &Plan, mut peer: impl Peer) -> anyhow::Result<Value> {
    let alone = rate(&peer, plan.singles, 1).await?;
    peer.clear().await?;
    let bulk = rate(&peer, plan.jobs, BULK).await?;
    peer.work().await?;
    let drain = drain(&peer, plan.jobs).await?;
    let (p50, p99) = latencies(&peer, plan.latencies).await?;
    let (name, package, configuration) = peer.describe();
    Ok(json!({
        "peer": name, "version": version(package), "configuration": configuration,
        "one_at_a_time": alone, "bulk": bulk, "drain": drain, "p50_ms": p50, "p99_ms": p99,
    }))
}

async fn rate(peer: &impl Peer, count: usize, size: usize) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for first in (0..count).step_by(size) {
        peer.enqueue(size.min(count - first)).await?;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

async fn drain(peer: &impl Peer, jobs: usize) -> anyhow::Result<f64> {
    let begun = Instant::now();
    while tally::count() < jobs || !peer.is_drained(jobs).await? {
        ensure!(begun.elapsed() < LIMIT, "{} of {jobs} jobs were started", tally::count());
        time::sleep(Duration::from_millis(2)).await;
    }
    let first = tally::first().context("no job was started")?;
    Ok(jobs as f64 / first.elapsed().as_secs_f64())
}

async fn latencies(peer: &impl Peer, jobs: usize) -> anyhow::Result<(f64, f64)> {
    let mut sent = HashMap::new();
    for index in 0..WARM_UP + jobs {
        peer.enqueue_stamp(index).await?;
        sent.insert(index, Instant::now());
        time::sleep(INTERVAL).await;
    }
    let begun = Instant::now();
    while tally::stamps().len() < WARM_UP + jobs {
        ensure!(begun.elapsed() < LIMIT, "not every job was started");
        time::sleep(INTERVAL).await;
    }
    let waited =
        tally::stamps().into_iter().filter(|(index, _)| *index >= WARM_UP).filter_map(|(index, at)| {
            Some(at.saturating_duration_since(*sent.get(&index)?).as_secs_f64() * 1_000.0)
        });
    let mut waited: Vec<f64> = waited.collect();
    waited.sort_by(f64::total_cmp);
    let at = |share: f64| waited.get((waited.len() as f64 * share) as usize).copied().unwrap_or_default();
    Ok((at(0.5), at(0.99)))
}

/// The version of a package that this program was built with.
fn version(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"");
    let mut lines = include_str!("../Cargo.lock").lines().skip_while(|line| *line != name).skip(1);
    lines.next().and_then(|line| line.split('"').nth(1)).unwrap_or("unknown")
}
