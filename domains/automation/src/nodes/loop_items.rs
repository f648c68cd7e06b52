//! Runs its body for each item of a list.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    Behaviour, ConfigFault, NodeType, Shape,
    node_type::{Inputs, ItemError, LoopRules, read_config},
};

/// Most items under way at once.
const MAX_CONCURRENCY: u32 = 50;

/// What a `loop` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoopItems {
    /// The list.
    pub items: Value,
    /// How many items of the list the body gets at once, as a list. One item where it is absent.
    #[serde(default)]
    pub batch_size: Option<u32>,
    /// How many items are under way at once.
    #[serde(default = "one")]
    pub concurrency: u32,
    /// What a failed item means.
    #[serde(default)]
    pub on_item_error: OnItemError,
    /// How many items may fail before the loop does.
    #[serde(default)]
    pub max_failures: Option<u32>,
    /// How many of a hundred items may fail before the loop does.
    #[serde(default)]
    pub max_failures_percent: Option<u32>,
    /// Whether an item that only waits lets another one start.
    #[serde(default)]
    pub release_while_waiting: bool,
}

/// What a failed item means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnItemError {
    /// No further item starts, those under way finish, and the loop fails.
    #[default]
    Stop,
    /// All items run.
    Continue,
}

impl OnItemError {
    /// The rule of the engine.
    #[must_use]
    pub const fn rule(self) -> ItemError {
        match self {
            Self::Stop => ItemError::Stop,
            Self::Continue => ItemError::Continue,
        }
    }
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "loop", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    let config: LoopItems = read_config(config)?;
    if !(1..=MAX_CONCURRENCY).contains(&config.concurrency) {
        return Err(ConfigFault::at("/concurrency", format!("must be between 1 and {MAX_CONCURRENCY}")));
    }
    if config.batch_size == Some(0) {
        return Err(ConfigFault::at("/batch_size", "must be at least 1"));
    }
    let on_item_error = match (config.max_failures, config.max_failures_percent) {
        (Some(_), Some(_)) => {
            return Err(ConfigFault::at(
                "/max_failures",
                "stands beside max_failures_percent; give one of them",
            ));
        }
        (Some(max), None) => ItemError::MaxFailures(max),
        (None, Some(max)) => ItemError::MaxPercent(max),
        (None, None) => config.on_item_error.rule(),
    };
    let rules = LoopRules {
        concurrency: config.concurrency,
        on_item_error,
        release_while_waiting: config.release_while_waiting,
    };
    Ok(Shape::of(Behaviour::Loop(rules), ["done"]))
}

const fn one() -> u32 {
    1
}
