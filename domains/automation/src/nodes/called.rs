//! A trigger that a sub-workflow node of another workflow pulls.

use serde::Deserialize;
use serde_json::json;

use super::{
    definition::Definition,
    description::{Category, Description, any, both},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// What a `called` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Called {}

impl Config for Called {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        Ok(Shape::trigger())
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_source::<Called>("called", describe);

fn describe() -> Description {
    Description::new(
        Category::Trigger,
        both("Called by a workflow", "Appel par un workflow"),
        both(
            "Starts a run when a sub-workflow node of another workflow runs this one.",
            "Démarre une exécution quand un nœud sous-workflow d'un autre workflow lance celui-ci.",
        ),
        "M4 12h12M11 7l5 5l-5 5M20 5v14",
    )
    .giving(any(), json!({"month": "2026-11"}))
}
