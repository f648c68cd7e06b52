//! The kinds of the model's jobs and the effects of their ends.

use std::{
    sync::{Arc, Mutex, atomic::AtomicBool, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use atelier_entities::{JobId, JobState};
use atelier_queue::{
    Backoff, Effect, EffectError, Effects, EndedJob, Job, Lane, NewJob, Policy, QueueName, Transaction,
};
use serde::{Deserialize, Serialize};

/// The backoff: within one turn of the clock.
pub(super) const BACKOFF: Backoff = Backoff::Fixed(super::player::HALF_TURN);

/// The queues of the model, and their kinds.
pub(super) const QUEUES: [(QueueName, &[&str]); 2] =
    [(QueueName::Stats, &[Plain::KIND, Marked::KIND]), (QueueName::Email, &[Other::KIND])];

/// The queue of a kind, by its number.
pub(super) const fn queue_of(kind: usize) -> usize {
    if kind == 2 { 1 } else { 0 }
}

const POLICY: Policy =
    Policy { max_attempts: 3, timeout: Duration::from_secs(60), backoff: BACKOFF, lane: Lane::Normal };

macro_rules! kinds {
    ($($name:ident $kind:literal $queue:ident),+) => {$(
        #[derive(Serialize, Deserialize)]
        pub(super) struct $name {}

        impl Job for $name {
            const KIND: &'static str = $kind;
            const QUEUE: QueueName = QueueName::$queue;

            fn policy() -> Policy {
                POLICY
            }
        }
    )+};
}

kinds! { Plain "model.plain" Stats, Marked "model.marked" Stats, Other "model.other" Email }

/// A job of that kind, by its number.
pub(super) fn job(kind: usize) -> NewJob {
    match kind {
        0 => NewJob::of(&Plain {}),
        1 => NewJob::of(&Marked {}),
        _ => NewJob::of(&Other {}),
    }
}

/// Records each end of a job with an effect, or fails.
#[derive(Clone, Default)]
pub(super) struct Marks {
    made: Arc<Mutex<Vec<(JobId, JobState)>>>,
    failing: Arc<AtomicBool>,
}

impl Marks {
    pub(super) fn effects(&self) -> Effects {
        let mut effects = Effects::default();
        effects.register::<Marked>(self.clone()).expect("one effect");
        effects
    }

    pub(super) fn made(&self) -> Vec<(JobId, JobState)> {
        self.made.lock().expect("marks").clone()
    }

    pub(super) fn are_failing(&self) -> bool {
        self.failing.load(Ordering::SeqCst)
    }

    pub(super) fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }
}

#[async_trait]
impl Effect for Marks {
    async fn on_end(&self, _: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        if self.are_failing() {
            return Err("the effect fails on request".into());
        }
        self.made.lock().expect("marks").push((job.id, job.state));
        Ok(())
    }
}
