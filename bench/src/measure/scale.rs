//! Throughput by worker processes, slots and duration of jobs.

use super::{
    cli::{DrainArgs, ScaleArgs},
    drain,
    figures::Figures,
    testbed::Testbed,
};

/// Most jobs of one drain.
const MOST: f64 = 20_000.0;

/// Expected jobs a second of one slot where jobs take no time.
const PER_SLOT: f64 = 500.0;

/// Factor of the duration of drains that compare numbers of workers: workers do not start
/// at the same moment.
const LONGER: f64 = 8.0;

/// Slots of the drains that compare numbers of workers: so few that one worker leaves the
/// processors idle.
const FEW: usize = 16;

/// Every combination once a run.
pub(super) async fn measure(
    testbed: &Testbed,
    args: &ScaleArgs,
    runs: u16,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    for _ in 0..runs {
        for millis in &args.millis {
            for concurrency in &args.concurrency {
                let drained = drain::once(testbed, work(args, 1, *concurrency, *millis)).await?;
                figures.record(format!("{millis} ms each, {concurrency} at a time"), "jobs/s", drained.rate);
            }
        }
        compare_workers(testbed, args, figures).await?;
    }
    Ok(())
}

async fn compare_workers(testbed: &Testbed, args: &ScaleArgs, figures: &mut Figures) -> anyhow::Result<()> {
    let longer = ScaleArgs { secs: args.secs * LONGER, ..args.clone() };
    for (millis, concurrency) in [(10, FEW), (0, 100)] {
        let mut first = None;
        for workers in &args.workers {
            let drained = drain::once(testbed, work(&longer, *workers, concurrency, millis)).await?;
            let name = format!("{millis} ms each, {concurrency} at a time on each of {workers} workers");
            figures.record(name.clone(), "jobs/s", drained.rate);
            match first {
                Some(rate) => figures.record(format!("{name}, against one"), "×", drained.rate / rate),
                None => first = Some(drained.rate),
            }
        }
    }
    Ok(())
}

/// A drain of about the requested seconds.
fn work(args: &ScaleArgs, workers: u8, concurrency: usize, millis: u64) -> DrainArgs {
    let slots = concurrency as f64 * f64::from(workers);
    let rate = if millis == 0 { slots * PER_SLOT } else { slots * 1_000.0 / millis as f64 };
    let jobs = (rate * args.secs).clamp(slots * 2.0, MOST.max(slots * 2.0)) as usize;
    DrainArgs { jobs, concurrency, workers, millis, ..DrainArgs::PLAIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_takes_about_the_seconds_asked_for() {
        let args = ScaleArgs { secs: 1.0, ..ScaleArgs::default() };
        for (workers, concurrency, millis, jobs) in
            [(1, 1, 100, 10), (1, 64, 10, 6_400), (4, 256, 0, 20_000), (2, 8, 1, 16_000), (1, 1, 0, 500)]
        {
            assert_eq!(work(&args, workers, concurrency, millis).jobs, jobs);
        }
    }
}
