//! Waits for some time.

use atelier_entities::WaitKind;
use serde::Deserialize;
use serde_json::json;

use super::{
    call::{NodeFailure, NodeOutput, Wait, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, integer, or_expression},
    param::Param,
    wait_time::{MAX_WAIT_SECONDS, later},
};
use crate::graph::{ConfigFault, MAIN, Shape, node_type::Config};

/// What a `delay` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// How long, in seconds.
    pub seconds: Param<u64>,
}

impl Config for Delay {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if self.seconds.constant().is_some_and(|seconds| *seconds > MAX_WAIT_SECONDS) {
            return Err(ConfigFault::at("/seconds", format!("must be at most {MAX_WAIT_SECONDS} (30 days)")));
        }
        Ok(Shape::work([MAIN]))
    }
}

impl Compute for Delay {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        let seconds = self.seconds.value("/seconds")?;
        let due = later(work.now, seconds, "/seconds")?;
        if seconds == 0 {
            return Ok(NodeOutput::Input);
        }
        Ok(NodeOutput::Wait(Wait { kind: WaitKind::Delay, key: None, due: Some(due), question: None }))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<Delay>("delay", describe);

fn describe() -> Description {
    let seconds = or_expression(integer(0, MAX_WAIT_SECONDS));
    Description::new(
        Category::Wait,
        both("Delay", "Délai"),
        both(
            "Waits for some seconds, at most 30 days, without using a worker. Its output is its input.",
            "Attend quelques secondes, 30 jours au plus, sans occuper de worker. Sa sortie est son entrée.",
        ),
        "M12 4a8 8 0 1 0 .01 0M12 8v4l3 2",
    )
    .with_config(
        vec![Field::required("seconds", both("Seconds", "Secondes"), Widget::Duration, seconds)],
        json!({"seconds": 60}),
    )
    .giving(any(), json!({"order": 7}))
}
