//! Runs of workflows: the overhead of a step, node runs in a second, a fan-out and a loop; the same work on
//! n8n in turns.

use atelier_ops::terminal;

mod atelier;
pub(super) mod graphs;
pub(super) mod n8n;

use super::{
    cli::{Engine, WorkflowsArgs},
    figures::Figures,
    installation::Installation,
    testbed::Testbed,
};

/// What one run of an engine took.
#[derive(Clone, Debug, Default, serde::Deserialize)]
struct Outcome {
    /// Milliseconds of each run of the chain, from the request to the end.
    chain_ms: Vec<f64>,
    /// Runs of the short chain that were under way at once, and the seconds until all had ended.
    load_runs: u16,
    load_secs: f64,
    /// Milliseconds of each run of the fan-out.
    fan_ms: Vec<f64>,
    /// Seconds of the loop.
    loop_secs: f64,
}

/// Every engine once a run, in turns. Each starts with an empty database.
pub(super) async fn measure(
    testbed: &Testbed,
    args: &WorkflowsArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        for engine in [Engine::Postgres, Engine::Sqlite] {
            let mut installation = Installation::start(testbed, engine).await?;
            let outcome = installation.measure(args).await?;
            installation.stop().await?;
            record(figures, engine.prefix(), args, outcome);
        }
        if !args.no_peers {
            measure_peers(testbed, args, figures).await;
        }
    }
    Ok(())
}

async fn measure_peers(testbed: &Testbed, args: &WorkflowsArgs, figures: &mut Figures) {
    for mode in n8n::MODES {
        terminal::print_error(format_args!("measuring n8n, {mode}"));
        match n8n::measure(testbed, args, mode).await {
            Ok(peer) => {
                figures.add_fact(format!("n8n, {mode}"), peer.version);
                record(figures, &format!("n8n, {mode}: "), args, peer.outcome);
            }
            Err(error) => figures.skip(format!("n8n, {mode}"), format!("{error:#}")),
        }
    }
}

fn record(figures: &mut Figures, prefix: &str, args: &WorkflowsArgs, outcome: Outcome) {
    let Outcome { chain_ms, load_runs, load_secs, fan_ms, loop_secs } = outcome;
    let steps = f64::from(args.chain);
    let mut shares = |name: String, mut values: Vec<f64>, divisor: f64| {
        values.sort_by(f64::total_cmp);
        for (share, at) in [("p50", 0.5), ("p99", 0.99)] {
            let value = super::figures::percentile(&values, at) / divisor;
            figures.record(format!("{prefix}{name}, {share}"), "ms", value);
        }
    };
    shares(format!("chain of {}", args.chain), chain_ms.clone(), 1.0);
    shares("overhead of a step".to_owned(), chain_ms, steps);
    shares(format!("fan-out of {} with merge", args.fan), fan_ms, 1.0);
    let node_runs = f64::from(load_runs) * f64::from(args.load_chain);
    figures.record(
        format!("{prefix}node runs, {load_runs} runs at once"),
        "node runs/s",
        node_runs / load_secs,
    );
    figures.record(format!("{prefix}loop of {} items", args.items), "s", loop_secs);
    figures.record(format!("{prefix}items of a loop"), "items/s", f64::from(args.items) / loop_secs);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reckons_the_overhead_of_a_step_and_node_runs() {
        let mut figures = Figures::default();
        let args = WorkflowsArgs { chain: 40, load_chain: 10, items: 100, ..WorkflowsArgs::default() };
        let outcome = Outcome {
            chain_ms: vec![400.0, 200.0, 200.0],
            load_runs: 20,
            load_secs: 2.0,
            fan_ms: vec![5.0],
            loop_secs: 4.0,
        };

        record(&mut figures, "", &args, outcome);

        assert_eq!(figures.median("chain of 40, p50"), Some(200.0));
        assert_eq!(figures.median("overhead of a step, p50"), Some(5.0));
        assert_eq!(figures.median("overhead of a step, p99"), Some(10.0));
        assert_eq!(figures.median("node runs, 20 runs at once"), Some(100.0));
        assert_eq!(figures.median("items of a loop"), Some(25.0));
    }
}
