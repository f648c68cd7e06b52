//! Effects: what the end of a job changes in the product, exactly once. An effect runs in
//! the transaction that writes the job's final state, whether a worker, a rescuer or a
//! cancellation ends the job.

use std::{
    any::{Any, TypeId},
    borrow::Cow,
    collections::HashMap,
    sync::Arc,
};

use async_trait::async_trait;
use atelier_entities::{JobId, JobState, UserId, jobs};
use serde_json::Value;
use uuid::Uuid;

use super::Transaction;
use crate::{
    error::{EffectError, QueueError},
    job::Job,
    new_job::waiter_of,
    settle::Settlement,
};

/// A job that ends in the current transaction.
#[derive(Clone, Debug)]
pub struct EndedJob {
    /// The job.
    pub id: JobId,
    /// Its kind, by the name that is stored.
    pub kind: &'static str,
    /// Its args, as stored.
    pub args: Arc<Value>,
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

impl EndedJob {
    /// Who waits for its end, as [`NewJob::awaited_by`](crate::NewJob::awaited_by) said.
    #[must_use]
    pub fn awaited_by(&self) -> Option<Uuid> {
        waiter_of(&self.args)
    }
}

/// A job whose end may have an effect, as far as the effect sees it before the end.
#[derive(Clone, Debug)]
pub(crate) struct Affecting {
    id: JobId,
    kind: &'static str,
    args: Arc<Value>,
    owner: Option<UserId>,
    subject: Option<Uuid>,
}

impl Affecting {
    /// The job with what is written at its end.
    pub(crate) fn ended(self, settlement: &Settlement) -> EndedJob {
        let Self { id, kind, args, owner, subject } = self;
        let Settlement { state, result, error, .. } = settlement;
        let (result, error) = (result.clone(), error.clone());
        EndedJob { id, kind, args, state: *state, result, error, owner, subject }
    }
}

/// Changes the product when jobs of a kind end. It may write rows and enqueue jobs. It
/// must use nothing but the database, and must not pause for a heartbeat between two
/// statements: PostgreSQL would abort the transaction as idle.
#[async_trait]
pub trait Effect: Send + Sync + 'static {
    /// Called once for each end of a job. An error rolls back the end of the job too, and
    /// both are tried again.
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError>;

    /// Called with ends of several jobs of the kind that one transaction writes, in the order
    /// of their subjects. An effect that can change the product for all of them at once does
    /// so here. An error rolls back all of them; then each is tried alone.
    async fn on_ends(&self, tx: &Transaction, jobs: &[EndedJob]) -> Result<(), EffectError> {
        for job in jobs {
            self.on_end(tx, job).await?;
        }
        Ok(())
    }

    /// Whether an end in that state changes anything. Other ends are written like those of
    /// kinds without an effect.
    fn wants(&self, _state: JobState) -> bool {
        true
    }
}

#[async_trait]
impl Effect for Arc<dyn Effect> {
    async fn on_end(&self, tx: &Transaction, job: &EndedJob) -> Result<(), EffectError> {
        (**self).on_end(tx, job).await
    }

    async fn on_ends(&self, tx: &Transaction, jobs: &[EndedJob]) -> Result<(), EffectError> {
        (**self).on_ends(tx, jobs).await
    }

    fn wants(&self, state: JobState) -> bool {
        (**self).wants(state)
    }
}

/// The effects of every kind that has one, and the ports of code that has nothing but a transaction.
#[derive(Clone, Default)]
pub struct Effects {
    by_kind: HashMap<&'static str, Arc<dyn Effect>>,
    ports: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Effects {
    /// Registers the effect of `J`, for its aliases too. A second effect of a kind is an
    /// error.
    pub fn register<J: Job>(&mut self, effect: impl Effect) -> Result<(), QueueError> {
        let effect: Arc<dyn Effect> = Arc::new(effect);
        for kind in J::names() {
            if self.by_kind.insert(kind, effect.clone()).is_some() {
                return Err(QueueError::DuplicateKind(kind));
            }
        }
        Ok(())
    }

    /// Offers a port, which every transaction of the queue finds by its type.
    pub fn offer<P: Any + Send + Sync>(&mut self, port: P) {
        self.ports.insert(TypeId::of::<P>(), Arc::new(port));
    }

    /// The port of that type.
    #[must_use]
    pub fn find_port<P: Any + Send + Sync>(&self) -> Option<&P> {
        self.ports.get(&TypeId::of::<P>())?.downcast_ref()
    }

    /// Whether a kind has an effect.
    #[must_use]
    pub fn has(&self, kind: &str) -> bool {
        self.by_kind.contains_key(kind)
    }

    /// The job, if the end of an attempt that leads to that state may have an effect. An
    /// attempt that is to be repeated may: where the job was asked to stop, it ends instead.
    pub(crate) fn affecting(&self, job: &jobs::Model, next: JobState) -> Option<Affecting> {
        let kind = self.find_affected(&job.kind, next)?;
        let args = Arc::new(job.args.clone());
        Some(Affecting { id: job.id, kind, args, owner: job.owner_id, subject: job.subject_id })
    }

    fn find_affected(&self, kind: &str, next: JobState) -> Option<&'static str> {
        let (kind, effect) = self.by_kind.get_key_value(kind)?;
        (!next.is_terminal() || effect.wants(next)).then_some(*kind)
    }

    /// Runs the effect of ended jobs of one kind, if it has one.
    pub(crate) async fn apply(&self, tx: &Transaction, jobs: &[EndedJob]) -> Result<(), QueueError> {
        let Some(kind) = jobs.first().map(|job| job.kind) else { return Ok(()) };
        let Some(effect) = self.by_kind.get(kind) else { return Ok(()) };
        let wanted: Cow<'_, [EndedJob]> = if jobs.iter().all(|job| effect.wants(job.state)) {
            Cow::Borrowed(jobs)
        } else {
            jobs.iter().filter(|job| effect.wants(job.state)).cloned().collect()
        };
        let applied = match &*wanted {
            [] => Ok(()),
            [job] => effect.on_end(tx, job).await,
            jobs => effect.on_ends(tx, jobs).await,
        };
        applied.map_err(|source| QueueError::Effect { kind: kind.to_owned(), source })
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
    fn a_port_is_found_by_its_type() {
        let mut effects = Effects::default();
        effects.offer(7_u8);

        assert_eq!((effects.find_port::<u8>(), effects.find_port::<u16>()), (Some(&7), None));
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
    fn an_effect_may_apply_to_ends_that_it_wants_and_to_attempts_that_may_still_end() {
        let mut effects = Effects::default();
        effects.register::<Renamed>(OfFailures).expect("once");
        let table = [
            (JobState::Succeeded, false),
            (JobState::Cancelled, false),
            (JobState::Failed, true),
            (JobState::Retrying, true),
            (JobState::Available, true),
        ];

        for (state, applies) in table {
            let affected = effects.find_affected("test.old_name", state);
            assert_eq!(affected, applies.then_some("test.old_name"), "{state}");
            assert_eq!(effects.find_affected("test.other", state), None, "{state}");
        }
    }
}
