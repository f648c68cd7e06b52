//! The time from the fire time of schedules to the commit that enqueues the first jobs of their runs.

use std::time::{Duration, Instant};

use anyhow::ensure;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tokio::time;

use crate::measure::{
    cli::TriggersArgs,
    figures::{Figures, percentile},
    installation::Installation,
    rows,
    testbed::Testbed,
    workflows::graphs,
};

/// Interval of asking whether all have fired. It does not show in a figure.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Longest that they may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Seconds from the statement that makes them due to their fire time.
const LEAD_SECS: u32 = 4;

/// Each of them starts nothing until it is due.
const INSERT: &str = "INSERT INTO workflow_schedules (id, user_id, workflow_id, name, every_secs, phase_secs, \
    time_zone, jitter_secs, overlap, buffer_limit, catchup_window_secs, catchup_limit, input, created_at, updated_at) \
    SELECT gen_random_uuid(), workflow.user_id, workflow.id, 'Bench', 86400, 0, 'UTC', 0, 'skip', 100, 3600, 10, \
    'null', now(), now() FROM generate_series(1, ";

const OF_WORKFLOWS: &str = ") AS n JOIN (SELECT id, user_id, row_number() OVER (ORDER BY id) AS place, \
    COUNT(*) OVER () AS all_of_them FROM workflows) AS workflow ON workflow.place = 1 + n % workflow.all_of_them";

/// When the rows of fire times were committed, after these times. A row is written once.
const LAGS: &str = "SELECT EXTRACT(EPOCH FROM pg_xact_commit_timestamp(xmin) - tick_at)::float8 AS lag \
    FROM workflow_schedule_ticks WHERE outcome = 'started'";

/// The first jobs of their runs that workers may claim.
const ENQUEUED: &str = "SELECT COUNT(*) AS found FROM jobs JOIN workflow_runs ON workflow_runs.id = jobs.subject_id \
    WHERE workflow_runs.schedule_id IS NOT NULL AND jobs.state = 'available'";

/// Inserts schedules, lets them be due in one second, and waits until all have fired. No worker runs.
pub(super) async fn measure(
    testbed: &Testbed,
    args: &TriggersArgs,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let mut processes = vec!["atelier-api"];
    processes.extend(std::iter::repeat_n("atelier-scheduler", usize::from(args.schedulers)));
    let mut installation = Installation::start_processes(testbed, &processes).await?;
    for number in 1..=args.workflows {
        installation.enable(&format!("Workflow {number}"), &graphs::chain(1)).await?;
    }
    if let Some(database) = &installation.database {
        let lags = fire(database.queue.db(), args.schedules).await?;
        let name = format!("lag of {} schedules due at once", args.schedules);
        for (share_name, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            figures.record(format!("{name}, {share_name}"), "s", percentile(&lags, share));
        }
    }
    installation.stop().await
}

/// Seconds of each schedule, sorted.
async fn fire(db: &DatabaseConnection, schedules: u32) -> anyhow::Result<Vec<f64>> {
    db.execute_unprepared(&format!("{INSERT}{schedules}{OF_WORKFLOWS}")).await?;
    for sql in ["ANALYZE workflow_schedules", "CHECKPOINT"] {
        db.execute_unprepared(sql).await?;
    }
    let due = format!(
        "UPDATE workflow_schedules SET phase_secs = (EXTRACT(EPOCH FROM due.at)::bigint % 86400)::int, \
         next_tick_at = due.at, next_fire_at = due.at FROM (SELECT date_trunc('second', clock_timestamp()) \
         + interval '{LEAD_SECS} seconds' AS at) AS due"
    );
    let begun = Instant::now();
    db.execute_unprepared(&due).await?;
    ensure!(begun.elapsed().as_secs_f64() < f64::from(LEAD_SECS) / 2.0, "the schedules were due too soon");
    let expected = i64::from(schedules);
    let fired = "SELECT COUNT(*) AS found FROM workflow_schedule_ticks";
    while count(db, fired).await? < expected {
        ensure!(begun.elapsed() < LIMIT, "schedules have not fired after {} s", LIMIT.as_secs());
        time::sleep(LOOK_EVERY).await;
    }
    let enqueued = count(db, ENQUEUED).await?;
    ensure!(enqueued == expected, "{enqueued} jobs are enqueued: the figures would be wrong");
    let found = db.query_all_raw(Statement::from_string(db.get_database_backend(), LAGS)).await?;
    let mut lags = found.iter().map(|row| row.try_get("", "lag")).collect::<Result<Vec<f64>, _>>()?;
    ensure!(lags.len() == usize::try_from(schedules)?, "{} schedules started a run", lags.len());
    lags.sort_by(f64::total_cmp);
    Ok(lags)
}

async fn count(db: &DatabaseConnection, sql: &str) -> anyhow::Result<i64> {
    Ok(rows::query_row(db, sql).await?.try_get("", "found")?)
}
