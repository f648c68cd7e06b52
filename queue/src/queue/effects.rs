//! What a job's end changes in the product, exactly once: it happens in the same
//! transaction as the job's final state, whoever brings that about — the worker
//! that ran it, a rescuer, somebody who cancels it.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use atelier_entities::{JobId, JobState, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    enqueue::Transaction,
    error::{EffectError, QueueError},
    job::Job,
};

/// A job that ends in the transaction at hand.
#[derive(Clone, Debug)]
pub struct EndedJob {
    /// The job.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// Its args, as stored.
    pub args: Value,
    /// A terminal state.
    pub state: JobState,
    /// Its result, when it succeeded.
    pub result: Option<Value>,
    /// Its error, when it did not: `{code, message, details?}`.
    pub error: Option<Value>,
    /// Whose it is.
    pub owner: Option<UserId>,
    /// What it is about.
    pub subject: Option<Uuid>,
}

/// Changes the product when jobs of a kind end. It may write rows and enqueue jobs;
/// it must not speak to anything but the database, nor rest for a heartbeat between two
/// statements, since PostgreSQL takes it for dead then.
#[async_trait]
pub trait Effect: Send + Sync + 'static {
    /// Called once for each end of a job. An error undoes the job's end as well: it
    /// is tried again.
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError>;

    /// Whether an end in that state changes anything. Ends that do not are written in
    /// batches, like those of kinds without an effect.
    fn wants(&self, _state: JobState) -> bool {
        true
    }
}

/// The effects of every kind that has one.
#[derive(Clone, Default)]
pub struct Effects {
    by_kind: HashMap<&'static str, Arc<dyn Effect>>,
}

impl Effects {
    /// Adds the effect of `J`, under its earlier names too; a second one is an error of
    /// the program.
    pub fn register<J: Job>(&mut self, effect: impl Effect) -> Result<(), QueueError> {
        let effect: Arc<dyn Effect> = Arc::new(effect);
        for kind in J::names() {
            if self.by_kind.insert(kind, effect.clone()).is_some() {
                return Err(QueueError::DuplicateKind(kind));
            }
        }
        Ok(())
    }

    /// Whether jobs of that kind have one.
    #[must_use]
    pub fn has(&self, kind: &str) -> bool {
        self.by_kind.contains_key(kind)
    }

    /// Whether the end of an attempt that leads to that state may bring an effect about.
    /// What is to be run again may end all the same: where it has been told to stop.
    pub(crate) fn may_follow(&self, kind: &str, next: JobState) -> bool {
        self.by_kind.get(kind).is_some_and(|effect| !next.is_terminal() || effect.wants(next))
    }

    pub(crate) async fn apply(&self, tx: &Transaction, job: &EndedJob) -> Result<(), QueueError> {
        let Some(effect) = self.by_kind.get(job.kind.as_str()).filter(|effect| effect.wants(job.state))
        else {
            return Ok(());
        };
        effect.on_end(tx, job).await.map_err(|source| QueueError::Effect { kind: job.kind.clone(), source })
    }
}

impl std::fmt::Debug for Effects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_kind.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{
        job::{Lane, Policy},
        name::QueueName,
        retry::Backoff,
    };

    #[derive(Serialize, Deserialize)]
    struct Renamed {}

    impl Job for Renamed {
        const KIND: &'static str = "test.new_name";
        const QUEUE: QueueName = QueueName::Stats;
        const ALIASES: &'static [&'static str] = &["test.old_name"];

        fn policy() -> Policy {
            Policy {
                max_attempts: 1,
                timeout: Duration::from_secs(1),
                backoff: Backoff::Fixed(Duration::ZERO),
                lane: Lane::Normal,
            }
        }
    }

    /// Takes the old name for itself.
    #[derive(Serialize, Deserialize)]
    struct Usurper {}

    impl Job for Usurper {
        const KIND: &'static str = "test.old_name";
        const QUEUE: QueueName = QueueName::Stats;

        fn policy() -> Policy {
            Renamed::policy()
        }
    }

    /// Cares for failures only.
    struct OfFailures;

    #[async_trait]
    impl Effect for OfFailures {
        async fn on_end(&self, _: &Transaction, _: &EndedJob) -> Result<(), EffectError> {
            Ok(())
        }

        fn wants(&self, state: JobState) -> bool {
            state == JobState::Failed
        }
    }

    #[test]
    fn a_renamed_kind_has_its_effect_under_each_of_its_names() {
        let mut effects = Effects::default();
        effects.register::<Renamed>(OfFailures).expect("once");

        for (kind, known) in [("test.new_name", true), ("test.old_name", true), ("test.other", false)] {
            assert_eq!((effects.has(kind), Renamed::is(kind)), (known, known), "{kind}");
        }
        assert_eq!(Renamed::names(), ["test.new_name", "test.old_name"]);
    }

    #[test]
    fn no_name_has_two_effects() {
        let mut effects = Effects::default();
        effects.register::<Renamed>(OfFailures).expect("once");

        let again = effects.register::<Renamed>(OfFailures);
        let usurped = effects.register::<Usurper>(OfFailures);

        assert!(matches!(again, Err(QueueError::DuplicateKind("test.new_name"))), "{again:?}");
        assert!(matches!(usurped, Err(QueueError::DuplicateKind("test.old_name"))), "{usurped:?}");
    }

    #[test]
    fn only_ends_that_an_effect_wants_or_that_may_become_such_are_followed_by_it() {
        let mut effects = Effects::default();
        effects.register::<Renamed>(OfFailures).expect("once");
        let table = [
            (JobState::Succeeded, false),
            (JobState::Cancelled, false),
            (JobState::Failed, true),
            (JobState::Retrying, true),
            (JobState::Available, true),
        ];

        for (state, follows) in table {
            assert_eq!(effects.may_follow("test.old_name", state), follows, "{state}");
            assert!(!effects.may_follow("test.other", state), "{state}");
        }
    }
}
