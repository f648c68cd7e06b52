//! What a kind of job is: typed args, a stable name, a queue and a policy. Args
//! live with the domain that enqueues them; the handler lives in the worker.

use std::time::Duration;

use atelier_entities::jobs;
use serde::{Serialize, de::DeserializeOwned};

use crate::{name::QueueName, retry::Backoff};

/// The args of one kind of job.
///
/// Args hold ids and scalars, never secrets and never what can be read anew: the
/// handler reads state when it runs. New fields take `#[serde(default)]`, so that
/// jobs of the version before still decode.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stable name, `domain.verb_object`. Stored with each job, so that renaming the
    /// type changes nothing.
    const KIND: &'static str;
    /// Where it waits.
    const QUEUE: QueueName;
    /// Earlier names, under which jobs may still be queued. A kind is renamed in two
    /// releases: first the alias is known everywhere, then the new name is enqueued.
    const ALIASES: &'static [&'static str] = &[];

    /// How it is run and retried.
    fn policy() -> Policy;

    /// At most one job of this key waits or runs at a time: a second enqueue answers
    /// the first one's id. None allows any number.
    fn unique_key(&self) -> Option<String> {
        None
    }

    /// Every name that its jobs may be stored under, the present one first.
    #[must_use]
    fn names() -> Vec<&'static str> {
        [&[Self::KIND], Self::ALIASES].concat()
    }

    /// Whether a job that is stored under that name is one of these. Whoever asks it of a
    /// row asks here: comparing with [`Self::KIND`] forgets the earlier names.
    #[must_use]
    fn is(kind: &str) -> bool {
        kind == Self::KIND || Self::ALIASES.contains(&kind)
    }
}

/// How a kind of job is run and retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Attempts before the job fails, the first included. An attempt counts when it
    /// starts, so a job that kills its process runs out of them too.
    pub max_attempts: u16,
    /// Longest one attempt may take; then it is stopped and counts as failed.
    pub timeout: Duration,
    /// How long to wait before the next attempt.
    pub backoff: Backoff,
    /// Its place among the jobs of the queue, unless the caller says otherwise.
    pub lane: Lane,
}

/// A job's urgency. A lane is a head start or a handicap of ten minutes, so that
/// urgent work goes first and bulk work still gets its turn however much urgent
/// work keeps coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Somebody waits for it.
    Urgent,
    /// The rest.
    Normal,
    /// Nobody would notice a delay.
    Bulk,
}

impl Lane {
    /// From the most urgent on.
    pub(crate) const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Bulk];

    /// The number it is stored under.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Urgent => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }

    /// The lane of that number; anything unknown is normal.
    #[must_use]
    pub const fn from_number(number: i16) -> Self {
        match number {
            0 => Self::Urgent,
            2 => Self::Bulk,
            _ => Self::Normal,
        }
    }
}

/// How long an attempt of the job may take, at least a second whatever the row says.
pub(crate) fn time_limit(job: &jobs::Model) -> Duration {
    Duration::from_secs(u64::try_from(job.timeout_secs).unwrap_or(0).max(1))
}

/// What is known of a kind without its type: for documents, consoles and checks.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// Its stable name.
    pub kind: &'static str,
    /// Its queue.
    pub queue: QueueName,
    /// Its policy.
    pub policy: Policy,
}

impl KindInfo {
    /// The information of `J`.
    #[must_use]
    pub fn of<J: Job>() -> Self {
        Self { kind: J::KIND, queue: J::QUEUE, policy: J::policy() }
    }
}
