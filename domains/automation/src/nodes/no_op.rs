//! Passes its input on.

use serde::Deserialize;
use serde_json::json;

use super::{
    definition::Definition,
    description::{Category, Description, any, both},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// What a `no_op` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOp {}

impl Config for NoOp {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        Ok(Shape::pass())
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_engine::<NoOp>("no_op", describe);

fn describe() -> Description {
    Description::new(
        Category::Logic,
        both("No operation", "Aucune opération"),
        both("Passes its input on.", "Transmet son entrée."),
        "M5 12h14M13 6l6 6l-6 6",
    )
    .giving(any(), json!({"order": 7}))
}
