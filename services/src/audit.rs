//! Who did what: rows written in the transaction of what they tell about.

use atelier_entities::{AuditId, AuditLevel, audit_log};
use atelier_queue::Transaction;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, DbErr};
use serde_json::Value;

use crate::Caller;

/// Records that `caller` did `action` (such as `project.create`) to `target` (such as
/// `project:0190…`). `context` holds no secret.
pub async fn record(
    tx: &Transaction,
    caller: &Caller,
    action: &str,
    target: Option<String>,
    context: Value,
) -> Result<(), DbErr> {
    write(tx, caller, AuditLevel::Info, entry(action, target, context)).await
}

/// Records something that somebody should look at.
pub async fn record_warning(
    tx: &Transaction,
    caller: &Caller,
    action: &str,
    target: Option<String>,
    context: Value,
) -> Result<(), DbErr> {
    write(tx, caller, AuditLevel::Warning, entry(action, target, context)).await
}

struct Entry<'a> {
    action: &'a str,
    target: Option<String>,
    context: Value,
}

fn entry(action: &str, target: Option<String>, context: Value) -> Entry<'_> {
    Entry { action, target, context }
}

async fn write(tx: &Transaction, caller: &Caller, level: AuditLevel, entry: Entry<'_>) -> Result<(), DbErr> {
    let row = audit_log::ActiveModel {
        id: Set(AuditId::new()),
        level: Set(level),
        actor_id: Set(caller.user),
        action: Set(entry.action.to_owned()),
        target: Set(entry.target),
        ip: Set(caller.ip.clone()),
        user_agent: Set(caller.user_agent.clone()),
        request_id: Set(caller.origin.request_id.clone()),
        context: Set(entry.context),
        created_at: Set(tx.now()),
    };
    row.insert(&**tx).await?;
    Ok(())
}
