//! A kind of job: typed args, a stable name, a queue and a policy. Args belong to the domain
//! that enqueues them, handlers to the worker.

use std::time::Duration;

use atelier_entities::jobs;
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable};
use serde::{Serialize, de::DeserializeOwned};

use crate::{name::QueueName, retry::Backoff};

/// The args of one kind of job.
///
/// Args hold ids and scalars. They hold no secrets, and no state that the handler can read
/// when it runs. New fields take `#[serde(default)]`, so that jobs of the previous version
/// still decode.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stable name, `domain.verb_object`. It is stored with each job and does not depend on
    /// the name of the type.
    const KIND: &'static str;
    /// Its queue.
    const QUEUE: QueueName;
    /// Earlier names of jobs that may still be queued. A kind is renamed in two releases: the
    /// first one adds the alias, the second one enqueues under the new name.
    const ALIASES: &'static [&'static str] = &[];

    /// How it is run and retried.
    fn policy() -> Policy;

    /// At most one unfinished job has this key: a second enqueue answers the first job. None
    /// allows any number.
    fn unique_key(&self) -> Option<String> {
        None
    }

    /// Every name that its jobs may have, the current one first.
    #[must_use]
    fn names() -> Vec<&'static str> {
        [&[Self::KIND], Self::ALIASES].concat()
    }

    /// Whether a stored kind is this one. A comparison with [`Self::KIND`] alone would miss the
    /// aliases.
    #[must_use]
    fn is(kind: &str) -> bool {
        kind == Self::KIND || Self::ALIASES.contains(&kind)
    }
}

/// How a kind of job is run and retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Attempts before the job fails, including the first. An attempt counts when it starts,
    /// so that a job that kills its process runs out of attempts too.
    pub max_attempts: u16,
    /// Longest time of an attempt. After that it is stopped and counts as failed.
    pub timeout: Duration,
    /// The wait before the next attempt.
    pub backoff: Backoff,
    /// The lane, unless the enqueue sets another one.
    pub lane: Lane,
}

/// A job's urgency. A lane shifts the rank by ten minutes, so that urgent jobs go first and
/// bulk jobs are not starved by a stream of urgent ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// A person waits for it.
    Urgent,
    /// Everything else.
    Normal,
    /// A delay does not matter.
    Bulk,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub(crate) const ALL: [Self; 3] = [Self::Urgent, Self::Normal, Self::Bulk];

    /// The number by which it is stored.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Urgent => 0,
            Self::Normal => 1,
            Self::Bulk => 2,
        }
    }

    /// The lane of that number. An unknown number is normal.
    #[must_use]
    pub const fn from_number(number: i16) -> Self {
        match number {
            0 => Self::Urgent,
            2 => Self::Bulk,
            _ => Self::Normal,
        }
    }
}

impl From<i16> for Lane {
    fn from(number: i16) -> Self {
        Self::from_number(number)
    }
}

impl TryGetable for Lane {
    fn try_get_by<I: ColIdx>(row: &QueryResult, column: I) -> Result<Self, TryGetError> {
        i16::try_get_by(row, column).map(Self::from_number)
    }
}

/// The timeout of the job's attempts, at least a second.
pub(crate) fn time_limit(job: &jobs::Model) -> Duration {
    Duration::from_secs(u64::try_from(job.timeout_secs).unwrap_or(0).max(1))
}

/// A kind without its type, for documents, consoles and checks.
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
