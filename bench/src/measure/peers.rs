//! Other queues that do the same work in turns with Atelier.

use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::sync::mpsc;

pub(super) mod install;
mod language;
pub(super) mod output;
mod program;

use super::{
    cli::{DrainArgs, PeersArgs},
    drain, enqueue,
    figures::{Figures, format_value},
    kinds,
    latency::{self, InProcessWorker},
    testbed::{CONNECTIONS, Testbed},
};
use language::Language;
use program::Programs;

/// Atelier's name in the table.
const ATELIER: &str = "Atelier";

/// Where a peer keeps its jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    Redis,
    Sql,
    /// In Redis, by a library that is only a part of a queue: it has no bar.
    RedisPart,
}

#[derive(Clone, Copy, Debug)]
struct Peer {
    /// Its name.
    name: &'static str,
    /// Its package, which its program takes as an argument.
    package: &'static str,
    language: Language,
    keeps: Keeps,
    /// Divides the number of jobs to drain: slow queues would take minutes.
    share: usize,
}

const fn peer(name: &'static str, package: &'static str, language: Language, keeps: Keeps) -> Peer {
    Peer { name, package, language, keeps, share: 1 }
}

const PEERS: [Peer; 10] = [
    peer("BullMQ", "bullmq", Language::Node, Keeps::Redis),
    peer("BullMQ for Rust", "bullmq-official", Language::Rust, Keeps::Redis),
    peer("Sidekiq", "sidekiq", Language::Ruby, Keeps::Redis),
    peer("Sidekiq for Rust", "rusty-sidekiq", Language::Rust, Keeps::Redis),
    Peer { share: 10, ..peer("arq", "arq", Language::Python, Keeps::Redis) },
    peer("apalis-redis bare", "apalis-redis", Language::Rust, Keeps::RedisPart),
    peer("graphile-worker", "graphile-worker", Language::Node, Keeps::Sql),
    peer("graphile_worker for Rust", "graphile_worker", Language::Rust, Keeps::Sql),
    peer("pg-boss", "pg-boss", Language::Node, Keeps::Sql),
    Peer { share: 2, ..peer("River for Rust", "riverqueue", Language::Rust, Keeps::Sql) },
];

/// The figures of one run of a queue.
#[derive(Clone, Debug, Deserialize)]
struct Outcome {
    version: String,
    configuration: String,
    one_at_a_time: f64,
    bulk: f64,
    drain: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// Atelier and every peer in turns, once a run.
pub(super) async fn measure(
    testbed: &Testbed,
    args: &PeersArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let wanted: Vec<Peer> = PEERS
        .into_iter()
        .filter(|peer| args.only.is_empty() || args.only.iter().any(|name| name == peer.package))
        .collect();
    let programs =
        Programs::install(cache(args.cache.as_deref())?, wanted.iter().map(|peer| peer.language)).await;
    for _ in 0..runs {
        let own = run_atelier(testbed, args).await?;
        record(figures, ATELIER, &own);
        for peer in &wanted {
            match run_peer(testbed, args, &programs, *peer).await {
                Ok(outcome) => {
                    record(figures, peer.name, &outcome);
                    for (what, own, theirs) in
                        [("drain", own.drain, outcome.drain), ("bulk", own.bulk, outcome.bulk)]
                    {
                        figures.record(
                            format!("{}: Atelier's {what} against it", peer.name),
                            "×",
                            own / theirs,
                        );
                    }
                }
                Err(error) => figures.skip(peer.name, format!("{error:#}")),
            }
        }
    }
    Ok(())
}

/// The folder that peers are installed in: the given one, or else one in the home folder.
pub(super) fn cache(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(folder) => Ok(folder.to_owned()),
        None => {
            Ok(std::env::home_dir().context("no home folder: pass --cache")?.join(".cache/atelier-bench"))
        }
    }
}

fn record(figures: &mut Figures, name: &str, outcome: &Outcome) {
    figures.add_fact(name, format!("{}: {}", outcome.version, outcome.configuration));
    figures.record(format!("{name}: drain"), "jobs/s", outcome.drain);
    figures.record(format!("{name}: enqueue, one at a time"), "jobs/s", outcome.one_at_a_time);
    figures.record(format!("{name}: enqueue, bulk of 1000"), "jobs/s", outcome.bulk);
    for (share, millis) in [("p50", outcome.p50_ms), ("p99", outcome.p99_ms)] {
        if let Some(millis) = millis {
            figures.record(format!("{name}: latency, {share}"), "ms", millis);
        }
    }
}

/// The same work by Atelier, each part on a new database.
async fn run_atelier(testbed: &Testbed, args: &PeersArgs) -> anyhow::Result<Outcome> {
    let database = testbed.create_run_database(CONNECTIONS).await?;
    let one_at_a_time = enqueue::one_at_a_time(&database.queue, args.singles).await?;
    let job = |_| kinds::job(atelier_queue::QueueName::Generation, 0);
    let bulk = enqueue::in_bulk(&database.queue, args.jobs, 1_000, &job).await?;
    database.close().await?;

    let work = DrainArgs { jobs: args.jobs, concurrency: args.concurrency, ..DrainArgs::PLAIN };
    let drain = drain::once(testbed, work).await?.rate;

    let database = testbed.create_run_database(CONNECTIONS).await?;
    let (sender, starts) = mpsc::unbounded_channel();
    let worker = InProcessWorker::start(&database.queue, kinds::stamp_registry(sender)?, latency::defaults());
    let mut waits = Figures::default();
    latency::latencies(&database.queue, starts, args.latencies, "", &mut waits).await?;
    worker.stop().await?;
    database.close().await?;
    Ok(Outcome {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        configuration: format!("concurrency {}, PostgreSQL and Redis", args.concurrency),
        one_at_a_time,
        bulk,
        drain,
        p50_ms: waits.median("latency, p50"),
        p99_ms: waits.median("latency, p99"),
    })
}

async fn run_peer(
    testbed: &Testbed,
    args: &PeersArgs,
    programs: &Programs,
    peer: Peer,
) -> anyhow::Result<Outcome> {
    let mut command = programs.command(peer.language, peer.package)?;
    let database = testbed.create_database("peer", "template0").await?;
    command.env("PEER_JOBS", (args.jobs / peer.share).to_string());
    command.env("PEER_SINGLES", args.singles.to_string());
    command.env("PEER_LATENCIES", args.latencies.to_string());
    command.env("PEER_REDIS_URL", testbed.redis.url(testbed.redis.port()));
    command.env("PEER_DATABASE_URL", database.expose_secret());
    let text = output::read(command).await?;
    let line = text.lines().rev().find(|line| line.starts_with('{')).context("it printed no figures")?;
    serde_json::from_str(line).context("its figures cannot be read")
}

/// The columns of the table of peers.
pub(super) const HEADER: [&str; 9] = [
    "queue",
    "version and configuration",
    "drain, jobs/s",
    "min to max",
    "Atelier's ÷ it",
    "one at a time, jobs/s",
    "bulk, jobs/s",
    "latency p50, ms",
    "p99, ms",
];

/// A row for each measured queue; none where peers were not measured.
pub(super) fn table(figures: &Figures) -> Option<Vec<[String; 9]>> {
    figures.fact(ATELIER)?;
    let names = std::iter::once(ATELIER).chain(PEERS.iter().map(|peer| peer.name));
    let rows = names.filter_map(|name| {
        let middle = |what: &str| {
            figures.median(&format!("{name}: {what}")).map_or_else(|| "–".to_owned(), format_value)
        };
        let [drain, min, max] = figures.summary(&format!("{name}: drain"))?;
        Some([
            name.to_owned(),
            figures.fact(name)?.to_owned(),
            drain,
            format!("{min} to {max}"),
            middle("Atelier's drain against it"),
            middle("enqueue, one at a time"),
            middle("enqueue, bulk of 1000"),
            middle("latency, p50"),
            middle("latency, p99"),
        ])
    });
    Some(rows.collect())
}

/// Atelier's drain against the fastest queue that keeps its jobs in Redis only, or
/// else in SQL.
pub(super) fn least_ratio(figures: &Figures, in_redis: bool) -> Option<f64> {
    let keeps = if in_redis { Keeps::Redis } else { Keeps::Sql };
    let ratios = PEERS
        .iter()
        .filter(|peer| peer.keeps == keeps)
        .filter_map(|peer| figures.median(&format!("{}: Atelier's drain against it", peer.name)));
    ratios.min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_atelier_with_the_fastest_queue_of_each_storage() {
        let mut figures = Figures::default();
        for (name, ratio) in
            [("BullMQ", 1.5), ("Sidekiq", 3.0), ("River for Rust", 2.0), ("apalis-redis bare", 0.5)]
        {
            figures.record(format!("{name}: Atelier's drain against it"), "×", ratio);
        }

        assert_eq!(least_ratio(&figures, true), Some(1.5));
        assert_eq!(least_ratio(&figures, false), Some(2.0));
        assert_eq!(least_ratio(&Figures::default(), true), None);
    }

    #[test]
    fn makes_a_row_of_each_queue_that_was_measured() {
        let mut figures = Figures::default();
        assert_eq!(table(&figures), None);
        let outcome = Outcome {
            version: "1.0".to_owned(),
            configuration: "concurrency 1".to_owned(),
            one_at_a_time: 1.0,
            bulk: 2.0,
            drain: 3.0,
            p50_ms: None,
            p99_ms: None,
        };
        record(&mut figures, ATELIER, &outcome);
        record(&mut figures, "pg-boss", &outcome);

        let rows = table(&figures).expect("rows");

        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1][..3], ["pg-boss", "1.0: concurrency 1", "3.00"]);
    }
}
