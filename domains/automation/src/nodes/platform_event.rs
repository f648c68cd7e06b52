//! A trigger that an event of the platform pulls.

use serde::Deserialize;
use serde_json::json;

use super::{
    definition::Definition,
    description::{Category, Description, Field, Widget, both, choice, object},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// The events: the ends of the jobs of the owner that are announced. `job` stands for all of them.
pub const EVENTS: [&str; 9] = [
    "generation.succeeded",
    "generation.failed",
    "generation.cancelled",
    "deployment.succeeded",
    "deployment.failed",
    "deployment.cancelled",
    "job.succeeded",
    "job.failed",
    "job.cancelled",
];

/// What a `platform_event` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformEvent {
    /// The event, such as `deployment.succeeded`.
    pub event: String,
}

impl Config for PlatformEvent {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if EVENTS.contains(&self.event.as_str()) {
            return Ok(Shape::trigger());
        }
        Err(ConfigFault::at("/event", format!("must be one of {}", EVENTS.join(", "))))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_source::<PlatformEvent>("platform_event", describe);

fn describe() -> Description {
    let event = Field::required("event", both("Event", "Événement"), Widget::Select, choice(&EVENTS));
    Description::new(
        Category::Trigger,
        both("Platform event", "Événement de la plateforme"),
        both(
            "Starts a run when a generation or a deployment of its owner ends.",
            "Démarre une exécution quand une génération ou un déploiement de la personne se termine.",
        ),
        "M13 3l-8 11h6l-1 7l8-11h-6z",
    )
    .with_config(vec![event], json!({"event": "deployment.succeeded"}))
    .giving(
        object(json!({"event": {"type": "string"}, "data": {}}), &["event"]),
        json!({
            "event": "deployment.succeeded",
            "data": {
                "job_id": "019aa0b2-0000-7000-8000-000000000001",
                "kind": "deployment.publish",
                "subject_id": "019aa0b2-0000-7000-8000-000000000002",
                "url": "https://example.com",
            },
        }),
    )
}
