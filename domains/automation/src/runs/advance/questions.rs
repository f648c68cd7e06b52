//! Mails to the people who decide about approvals.

use std::collections::BTreeMap;

use atelier_entities::{RunId, Timestamp, UserId, WorkflowId, mail_messages, users, workflows};
use atelier_foundation::{LinkKey, identity::hash_token, mail::queue_mail};
use atelier_queue::{QueueError, Transaction};
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Advance;
use crate::{
    engine::{NodeAt, NodeState},
    mail::WORKFLOW_APPROVAL,
    runs::event::named,
};

/// Most mails about approvals that a person gets in a day. Without a mail they decide on the page of the run.
pub(crate) const MAX_PER_DAY: usize = 100;

/// An approval that somebody is to be asked for.
#[derive(Clone, Debug)]
pub(super) struct Question {
    run: RunId,
    at: NodeAt,
    message: String,
    /// Names the link of the mail.
    link: Uuid,
}

impl Question {
    /// The question of an attempt, and the hash of the token of its link.
    pub(super) fn new(run: RunId, at: NodeAt, question: &Value, links: &LinkKey) -> (Self, String) {
        let link = Uuid::new_v4();
        let message = question.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        (Self { run, at, message, link }, hash_token(&links.approval(link)))
    }
}

impl Advance<'_> {
    /// Mails the owners of the runs that wait for approvals. Accounts are locked last.
    pub(super) async fn ask_people(&mut self) -> Result<(), QueueError> {
        let questions: Vec<Question> = std::mem::take(&mut self.questions)
            .into_iter()
            .filter(|question| self.is_asked(question))
            .collect();
        if questions.is_empty() {
            return Ok(());
        }
        let row_of = |question: &Question| self.runs.runs.get(&question.run).map(|run| &run.row);
        let owners: Vec<UserId> = questions.iter().filter_map(|one| Some(row_of(one)?.user_id)).collect();
        let workflows: Vec<WorkflowId> =
            questions.iter().filter_map(|one| Some(row_of(one)?.workflow_id)).collect();
        let owners = lock_owners(self.tx, owners).await?;
        let names = list_names(self.tx, workflows).await?;
        let mut sent = count_recent(self.tx, owners.keys().copied()).await?;
        for question in questions {
            let Some(run) = self.runs.runs.get(&question.run) else { continue };
            let Some(version) = &run.version else { continue };
            let Some(owner) = owners.get(&run.row.user_id) else { continue };
            let sent = sent.entry(owner.id).or_default();
            if *sent >= MAX_PER_DAY {
                tracing::info!(run = %question.run, "nobody is mailed about an approval: it is the limit of a day");
                continue;
            }
            *sent += 1;
            let attempt = named(question.run, &version.plan, &question.at).attempt_key();
            let cause = format!("{}:{attempt}", question.run);
            let data = json!({
                "approval_id": question.link,
                "question": question.message,
                "workflow": names.get(&run.row.workflow_id),
                "expires_at": due_of(run, &question.at),
            });
            queue_mail(self.tx, &WORKFLOW_APPROVAL, owner, &cause, data).await?;
        }
        Ok(())
    }

    /// Whether the node still waits.
    fn is_asked(&self, Question { run, at, .. }: &Question) -> bool {
        let run = self.runs.runs.get(run);
        let row = run.and_then(|run| run.state.node(&at.scope, at.node));
        row.is_some_and(|row| row.state == NodeState::Waiting && row.attempt == at.attempt)
    }
}

/// When the wait of a node is over.
fn due_of(run: &crate::runs::store::LockedRun, at: &NodeAt) -> Option<Timestamp> {
    run.state.waits.get(&(at.scope.clone(), at.node))?.due
}

/// Locks the accounts that can be mailed: active ones with a verified address.
async fn lock_owners(tx: &Transaction, owners: Vec<UserId>) -> Result<BTreeMap<UserId, users::Model>, DbErr> {
    let rows = users::Entity::find()
        .filter(users::Column::Id.is_in(owners))
        .order_by_asc(users::Column::Id)
        .lock_exclusive()
        .all(&**tx)
        .await?;
    let mailed = rows.into_iter().filter(|user| user.is_active && user.email_verified_at.is_some());
    Ok(mailed.map(|user| (user.id, user)).collect())
}

async fn list_names(tx: &Transaction, ids: Vec<WorkflowId>) -> Result<BTreeMap<WorkflowId, String>, DbErr> {
    let names = workflows::Entity::find()
        .select_only()
        .columns([workflows::Column::Id, workflows::Column::Name])
        .filter(workflows::Column::Id.is_in(ids));
    let names: Vec<(WorkflowId, String)> = names.into_tuple().all(&**tx).await?;
    Ok(names.into_iter().collect())
}

/// How many mails about approvals these people got within a day.
async fn count_recent(
    tx: &Transaction,
    people: impl Iterator<Item = UserId>,
) -> Result<BTreeMap<UserId, usize>, DbErr> {
    use mail_messages::Column as C;
    let counts = mail_messages::Entity::find()
        .select_only()
        .column(C::UserId)
        .column_as(C::Id.count(), "mails")
        .filter(C::UserId.is_in(people))
        .filter(C::Template.eq(WORKFLOW_APPROVAL.name()))
        .filter(C::CreatedAt.gt(tx.now() - TimeDelta::days(1)))
        .group_by(C::UserId);
    let counts: Vec<(UserId, i64)> = counts.into_tuple().all(&**tx).await?;
    Ok(counts.into_iter().map(|(user, mails)| (user, usize::try_from(mails).unwrap_or(usize::MAX))).collect())
}
