//! A trigger that a schedule pulls.

use serde::Deserialize;
use serde_json::json;

use super::{
    definition::Definition,
    description::{Category, Description, any, both},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// What a `schedule` node is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {}

impl Config for Schedule {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        Ok(Shape::trigger())
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_source::<Schedule>("schedule", describe);

fn describe() -> Description {
    Description::new(
        Category::Trigger,
        both("Schedule", "Planification"),
        both(
            "Starts a run at the fire times of the schedules of this workflow. Its output has the fire time and the input of the schedule.",
            "Démarre une exécution aux heures des planifications de ce workflow. Sa sortie contient l'heure prévue et l'entrée de la planification.",
        ),
        "M12 3a9 9 0 1 0 .01 0M12 7v5l4 2",
    )
    .giving(
        any(),
        json!({
            "schedule_id": "0198c0de-0000-7000-8000-000000000001",
            "scheduled_at": "2026-11-30T08:00:00Z",
            "input": {"report": "weekly"},
        }),
    )
}
