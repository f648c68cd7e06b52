//! Runs another workflow and gives its output.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    Behaviour, ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, ParentCancel, read_config},
};

/// What a `sub_workflow` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubWorkflow {
    /// The workflow.
    pub workflow: String,
    /// What it gets.
    #[serde(default)]
    pub input: Value,
    /// What the cancellation of this run means for it.
    #[serde(default)]
    pub on_parent_cancel: ParentCancel,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "sub_workflow", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    let config: SubWorkflow = read_config(config)?;
    Ok(Shape::of(Behaviour::Child(config.on_parent_cancel), [MAIN]))
}
