//! Accepting calls. The run, its first job and what the call is recognized by are one transaction; the sender
//! is told after its commit.

use atelier_entities::{
    RunId, RunStatus, Timestamp, queues, workflow_hook_calls as calls, workflow_hooks, workflow_runs,
};
use atelier_queue::{QueueName, Transaction, metrics::workflows as metrics};
use chrono::TimeDelta;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr,
};
use serde_json::Value;

use super::{
    FoundHook, HookError, HookRequest, Hooks, MAX_BODY_BYTES, secrets,
    verify::{Received, ReplayKey, Verified, verify},
};
use crate::{
    nodes::webhook::{Scheme, WhenPaused},
    runs::{Hooked, Stored, start_hooked},
};

/// How exactly the last call of a hook is known.
const CALLED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It started a run.
    Started(StartedCall),
    /// It came before, and started this run then.
    Duplicate(RunId),
    /// It asks for this text, by which a service finds out whose address it is.
    Challenge(String),
}

/// A run that a call started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartedCall {
    /// The run.
    pub run: RunId,
    /// Its state as it was accepted: it may be queued.
    pub status: RunStatus,
}

/// A call that was sent by whom it says, and whose body can be read.
pub(super) struct Checked {
    pub(super) verified: Verified,
    pub(super) body: Value,
}

impl Hooks {
    /// Accepts a call of a hook, once. A call that is refused leaves nothing.
    ///
    /// # Errors
    /// If the hook does not take it, it is not proven, or the workflow takes no run now.
    pub async fn accept(&self, found: &FoundHook, request: &HookRequest) -> Result<Accepted, HookError> {
        let accepted = self.accept_uncounted(found, request).await;
        if let Some(result) = result_of(&accepted) {
            metrics::hook_called(result);
        }
        accepted
    }

    async fn accept_uncounted(
        &self,
        found: &FoundHook,
        request: &HookRequest,
    ) -> Result<Accepted, HookError> {
        check_method(found, request)?;
        let Checked { verified, body } = self.check(found, request).await?;
        if let Some(challenge) = challenge(found, &body) {
            return Ok(Accepted::Challenge(challenge));
        }
        if found.config.when_paused == WhenPaused::Refuse && self.are_workflows_paused().await? {
            return Err(HookError::Paused);
        }
        let run = RunId::new();
        let id = verified.id.unwrap_or_else(|| run.to_string());
        let signature = found.config.verify.header.as_deref();
        let input = request.input(body, signature, self.queue.now(), &id);
        let input = self.runs.keep(run, input).await?;
        let is_stored = input.object.is_some();
        let accepted = self.write(found, (run, input), &verified.replay_keys).await;
        if is_stored && !matches!(accepted, Ok(Accepted::Started(_))) {
            self.runs.forget(run).await;
        }
        if matches!(accepted, Ok(Accepted::Started(_))) {
            self.note_call(&found.hook).await;
        }
        accepted
    }

    /// Checks what came before anything is made of it.
    pub(super) async fn check(&self, found: &FoundHook, request: &HookRequest) -> Result<Checked, HookError> {
        if request.body.len() > MAX_BODY_BYTES {
            return Err(HookError::TooLarge);
        }
        let (rules, now) = (&found.config.verify, self.queue.now());
        let secrets = match rules.scheme {
            Scheme::None => Vec::new(),
            _ => secrets::open(self.queue.db(), &self.ring, &found.hook, now).await?,
        };
        let received = Received {
            method: &request.method,
            query: &request.query,
            headers: &request.headers,
            body: &request.body,
        };
        let verified = verify(rules, found.config.once_per_body, received, &secrets, now);
        let verified = verified.map_err(|_| HookError::Unproven)?;
        if request.content_type().is_some_and(|kind| !found.config.content_types.contains(&kind)) {
            return Err(HookError::ContentType);
        }
        let body = request.body_value().ok_or(HookError::Unreadable)?;
        Ok(Checked { verified, body })
    }

    /// Whether an operator has paused the jobs of workflows.
    async fn are_workflows_paused(&self) -> Result<bool, DbErr> {
        let queue = queues::Entity::find_by_id(QueueName::Workflow.as_str()).one(self.queue.db()).await?;
        Ok(queue.is_some_and(|queue| queue.paused_at.is_some()))
    }

    async fn write(
        &self,
        found: &FoundHook,
        (run, input): (RunId, Stored),
        keys: &[ReplayKey],
    ) -> Result<Accepted, HookError> {
        let tx = self.queue.begin().await?;
        if let Some(first) = claim_keys(&tx, &found.hook, keys, run).await? {
            return Ok(Accepted::Duplicate(first));
        }
        let FoundHook { hook, .. } = found;
        let hooked = Hooked { run, workflow: hook.workflow_id, node: hook.node.clone(), input };
        match start_hooked(&tx, hooked).await? {
            Ok(()) => {}
            Err(code @ ("WORKFLOW_BUSY" | "QUEUE_FULL")) => return Err(HookError::Busy(code)),
            // It was disabled or published without the trigger meanwhile.
            Err(_) => return Err(HookError::NotFound),
        }
        let status = status_of(&tx, run).await?;
        tx.commit().await?;
        Ok(Accepted::Started(StartedCall { run, status }))
    }

    /// Notes that a hook was called, at most once a minute: calls at once would wait for each other's writes.
    pub(super) async fn note_call(&self, hook: &workflow_hooks::Model) {
        use workflow_hooks::Column as C;
        let now = self.queue.now();
        let before = now - CALLED_EVERY;
        if hook.last_called_at.is_some_and(|at| at > before) {
            return;
        }
        let is_old = Condition::any().add(C::LastCalledAt.is_null()).add(C::LastCalledAt.lte(before));
        let noted = workflow_hooks::Entity::update_many()
            .col_expr(C::LastCalledAt, Expr::value(now))
            .filter(C::Id.eq(hook.id))
            .filter(is_old)
            .exec(self.queue.db())
            .await;
        if let Err(error) = noted {
            tracing::warn!(%error, hook = %hook.id, "the last call of a webhook was not noted");
        }
    }
}

/// The name of what became of a call, for metrics. None if this installation failed.
fn result_of(accepted: &Result<Accepted, HookError>) -> Option<&'static str> {
    Some(match accepted {
        Ok(Accepted::Started(_)) => "accepted",
        Ok(Accepted::Duplicate(_)) => "duplicate",
        Ok(Accepted::Challenge(_)) => "challenge",
        Err(HookError::Unproven) => "refused_signature",
        Err(HookError::Method(_) | HookError::ContentType | HookError::Unreadable | HookError::TooLarge) => {
            "refused"
        }
        Err(HookError::Busy(_) | HookError::Paused) => "busy",
        Err(HookError::NotFound) => "unknown",
        Err(_) => return None,
    })
}

fn check_method(found: &FoundHook, request: &HookRequest) -> Result<(), HookError> {
    let allowed: Vec<&'static str> = found.config.methods.iter().map(|method| method.as_str()).collect();
    if allowed.contains(&request.method.as_str()) { Ok(()) } else { Err(HookError::Method(allowed)) }
}

/// What Slack wants to be told before it calls an address.
pub(super) fn challenge(found: &FoundHook, body: &Value) -> Option<String> {
    let is_asked = found.config.verify.scheme == Scheme::Slack && body["type"] == "url_verification";
    body["challenge"].as_str().filter(|_| is_asked).map(str::to_owned)
}

/// Writes what a call is recognized by. The run that it started, if it came before: whoever writes at the same
/// time waits here for the other one's commit.
async fn claim_keys(
    tx: &Transaction,
    hook: &workflow_hooks::Model,
    keys: &[ReplayKey],
    run: RunId,
) -> Result<Option<RunId>, DbErr> {
    for ReplayKey { key, kept } in keys {
        let expires_at = expiry(tx.now(), *kept);
        let mut sql = atelier_queue::Sql::new(tx.get_database_backend());
        sql.push(
            "INSERT INTO workflow_hook_calls (hook_id, replay_key, run_id, created_at, expires_at) VALUES (",
        );
        sql.bind(hook.id).push(", ").bind(key.as_str()).push(", ").bind(run).push(", ");
        sql.bind(tx.now()).push(", ").bind(expires_at);
        sql.push(") ON CONFLICT (hook_id, replay_key) DO UPDATE SET run_id = excluded.run_id, created_at = excluded.created_at, expires_at = excluded.expires_at WHERE workflow_hook_calls.expires_at <= ");
        sql.bind(tx.now());
        if tx.execute_raw(sql.build()).await?.rows_affected() == 0 {
            let known = calls::Entity::find_by_id((hook.id, key.clone())).one(&**tx).await?;
            return Ok(known.map(|row| row.run_id));
        }
    }
    Ok(None)
}

fn expiry(now: Timestamp, kept: std::time::Duration) -> Timestamp {
    now + TimeDelta::from_std(kept).unwrap_or(TimeDelta::zero())
}

async fn status_of(tx: &Transaction, run: RunId) -> Result<RunStatus, DbErr> {
    let status = workflow_runs::Entity::find_by_id(run)
        .select_only()
        .column(workflow_runs::Column::Status)
        .into_tuple()
        .one(&**tx)
        .await?;
    status.ok_or_else(|| DbErr::RecordNotFound(format!("the run {run}")))
}
