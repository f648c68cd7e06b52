//! A trigger that the failure of another workflow pulls.

use serde::Deserialize;
use serde_json::json;

use super::{
    definition::Definition,
    description::{Category, Description, any, both},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// What a `workflow_error` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowError {}

impl Config for WorkflowError {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        Ok(Shape::trigger())
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_source::<WorkflowError>("workflow_error", describe);

fn describe() -> Description {
    Description::new(
        Category::Trigger,
        both("Failure of a workflow", "Échec d'un workflow"),
        both(
            "Starts a run when a run fails of a workflow that names this one as its error workflow.",
            "Démarre une exécution quand échoue celle d'un workflow qui désigne celui-ci pour ses erreurs.",
        ),
        "M12 4l9 16h-18zM12 10v4M12 17v.5",
    )
    .giving(any(), json!({"node": "fetch", "attempt": 3, "error": {"code": "HTTP_STATUS", "message": "The server answered 503."}}))
}
