//! The handlers of a worker: one for each kind.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

use crate::{
    context::JobContext,
    error::QueueError,
    job::{Job, KindInfo},
    name::QueueName,
    outcome::{JobError, Outcome, undecodable},
};

/// Runs jobs of one kind.
#[async_trait]
pub trait Handler<J: Job>: Send + Sync + 'static {
    /// Runs one attempt. A job may have several: effects outside of the database must be
    /// idempotent.
    async fn run(&self, ctx: &JobContext, args: J) -> Result<Outcome, JobError>;
}

#[async_trait]
pub(crate) trait ErasedHandler: Send + Sync {
    async fn run(&self, ctx: &JobContext) -> Result<Outcome, JobError>;
}

struct Typed<J, H> {
    handler: H,
    kind: std::marker::PhantomData<fn() -> J>,
}

#[async_trait]
impl<J: Job, H: Handler<J>> ErasedHandler for Typed<J, H> {
    async fn run(&self, ctx: &JobContext) -> Result<Outcome, JobError> {
        match J::deserialize(ctx.args()) {
            Ok(args) => self.handler.run(ctx, args).await,
            Err(error) => Err(undecodable(&error)),
        }
    }
}

/// The handlers of a worker, by kind.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, (KindInfo, Arc<dyn ErasedHandler>)>,
}

impl Registry {
    /// Registers the handler of `J`. A second handler of a kind is an error.
    pub fn register<J: Job>(&mut self, handler: impl Handler<J>) -> Result<&mut Self, QueueError> {
        let typed: Arc<dyn ErasedHandler> = Arc::new(Typed { handler, kind: std::marker::PhantomData });
        for kind in J::names() {
            if self.kinds.insert(kind, (KindInfo::of::<J>(), typed.clone())).is_some() {
                return Err(QueueError::DuplicateKind(kind));
            }
        }
        Ok(self)
    }

    /// Every kind by name, without aliases.
    pub fn kinds(&self) -> impl Iterator<Item = &KindInfo> {
        self.kinds.iter().filter(|(name, (info, _))| **name == info.kind).map(|(_, (info, _))| info)
    }

    /// Every name of the kinds of a queue, including aliases.
    pub(crate) fn names(&self, queue: QueueName) -> Vec<&'static str> {
        self.kinds.iter().filter(|(_, (info, _))| info.queue == queue).map(|(name, _)| *name).collect()
    }

    /// Every name, including aliases.
    pub(crate) fn all_names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.keys().copied()
    }

    pub(crate) fn get(&self, kind: &str) -> Option<&(KindInfo, Arc<dyn ErasedHandler>)> {
        self.kinds.get(kind)
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.kinds.keys()).finish()
    }
}
