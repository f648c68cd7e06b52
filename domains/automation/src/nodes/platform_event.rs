//! A trigger that an event of the platform pulls.

use serde::Deserialize;
use serde_json::json;

use super::{
    definition::Definition,
    description::{Category, Description, Field, Widget, both, object, text},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// Most characters of the name of an event.
const MAX_EVENT_CHARS: usize = 100;

/// What a `platform_event` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformEvent {
    /// The event, such as `deployment.succeeded`.
    pub event: String,
}

impl Config for PlatformEvent {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        let is_name = |char: char| char.is_ascii_lowercase() || matches!(char, '.' | '_');
        if self.event.is_empty() || self.event.len() > MAX_EVENT_CHARS || !self.event.chars().all(is_name) {
            let message = "must be the name of an event, such as deployment.succeeded";
            return Err(ConfigFault::at("/event", message));
        }
        Ok(Shape::trigger())
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_source::<PlatformEvent>("platform_event", describe);

fn describe() -> Description {
    let event = Field::required("event", both("Event", "Événement"), Widget::Text, text());
    Description::new(
        Category::Trigger,
        both("Platform event", "Événement de la plateforme"),
        both(
            "Starts a run when something happens to what its owner has on the platform.",
            "Démarre une exécution quand un événement touche ce que la personne possède sur la plateforme.",
        ),
        "M13 3l-8 11h6l-1 7l8-11h-6z",
    )
    .with_config(vec![event], json!({"event": "deployment.succeeded"}))
    .giving(
        object(json!({"event": {"type": "string"}, "data": {}}), &["event"]),
        json!({"event": "deployment.succeeded", "data": {"url": "https://example.com"}}),
    )
}
