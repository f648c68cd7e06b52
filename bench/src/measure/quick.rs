//! A smoke test of the measurements: everything, small. The figures say nothing.

use super::{
    api, applications,
    cli::{
        ApiArgs, CostArgs, DrainArgs, EmbeddedArgs, EnqueueArgs, LatencyArgs, RowsArgs, ScaleArgs,
        TriggersArgs, WorkflowsArgs,
    },
    cost, drain, embedded, enqueue,
    figures::Figures,
    http, latency, product, scale,
    testbed::{CONNECTIONS, Testbed},
    triggers, workflows,
};

const ENQUEUE: EnqueueArgs = EnqueueArgs {
    jobs: 200,
    callers: 64,
    bulk: 1_000,
    connections: CONNECTIONS,
    http: false,
    rows: RowsArgs { finished_rows: 0, waiting_rows: 0 },
};

const DRAIN: DrainArgs = DrainArgs { jobs: 3_000, ..DrainArgs::PLAIN };

const LATENCY: LatencyArgs = LatencyArgs { jobs: 300, idle_secs: 3, http: false };

const EMBEDDED: EmbeddedArgs = EmbeddedArgs { jobs: 100, concurrency: 100, latency_jobs: 300 };

/// Every measurement but those of peers and of generations that stream.
pub(super) async fn measure(testbed: &Testbed, runs: u16, figures: &mut Figures) -> anyhow::Result<()> {
    enqueue::measure(testbed, ENQUEUE, "", runs, figures).await?;
    let spread = DrainArgs { queues: 6, owners: 100, workers: 2, ..DRAIN };
    let beside = DrainArgs { rows: RowsArgs { finished_rows: 20_000, waiting_rows: 20_000 }, ..DRAIN };
    let effects = DrainArgs { effects: true, ..DRAIN };
    for args in [DRAIN, spread, beside, effects] {
        drain::measure_all(testbed, args, runs, figures).await?;
    }
    latency::measure(testbed, LATENCY, runs, figures).await?;
    embedded::measure(EMBEDDED, runs, figures).await?;
    applications::measure(runs, figures)?;
    let scales = ScaleArgs { millis: vec![0, 10], concurrency: vec![8], workers: vec![1, 2], secs: 0.2 };
    scale::measure(testbed, &scales, runs, figures).await?;
    let costs =
        CostArgs { jobs: 2_000, concurrency: 100, backlogs: vec![10_000], idle_secs: 2, idle_runs: 1 };
    cost::measure(testbed, &costs, runs, figures).await?;
    if !product::is_installed() {
        figures.skip("the API", "the product's binaries do not lie beside this program");
        return Ok(());
    }
    let callers = EnqueueArgs { callers: 4, ..ENQUEUE };
    http::enqueue(testbed, callers, runs, figures).await?;
    http::latency(testbed, LatencyArgs { jobs: 100, ..LATENCY }, runs, figures).await?;
    let requests = ApiArgs { connections: 8, secs: 0.3, projects: 5, generations: 80, ..ApiArgs::default() };
    api::measure(testbed, &requests, runs, figures).await?;
    let graphs = WorkflowsArgs {
        samples: 2,
        load_runs: 20,
        fan: 10,
        items: 100,
        no_peers: true,
        ..WorkflowsArgs::default()
    };
    workflows::measure(testbed, &graphs, runs, figures).await?;
    let starts = TriggersArgs {
        schedules: 600,
        workflows: 3,
        secs: 1.0,
        deliveries: 60,
        no_peers: true,
        ..TriggersArgs::default()
    };
    triggers::measure(testbed, &starts, runs, figures).await
}
