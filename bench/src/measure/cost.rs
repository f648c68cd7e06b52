//! The cost of a job: processor time of every process, statements, commands and bytes, by
//! length of the backlog; and the cost of idle processes.

use std::time::{Duration, Instant};

use tokio::time;

use super::{
    cli::{CostArgs, DrainArgs, RowsArgs},
    counters::{self, Counters},
    drain,
    figures::Figures,
    process, procfs,
    product::{self, Product},
    rows,
    testbed::{CONNECTIONS, Testbed},
};

/// Time between the start of a process and the measurement of its idle cost.
const SETTLE: Duration = Duration::from_secs(3);

/// Slots of the worker whose memory under load is measured, and its jobs.
const MANY: usize = 256;
const MANY_MILLIS: u64 = 10;
const MANY_JOBS: usize = 10_000;

/// Everything once a run, on a testbed that counts statements.
pub(super) async fn measure(
    testbed: &Testbed,
    args: &CostArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        for backlog in &args.backlogs {
            once(testbed, args, *backlog, figures).await?;
        }
        memory(testbed, figures).await?;
    }
    for _ in 0..runs.min(args.idle_runs) {
        rest(testbed, args, figures).await?;
    }
    Ok(())
}

/// Enqueues and drains jobs before a backlog that waits behind them.
async fn once(testbed: &Testbed, args: &CostArgs, backlog: u64, figures: &mut Figures) -> anyhow::Result<()> {
    let rows = RowsArgs { finished_rows: 0, waiting_rows: backlog };
    let database = testbed.create_run_database_with(CONNECTIONS, rows).await?;
    let db = database.queue.db();
    counters::ensure_counting(db).await;
    let work = DrainArgs { jobs: args.jobs, concurrency: args.concurrency, ..DrainArgs::PLAIN };
    let name = format!("{backlog} waiting");

    let before = Counters::read(testbed, db).await?;
    drain::fill(&database, work).await?;
    let filled = Counters::read(testbed, db).await?;
    let enqueued = filled.since(before).for_each(args.jobs as f64);
    record_counters(figures, &format!("enqueue in bulk, {name}"), enqueued);

    let mut workers = vec![process::start_worker(testbed, &database, 1, args.concurrency)?];
    drain::wait_until_drained(db, &mut workers).await?;
    let worker_cpu: f64 = workers.iter().map(|worker| worker.cost().cpu_secs).sum();
    let spent = Counters::read(testbed, db).await?.since(filled);
    // Jobs of the backlog that ran meanwhile share the cost.
    let done = rows::count_all_succeeded(db).await? as f64;
    let run = spent.for_each(done);
    figures.record(format!("run, {name}: worker's CPU"), "µs/job", worker_cpu * 1e6 / done);
    record_counters(figures, &format!("run, {name}"), run);
    let carried = |server: &str, cpu_secs: f64, figures: &mut Figures| {
        if cpu_secs > 0.0 {
            figures.record(format!("one core of {server} carries, {name}"), "jobs/s", 1.0 / cpu_secs);
        }
    };
    carried("PostgreSQL", enqueued.postgres_cpu_secs + run.postgres_cpu_secs, figures);
    carried("Redis", enqueued.redis_cpu_secs + run.redis_cpu_secs, figures);
    for worker in workers {
        worker.stop().await?;
    }
    database.close().await
}

fn record_counters(figures: &mut Figures, name: &str, job: Counters) {
    figures.record(format!("{name}: PostgreSQL's CPU"), "µs/job", job.postgres_cpu_secs * 1e6);
    figures.record(format!("{name}: Redis's CPU"), "µs/job", job.redis_cpu_secs * 1e6);
    // PostgreSQL reports transactions up to a second late.
    let (what, count) = match job.statements {
        Some(statements) => ("SQL statements", statements),
        None => ("SQL transactions", job.transactions),
    };
    figures.record(format!("{name}: {what}"), "1/1000 jobs", count * 1_000.0);
    figures.record(format!("{name}: log written by PostgreSQL"), "bytes/job", job.wal_bytes);
    figures.record(format!("{name}: Redis commands"), "1/1000 jobs", job.redis_commands * 1_000.0);
    figures.record(format!("{name}: left in Redis"), "bytes/job", job.redis_bytes);
}

/// Memory of an idle worker, and of one with many jobs at a time.
async fn memory(testbed: &Testbed, figures: &mut Figures) -> anyhow::Result<()> {
    let database = testbed.create_run_database(CONNECTIONS).await?;
    if product::is_installed() {
        let worker = Product::start(testbed, &database, "atelier-worker").await?;
        time::sleep(SETTLE).await;
        figures.record("idle atelier-worker: memory", "MiB", worker.process.cost().resident_mib);
        worker.stop().await?;
    } else {
        figures.skip("idle atelier-worker", "it does not lie beside this program");
    }
    database.close().await?;
    let database = testbed.create_run_database(CONNECTIONS).await?;
    let work = DrainArgs { jobs: MANY_JOBS, concurrency: MANY, millis: MANY_MILLIS, ..DrainArgs::PLAIN };
    drain::fill(&database, work).await?;
    let mut workers = vec![process::start_worker(testbed, &database, 1, MANY)?];
    drain::wait_until_drained(database.queue.db(), &mut workers).await?;
    for worker in workers {
        figures.record(
            format!("worker with {MANY} jobs at a time: peak memory"),
            "MiB",
            worker.cost().peak_mib,
        );
        worker.stop().await?;
    }
    database.close().await
}

/// The cost of an idle embedded instance.
async fn rest(testbed: &Testbed, args: &CostArgs, figures: &mut Figures) -> anyhow::Result<()> {
    if !product::is_installed() {
        figures.skip("idle embedded instance", "atelier does not lie beside this program");
        return Ok(());
    }
    let instance = Product::start_embedded(testbed).await?;
    time::sleep(SETTLE).await;
    let pid = instance.process.pid();
    let (before, begun) = (procfs::threads_cpu_secs(pid), Instant::now());
    time::sleep(Duration::from_secs(args.idle_secs)).await;
    let used = procfs::threads_cpu_secs(pid) - before;
    figures.record(
        "idle embedded instance: CPU",
        "% of a core",
        used * 100.0 / begun.elapsed().as_secs_f64(),
    );
    figures.record("idle embedded instance: memory", "MiB", instance.process.cost().resident_mib);
    instance.stop().await
}
