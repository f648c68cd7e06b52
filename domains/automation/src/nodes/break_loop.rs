//! Ends the loop around it.

use serde::Deserialize;

use super::{
    definition::Definition,
    description::{Category, Description, both},
};
use crate::graph::{Behaviour, ConfigFault, Shape, node_type::Config};

/// What a `break` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakLoop {}

impl Config for BreakLoop {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        Ok(Shape::silent(Behaviour::Break))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_engine::<BreakLoop>("break", describe);

fn describe() -> Description {
    Description::new(
        Category::Logic,
        both("Break", "Sortie de boucle"),
        both(
            "Ends the loop around it. The loop then goes on by its port done.",
            "Termine la boucle qui l'entoure. La boucle continue alors par son port done.",
        ),
        "M6 6l12 12M18 6l-12 12",
    )
}
