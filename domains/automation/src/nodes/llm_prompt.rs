//! Asks a language model.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `llm_prompt` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlmPrompt {
    /// What it is asked.
    pub prompt: String,
    /// How it is to answer.
    #[serde(default)]
    pub system: Option<String>,
    /// The model. The platform's where it is absent.
    #[serde(default)]
    pub model: Option<String>,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "llm_prompt", version: 1, inputs: Inputs::Any, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<LlmPrompt>(config).map(|_| Shape::work([MAIN]))
}
