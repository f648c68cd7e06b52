//! A run from its seed to its report.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use atelier_entities::{AttemptOutcome, JobState, to_micros};
use atelier_ops::terminal;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{self, Instant},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    canceller,
    checks::{self, Check, Evidence},
    cli::Options,
    customers::{self, Customers},
    faults::Fault,
    installation::Installation,
    kinds,
    ledger::{EntryState, Ledger},
    load,
    plan::Plan,
    probes::{self, Probes},
    quiet, recovery,
    report::{self, JobsReport, OptionsReport, Report, RunsReport, StrikeReport, TriggersReport},
    requests::Requests,
    running::Tally,
    sampler::Sampler,
    triggers::TriggerRows,
    worker_activity,
    workflows::{self, PEOPLE, People, Rows, Watch},
};
use crate::receiver::Receiver;

/// Time without faults before the first one.
const WARM_UP: Duration = Duration::from_secs(5);

/// Exit code of a run that was interrupted.
const EXIT_INTERRUPTED: u8 = 130;

/// Runs everything. The exit code says whether every promise held.
pub(super) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let faults = options.chosen_faults()?;
    let seed = options.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    terminal::print_line(format_args!("seed {seed}"));
    let receiver = Receiver::start().await?;
    let installation = Installation::start(&options).await?;
    let (servers, folder) = (installation.servers.join(" and "), installation.scratch().path());
    terminal::print_line(format_args!("{servers} in {}", folder.display()));
    if installation.product.is_none() {
        terminal::print_line("without the product: its binaries are not here");
    }
    let run = Run::new(&installation, &options, (seed, faults), receiver);
    let outcome = tokio::select! {
        outcome = run.execute() => Some(outcome),
        () = interrupted() => None,
    };
    let code = match outcome {
        None => Ok(ExitCode::from(EXIT_INTERRUPTED)),
        Some(Err(error)) => Err(error),
        Some(Ok(report)) => publish(&report, &options).map(|()| ExitCode::from(u8::from(!report.passed))),
    };
    if options.keep {
        terminal::print_line(format_args!("kept in {}", installation.scratch().path().display()));
    }
    installation.finish().await?;
    code
}

async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn publish(report: &Report, options: &Options) -> anyhow::Result<()> {
    terminal::print_line(format_args!("\n{}", report.text()));
    if let Some(file) = &options.report {
        let json = serde_json::to_string_pretty(report)?;
        std::fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

struct Run<'a> {
    installation: &'a Installation,
    options: &'a Options,
    seed: u64,
    faults: Vec<Fault>,
    ledger: Arc<Ledger>,
    probes: Arc<Probes>,
    requests: Arc<Requests>,
    customers: Arc<Customers>,
    people: Arc<People>,
}

impl<'a> Run<'a> {
    fn new(
        installation: &'a Installation,
        options: &'a Options,
        (seed, mut faults): (u64, Vec<Fault>),
        receiver: Receiver,
    ) -> Self {
        faults.retain(|fault| installation.product.is_some() || !fault.needs_product());
        faults.retain(|fault| match installation.infrastructure.unavailable_reason(*fault) {
            None => true,
            Some(reason) => {
                terminal::print_line(format_args!("left out: {fault}: {reason}"));
                false
            }
        });
        let requests: Arc<Requests> = Arc::default();
        Self {
            installation,
            options,
            seed,
            faults,
            ledger: Arc::default(),
            probes: Arc::default(),
            customers: Arc::new(Customers::new(requests.clone())),
            people: Arc::new(People::new(requests.clone(), receiver)),
            requests,
        }
    }

    async fn execute(&self) -> anyhow::Result<Report> {
        let started_at = to_micros(self.installation.enqueuer.now());
        let (load, watch) = (CancellationToken::new(), CancellationToken::new());
        let callers = self.start_load(&load);
        let sampling = tokio::spawn(
            Sampler::of_limited(kinds::LIMITED).run(self.installation.direct.clone(), watch.clone()),
        );
        let product_sampling =
            tokio::spawn(Sampler::default().run(self.installation.product_direct.clone(), watch.clone()));
        let watching = tokio::spawn(workflows::watch(
            self.installation.product_direct.clone(),
            self.people.record().clone(),
            watch.clone(),
        ));
        tokio::spawn(probes::watch(self.installation.direct.clone(), self.probes.clone(), watch.clone()));
        let begun = Instant::now();
        let strikes = self.fire().await?;
        // Probes behind bursts of jobs say nothing of latency without faults.
        self.probes.set_under_fire(true);
        let idle = worker_activity::watch(self.installation, &self.ledger).await?;
        let fire = begun.elapsed();
        load.cancel();
        let quiet_from = Instant::now();
        terminal::print_line(format_args!("{} all is quiet now", clock(fire)));
        callers.wait().await;
        quiet::wait(&self.installation.direct, &self.installation.product_direct).await;
        let quiet = quiet_from.elapsed();
        self.installation.stop_processes().await;
        watch.cancel();
        let samplers = [sampling.await?, product_sampling.await?];
        let (jobs, mut checks, faults) = self.judge(&strikes, samplers).await?;
        let (runs, triggers) = self.judge_runs(watching.await?, &mut checks).await?;
        checks.push(idle);
        let (probes_in_peace, probes_under_fire) = self.probes.latencies();
        Ok(Report {
            passed: checks.iter().all(|check| check.broken == 0),
            program: format!("atelier-chaos {}", env!("CARGO_PKG_VERSION")),
            servers: self.installation.servers.clone(),
            seed: self.seed,
            started_at: started_at.to_rfc3339(),
            options: self.options_report(),
            fire_secs: fire.as_secs_f64(),
            quiet_secs: quiet.as_secs_f64(),
            jobs,
            runs,
            triggers,
            probes_in_peace,
            probes_under_fire,
            faults,
            checks,
            strikes,
        })
    }

    fn options_report(&self) -> OptionsReport {
        OptionsReport {
            minutes: self.options.minutes,
            jobs_a_second: self.options.rate(),
            heartbeat_secs: self.options.heartbeat_secs,
            faults: self.faults.iter().map(|fault| fault.name()).collect(),
            product: self.installation.product.is_some(),
            embedded: self.options.embedded,
        }
    }

    /// Starts callers, probes, the canceller, customers, and people who run workflows.
    fn start_load(&self, stop: &CancellationToken) -> TaskTracker {
        let tasks = TaskTracker::new();
        let (enqueuer, ledger) = (&self.installation.enqueuer, &self.ledger);
        #[expect(clippy::cast_precision_loss, reason = "there are four")]
        let rate = self.options.rate() / load::CALLERS as f64;
        for caller in 0..load::CALLERS {
            let seed = self.seed.wrapping_add(1 + caller);
            tasks.spawn(load::call(enqueuer.clone(), ledger.clone(), seed, rate, stop.clone()));
        }
        tasks.spawn(canceller::run(
            enqueuer.clone(),
            ledger.clone(),
            self.seed.wrapping_add(100),
            stop.clone(),
        ));
        tasks.spawn(probes::send(enqueuer.clone(), ledger.clone(), self.probes.clone(), stop.clone()));
        if let Some(product) = &self.installation.product {
            for _ in 0..customers::CUSTOMERS {
                let (customers, url, stop) = (self.customers.clone(), product.url.clone(), stop.clone());
                tasks.spawn(async move { customers.come(&url, stop).await });
            }
            for person in 0..PEOPLE {
                let (people, url, stop) = (self.people.clone(), product.url.clone(), stop.clone());
                let seed = self.seed.wrapping_add(200 + person);
                tasks.spawn(async move { people.come(&url, seed, stop).await });
            }
        }
        tasks.close();
        tasks
    }

    /// Injects faults until the time is over.
    async fn fire(&self) -> anyhow::Result<Vec<StrikeReport>> {
        let begun = Instant::now();
        let ends = begun + self.options.duration().saturating_sub(worker_activity::LEAST);
        let mut strikes = Vec::new();
        time::sleep_until((begun + WARM_UP).min(ends)).await;
        for strike in Plan::new(self.seed, self.faults.clone()) {
            time::sleep_until((Instant::now() + strike.rest).min(ends)).await;
            if Instant::now() >= ends {
                break;
            }
            let at = begun.elapsed();
            self.probes.set_under_fire(true);
            let mut impact = self.installation.inject(&self.ledger, &strike).await?;
            let held = impact.held.len();
            let recovered = recovery::wait(&self.installation.direct, &self.probes, &mut impact).await;
            for aftermath in impact.aftermath {
                aftermath.await?;
            }
            self.probes.set_under_fire(false);
            let report = StrikeReport {
                at_secs: at.as_secs_f64(),
                faults: strike.faults.iter().map(|fault| fault.name()).collect(),
                victims: impact.victims,
                held,
                recovery_secs: recovered.map(|recovered| recovered.as_secs_f64()),
            };
            show(at, &report);
            strikes.push(report);
        }
        time::sleep_until(ends).await;
        Ok(strikes)
    }

    async fn judge(
        &self,
        strikes: &[StrikeReport],
        samplers: [Sampler; 2],
    ) -> anyhow::Result<(JobsReport, Vec<Check>, Vec<report::FaultReport>)> {
        let direct = &self.installation.direct;
        let evidence = Evidence::gather(direct, &self.ledger, self.installation.enqueuer.now()).await?;
        let mut checks = checks::check(&evidence, direct).await?;
        let mut jobs = self.count(&evidence);
        jobs.lost = checks
            .iter()
            .find(|check| check.promise.contains("acknowledged job ends"))
            .map_or(0, |check| check.broken);
        let (mut changed, mut leases, mut limits) = (Vec::new(), Tally::default(), Tally::default());
        for (mut sampler, direct) in samplers.into_iter().zip([direct, &self.installation.product_direct]) {
            sampler.look_at_all(direct).await?;
            changed.extend(sampler.changed().iter().cloned());
            let (looks, watched) = sampler.counts();
            (jobs.looks, jobs.watched) = (jobs.looks + looks, jobs.watched + watched);
            let running = sampler.into_running();
            (leases, limits) = (leases.and(running.leases), limits.and(running.limits));
        }
        checks.push(Check::new("a terminal state never changes", jobs.watched, changed));
        checks.push(Check::new("what runs does so under one lease", leases.cases, leases.breaches));
        checks.push(Check::new("no more run than their queue allows", limits.cases, limits.breaches));
        if self.installation.product.is_some() {
            checks.extend(checks::check_product(&self.installation.product_direct, &self.customers).await?);
        }
        let faults = report::sum_up(strikes, self.installation.heartbeat);
        checks.extend(report::check_recoveries(&faults));
        Ok((jobs, checks, faults))
    }

    /// Adds the checks of the runs of workflows and of what starts them, and counts them.
    async fn judge_runs(
        &self,
        mut watch: Watch,
        checks: &mut Vec<Check>,
    ) -> anyhow::Result<(RunsReport, TriggersReport)> {
        if self.installation.product.is_none() {
            return Ok((RunsReport::default(), TriggersReport::default()));
        }
        let product = &self.installation.product_direct;
        watch.look(product).await?;
        let (rows, record) = (Rows::read(product).await?, self.people.record());
        checks.extend(checks::check_workflows(&rows, record, watch));
        let triggers = TriggerRows::read(product).await?;
        let receiver = self.people.receiver();
        checks.extend(checks::check_triggers(&triggers, &rows, record, &receiver.received()));
        let triggers = TriggersReport::of(&triggers, record, receiver.counts());
        Ok((RunsReport::of(&rows, record), triggers))
    }

    fn count(&self, evidence: &Evidence) -> JobsReport {
        let count = |state: JobState| evidence.jobs.values().filter(|job| job.state == state).count();
        let in_doubt = || evidence.entries.iter().filter(|(_, entry)| entry.state == EntryState::InDoubt);
        let there = in_doubt().filter(|(id, _)| evidence.jobs.contains_key(id)).count();
        let (refused, duplicates) = self.ledger.refused_and_duplicates();
        let (requests, requests_made_again) = self.requests.counts();
        let attempts = evidence.attempts.values().flatten();
        JobsReport {
            acknowledged: self.ledger.count_acknowledged(),
            in_doubt_there: there,
            in_doubt_absent: in_doubt().count() - there,
            refused,
            duplicates,
            succeeded: count(JobState::Succeeded),
            failed_as_designed: count(JobState::Failed),
            cancelled: count(JobState::Cancelled),
            attempts_lost: attempts.filter(|attempt| attempt.outcome == AttemptOutcome::Lost).count(),
            attempts_lost_unbegun: evidence.lost_unbegun,
            restarts: self.installation.count_restarts(),
            product_acknowledged: self.customers.acknowledged().len(),
            requests,
            requests_made_again,
            ..JobsReport::default()
        }
    }
}

fn show(at: Duration, report: &StrikeReport) {
    let victims = report.victims.join(", ");
    let recovered = match report.recovery_secs {
        Some(secs) => format!("went on after {secs:.1} s"),
        None => format!("DID NOT GO ON within {} s", recovery::LIMIT.as_secs()),
    };
    let held = if report.held > 0 { format!(" {} jobs held,", report.held) } else { String::new() };
    terminal::print_line(format_args!(
        "{} {:<18} {victims}{held} {recovered}",
        clock(at),
        report.faults.join(" + ")
    ));
}

fn clock(elapsed: Duration) -> String {
    format!("{:02}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}
