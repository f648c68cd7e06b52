//! Executes each command on the queue and on the reference, and compares them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use atelier_entities::{JobId, JobState, Timestamp, UserId, WorkerId, jobs};
use atelier_queue::{
    Ending, JobError, Lane, NewJob, Outcome, Queue, QueueError, QueueLimits, QueueOptions, Rate,
    bus::LocalBus,
    relay, rescue, testing,
    transport::{InProcess, Transport},
};
use atelier_tests::TestDatabase;
use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::json;

use super::{
    command::{Command, End, Limits, NewJobCommand},
    kinds::{self, BACKOFF, Marks, QUEUES},
    reference::Reference,
};

mod compare;

/// Half a turn of the clock: longer than any sequence takes.
pub(super) const HALF_TURN: Duration = Duration::from_secs(500);

type Checked = Result<(), String>;

/// The queue and the reference.
pub(super) struct Player {
    queue: Queue,
    transport: InProcess,
    marks: Marks,
    reference: Reference,
    begun: Timestamp,
    owners: [UserId; 2],
    workers: [WorkerId; 3],
    /// All jobs.
    ids: Vec<JobId>,
    /// All claims, as the worker received them.
    claims: Vec<jobs::Model>,
    before: BTreeMap<JobId, jobs::Model>,
    progress: usize,
}

fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, machine: &T, reference: &T) -> Checked {
    if machine == reference {
        return Ok(());
    }
    Err(format!("{what}: the machine says {machine:?}, the reference {reference:?}"))
}

/// The `number`th element, counted from the newest.
fn pick<T: Clone>(list: &[T], number: usize) -> Option<T> {
    let position = number.checked_rem(list.len())?;
    list.iter().rev().nth(position).cloned()
}

fn ending(end: End) -> Ending {
    let wait = |turns: u32| HALF_TURN * (2 * turns).saturating_sub(1);
    Ending::Returned(match end {
        // A character that not every database can store.
        End::Done => Ok(Outcome::Done(json!({"text": "a\0b"}))),
        End::TooLarge => Ok(Outcome::Done(json!("x".repeat(2_000)))),
        End::Error => Err(JobError::retry("ERROR", "an\0error")),
        End::ErrorAfter(turns) => Err(JobError::retry_after("ERROR", "an error", wait(turns))),
        End::Hopeless => Err(JobError::fail("HOPELESS", "no attempt can help")),
        End::Snooze(turns) => Ok(Outcome::Snooze(wait(turns))),
        End::NotWanted => Ok(Outcome::Cancel("no longer wanted".to_owned())),
        End::TimedOut => return Ending::TimedOut(Duration::from_secs(60)),
        End::Panicked => return Ending::Panicked,
        End::Stopped => return Ending::Cancelled,
        End::Drained => return Ending::Drained,
    })
}

impl Player {
    pub(super) async fn begin(database: &TestDatabase) -> Self {
        for table in ["job_leases", "job_attempts", "job_events", "jobs", "queues", "throttles"] {
            database.connection.execute_unprepared(&format!("DELETE FROM {table}")).await.expect("emptied");
        }
        let (transport, marks) = (InProcess::default(), Marks::default());
        let options =
            QueueOptions { heartbeat: HALF_TURN / 2, max_result_bytes: 1_000, ..QueueOptions::default() };
        let queue = Queue::new(
            database.connection.clone(),
            Arc::new(transport.clone()),
            Arc::new(LocalBus::default()),
            marks.effects(),
            options,
        );
        Self {
            begun: queue.now(),
            queue,
            transport,
            marks,
            reference: Reference::default(),
            owners: [UserId::new(), UserId::new()],
            workers: [WorkerId::new(), WorkerId::new(), WorkerId::new()],
            ids: Vec::new(),
            claims: Vec::new(),
            before: BTreeMap::new(),
            progress: 0,
        }
    }

    pub(super) async fn step(&mut self, command: &Command) -> Checked {
        match command {
            Command::Enqueue(asks) => self.enqueue(asks).await?,
            Command::EnqueueAndUndo(ask) => self.enqueue_and_undo(ask).await?,
            Command::Claim { worker, queue, count } => self.claim(*worker, *queue, *count).await?,
            Command::Finish(ends) => self.finish(ends).await?,
            Command::Progress(claim) => self.write_progress(*claim).await?,
            Command::Heartbeat(worker) => self.heartbeat(*worker).await?,
            Command::Cancel(_) | Command::Replay(_) | Command::Discard(_) | Command::Delete(_) => {
                self.steer(command).await?;
            }
            Command::Rescue => {
                rescue::tick(&self.queue).await.map_err(failed)?;
                self.reference.rescue();
            }
            Command::Relay => self.relay().await?,
            Command::Forget => self.transport.forget(),
            Command::Advance(turns) => {
                let by = TimeDelta::from_std(HALF_TURN * 2 * *turns).map_err(failed)?;
                self.queue.clock().advance(by);
                self.reference.advance(*turns);
            }
            Command::Pause(queue) => {
                self.queue.pause(QUEUES[*queue].0, None).await.map_err(failed)?;
                self.reference.queues[*queue].paused = true;
            }
            Command::Resume(queue) => {
                self.queue.resume(QUEUES[*queue].0).await.map_err(failed)?;
                self.reference.queues[*queue].paused = false;
            }
            Command::Limit(queue, limits) => self.limit(*queue, *limits).await?,
            Command::EffectsFail(failing) => {
                self.marks.fail(*failing);
                self.reference.effects_fail = *failing;
            }
        }
        self.compare(command).await
    }

    fn job(&self, ask: &NewJobCommand) -> NewJob {
        let in_turns = |turns: u32| self.queue.now() + HALF_TURN * (2 * turns - 1);
        let mut job = kinds::job(ask.kind)
            .in_lane(Lane::from_number(ask.lane))
            .with_limits(ask.max_attempts, Duration::from_secs(60));
        if let Some(owner) = ask.owner {
            job = job.owned_by(self.owners[owner]);
        }
        if let Some(key) = ask.unique {
            job = job.unique(key.to_string());
        }
        if let Some(turns) = ask.delay {
            job = job.at(in_turns(turns));
        }
        if let Some(turns) = ask.expires {
            job = job.expiring(in_turns(turns));
        }
        job
    }

    async fn enqueue(&mut self, asks: &[NewJobCommand]) -> Checked {
        let tx = self.queue.begin().await.map_err(failed)?;
        let jobs = asks.iter().map(|ask| self.job(ask)).collect();
        let enqueued = tx.enqueue_all(jobs).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        for (ask, answer) in asks.iter().zip(enqueued) {
            let holder = self.reference.holder(ask.unique);
            let expected = (holder.unwrap_or(answer.id), holder.is_some());
            same("the enqueue", &(answer.id, answer.duplicate), &expected)?;
            if holder.is_none() {
                self.reference.enqueue(answer.id, ask);
                self.ids.push(answer.id);
            }
        }
        Ok(())
    }

    async fn enqueue_and_undo(&self, ask: &NewJobCommand) -> Checked {
        let tx = self.queue.begin().await.map_err(failed)?;
        tx.enqueue(self.job(ask)).await.map_err(failed)?;
        tx.rollback().await.map_err(failed)
    }

    /// Like a worker: pops as many ids as there are free slots, then claims as many jobs.
    async fn claim(&mut self, worker: usize, queue: usize, count: usize) -> Checked {
        let (worker, (name, kinds)) = (self.workers[worker], QUEUES[queue]);
        let mut order: Vec<&jobs::Model> = self.before.values().collect();
        order.sort_by_key(|job| (job.rank, job.id));
        let order: Vec<JobId> = order.into_iter().map(|job| job.id).collect();
        let mut consumer = self.transport.consumer(name, worker).await;
        let popped = consumer.pop(count).await.map_err(failed)?;
        let Limits { running, per_owner, rate } = self.reference.queues[queue].limits;
        let limited = running.is_some() || per_owner.is_some() || rate.is_some();
        let count = if limited { count } else { popped.len() };
        let expected = self.reference.claimable(queue, count, &order);

        let claimed = testing::claim(&self.queue, worker, name, kinds, count).await.map_err(failed)?;
        consumer.settle(&popped).await.map_err(failed)?;

        let ids: Vec<JobId> = claimed.iter().map(|job| job.id).collect();
        same("the claim", &ids, &expected)?;
        self.reference.claim(queue, worker, &ids);
        self.claims.extend(claimed);
        Ok(())
    }

    async fn finish(&mut self, ends: &[(usize, End)]) -> Checked {
        let mut chosen: BTreeMap<(JobId, i64), (jobs::Model, End)> = BTreeMap::new();
        for (number, end) in ends {
            if let Some(claim) = pick(&self.claims, *number) {
                chosen.entry((claim.id, claim.fence)).or_insert((claim, *end));
            }
        }
        let (with_effects, others): (Vec<_>, Vec<_>) =
            chosen.into_values().partition(|(claim, _)| self.queue.effects().has(&claim.kind));
        // A failed effect rolls back the whole batch; a worker then writes each end alone.
        let size = if self.marks.are_failing() { 1 } else { with_effects.len().max(1) };
        for part in std::iter::once(&others[..]).chain(with_effects.chunks(size)) {
            self.finish_part(part.to_vec()).await?;
        }
        Ok(())
    }

    async fn finish_part(&mut self, part: Vec<(jobs::Model, End)>) -> Checked {
        let ends = part.iter().map(|(claim, end)| (claim.clone(), ending(*end))).collect();
        let held = match testing::finish(&self.queue, ends, BACKOFF).await {
            Ok(held) => held,
            Err(QueueError::Effect { .. }) => vec![false],
            Err(error) => return Err(failed(error)),
        };
        for ((claim, end), held) in part.into_iter().zip(held) {
            let holds = self.reference.holds(claim.id, claim.fence);
            let expected = holds && self.reference.finish(claim.id, end);
            same(&format!("fence {} of {} holds", claim.fence, claim.id), &held, &expected)?;
        }
        Ok(())
    }

    async fn write_progress(&mut self, number: usize) -> Checked {
        let Some(claim) = pick(&self.claims, number) else { return Ok(()) };
        self.progress += 1;
        let value = json!({"number": self.progress, "text": "\0"});
        let written = testing::write_progress(&self.queue, &claim, &value).await.map_err(failed)?;
        same("progress is written", &written, &self.reference.holds(claim.id, claim.fence))?;
        if let Some(job) = self.reference.jobs.get_mut(&claim.id).filter(|_| written) {
            job.progress = Some(self.progress);
        }
        Ok(())
    }

    async fn heartbeat(&mut self, worker: usize) -> Checked {
        let worker = self.workers[worker];
        let claimed: Vec<JobId> = self.claims.iter().map(|claim| claim.id).collect();
        let held = testing::extend(&self.queue, worker, &claimed).await.map_err(failed)?;
        let mut held: Vec<_> = held.iter().map(|job| (job.id, job.fence, job.cancel_requested)).collect();
        held.sort_unstable();
        same("the heartbeat", &held, &self.reference.heartbeat(worker))
    }

    async fn relay(&mut self) -> Checked {
        relay::tick(&self.queue).await.map_err(failed)?;
        self.reference.relay();
        for (number, (name, _)) in QUEUES.iter().enumerate() {
            let depth = self.transport.depth(*name).await.map_err(failed)?;
            let waits = |job: &&super::reference::ModelJob| {
                job.state == JobState::Available && kinds::queue_of(job.kind) == number
            };
            let waiting = self.reference.jobs.values().filter(waits).count();
            if depth < waiting && !self.reference.queues[number].paused {
                return Err(format!("{waiting} jobs wait in {name}, only {depth} ids are dispatched"));
            }
        }
        Ok(())
    }

    async fn steer(&mut self, command: &Command) -> Checked {
        let (Command::Cancel(number)
        | Command::Replay(number)
        | Command::Discard(number)
        | Command::Delete(number)) = command
        else {
            return Ok(());
        };
        let Some(id) = pick(&self.ids, *number) else { return Ok(()) };
        let (done, expected) = match command {
            Command::Cancel(_) => (self.queue.cancel(id, None).await, self.reference.cancel(id)),
            Command::Replay(_) => (self.queue.retry(id, None).await, self.reference.replay(id)),
            Command::Discard(_) => (self.queue.discard(id).await, self.reference.discard(id)),
            _ => {
                jobs::Entity::delete_by_id(id).exec(self.queue.db()).await.map_err(failed)?;
                self.reference.jobs.remove(&id);
                return Ok(());
            }
        };
        let done = match done {
            Ok(_) => true,
            Err(QueueError::WrongState { .. } | QueueError::NotFound | QueueError::Effect { .. }) => false,
            Err(error) => return Err(failed(error)),
        };
        same("it is done", &done, &expected)
    }

    async fn limit(&mut self, queue: usize, limits: Limits) -> Checked {
        let rate = limits.rate.map(|count| Rate { count, period: HALF_TURN });
        let set = QueueLimits { max_running: limits.running, max_running_per_owner: limits.per_owner, rate };
        self.queue.set_limits(QUEUES[queue].0, set).await.map_err(failed)?;
        self.reference.limit(queue, limits);
        Ok(())
    }
}
