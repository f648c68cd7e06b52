//! Injects faults.

use std::time::Duration;

use tokio::time::{self, Instant};

use super::{
    draws,
    enqueuer::JobRequest,
    faults::Fault,
    infrastructure::Infrastructure,
    installation::Installation,
    kinds::Poison,
    ledger::Ledger,
    load,
    plan::Strike,
    processes::Product,
    recovery::{self, Impact},
    supervisor::{self, SupervisedProcess},
};

/// How long processes cannot start.
const DOWN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(5));

/// How much longer than a lease a worker is paused.
const PAST_LEASE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));

/// How long to wait for a job to be enqueued.
const TIMEOUT: Duration = Duration::from_secs(20);

impl Installation {
    /// Injects every fault of a strike at once, and returns when they are over.
    pub(super) async fn inject(&self, ledger: &Ledger, strike: &Strike) -> anyhow::Result<Impact> {
        let draws = strike.draws;
        match strike.faults.as_slice() {
            [first, second, ..] => {
                let turned = [draws[1], draws[0], draws[3], draws[2]];
                let (one, other) =
                    tokio::join!(self.apply(ledger, *first, draws), self.apply(ledger, *second, turned));
                Ok(one?.and(other?))
            }
            [only] => self.apply(ledger, *only, draws).await,
            [] => Ok(Impact::now()),
        }
    }

    async fn apply(&self, ledger: &Ledger, fault: Fault, draws: [f64; 4]) -> anyhow::Result<Impact> {
        match fault {
            Fault::WorkerKill => self.signal_workers("KILL", draws).await,
            Fault::WorkerDrain => self.signal_workers("TERM", draws).await,
            Fault::WorkerPause => self.pause_worker(draws).await,
            Fault::Poison => self.poison(ledger).await,
            Fault::SchedulerKill => self.kill_scheduler(draws).await,
            Fault::SchedulersKill => self.kill_schedulers().await,
            Fault::ApiKill => match &self.product {
                Some(product) => self.kill(Some(&product.api)).await,
                None => Ok(Impact::now()),
            },
            Fault::StartReadonly => self.restart_readonly(draws).await,
            _ => self.infrastructure.apply(fault, draws).await,
        }
    }

    fn choose<'a>(&self, processes: &'a [SupervisedProcess], draw: f64) -> Option<&'a SupervisedProcess> {
        processes.get(draws::pick(draw, processes.len())?)
    }

    /// In half of the cases a worker of the product, which the fault hits too.
    fn choose_of_product(&self, draws: [f64; 4]) -> Option<&SupervisedProcess> {
        let product = self.product.as_ref().filter(|_| draws[1] < 0.5)?;
        self.choose(&product.workers, draws[3])
    }

    /// Signals one of the run's workers and, in half of the cases, the product's too.
    async fn signal_workers(&self, signal: &str, draws: [f64; 4]) -> anyhow::Result<Impact> {
        let mut impact = Impact::now();
        if let Some(worker) = self.choose(&self.processes.workers, draws[0])
            && let Some(pid) = worker.signal(signal).await
        {
            impact = Impact::against(worker.name());
            impact.held = self.held_by(pid).await;
        }
        if let Some(worker) = self.choose_of_product(draws)
            && worker.signal(signal).await.is_some()
        {
            impact.victims.push(worker.name().to_owned());
        }
        Ok(impact)
    }

    /// Pauses one of the run's workers and, in half of the cases, one of the product's too.
    async fn pause_worker(&self, draws: [f64; 4]) -> anyhow::Result<Impact> {
        let Some(worker) = self.choose(&self.processes.workers, draws[0]) else { return Ok(Impact::now()) };
        let Some(pid) = worker.signal("STOP").await else { return Ok(Impact::now()) };
        let mut impact = Impact::against(worker.name());
        impact.held = self.held_by(pid).await;
        let mut paused = vec![pid];
        if let Some(worker) = self.choose_of_product(draws)
            && let Some(pid) = worker.signal("STOP").await
        {
            impact.victims.push(worker.name().to_owned());
            paused.push(pid);
        }
        let pause = self.heartbeat * 2 + draws::between(draws[2], PAST_LEASE.0, PAST_LEASE.1);
        let resume = async move {
            time::sleep(pause).await;
            for pid in paused {
                supervisor::send("CONT", pid).await;
            }
        };
        if self.processes.workers.len() == 1 {
            // No other worker takes over: the recovery is this worker's own.
            resume.await;
            return Ok(Impact { over: Instant::now(), ..impact });
        }
        impact.aftermath.push(tokio::spawn(resume));
        Ok(impact)
    }

    /// Enqueues a job that aborts its process in each of its attempts. The next fault waits
    /// until it has ended, so that delays are attributed to the right fault.
    async fn poison(&self, ledger: &Ledger) -> anyhow::Result<Impact> {
        let starts =
            |processes: &[SupervisedProcess]| processes.iter().map(SupervisedProcess::starts).sum::<u64>();
        let before = starts(&self.processes.workers);
        let begun = Instant::now();
        let mut poison = None;
        while poison.is_none() && begun.elapsed() <= TIMEOUT {
            poison = load::submit(&self.enqueuer, ledger, vec![JobRequest::of(&Poison {})]).await;
        }
        while starts(&self.processes.workers) == before && begun.elapsed() < TIMEOUT {
            time::sleep(Duration::from_millis(20)).await;
        }
        let mut impact = Impact::now();
        if let Some(poison) = poison {
            let direct = self.direct.clone();
            impact
                .aftermath
                .push(tokio::spawn(async move { recovery::wait_for_end(&direct, &poison).await }));
        }
        Ok(impact)
    }

    async fn kill(&self, process: Option<&SupervisedProcess>) -> anyhow::Result<Impact> {
        let Some(process) = process else { return Ok(Impact::now()) };
        process.signal("KILL").await;
        Ok(Impact::against(process.name()))
    }

    /// Kills one of the run's schedulers and one of the product's.
    async fn kill_scheduler(&self, draws: [f64; 4]) -> anyhow::Result<Impact> {
        let mut impact = self.kill(self.choose(&self.processes.schedulers, draws[0])).await?;
        let of_product = self.product.as_ref().and_then(|product| self.choose(&product.schedulers, draws[3]));
        if let Some(scheduler) = of_product
            && scheduler.signal("KILL").await.is_some()
        {
            impact.victims.push(scheduler.name().to_owned());
        }
        Ok(impact)
    }

    async fn kill_schedulers(&self) -> anyhow::Result<Impact> {
        let mut impact = Impact::now();
        let products = self.product.iter().flat_map(|product| &product.schedulers);
        for scheduler in self.processes.schedulers.iter().chain(products) {
            if scheduler.signal("KILL").await.is_some() {
                impact.victims.push(scheduler.name().to_owned());
            }
        }
        impact.over = Instant::now();
        Ok(impact)
    }

    /// Kills every process while the disk is read-only, so that none of them can start.
    async fn restart_readonly(&self, draws: [f64; 4]) -> anyhow::Result<Impact> {
        let Infrastructure::Disk(disk) = &self.infrastructure else { return Ok(Impact::now()) };
        let product = self.product.iter().flat_map(Product::all);
        let processes: Vec<&SupervisedProcess> = self.processes.all().chain(product).collect();
        disk.set_readonly(true)?;
        for process in &processes {
            process.signal("KILL").await;
        }
        time::sleep(draws::between(draws[2], DOWN.0, DOWN.1)).await;
        disk.set_readonly(false)?;
        let victims = processes.iter().map(|process| process.name().to_owned()).collect();
        Ok(Impact { victims, ..Impact::now() })
    }

    /// The jobs that a process held; none where the database does not answer.
    async fn held_by(&self, pid: u32) -> std::collections::HashMap<atelier_entities::JobId, i64> {
        let asked = time::timeout(Duration::from_secs(1), recovery::held_by(&self.direct, pid));
        asked.await.ok().and_then(Result::ok).unwrap_or_default()
    }
}
