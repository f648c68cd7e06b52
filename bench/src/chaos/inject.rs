//! Carries faults out.

use std::time::Duration;

use tokio::time::{self, Instant};

use super::{
    backing::Backing,
    desk::Order,
    dice,
    faults::Fault,
    fleet::{self, Member},
    installation::Installation,
    kinds::Poison,
    ledger::Ledger,
    load,
    members::Product,
    plan::Strike,
    recovery::{self, Blow},
};

/// How long processes are kept from starting.
const DOWN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(5));

/// How much longer than a lease a paused worker stays so.
const PAST_LEASE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));

/// How long a strike waits for a job to be enqueued.
const PATIENCE: Duration = Duration::from_secs(20);

impl Installation {
    /// Carries out everything of a strike at once, and returns when it is over.
    pub(super) async fn inject(&self, ledger: &Ledger, strike: &Strike) -> anyhow::Result<Blow> {
        let dice = strike.dice;
        match strike.faults.as_slice() {
            [first, second, ..] => {
                let turned = [dice[1], dice[0], dice[3], dice[2]];
                let (one, other) = tokio::join!(
                    self.carry_out(ledger, *first, dice),
                    self.carry_out(ledger, *second, turned)
                );
                Ok(one?.and(other?))
            }
            [only] => self.carry_out(ledger, *only, dice).await,
            [] => Ok(Blow::now()),
        }
    }

    async fn carry_out(&self, ledger: &Ledger, fault: Fault, dice: [f64; 4]) -> anyhow::Result<Blow> {
        match fault {
            Fault::WorkerKill => self.signal_workers("KILL", dice).await,
            Fault::WorkerDrain => self.signal_workers("TERM", dice).await,
            Fault::WorkerPause => self.pause_worker(dice).await,
            Fault::Poison => self.poison(ledger).await,
            Fault::SchedulerKill => self.kill(self.choose(&self.members.schedulers, dice[0])).await,
            Fault::SchedulersKill => self.kill_schedulers().await,
            Fault::ApiKill => match &self.product {
                Some(product) => self.kill(Some(&product.api)).await,
                None => Ok(Blow::now()),
            },
            Fault::StartReadonly => self.restart_readonly(dice).await,
            _ => self.backing.carry_out(fault, dice).await,
        }
    }

    fn choose<'a>(&self, members: &'a [Member], dice: f64) -> Option<&'a Member> {
        members.get(dice::pick(dice, members.len())?)
    }

    /// Signals one of our workers and, half of the time, the product's too.
    async fn signal_workers(&self, signal: &str, dice: [f64; 4]) -> anyhow::Result<Blow> {
        let mut blow = Blow::now();
        if let Some(worker) = self.choose(&self.members.workers, dice[0])
            && let Some(pid) = worker.signal(signal).await
        {
            blow = Blow::against(worker.name());
            blow.held = self.held_by(pid).await;
        }
        if let Some(product) = self.product.as_ref().filter(|_| dice[1] < 0.5)
            && product.worker.signal(signal).await.is_some()
        {
            blow.victims.push(product.worker.name().to_owned());
        }
        Ok(blow)
    }

    async fn pause_worker(&self, dice: [f64; 4]) -> anyhow::Result<Blow> {
        let Some(worker) = self.choose(&self.members.workers, dice[0]) else { return Ok(Blow::now()) };
        let Some(pid) = worker.signal("STOP").await else { return Ok(Blow::now()) };
        let mut blow = Blow::against(worker.name());
        blow.held = self.held_by(pid).await;
        let pause = self.heartbeat * 2 + dice::between(dice[2], PAST_LEASE.0, PAST_LEASE.1);
        if self.members.workers.len() == 1 {
            // Nobody else takes over: what counts is how soon it goes on itself.
            time::sleep(pause).await;
            fleet::send("CONT", pid).await;
            return Ok(Blow { held: blow.held, ..Blow::against(worker.name()) });
        }
        blow.aftermath.push(tokio::spawn(async move {
            time::sleep(pause).await;
            fleet::send("CONT", pid).await;
        }));
        Ok(blow)
    }

    /// Enqueues a job that aborts its process. It strikes when it is first run, and again
    /// with each of its attempts: not until it has ended may another fault be blamed
    /// for what comes late.
    async fn poison(&self, ledger: &Ledger) -> anyhow::Result<Blow> {
        let starts = |members: &[Member]| members.iter().map(Member::starts).sum::<u64>();
        let before = starts(&self.members.workers);
        let begun = Instant::now();
        let mut poison = None;
        while poison.is_none() && begun.elapsed() <= PATIENCE {
            poison = load::submit(&self.desk, ledger, vec![Order::of(&Poison {})]).await;
        }
        while starts(&self.members.workers) == before && begun.elapsed() < PATIENCE {
            time::sleep(Duration::from_millis(20)).await;
        }
        let mut blow = Blow::now();
        if let Some(poison) = poison {
            let direct = self.direct.clone();
            blow.aftermath.push(tokio::spawn(async move { recovery::wait_for_end(&direct, &poison).await }));
        }
        Ok(blow)
    }

    async fn kill(&self, member: Option<&Member>) -> anyhow::Result<Blow> {
        let Some(member) = member else { return Ok(Blow::now()) };
        member.signal("KILL").await;
        Ok(Blow::against(member.name()))
    }

    async fn kill_schedulers(&self) -> anyhow::Result<Blow> {
        let mut blow = Blow::now();
        let products = self.product.iter().map(|product| &product.scheduler);
        for scheduler in self.members.schedulers.iter().chain(products) {
            if scheduler.signal("KILL").await.is_some() {
                blow.victims.push(scheduler.name().to_owned());
            }
        }
        blow.over = Instant::now();
        Ok(blow)
    }

    /// Kills every process. None of them can start while the disk takes no change.
    async fn restart_readonly(&self, dice: [f64; 4]) -> anyhow::Result<Blow> {
        let Backing::Disk(disk) = &self.backing else { return Ok(Blow::now()) };
        let product = self.product.iter().flat_map(Product::all);
        let processes: Vec<&Member> = self.members.all().chain(product).collect();
        disk.set_readonly(true)?;
        for process in &processes {
            process.signal("KILL").await;
        }
        time::sleep(dice::between(dice[2], DOWN.0, DOWN.1)).await;
        disk.set_readonly(false)?;
        let victims = processes.iter().map(|process| process.name().to_owned()).collect();
        Ok(Blow { victims, ..Blow::now() })
    }

    /// What a victim held. Where the database cannot be asked, nothing is followed.
    async fn held_by(&self, pid: u32) -> std::collections::HashMap<atelier_entities::JobId, i64> {
        let asked = time::timeout(Duration::from_secs(1), recovery::held_by(&self.direct, pid));
        asked.await.ok().and_then(Result::ok).unwrap_or_default()
    }
}
