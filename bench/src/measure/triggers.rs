//! What starts runs by itself, and what their ends cause: schedules that are due in the same second, calls of
//! a webhook, and deliveries; the same calls of n8n, in turns.

use atelier_ops::terminal;

mod deliveries;
mod hooks;
mod lag;
mod n8n;

use super::{
    arrivals::Answers,
    cli::{Engine, TriggersArgs},
    figures::{Figures, percentile},
    installation::Installation,
    testbed::Testbed,
    workflows::n8n::MODES,
};

/// Everything once a run, on empty databases.
pub(super) async fn measure(
    testbed: &Testbed,
    args: &TriggersArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        lag::measure(testbed, args, figures).await?;
        for engine in [Engine::Postgres, Engine::Sqlite] {
            let mut installation = Installation::start(testbed, engine).await?;
            let answers = hooks::measure(&mut installation, args).await?;
            installation.stop().await?;
            record(figures, engine.prefix(), args, &answers);
        }
        deliveries::measure(testbed, args, figures).await?;
        if !args.no_peers {
            call_peers(testbed, args, figures).await;
        }
    }
    Ok(())
}

async fn call_peers(testbed: &Testbed, args: &TriggersArgs, figures: &mut Figures) {
    for mode in MODES {
        terminal::print_error(format_args!("calling n8n, {mode}"));
        match n8n::measure(testbed, args, mode).await {
            Ok((version, answers)) => {
                figures.add_fact(format!("n8n, {mode}"), version);
                record(figures, &format!("n8n, {mode}: "), args, &answers);
            }
            Err(error) => figures.skip(format!("n8n, {mode}"), format!("{error:#}")),
        }
    }
}

fn record(figures: &mut Figures, prefix: &str, args: &TriggersArgs, answers: &Answers) {
    let name = format!("{prefix}webhook to its answer, {} a second", args.rate);
    for (share_name, share) in [("p50", 0.5), ("p99", 0.99)] {
        figures.record(format!("{name}, {share_name}"), "ms", percentile(&answers.millis, share));
    }
    figures.record(format!("{name}, errors"), "requests", answers.errors as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_how_soon_calls_were_answered() {
        let (mut figures, args) = (Figures::default(), TriggersArgs::default());
        let answers = Answers { millis: (0..100).map(f64::from).collect(), errors: 2 };

        record(&mut figures, "", &args, &answers);

        assert_eq!(figures.median("webhook to its answer, 200 a second, p50"), Some(50.0));
        assert_eq!(figures.median("webhook to its answer, 200 a second, p99"), Some(99.0));
        assert_eq!(figures.median("webhook to its answer, 200 a second, errors"), Some(2.0));
    }
}
