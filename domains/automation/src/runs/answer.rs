//! Answers to runs that wait: signals and decisions about approvals.

use atelier_entities::{RunId, Timestamp, workflow_runs, workflow_signals, workflow_waits, workflows};
use atelier_foundation::{
    Actor, FieldErrors,
    identity::{hash_token, new_token},
    validation,
};
use atelier_queue::Transaction;
use sea_orm::{
    ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::Expr,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    MAX_INLINE_BYTES, RunError, RunNode, Runs,
    advance::advance,
    event::{Answer, RunEvent, SentSignal},
    store::LockedRuns,
};
use crate::engine::Refusal;

/// Most signals that a run keeps.
pub const MAX_SIGNALS: u64 = 1_000;
/// Most characters of the key and of the id of a signal.
pub const MAX_SIGNAL_KEY: usize = 200;
/// Most characters of a comment about an approval.
pub const MAX_COMMENT: usize = 2_000;

/// A signal to a run.
#[derive(Clone, Debug)]
pub struct SignalInput {
    /// Names the signal, so that a repeated one is taken once. A random one where it is absent.
    pub id: Option<String>,
    /// What the wait is called.
    pub key: String,
    /// What the wait gives: at most 64 KiB as JSON.
    pub payload: Value,
}

/// A decision about an approval.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Whether it is given.
    pub approved: bool,
    /// What the person says about it.
    pub comment: Option<String>,
}

/// What somebody with the link of an approval is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenApproval {
    /// The question.
    pub message: String,
    /// The name of the workflow.
    pub workflow: String,
    /// The key of the node that waits.
    pub node: String,
    /// Since when it waits.
    pub asked_at: Timestamp,
    /// When it no longer waits.
    pub due_at: Option<Timestamp>,
}

impl Runs {
    /// Sends a signal to a run. It is kept until a node waits for it, or the run ends. A signal of the same id
    /// was sent before: it changes nothing.
    ///
    /// # Errors
    /// If there is no such run, it has ended, or it keeps too many signals.
    pub async fn signal(
        &self,
        actor: &Actor,
        run: RunId,
        input: SignalInput,
    ) -> Result<workflow_runs::Model, RunError> {
        let own = self.find_own(actor, run).await?;
        let tx = self.queue.begin().await?;
        LockedRuns::default().lock(&tx, &[run]).await?;
        let of_run = workflow_signals::Entity::find().filter(workflow_signals::Column::RunId.eq(run));
        if of_run.count(&*tx).await? >= MAX_SIGNALS {
            return Err(RunError::TooManySignals(MAX_SIGNALS));
        }
        let signal = check_signal(input, actor, &tx)?;
        let context = json!({"key": signal.key, "id": signal.id});
        let mut answers = advance(&tx, vec![(run, RunEvent::Signal(signal))]).await?;
        match answers.pop() {
            Some(Err(Refusal::Stale)) => Ok(own),
            Some(Err(refusal)) => Err(RunError::of(&refusal, own.status, "sent a signal")),
            _ => self.finish(tx, actor, run, ("run.signal", context)).await,
        }
    }

    /// Decides about an approval that a node of the actor's run waits for. `scope` names the items around the
    /// node, such as `each[3]`.
    ///
    /// # Errors
    /// If there is no such wait, or it is over.
    pub async fn decide(
        &self,
        actor: &Actor,
        run: RunId,
        (scope, node): (&str, &str),
        decision: Decision,
    ) -> Result<workflow_runs::Model, RunError> {
        self.find_own(actor, run).await?;
        let tx = self.queue.begin().await?;
        LockedRuns::default().lock(&tx, &[run]).await?;
        let wait = find_last_wait(&tx, run, scope, node).await?.ok_or(RunError::NoWait)?;
        self.decide_wait(tx, actor, &wait, decision).await
    }

    /// Decides about an approval with the token of its link.
    ///
    /// # Errors
    /// If no wait has this token, or the wait is over.
    pub async fn decide_by_token(
        &self,
        actor: &Actor,
        token: &str,
        decision: Decision,
    ) -> Result<workflow_runs::Model, RunError> {
        let wait = self.get_by_token(token).await?;
        let tx = self.queue.begin().await?;
        self.decide_wait(tx, actor, &wait, decision).await
    }

    /// What the link of an approval with this token asks.
    ///
    /// # Errors
    /// If no wait has this token, or the wait is over.
    pub async fn get_approval(&self, token: &str) -> Result<OpenApproval, RunError> {
        let db = self.queue.db();
        let wait = self.get_by_token(token).await?;
        if wait.closed {
            return Err(RunError::WaitOver);
        }
        let name: Option<String> = workflows::Entity::find()
            .select_only()
            .column(workflows::Column::Name)
            .filter(
                workflows::Column::Id.in_subquery(
                    workflow_runs::Entity::find_by_id(wait.run_id)
                        .select_only()
                        .column(workflow_runs::Column::WorkflowId)
                        .into_query(),
                ),
            )
            .into_tuple()
            .one(db)
            .await?;
        let message = wait.question.as_ref().and_then(|question| question["message"].as_str());
        Ok(OpenApproval {
            message: message.unwrap_or_default().to_owned(),
            workflow: name.unwrap_or_default(),
            node: wait.node,
            asked_at: wait.opened_at,
            due_at: wait.due_at,
        })
    }

    async fn get_by_token(&self, token: &str) -> Result<workflow_waits::Model, RunError> {
        let wait = workflow_waits::Entity::find()
            .filter(workflow_waits::Column::TokenHash.eq(hash_token(token)))
            .one(self.queue.db())
            .await?;
        wait.ok_or(RunError::NotFound("approval"))
    }

    /// Makes the token of a link by which somebody may decide about an approval once, without an account. An
    /// earlier token of the same wait is no longer valid. The token is stored nowhere.
    ///
    /// # Errors
    /// If there is no such wait, or it is over.
    pub async fn create_approval_token(
        &self,
        actor: &Actor,
        run: RunId,
        (scope, node): (&str, &str),
    ) -> Result<String, RunError> {
        use workflow_waits::Column as C;
        self.find_own(actor, run).await?;
        let tx = self.queue.begin().await?;
        LockedRuns::default().lock(&tx, &[run]).await?;
        let wait = find_last_wait(&tx, run, scope, node).await?.ok_or(RunError::NoWait)?;
        if wait.kind != atelier_entities::WaitKind::Approval {
            return Err(RunError::NoWait);
        }
        if wait.closed {
            return Err(RunError::WaitOver);
        }
        let token = new_token();
        workflow_waits::Entity::update_many()
            .col_expr(C::TokenHash, Expr::value(hash_token(&token)))
            .filter(C::RunId.eq(run))
            .filter(C::Scope.eq(&wait.scope))
            .filter(C::Node.eq(&wait.node))
            .filter(C::Closed.eq(false))
            .exec(&*tx)
            .await?;
        let context = json!({"scope": wait.scope, "node": wait.node});
        self.finish(tx, actor, run, ("run.create_approval_token", context)).await?;
        Ok(token)
    }

    async fn decide_wait(
        &self,
        tx: Transaction,
        actor: &Actor,
        wait: &workflow_waits::Model,
        decision: Decision,
    ) -> Result<workflow_runs::Model, RunError> {
        let comment = decision.comment.as_deref().map(|text| validation::paragraph(text, MAX_COMMENT));
        let comment = comment.transpose().map_err(|problem| FieldErrors::of("comment", problem))?;
        let numbers = [wait.generation, wait.round, wait.attempt];
        let at = RunNode::of_row(wait.run_id, &wait.scope, &wait.node, numbers);
        let context = json!({"scope": wait.scope, "node": wait.node, "approved": decision.approved});
        let answer = Answer { approved: decision.approved, comment, by: actor.user(), at: tx.now() };
        let mut answers = advance(&tx, vec![(wait.run_id, RunEvent::Decided(at, answer))]).await?;
        match answers.pop() {
            Some(Err(Refusal::WrongState)) => Err(RunError::NoWait),
            Some(Err(_)) => Err(RunError::WaitOver),
            _ => self.finish(tx, actor, wait.run_id, ("run.decide", context)).await,
        }
    }
}

fn check_signal(input: SignalInput, actor: &Actor, tx: &Transaction) -> Result<SentSignal, FieldErrors> {
    let mut errors = FieldErrors::default();
    let key = errors.take("key", validation::line(&input.key, 1, MAX_SIGNAL_KEY));
    let id = input.id.unwrap_or_else(|| Uuid::now_v7().to_string());
    let id = errors.take("id", validation::line(&id, 1, MAX_SIGNAL_KEY));
    let bytes = input.payload.to_string().len();
    let payload = if bytes > MAX_INLINE_BYTES {
        Err(format!("has {bytes} bytes; at most {MAX_INLINE_BYTES} are allowed"))
    } else {
        Ok(input.payload)
    };
    let payload = errors.take("payload", payload);
    let fields = key.zip(id).zip(payload);
    let ((key, id), payload) = errors.finish(fields)?;
    Ok(SentSignal { id, key, payload, by: actor.user(), at: tx.now() })
}

/// The last wait of a node.
async fn find_last_wait(
    tx: &Transaction,
    run: RunId,
    scope: &str,
    node: &str,
) -> Result<Option<workflow_waits::Model>, RunError> {
    use workflow_waits::Column as C;
    let waits = workflow_waits::Entity::find()
        .filter(C::RunId.eq(run))
        .filter(C::Scope.eq(scope))
        .filter(C::Node.eq(node))
        .order_by_desc(C::Generation)
        .order_by_desc(C::Round)
        .order_by_desc(C::Attempt)
        .limit(1);
    Ok(waits.one(&**tx).await?)
}
