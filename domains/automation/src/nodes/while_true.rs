//! Runs its body as long as a condition holds.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::loop_items::OnItemError;
use crate::graph::{
    Behaviour, ConfigFault, NodeType, Shape,
    node_type::{Inputs, WhileRules, read_config},
};

/// Most rounds.
const MAX_ROUNDS: u32 = 1_000;

/// What a `while` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhileTrue {
    /// What is compared before each round.
    pub when: Map<String, Value>,
    /// Most rounds. The node fails if the condition still holds then.
    #[serde(default = "most")]
    pub max_rounds: u32,
    /// What a failed round means.
    #[serde(default)]
    pub on_item_error: OnItemError,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "while", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    let config: WhileTrue = read_config(config)?;
    if !(1..=MAX_ROUNDS).contains(&config.max_rounds) {
        return Err(ConfigFault::at("/max_rounds", format!("must be between 1 and {MAX_ROUNDS}")));
    }
    let rules = WhileRules { max_rounds: config.max_rounds, on_item_error: config.on_item_error.rule() };
    Ok(Shape::of(Behaviour::While(rules), ["done"]))
}

const fn most() -> u32 {
    MAX_ROUNDS
}
