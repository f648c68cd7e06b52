//! A trigger that a person or the API pulls.

use serde::Deserialize;
use serde_json::json;

use super::{
    definition::Definition,
    description::{Category, Description, any, both},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// What a `manual` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manual {}

impl Config for Manual {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        Ok(Shape::trigger())
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_source::<Manual>("manual", describe);

fn describe() -> Description {
    Description::new(
        Category::Trigger,
        both("Manual start", "Démarrage manuel"),
        both(
            "Starts a run when a person or the API asks for it. Its output is the input of the run.",
            "Démarre une exécution à la demande d'une personne ou de l'API. Sa sortie est l'entrée de l'exécution.",
        ),
        "M8 5l11 7l-11 7z",
    )
    .giving(any(), json!({"order": 7}))
}
