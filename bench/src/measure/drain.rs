//! Waiting jobs that worker processes finish in a second.

use std::time::{Duration, Instant};

use anyhow::ensure;
use atelier_entities::UserId;
use atelier_queue::{NewJob, QueueName};
use sea_orm::DatabaseConnection;
use tokio::time;

use super::{
    cli::{DrainArgs, RowsArgs},
    enqueue,
    figures::Figures,
    kinds,
    process::{self, Process},
    procfs::Cost,
    rows,
    testbed::{CONNECTIONS, RunDatabase, Testbed},
};

/// Interval of checking whether jobs are left.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Longest that a run may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Jobs enqueued in one transaction.
const BULK: usize = 1_000;

/// The drains that have a bar: `args`, and variants of it.
pub(super) fn variants(args: DrainArgs) -> Vec<DrainArgs> {
    let million = 1_000_000;
    let finished = RowsArgs { finished_rows: million, waiting_rows: 0 };
    let waiting = RowsArgs { finished_rows: 0, waiting_rows: million };
    vec![
        args,
        DrainArgs { queues: 6, ..args },
        DrainArgs { owners: 1_000, ..args },
        DrainArgs { rows: finished, ..args },
        DrainArgs { rows: waiting, ..args },
        DrainArgs { effects: true, ..args },
    ]
}

/// The drain of `args`, or every variant of it, once a run.
pub(super) async fn measure_all(
    testbed: &Testbed,
    args: DrainArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let all = if args.variants { variants(args) } else { vec![args] };
    // In turns, so that all variants are measured under the same conditions.
    for _ in 0..runs {
        for args in &all {
            measure(testbed, *args, &name(*args), 1, figures).await?;
        }
    }
    Ok(())
}

/// Drains once a run; `name` names the figures.
pub(super) async fn measure(
    testbed: &Testbed,
    args: DrainArgs,
    name: &str,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        let drained = once(testbed, args).await?;
        figures.record(name, "jobs/s", drained.rate);
        figures.record(format!("{name}: workers' CPU"), "ms/1000 jobs", drained.cpu_ms_per_1000);
        figures.record(format!("{name}: a worker's peak memory"), "MiB", drained.peak_mib);
    }
    Ok(())
}

/// The figures of a drain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drained {
    /// Jobs in a second.
    pub(super) rate: f64,
    cpu_ms_per_1000: f64,
    peak_mib: f64,
}

/// Drains once, on a new database.
pub(super) async fn once(testbed: &Testbed, args: DrainArgs) -> anyhow::Result<Drained> {
    let database = testbed.create_run_database_with(CONNECTIONS, args.rows).await?;
    fill(&database, args).await?;
    let (took, costs) = drain(testbed, &database, args).await?;
    ensure!(
        usize::try_from(rows::count_succeeded(database.queue.db()).await?)? == args.jobs,
        "not every job succeeded: the figures would be wrong"
    );
    let effects = usize::try_from(rows::count_effects(database.queue.db()).await?)?;
    ensure!(effects == if args.effects { args.jobs } else { 0 }, "{effects} effects were applied");
    database.close().await?;
    let cpu: f64 = costs.iter().map(|cost| cost.cpu_secs).sum();
    Ok(Drained {
        rate: args.jobs as f64 / took,
        cpu_ms_per_1000: cpu * 1_000_000.0 / args.jobs as f64,
        peak_mib: costs.iter().map(|cost| cost.peak_mib).fold(0.0, f64::max),
    })
}

/// Enqueues the jobs to be drained.
pub(super) async fn fill(database: &RunDatabase, args: DrainArgs) -> anyhow::Result<()> {
    let owners: Vec<UserId> = (0..args.owners).map(|_| UserId::new()).collect();
    enqueue::in_bulk(&database.queue, args.jobs, BULK, &|number| new_job(args, &owners, number)).await?;
    rows::settle(database.queue.db()).await
}

/// The name of a drain by what differs from a plain one.
pub(super) fn name(args: DrainArgs) -> String {
    let mut name = "drain".to_owned();
    let mut add = |is_special: bool, words: String| {
        if is_special {
            name.push_str(", ");
            name.push_str(&words);
        }
    };
    add(args.queues > 1, format!("{} queues", args.queues));
    add(args.owners > 0, format!("{} owners", args.owners));
    add(args.rows.finished_rows > 0, format!("beside {} finished", args.rows.finished_rows));
    add(args.rows.waiting_rows > 0, format!("before {} waiting", args.rows.waiting_rows));
    add(args.millis > 0, format!("{} ms each", args.millis));
    add(args.effects, "each with an effect".to_owned());
    add(args.workers > 1, format!("{} workers", args.workers));
    name
}

fn new_job(args: DrainArgs, owners: &[UserId], number: usize) -> NewJob {
    let queue = QueueName::ALL[number % usize::from(args.queues).clamp(1, QueueName::ALL.len())];
    let job = if args.effects { kinds::effectful() } else { kinds::job(queue, args.millis) };
    match owners.get(number % owners.len().max(1)) {
        Some(owner) => job.owned_by(*owner),
        None => job,
    }
}

/// Seconds from the first job's start to the last one's commit, and the cost of the
/// workers.
async fn drain(
    testbed: &Testbed,
    database: &RunDatabase,
    args: DrainArgs,
) -> anyhow::Result<(f64, Vec<Cost>)> {
    let mut workers = Vec::new();
    for _ in 0..args.workers {
        workers.push(process::start_worker(testbed, database, args.queues, args.concurrency)?);
    }
    let db = database.queue.db();
    let ended = wait_until_drained(db, &mut workers).await?;
    let costs = workers.iter().map(Process::cost).collect();
    for worker in workers {
        worker.stop().await?;
    }
    Ok((ended - rows::first_start(db).await?, costs))
}

/// Waits until none of the measured jobs is left, and returns that time by PostgreSQL's
/// clock.
pub(super) async fn wait_until_drained(
    db: &DatabaseConnection,
    workers: &mut [Process],
) -> anyhow::Result<f64> {
    let begun = Instant::now();
    while rows::is_busy(db).await? {
        ensure!(begun.elapsed() < LIMIT, "jobs are left after {} s", LIMIT.as_secs());
        ensure!(!workers.iter_mut().any(Process::has_ended), "a worker ended by itself");
        time::sleep(LOOK_EVERY).await;
    }
    rows::clock(db).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_drain_by_its_differences() {
        let plain = DrainArgs { jobs: 1, ..DrainArgs::PLAIN };
        assert_eq!(name(plain), "drain");

        let rows = RowsArgs { finished_rows: 5, waiting_rows: 0 };
        let special = DrainArgs { queues: 6, owners: 9, workers: 2, rows, ..plain };
        assert_eq!(name(special), "drain, 6 queues, 9 owners, beside 5 finished, 2 workers");
        assert_eq!(name(DrainArgs { effects: true, ..plain }), "drain, each with an effect");
    }
}
