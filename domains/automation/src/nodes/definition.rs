//! What a type of node is: what the graph knows of it, what people read, and what it does.

use async_trait::async_trait;
use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::{
    call::{AttemptError, Call, NodeFailure, NodeOutput, Work},
    description::Description,
};
use crate::graph::{
    NodeType,
    node_type::{Config, Inputs, read_config},
};

type ComputeFn = fn(Map<String, Value>, Work) -> Result<NodeOutput, NodeFailure>;
type ActFn = for<'a> fn(Map<String, Value>, &'a Call<'a>) -> BoxFuture<'a, Result<NodeOutput, AttemptError>>;

/// A type of node.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// What the graph and the engine know of it.
    pub kind: NodeType,
    /// The fields of its config whose expressions the node evaluates itself.
    pub deferred: &'static [&'static str],
    /// What it reads of its input beside what its expressions name.
    pub reads_input: ReadsInput,
    /// Whether it sends what it is told, so that secrets are opened for it.
    pub sends_secrets: bool,
    /// What an attempt does.
    pub run: Run,
    /// What people read of it.
    pub describe: fn() -> Description,
}

/// What a node reads of its input, beside what its expressions name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadsInput {
    /// Nothing.
    Nothing,
    /// The branches, one by one.
    Branches,
    /// The input, if this field of its config is true.
    If(&'static str),
}

impl ReadsInput {
    /// Whether a node with this config reads its input as a whole.
    #[must_use]
    pub fn reads_whole(self, config: &Map<String, Value>) -> bool {
        matches!(self, Self::If(field) if config.get(field) == Some(&Value::Bool(true)))
    }
}

/// What an attempt of a node does.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// The engine does everything: there is no attempt.
    Engine,
    /// Computes from its input alone, on a thread that may block.
    Compute(ComputeFn),
    /// Talks to the database or to something outside.
    Act(ActFn),
}

/// A config whose node computes from its input alone.
pub trait Compute: Config {
    /// What the node gives.
    ///
    /// # Errors
    /// Why the attempt failed.
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure>;
}

/// A config whose node talks to the database or to something outside. It may run again after
/// its worker died, so that it must be idempotent or say that it is not.
#[async_trait]
pub trait Act: Config + Send + 'static {
    /// What the node gives.
    ///
    /// # Errors
    /// Why the attempt failed, or why its job has to run again.
    async fn act(self, call: &Call<'_>) -> Result<NodeOutput, AttemptError>;
}

impl Definition {
    /// A type that the engine runs alone.
    #[must_use]
    pub const fn of_engine<C: Config>(name: &'static str, describe: fn() -> Description) -> Self {
        Self::new(NodeType::of::<C>(name), Run::Engine, describe)
    }

    /// A trigger, or a note: nothing leads to it.
    #[must_use]
    pub const fn of_source<C: Config>(name: &'static str, describe: fn() -> Description) -> Self {
        Self::new(NodeType::of::<C>(name).taking(Inputs::None), Run::Engine, describe)
    }

    /// A type whose nodes compute.
    #[must_use]
    pub const fn of_compute<C: Compute>(name: &'static str, describe: fn() -> Description) -> Self {
        Self::new(NodeType::of::<C>(name), Run::Compute(compute::<C>), describe)
    }

    /// A type whose nodes act.
    #[must_use]
    pub const fn of_act<C: Act>(name: &'static str, describe: fn() -> Description) -> Self {
        Self::new(NodeType::of::<C>(name), Run::Act(act::<C>), describe)
    }

    const fn new(kind: NodeType, run: Run, describe: fn() -> Description) -> Self {
        Self { kind, deferred: &[], reads_input: ReadsInput::Nothing, sends_secrets: false, run, describe }
    }

    /// The same with fields that the node evaluates itself.
    #[must_use]
    pub const fn deferring(self, deferred: &'static [&'static str]) -> Self {
        Self { deferred, ..self }
    }

    /// The same as a type that may read its input.
    #[must_use]
    pub const fn reading_input(self, reads_input: ReadsInput) -> Self {
        Self { reads_input, ..self }
    }

    /// The same as a type that sends what it is told.
    #[must_use]
    pub const fn sending_secrets(self) -> Self {
        Self { sends_secrets: true, ..self }
    }

    /// The same with at least two inbound edges.
    #[must_use]
    pub const fn joining(self) -> Self {
        Self { kind: self.kind.taking(Inputs::Several), ..self }
    }
}

fn compute<C: Compute>(config: Map<String, Value>, work: Work) -> Result<NodeOutput, NodeFailure> {
    read_config::<C>(config).map_err(|fault| NodeFailure::of_config(&fault))?.compute(work)
}

fn act<'a, C: Act>(
    config: Map<String, Value>,
    call: &'a Call<'a>,
) -> BoxFuture<'a, Result<NodeOutput, AttemptError>> {
    Box::pin(async move {
        let config = read_config::<C>(config).map_err(|fault| NodeFailure::of_config(&fault))?;
        config.act(call).await
    })
}
