//! What a job costs: processor time of every process, statements, commands, bytes,
//! and how it grows with the backlog; and what costs where nothing happens.

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
    stage::{CONNECTIONS, Stage},
};

/// How long a process settles before its rest is measured.
const SETTLE: Duration = Duration::from_secs(3);

/// Slots of the worker whose memory is told under load, and its jobs.
const MANY: usize = 256;
const MANY_MILLIS: u64 = 10;
const MANY_JOBS: usize = 10_000;

/// Everything once a run, on a stage that counts.
pub(super) async fn measure(
    stage: &Stage,
    args: &CostArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        for backlog in &args.backlogs {
            once(stage, args, *backlog, figures).await?;
        }
        memory(stage, figures).await?;
    }
    for _ in 0..runs.min(args.idle_runs) {
        rest(stage, args, figures).await?;
    }
    Ok(())
}

/// Enqueues and drains jobs before a backlog that waits behind them.
async fn once(stage: &Stage, args: &CostArgs, backlog: u64, figures: &mut Figures) -> anyhow::Result<()> {
    let rows = RowsArgs { finished_rows: 0, waiting_rows: backlog };
    let ground = stage.create_ground_with(CONNECTIONS, rows).await?;
    let db = ground.queue.db();
    counters::ensure_counting(db).await;
    let work = DrainArgs { jobs: args.jobs, concurrency: args.concurrency, ..DrainArgs::PLAIN };
    let name = format!("{backlog} waiting");

    let before = Counters::read(stage, db).await?;
    drain::fill(&ground, work).await?;
    let filled = Counters::read(stage, db).await?;
    let enqueued = filled.since(before).for_each(args.jobs as f64);
    tell(figures, &format!("enqueue in bulk, {name}"), enqueued);

    let mut workers = vec![process::start_worker(stage, &ground, 1, args.concurrency)?];
    drain::wait_until_drained(db, &mut workers).await?;
    let worker_cpu: f64 = workers.iter().map(|worker| worker.cost().cpu_secs).sum();
    let spent = Counters::read(stage, db).await?.since(filled);
    // Jobs of the backlog that were done meanwhile had their share of it.
    let done = rows::count_all_succeeded(db).await? as f64;
    let run = spent.for_each(done);
    figures.note(format!("run, {name}: worker's CPU"), "µs/job", worker_cpu * 1e6 / done);
    tell(figures, &format!("run, {name}"), run);
    let carried = |server: &str, cpu_secs: f64, figures: &mut Figures| {
        if cpu_secs > 0.0 {
            figures.note(format!("one core of {server} carries, {name}"), "jobs/s", 1.0 / cpu_secs);
        }
    };
    carried("PostgreSQL", enqueued.postgres_cpu_secs + run.postgres_cpu_secs, figures);
    carried("Redis", enqueued.redis_cpu_secs + run.redis_cpu_secs, figures);
    for worker in workers {
        worker.stop().await?;
    }
    ground.close().await
}

fn tell(figures: &mut Figures, name: &str, job: Counters) {
    figures.note(format!("{name}: PostgreSQL's CPU"), "µs/job", job.postgres_cpu_secs * 1e6);
    figures.note(format!("{name}: Redis's CPU"), "µs/job", job.redis_cpu_secs * 1e6);
    // PostgreSQL tells of transactions up to a second late.
    let (what, count) = match job.statements {
        Some(statements) => ("SQL statements", statements),
        None => ("SQL transactions", job.transactions),
    };
    figures.note(format!("{name}: {what}"), "1/1000 jobs", count * 1_000.0);
    figures.note(format!("{name}: log written by PostgreSQL"), "bytes/job", job.wal_bytes);
    figures.note(format!("{name}: Redis commands"), "1/1000 jobs", job.redis_commands * 1_000.0);
    figures.note(format!("{name}: left in Redis"), "bytes/job", job.redis_bytes);
}

/// Memory of a worker that has nothing to do, and of one with many jobs at a time.
async fn memory(stage: &Stage, figures: &mut Figures) -> anyhow::Result<()> {
    let ground = stage.create_ground(CONNECTIONS).await?;
    if product::is_there() {
        let worker = Product::start(stage, &ground, "atelier-worker").await?;
        time::sleep(SETTLE).await;
        figures.note("idle atelier-worker: memory", "MiB", worker.process.cost().resident_mib);
        worker.stop().await?;
    } else {
        figures.leave_out("idle atelier-worker", "it does not lie beside this program");
    }
    ground.close().await?;
    let ground = stage.create_ground(CONNECTIONS).await?;
    let work = DrainArgs { jobs: MANY_JOBS, concurrency: MANY, millis: MANY_MILLIS, ..DrainArgs::PLAIN };
    drain::fill(&ground, work).await?;
    let mut workers = vec![process::start_worker(stage, &ground, 1, MANY)?];
    drain::wait_until_drained(ground.queue.db(), &mut workers).await?;
    for worker in workers {
        figures.note(
            format!("worker with {MANY} jobs at a time: peak memory"),
            "MiB",
            worker.cost().peak_mib,
        );
        worker.stop().await?;
    }
    ground.close().await
}

/// A whole instance in one process that has nothing to do.
async fn rest(stage: &Stage, args: &CostArgs, figures: &mut Figures) -> anyhow::Result<()> {
    if !product::is_there() {
        figures.leave_out("idle embedded instance", "atelier does not lie beside this program");
        return Ok(());
    }
    let instance = Product::start_embedded(stage).await?;
    time::sleep(SETTLE).await;
    let pid = instance.process.pid();
    let (before, begun) = (procfs::threads_cpu_secs(pid), Instant::now());
    time::sleep(Duration::from_secs(args.idle_secs)).await;
    let used = procfs::threads_cpu_secs(pid) - before;
    figures.note("idle embedded instance: CPU", "% of a core", used * 100.0 / begun.elapsed().as_secs_f64());
    figures.note("idle embedded instance: memory", "MiB", instance.process.cost().resident_mib);
    instance.stop().await
}
