//! Everything, small: whether the measurements work, not how fast the queue is.

use super::{
    cli::{DrainArgs, EmbeddedArgs, EnqueueArgs, LatencyArgs, RowsArgs},
    drain, embedded, enqueue,
    figures::Figures,
    latency,
    stage::{CONNECTIONS, Stage},
};

const ENQUEUE: EnqueueArgs = EnqueueArgs {
    jobs: 200,
    callers: 64,
    bulk: 1_000,
    connections: CONNECTIONS,
    rows: RowsArgs { finished_rows: 0, waiting_rows: 0 },
};

const DRAIN: DrainArgs = DrainArgs {
    jobs: 3_000,
    concurrency: 100,
    queues: 1,
    owners: 0,
    workers: 1,
    millis: 0,
    rows: RowsArgs { finished_rows: 0, waiting_rows: 0 },
};

const LATENCY: LatencyArgs = LatencyArgs { jobs: 300, idle_secs: 6 };

const EMBEDDED: EmbeddedArgs = EmbeddedArgs { jobs: 100, concurrency: 100, latency_jobs: 300 };

/// Every measurement.
pub(super) async fn measure(stage: &Stage, runs: u16, figures: &mut Figures) -> anyhow::Result<()> {
    enqueue::measure(stage, ENQUEUE, runs, figures).await?;
    let spread = DrainArgs { queues: 6, owners: 100, workers: 2, ..DRAIN };
    let beside = DrainArgs { rows: RowsArgs { finished_rows: 20_000, waiting_rows: 20_000 }, ..DRAIN };
    for args in [DRAIN, spread, beside] {
        drain::measure(stage, args, &drain::name(args), runs, figures).await?;
    }
    latency::measure(stage, LATENCY, runs, figures).await?;
    embedded::measure(EMBEDDED, runs, figures).await
}
