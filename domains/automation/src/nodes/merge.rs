//! Joins branches and their data.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graph::{
    ConfigFault, MAIN, NodeType, Shape,
    node_type::{Inputs, read_config},
};

/// What a `merge` node is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// What becomes of the data.
    #[serde(default)]
    pub mode: MergeMode,
    /// The fields that items are matched by.
    #[serde(default)]
    pub fields: Vec<String>,
    /// What becomes of items without a partner.
    #[serde(default)]
    pub keep: MergeKeep,
}

/// What becomes of the data of several branches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeMode {
    /// One list after the other.
    #[default]
    Append,
    /// The items of the same place become one.
    Position,
    /// The items that agree in some fields become one.
    Fields,
    /// Each item of one list with each of the other.
    Pairs,
    /// The data of the first branch that was taken.
    Choose,
}

/// What becomes of items without a partner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeKeep {
    /// They are left out.
    #[default]
    Inner,
    /// Those of the first list stay.
    Left,
    /// All stay.
    Outer,
}

/// The type.
pub const TYPE: NodeType = NodeType { name: "merge", version: 1, inputs: Inputs::Several, read };

fn read(config: &Map<String, Value>) -> Result<Shape, ConfigFault> {
    read_config::<Merge>(config).map(|_| Shape::work([MAIN]))
}
