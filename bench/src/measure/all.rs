//! Every measurement in full, each on new servers. Makes the tables of
//! `docs/performance.md`.

use anyhow::ensure;
use atelier_ops::terminal;
use serde::Serialize;
use serde_json::json;

use super::{
    api, applications,
    cli::{
        AllArgs, ApiArgs, CostArgs, DrainArgs, EmbeddedArgs, EnqueueArgs, GenerationsArgs, LatencyArgs,
        PeersArgs, RowsArgs, ScaleArgs, TriggersArgs, WorkflowsArgs,
    },
    cost, drain, embedded, enqueue,
    figures::Figures,
    generations, http, latency, peers, product, scale,
    section::Section,
    testbed,
    testbed::{CONNECTIONS, Testbed},
    triggers, workflows,
};
use crate::servers::programs::Programs;

const MILLION: u64 = 1_000_000;

const ENQUEUE: EnqueueArgs = EnqueueArgs {
    jobs: 2_000,
    callers: 64,
    bulk: 1_000,
    connections: CONNECTIONS,
    http: false,
    rows: RowsArgs { finished_rows: 0, waiting_rows: 0 },
};

const LATENCY: LatencyArgs = LatencyArgs { jobs: 1_000, idle_secs: 4, http: false };

const EMBEDDED: EmbeddedArgs = EmbeddedArgs { jobs: 2_000, concurrency: 100, latency_jobs: 1_000 };

const GENERATIONS: GenerationsArgs = GenerationsArgs { generations: 64, kib: 200 };

/// Runs every measurement.
pub(super) async fn measure(programs: &Programs, args: &AllArgs, runs: u16) -> anyhow::Result<Vec<Section>> {
    ensure!(
        product::is_installed(),
        "the product does not lie beside this program: build atelier-server too"
    );
    let mut all = All { programs, runs, sections: Vec::new() };
    all.take("enqueue", &ENQUEUE, false, async |testbed, figures| enqueues(testbed, runs, figures).await)
        .await?;
    let drains = DrainArgs { variants: true, ..DrainArgs::PLAIN };
    all.take("drain", &drains, false, async |testbed, figures| {
        drain::measure_all(testbed, drains, runs, figures).await
    })
    .await?;
    all.take("latency", &LATENCY, false, async |testbed, figures| {
        latency::measure(testbed, LATENCY, runs, figures).await?;
        http::latency(testbed, LATENCY, runs, figures).await
    })
    .await?;
    let mut figures = Figures::default();
    embedded::measure(EMBEDDED, runs, &mut figures).await?;
    all.add("embedded", &EMBEDDED, figures)?;
    all.take_generations().await?;
    let requests = ApiArgs { secs: 1.5, ..ApiArgs::default() };
    all.take("api", &requests, false, async |testbed, figures| {
        api::measure(testbed, &requests, runs, figures).await
    })
    .await?;
    all.take_automation(args).await?;
    let scales = ScaleArgs::default();
    all.take("scale", &scales, false, async |testbed, figures| {
        scale::measure(testbed, &scales, runs, figures).await
    })
    .await?;
    let costs = CostArgs { idle_runs: 1, ..CostArgs::default() };
    all.take("cost", &costs, true, async |testbed, figures| {
        cost::measure(testbed, &costs, runs, figures).await
    })
    .await?;
    if !args.no_peers {
        let others = PeersArgs { cache: args.cache.clone(), singles: 1_000, ..PeersArgs::default() };
        all.take("peers", &others, false, async |testbed, figures| {
            peers::measure(testbed, &others, runs, figures).await
        })
        .await?;
    }
    Ok(all.sections)
}

/// Through the library, on an empty table and beside a million rows, and through HTTP.
async fn enqueues(testbed: &Testbed, runs: u16, figures: &mut Figures) -> anyhow::Result<()> {
    let finished = RowsArgs { finished_rows: MILLION, waiting_rows: 0 };
    let waiting = RowsArgs { finished_rows: 0, waiting_rows: MILLION };
    for _ in 0..runs {
        enqueue::measure(testbed, ENQUEUE, "", 1, figures).await?;
        for (prefix, rows) in
            [("beside a million finished: ", finished), ("beside a million waiting: ", waiting)]
        {
            enqueue::measure(testbed, EnqueueArgs { rows, jobs: 1_000, ..ENQUEUE }, prefix, 1, figures)
                .await?;
        }
    }
    http::enqueue(testbed, ENQUEUE, runs, figures).await
}

struct All<'a> {
    programs: &'a Programs,
    runs: u16,
    sections: Vec<Section>,
}

impl All<'_> {
    async fn take<T: Serialize>(
        &mut self,
        name: &'static str,
        args: &T,
        counts: bool,
        work: impl AsyncFnOnce(&Testbed, &mut Figures) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        terminal::print_error(format_args!("measuring {name}"));
        let figures = testbed::with(self.programs, counts, work).await?;
        self.add(name, args, figures)
    }

    /// Generations that stream, and the compilation and checks of what they write.
    async fn take_generations(&mut self) -> anyhow::Result<()> {
        let runs = self.runs;
        let mut figures = Figures::default();
        applications::measure(runs, &mut figures)?;
        self.add("applications", &json!({"files": applications::FILES}), figures)?;
        self.take("generations", &GENERATIONS, false, async |testbed, figures| {
            generations::measure(testbed, GENERATIONS, runs, figures).await
        })
        .await
    }

    /// Workflows, and what starts their runs by itself.
    async fn take_automation(&mut self, args: &AllArgs) -> anyhow::Result<()> {
        let runs = self.runs;
        let (no_peers, cache) = (args.no_peers, args.cache.clone());
        let graphs = WorkflowsArgs { no_peers, cache: cache.clone(), ..WorkflowsArgs::default() };
        self.take("workflows", &graphs, false, async |testbed, figures| {
            workflows::measure(testbed, &graphs, runs, figures).await
        })
        .await?;
        let starts = TriggersArgs { no_peers, cache, ..TriggersArgs::default() };
        self.take("triggers", &starts, false, async |testbed, figures| {
            triggers::measure(testbed, &starts, runs, figures).await
        })
        .await
    }

    fn add<T: Serialize>(&mut self, name: &'static str, args: &T, figures: Figures) -> anyhow::Result<()> {
        self.sections.push(Section::new(name, args, self.runs, figures)?);
        Ok(())
    }
}
