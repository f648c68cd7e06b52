//! Waits until a moment.

use atelier_entities::{Timestamp, WaitKind};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{
    call::{NodeFailure, NodeOutput, Wait, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, text},
    wait_time::check,
};
use crate::graph::{ConfigFault, MAIN, Shape, node_type::Config};

/// What a `wait_until` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitUntil {
    /// The moment, as RFC 3339 or an expression.
    pub at: String,
}

/// The moment of a text such as `2026-12-01T09:00:00+01:00`.
fn moment(text: &str) -> Result<Timestamp, ConfigFault> {
    let parsed = DateTime::parse_from_rfc3339(text.trim());
    let parsed = parsed.map(|at| at.with_timezone(&Utc));
    parsed.map_err(|_| ConfigFault::at("/at", "must be a moment such as 2026-12-01T09:00:00+01:00"))
}

impl Config for WaitUntil {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if !self.at.contains("{{") {
            moment(&self.at)?;
        }
        Ok(Shape::work([MAIN]))
    }
}

impl Compute for WaitUntil {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        let due = moment(&self.at).map_err(|fault| NodeFailure::of_config(&fault))?;
        check(work.now, due, "/at")?;
        if due <= work.now {
            return Ok(NodeOutput::Input);
        }
        Ok(NodeOutput::Wait(Wait { kind: WaitKind::Until, key: None, due: Some(due), question: None }))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<WaitUntil>("wait_until", describe);

fn describe() -> Description {
    Description::new(
        Category::Wait,
        both("Wait until", "Attendre jusqu'à"),
        both(
            "Waits until a moment of the next 30 days, and not at all if it has passed. Its output is its input.",
            "Attend jusqu'à un moment des 30 prochains jours, et pas du tout s'il est passé. Sa sortie est son entrée.",
        ),
        "M5 5h14v15h-14zM5 10h14M9 3v4M15 3v4",
    )
    .with_config(
        vec![Field::required("at", both("Moment", "Moment"), Widget::Text, text())],
        json!({"at": "2026-12-01T09:00:00Z"}),
    )
    .giving(any(), json!({"order": 7}))
}
