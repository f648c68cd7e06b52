//! What a graph and the engine need to know of a type of node.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{ERROR, MAIN, pointer_of};

/// A type of node, in one version.
#[derive(Clone, Copy, Debug)]
pub struct NodeType {
    /// The stable name, such as `condition`.
    pub name: &'static str,
    /// The version.
    pub version: u32,
    /// How many inbound edges it takes.
    pub inputs: Inputs,
    /// Reads the config of a node, and says what it offers.
    pub read: fn(&Map<String, Value>) -> Result<Shape, ConfigFault>,
}

impl NodeType {
    /// The first version of a type with this config. It takes any number of inbound edges.
    #[must_use]
    pub const fn of<C: Config>(name: &'static str) -> Self {
        Self { name, version: 1, inputs: Inputs::Any, read: read_shape::<C> }
    }

    /// The same with other inbound edges.
    #[must_use]
    pub const fn taking(self, inputs: Inputs) -> Self {
        Self { inputs, ..self }
    }
}

/// The config of a type of node. Unknown fields are refused.
pub trait Config: DeserializeOwned {
    /// What a node with this config offers: the main port where the type says nothing.
    ///
    /// # Errors
    /// The first place that the type cannot work with.
    fn shape(&self) -> Result<Shape, ConfigFault> {
        Ok(Shape::work([MAIN]))
    }
}

fn read_shape<C: Config>(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<C>(config.clone())?.shape()
}

/// How many inbound edges a type takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Inputs {
    /// None: a trigger or a note.
    None,
    /// Any number, joined by the node's policy.
    Any,
    /// At least two, or else the node does nothing.
    Several,
}

/// What a node offers, given its config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The output ports, the first one first. The error port is among them where the node can fail.
    pub outputs: Vec<OutPort>,
    /// What the engine does with it.
    pub behaviour: Behaviour,
}

impl Shape {
    /// A node that does work and has these outputs, beside the error port.
    #[must_use]
    pub fn work<'a>(ports: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(Behaviour::Work { chooses: false }, ports)
    }

    /// A node that does work and chooses exactly one of these outputs.
    #[must_use]
    pub fn choice<'a>(ports: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(Behaviour::Work { chooses: true }, ports)
    }

    /// A node of a behaviour, with these outputs and the error port.
    #[must_use]
    pub fn of<'a>(behaviour: Behaviour, ports: impl IntoIterator<Item = &'a str>) -> Self {
        let mut outputs: Vec<_> = ports.into_iter().map(OutPort::new).collect();
        outputs.push(OutPort { key: ERROR.to_owned(), kind: PortKind::Error });
        Self { outputs, behaviour }
    }

    /// A trigger.
    #[must_use]
    pub fn trigger() -> Self {
        Self { outputs: vec![OutPort::new(MAIN)], behaviour: Behaviour::Trigger }
    }

    /// A node that passes its input on.
    #[must_use]
    pub fn pass() -> Self {
        Self { outputs: vec![OutPort::new(MAIN)], behaviour: Behaviour::Pass }
    }

    /// A node without outputs that does no work.
    #[must_use]
    pub const fn silent(behaviour: Behaviour) -> Self {
        Self { outputs: Vec::new(), behaviour }
    }

    /// A note.
    #[must_use]
    pub const fn note() -> Self {
        Self::silent(Behaviour::Note)
    }

    /// The output port of a key.
    #[must_use]
    pub fn output(&self, key: &str) -> Option<&OutPort> {
        self.outputs.iter().find(|port| port.key == key)
    }
}

/// An output port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutPort {
    /// Names it in edges.
    pub key: String,
    /// What leaves by it.
    pub kind: PortKind,
}

impl OutPort {
    /// A port for what a node gives.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned(), kind: PortKind::Main }
    }
}

/// What leaves by a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PortKind {
    /// What the node gives.
    Main,
    /// Its error.
    Error,
}

/// What the engine does with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Starts a run.
    Trigger,
    /// Is run by a job, which may end in a wait or a child run.
    Work {
        /// Whether exactly one output is chosen.
        chooses: bool,
    },
    /// Passes its input on, without a job.
    Pass,
    /// Runs its body for each item of a list.
    Loop(LoopRules),
    /// Runs its body as long as a condition holds.
    While(WhileRules),
    /// Ends the loop around it.
    Break,
    /// Starts another workflow and waits for its end.
    Child(ParentCancel),
    /// Is only drawn.
    Note,
}

impl Behaviour {
    /// Whether the node has a body.
    #[must_use]
    pub const fn has_body(self) -> bool {
        matches!(self, Self::Loop(_) | Self::While(_))
    }
}

/// How a loop runs its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopRules {
    /// How many items are under way at once.
    pub concurrency: u32,
    /// What a failed item means.
    pub on_item_error: ItemError,
    /// Whether an item that only waits lets another one start.
    pub release_while_waiting: bool,
}

/// What a failed item means for its loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemError {
    /// No further item starts, those under way finish, and the loop fails.
    Stop,
    /// All items run. The loop succeeds and lists the errors.
    Continue,
    /// Like `Continue` up to a number of failed items, and like `Stop` beyond it.
    MaxFailures(u32),
    /// Like `Continue` up to a share of failed items in percent, and like `Stop` beyond it.
    MaxPercent(u32),
}

impl ItemError {
    /// Whether this many failed items are too many.
    #[must_use]
    pub fn is_exceeded(self, failed: u32, items: u32) -> bool {
        match self {
            Self::Stop => failed > 0,
            Self::Continue => false,
            Self::MaxFailures(max) => failed > max,
            Self::MaxPercent(max) => u64::from(failed) * 100 > u64::from(max) * u64::from(items),
        }
    }
}

/// How a while node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhileRules {
    /// Most rounds.
    pub max_rounds: u32,
    /// What a failed round means.
    pub on_item_error: ItemError,
}

/// What the end of the parent by cancellation means for a child run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentCancel {
    /// The child is cancelled too.
    #[default]
    Cancel,
    /// The child goes on.
    Abandon,
}

/// What does not fit in the config of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// The place in the config, as a JSON pointer.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

impl ConfigFault {
    /// A fault at a place.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// Reads a config as its type.
///
/// # Errors
/// The first place that does not fit.
pub fn read_config<T: DeserializeOwned>(config: Map<String, Value>) -> Result<T, ConfigFault> {
    serde_path_to_error::deserialize(Value::Object(config))
        .map_err(|error| ConfigFault::at(pointer_of(error.path()), error.inner().to_string()))
}

/// The types that there are.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    types: BTreeMap<(&'static str, u32), NodeType>,
}

impl Catalog {
    /// A catalog of these types.
    pub fn new(types: impl IntoIterator<Item = NodeType>) -> Self {
        Self { types: types.into_iter().map(|kind| ((kind.name, kind.version), kind)).collect() }
    }

    /// The type of a name in a version.
    #[must_use]
    pub fn find(&self, name: &str, version: u32) -> Option<&NodeType> {
        self.types.values().find(|kind| kind.name == name && kind.version == version)
    }

    /// The versions of a name, in order.
    #[must_use]
    pub fn versions(&self, name: &str) -> Vec<u32> {
        self.types.values().filter(|kind| kind.name == name).map(|kind| kind.version).collect()
    }

    /// All types, by name and version.
    pub fn iter(&self) -> impl Iterator<Item = &NodeType> {
        self.types.values()
    }
}
