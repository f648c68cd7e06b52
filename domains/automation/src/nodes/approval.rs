//! Waits for somebody's decision, by a mailed link or the API.

use atelier_entities::WaitKind;
use atelier_foundation::validation::{email, paragraph};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{NodeFailure, NodeOutput, Wait, Work},
    definition::{Compute, Definition},
    description::{
        Category, Description, Effects, Field, Widget, any, both, integer, or_expression, strings, text,
    },
    param::Param,
    wait_time::{MAX_WAIT_SECONDS, later},
};
use crate::graph::{ConfigFault, Shape, node_type::Config};

/// Most people who are asked.
const MAX_APPROVERS: usize = 10;
/// Most characters of a message.
const MAX_MESSAGE_CHARS: usize = 5_000;

/// What an `approval` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The addresses of those who are asked. The owner of the run where there are none.
    #[serde(default)]
    pub to: Vec<String>,
    /// What they are asked. It may hold expressions.
    pub message: String,
    /// How long it waits. For ever where it is absent.
    #[serde(default)]
    pub timeout_seconds: Option<Param<u64>>,
}

impl Config for Approval {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if self.to.len() > MAX_APPROVERS {
            return Err(ConfigFault::at("/to", format!("at most {MAX_APPROVERS} addresses are allowed")));
        }
        Ok(Shape::choice(["approved", "rejected", "timeout"]))
    }
}

impl Compute for Approval {
    fn compute(self, work: Work) -> Result<NodeOutput, NodeFailure> {
        let message = paragraph(&self.message, MAX_MESSAGE_CHARS);
        let message = message.map_err(|problem| NodeFailure::at("/message", problem))?;
        let mut approvers = Vec::new();
        for (index, address) in self.to.iter().enumerate() {
            let address = email(address);
            let address = address.map_err(|problem| NodeFailure::at(format!("/to/{index}"), problem))?;
            if !approvers.contains(&address) {
                approvers.push(address);
            }
        }
        let timeout = self.timeout_seconds.map(|timeout| timeout.value("/timeout_seconds")).transpose()?;
        let due = timeout.map(|seconds| later(work.now, seconds, "/timeout_seconds")).transpose()?;
        let question: Value = json!({"message": message, "approvers": approvers});
        Ok(NodeOutput::Wait(Wait { kind: WaitKind::Approval, key: None, due, question: Some(question) }))
    }
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<Approval>("approval", describe);

fn describe() -> Description {
    let seconds = or_expression(integer(0, MAX_WAIT_SECONDS));
    let timeout = both("Seconds to wait at most", "Secondes d'attente au plus");
    let fields = vec![
        Field::optional(
            "to",
            both("Who is asked", "Personnes à consulter"),
            Widget::List,
            strings(MAX_APPROVERS),
        ),
        Field::required("message", both("Question", "Question"), Widget::Textarea, text()),
        Field::optional("timeout_seconds", timeout, Widget::Duration, seconds),
    ];
    Description::new(
        Category::Wait,
        both("Approval", "Approbation"),
        both(
            "Waits for a decision. It leaves by approved or rejected, and after the time by timeout.",
            "Attend une décision. Il sort par approved ou rejected, et passé le délai par timeout.",
        ),
        "M4 12l5 5l11-11",
    )
    .with_config(
        fields,
        json!({"to": ["ada@example.com"], "message": "Send {{ input.count }} mails?", "timeout_seconds": 3600}),
    )
    .with_effects(Effects::Idempotent)
    .giving(any(), json!({"approved": true}))
}
