//! Waits for somebody's decision, by a mailed link or the API.

use atelier_entities::{UserId, WaitKind, users};
use atelier_foundation::validation::{email, paragraph};
use sea_orm::{ConnectionTrait, EntityTrait};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{AttemptError, NodeFailure, NodeOutput, Wait, Work},
    definition::{Compute, Definition},
    description::{
        Category, Description, Effects, Field, Widget, any, both, integer, or_expression, strings, text,
    },
    param::Param,
    recipients,
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
    /// The addresses of those who are asked; the owner of the run where there are none. Every other one is
    /// refused.
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

/// Checks whom an approval asks: the owner alone, at a verified address. Where it names nobody, the owner is
/// mailed if they can be, and decides otherwise by the API.
///
/// # Errors
/// If it names somebody else, or the database fails.
pub(crate) async fn check_approvers(
    db: &impl ConnectionTrait,
    owner: UserId,
    question: &Value,
) -> Result<(), AttemptError> {
    let approvers: Vec<String> =
        question.get("approvers").map(Vec::deserialize).and_then(Result::ok).unwrap_or_default();
    if approvers.is_empty() {
        return Ok(());
    }
    let owner = users::Entity::find_by_id(owner).one(db).await?;
    let owner = owner.ok_or_else(|| NodeFailure::permanent("MAIL_REFUSED", "The account is closed."))?;
    Ok(recipients::check(&owner, &approvers)?)
}

/// The type.
pub const DEFINITION: Definition = Definition::of_compute::<Approval>("approval", describe);

fn describe() -> Description {
    let seconds = or_expression(integer(0, MAX_WAIT_SECONDS));
    let timeout = both("Seconds to wait at most", "Secondes d'attente au plus");
    let fields = vec![
        Field::optional(
            "to",
            both("Who is asked (your own address)", "À qui demander (votre propre adresse)"),
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
            "Asks you by mail, at the verified address of your account, and waits for the decision. It leaves by approved or rejected, and after the time by timeout.",
            "Vous consulte par courriel, à l'adresse vérifiée de votre compte, et attend la décision. Il sort par approved ou rejected, et passé le délai par timeout.",
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

#[cfg(test)]
mod tests;
