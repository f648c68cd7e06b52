//! Sends a mail: to the person whose workflow it is, or to anybody by an account of that person at a mail server.

use async_trait::async_trait;
use atelier_entities::{IntegrationId, mail_messages, users, workflow_runs, workflows};
use atelier_foundation::{
    mail::queue_mail,
    validation::{line, paragraph},
};
use atelier_queue::Transaction;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, QueryTrait};
use serde::Deserialize;
use serde_json::json;

mod account;

use super::{
    call::{AttemptError, Call, NodeFailure, NodeOutput},
    credential,
    definition::{Act, Definition},
    description::{Category, Description, Effects, Field, Widget, any, boolean, both, object, strings, text},
    recipients,
};
use crate::{
    graph::{ConfigFault, MAIN, Shape, node_type::Config},
    mail::WORKFLOW_MESSAGE,
};

/// Most addresses of a mail.
const MAX_ADDRESSES: usize = 10;
/// Most characters of a subject.
const MAX_SUBJECT_CHARS: usize = 200;
/// Most characters of a text.
const MAX_TEXT_CHARS: usize = 20_000;
/// Most mails that the workflows of a person send in a day.
const MAX_PER_DAY: u64 = 100;

/// What a `send_mail` node is told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendMail {
    /// The addresses. Without an integration that of the owner where there are none, and every other one is refused.
    #[serde(default)]
    pub to: Vec<String>,
    /// The account by which the mail is sent; none sends it by the platform.
    #[serde(default)]
    pub integration: Option<IntegrationId>,
    /// The subject. It may hold expressions.
    pub subject: String,
    /// The text. It may hold expressions.
    pub text: String,
}

/// A mail whose form is right.
struct Message {
    subject: String,
    text: String,
}

impl Config for SendMail {
    fn shape(&self) -> Result<Shape, ConfigFault> {
        if self.to.len() > MAX_ADDRESSES {
            return Err(ConfigFault::at("/to", format!("at most {MAX_ADDRESSES} addresses are allowed")));
        }
        Ok(Shape::work([MAIN]))
    }
}

#[async_trait]
impl Act for SendMail {
    async fn act(self, call: &Call<'_>) -> Result<NodeOutput, AttemptError> {
        let message = self.message()?;
        if let Some(integration) = self.integration {
            return account::send(call, integration, self.to, message).await;
        }
        let queue = &call.services.queue;
        let workflow = workflow_name(queue.db(), call).await?;
        let tx = queue.begin().await?;
        let owner = users::Entity::find_by_id(call.owner).lock_exclusive().one(&*tx).await?;
        let owner = owner.filter(|owner| owner.is_active);
        let owner = owner.ok_or_else(|| NodeFailure::permanent("MAIL_REFUSED", "The account is closed."))?;
        recipients::check(&owner, &self.to)?;
        check_day(&tx, call).await?;
        let data = json!({"subject": message.subject, "text": message.text, "workflow": workflow});
        let id = queue_mail(&tx, &WORKFLOW_MESSAGE, &owner, &call.idempotency_key, data).await?;
        tx.commit().await?;
        Ok(NodeOutput::Value(json!({"to": [owner.email], "queued": id.is_some(), "mail_id": id})))
    }
}

impl SendMail {
    fn message(&self) -> Result<Message, NodeFailure> {
        let subject = line(&self.subject, 1, MAX_SUBJECT_CHARS);
        let text = paragraph(&self.text, MAX_TEXT_CHARS);
        Ok(Message {
            subject: subject.map_err(|problem| NodeFailure::at("/subject", problem))?,
            text: text.map_err(|problem| NodeFailure::at("/text", problem))?,
        })
    }
}

/// The name of the workflow.
async fn workflow_name(db: &impl sea_orm::ConnectionTrait, call: &Call<'_>) -> Result<String, DbErr> {
    let of_run = workflow_runs::Entity::find_by_id(call.run_id)
        .select_only()
        .column(workflow_runs::Column::WorkflowId)
        .into_query();
    let name: Option<String> = workflows::Entity::find()
        .select_only()
        .column(workflows::Column::Name)
        .filter(workflows::Column::Id.in_subquery(of_run))
        .into_tuple()
        .one(db)
        .await?;
    Ok(name.unwrap_or_default())
}

/// Refuses more mails than a person's workflows may send in a day. The account's row is locked,
/// so that mails of the same person are counted one after the other. The mail of an earlier
/// attempt is not counted against this one.
async fn check_day(tx: &Transaction, call: &Call<'_>) -> Result<(), AttemptError> {
    use mail_messages::Column;
    let sent = mail_messages::Entity::find()
        .filter(Column::UserId.eq(call.owner))
        .filter(Column::Template.eq(WORKFLOW_MESSAGE.name()))
        .filter(Column::CreatedAt.gt(tx.now() - TimeDelta::days(1)))
        .filter(Column::Cause.ne(&call.idempotency_key))
        .count(&**tx)
        .await?;
    if sent < MAX_PER_DAY {
        return Ok(());
    }
    let message = format!("Workflows sent {sent} mails to this account within a day, as many as they may.");
    Err(NodeFailure::permanent("MAIL_LIMIT", message).into())
}

/// The type.
pub const DEFINITION: Definition = Definition::of_act::<SendMail>("send_mail", describe);

fn describe() -> Description {
    let to = both("To (without an account: your own address)", "À (sans compte : votre propre adresse)");
    let fields = vec![
        Field::required("subject", both("Subject", "Objet"), Widget::Text, text()),
        Field::required("text", both("Text", "Texte"), Widget::Textarea, text()),
        Field::optional("to", to, Widget::List, strings(MAX_ADDRESSES)),
        credential::field(),
    ];
    let output = json!({"to": strings(MAX_ADDRESSES), "queued": boolean(), "mail_id": any()});
    Description::new(
        Category::Action,
        both("Send a mail", "Envoyer un courriel"),
        both(
            "Sends a mail to the verified address of your own account, at most 100 a day, or to anybody by your account at a mail server.",
            "Envoie un courriel à l'adresse vérifiée de votre propre compte, 100 par jour au plus, ou à n'importe qui par votre compte d'un serveur de courriel.",
        ),
        "M4 6h16v12h-16zM4 7l8 6l8-6",
    )
    .with_config(
        fields,
        json!({"subject": "{{ input.count }} orders today", "text": "The largest is {{ input.largest }}."}),
    )
    .with_effects(Effects::Idempotent)
    .giving(
        object(output, &["to", "queued", "mail_id"]),
        json!({"to": ["ada@example.com"], "queued": true, "mail_id": "019aa0b2-0000-7000-8000-000000000003"}),
    )
}

#[cfg(test)]
mod tests;
