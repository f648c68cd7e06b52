//! Waits for a signal to the run.

use atelier_entities::WaitKind;
use atelier_foundation::validation::line;
use serde::Deserialize;
use serde_json::json;

use super::{
    call::{NodeFailure, NodeOutput, Wait, Work},
    definition::{Compute, Definition},
    description::{Category, Description, Field, Widget, any, both, integer, or_expression, text},
    param::Param,
    wait_time::{MAX_WAIT_SECONDS, later},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// Most characters of the name of a signal.
const MAX_SIGNAL_CHARS: usize = 200;

/// What a `wait_signal` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitSignal {
    /// What the signal is called. It may hold expressions.
    pub signal: String,
    /// How long it waits. For ever where it is absent.
    #[serde(default)]
    pub timeout_seconds: Option<Param<u64>>,
}

impl Config for WaitSignal {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        Ok(Shape::choice(["received", "timeout"]))
    }
}

impl Compute for WaitSignal {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        let key = line(&self.signal, 1, MAX_SIGNAL_CHARS);
        let key = key.map_err(|problem| NodeFailure::at("/signal", problem))?;
        let timeout = self.timeout_seconds.map(|timeout| timeout.value("/timeout_seconds")).transpose()?;
        let due = timeout.map(|seconds| later(work.now, seconds, "/timeout_seconds")).transpose()?;
        Ok(NodeOutput::Wait(Wait { kind: WaitKind::Signal, key: Some(key), due, question: None }))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<WaitSignal>("wait_signal", describe);

fn describe() -> Description {
    let seconds = or_expression(integer(0, MAX_WAIT_SECONDS));
    let timeout = both("Seconds to wait at most", "Secondes d'attente au plus");
    let fields = vec![
        Field::required("signal", both("Signal", "Signal"), Widget::Text, text()),
        Field::optional("timeout_seconds", timeout, Widget::Duration, seconds),
    ];
    Description::new(
        Category::Wait,
        both("Wait for a signal", "Attendre un signal"),
        both(
            "Waits for a signal of this name to the run, also one that came before. Its output is what the signal brings. \
             After the time it leaves by timeout.",
            "Attend un signal de ce nom à l'exécution, même arrivé avant. Sa sortie est ce qu'apporte le signal. \
             Passé le délai, il sort par timeout.",
        ),
        "M12 14v6M8 10a5.5 5.5 0 1 1 8 0M5 12a9 9 0 1 1 14 0M12 7v.5",
    )
    .with_config(fields, json!({"signal": "paid:{{ input.order }}", "timeout_seconds": 86400}))
    .giving(any(), json!({"amount": 12}))
}
