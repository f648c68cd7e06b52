//! Test calls: what came is kept for whoever builds the workflow, and the draft runs.

use std::time::Duration;

use atelier_entities::{RunId, Timestamp, workflow_hook_test_calls as rows};
use atelier_foundation::{Actor, Class, Problem};
use atelier_queue::{Transaction, metrics::workflows as metrics, without_nul};
use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};
use serde_json::{Value, json};

use super::{
    FoundHook, HookError, HookRequest, Hooks,
    accept::{Checked, challenge},
};
use crate::runs::RunError;

/// Most bytes of the body of a test call that are kept, as JSON: 64 KiB.
pub const KEPT_BODY_BYTES: usize = 64 * 1024;
/// How long a test call is kept.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What became of a call of a test address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestedCall {
    /// It was kept.
    Kept {
        /// The run of the draft, if it runs.
        run: Option<RunId>,
        /// The code of why it does not.
        problem: Option<&'static str>,
    },
    /// It asks for this text, by which a service finds out whose address it is.
    Challenge(String),
}

impl Hooks {
    /// Keeps a call of the test address of a hook, and runs the draft with it. The method may be any.
    ///
    /// # Errors
    /// If the hook does not take it, or it is not proven.
    pub async fn accept_test(
        &self,
        found: &FoundHook,
        request: &HookRequest,
    ) -> Result<TestedCall, HookError> {
        let Checked { verified, body } = self.check(found, request).await?;
        if let Some(challenge) = challenge(found, &body) {
            return Ok(TestedCall::Challenge(challenge));
        }
        let (id, hook, now) = (RunId::new(), &found.hook, self.queue.now());
        let signature = found.config.verify.header.as_deref();
        let name = verified.id.unwrap_or_else(|| id.to_string());
        let input = request.input(body, signature, now, &name);
        let call = shortened(&input);
        let owner = Actor::of_job(Some(hook.user_id));
        let at = (hook.workflow_id, hook.node.as_str());
        let (run, problem) = match self.runs.start_test(&owner, at, (id, input)).await {
            Ok(started) => (Some(started.run.id), None),
            Err(error) => (None, Some(code_of(error)?)),
        };
        let tx = self.queue.begin().await?;
        keep(&tx, found, call, (run, problem)).await?;
        tx.commit().await?;
        metrics::hook_called("tested");
        Ok(TestedCall::Kept { run, problem })
    }
}

/// The code of what keeps a draft from running. An error of this installation stays one.
fn code_of(error: RunError) -> Result<&'static str, RunError> {
    let refusal = error.refusal();
    if refusal.class == Class::Internal { Err(error) } else { Ok(refusal.code) }
}

/// The call without the end of a long body.
fn shortened(input: &Value) -> Value {
    let mut call = input.clone();
    let text = match &input["body"] {
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    let is_cut = text.len() > KEPT_BODY_BYTES;
    if is_cut {
        call["body"] = text[..text.floor_char_boundary(KEPT_BODY_BYTES)].into();
    }
    call["truncated"] = json!(is_cut);
    without_nul(&call)
}

async fn keep(
    tx: &Transaction,
    found: &FoundHook,
    call: Value,
    (run, problem): (Option<RunId>, Option<&'static str>),
) -> Result<(), HookError> {
    use rows::Column as C;
    let row = rows::ActiveModel {
        hook_id: Set(found.hook.id),
        call: Set(call),
        run_id: Set(run),
        problem: Set(problem.map(str::to_owned)),
        received_at: Set(tx.now()),
        expires_at: Set(expiry(tx.now())),
    };
    let update = OnConflict::column(C::HookId)
        .update_columns([C::Call, C::RunId, C::Problem, C::ReceivedAt, C::ExpiresAt])
        .to_owned();
    rows::Entity::insert(row).on_conflict(update).exec_without_returning(&**tx).await?;
    Ok(())
}

fn expiry(now: Timestamp) -> Timestamp {
    now + TimeDelta::from_std(KEPT_FOR).unwrap_or(TimeDelta::zero())
}
