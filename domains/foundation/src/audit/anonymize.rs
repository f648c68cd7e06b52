//! Anonymizes audit entries about people whose accounts were erased. One function decides
//! which fields of an entry are redacted, both in the database and in the object store.

use std::collections::BTreeMap;

use atelier_entities::{AuditId, UserId, audit_log};
use atelier_queue::Transaction;
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, prelude::Uuid,
    sea_query::Expr,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::personal::Erasing;

/// The action of an entry that names an account that an administrator deleted. Its target is not
/// redacted.
const ACCOUNT_DELETED: &str = "account.delete";
const SUPPRESSION_LIFTED: &str = "mail.delete_suppression";
const ADDRESS: &str = "address:";

/// A person as the log names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErasedPerson {
    /// Their account.
    pub(crate) user: UserId,
    /// The SHA-256 of each mail address that they had.
    pub(crate) addresses: Vec<String>,
}

/// The fields of an entry that are redacted beside its IP address and user agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Redaction {
    actor: bool,
    target: bool,
    context: bool,
}

/// The target of an entry about a mail address. It has the hash of the address.
pub(crate) fn address_target(address: &str) -> String {
    format!("{ADDRESS}{}", hash_address(address))
}

/// The target of an entry about an account.
pub(super) fn person_target(user: UserId) -> String {
    format!("user:{user}")
}

/// The SHA-256 of a mail address. The case of ASCII letters is ignored.
pub(crate) fn hash_address(address: &str) -> String {
    hex::encode(Sha256::digest(address.trim().to_ascii_lowercase().as_bytes()))
}

impl ErasedPerson {
    /// The person of an account that is being erased.
    pub(super) fn of(person: &Erasing) -> Self {
        let addresses = person.addresses.iter().map(|address| hash_address(address));
        Self { user: person.user, addresses: addresses.collect() }
    }

    /// The redaction of an entry; none if the entry does not name the person.
    fn redaction(&self, actor: Option<UserId>, action: &str, target: Option<&str>) -> Option<Redaction> {
        let actor = actor == Some(self.user);
        let target = action != ACCOUNT_DELETED && target.is_some_and(|target| self.is_target(target));
        // The context of these actions may name the person: what an administrator changed, and
        // why.
        let has_details =
            action.starts_with("account.") || action.starts_with("credits.") || action == SUPPRESSION_LIFTED;
        (actor || target).then_some(Redaction { actor, target, context: target && has_details })
    }

    fn is_target(&self, target: &str) -> bool {
        match target.strip_prefix(ADDRESS) {
            // Earlier versions stored the address itself.
            Some(address) if address.contains('@') => self.addresses.contains(&hash_address(address)),
            Some(hash) => self.addresses.iter().any(|known| known == hash),
            None => target == self.target(),
        }
    }

    fn target(&self) -> String {
        person_target(self.user)
    }

    /// Redacts the lines of an object. Returns the new lines, and how many changed.
    pub(super) fn rewrite(&self, lines: &str) -> Result<(String, u64), serde_json::Error> {
        let user = self.user.to_string();
        let (mut text, mut changed) = (String::with_capacity(lines.len()), 0);
        for line in lines.split_inclusive('\n') {
            let redaction = if line.contains(&user) || line.contains(ADDRESS) {
                let entry = serde_json::from_str(line)?;
                self.redaction_of(&entry).map(|redaction| (entry, redaction))
            } else {
                None
            };
            match redaction {
                Some((entry, redaction)) => {
                    text.push_str(&format!("{}\n", redact_line(entry, redaction)));
                    changed += 1;
                }
                None => text.push_str(line),
            }
        }
        Ok((text, changed))
    }

    fn redaction_of(&self, entry: &Value) -> Option<Redaction> {
        let actor = entry["actor_id"].as_str().and_then(|id| id.parse().ok());
        self.redaction(actor, entry["action"].as_str().unwrap_or_default(), entry["target"].as_str())
    }

    /// Redacts at most `limit` entries of the database and returns their number.
    /// `addresses` are those that earlier versions may have stored as they are.
    ///
    /// A redacted entry is not found again, so repeated calls reach all entries.
    pub(crate) async fn redact_some(
        &self,
        tx: &Transaction,
        addresses: &[String],
        limit: u64,
    ) -> Result<u64, DbErr> {
        let by_person = Condition::all().add(audit_log::Column::ActorId.eq(self.user));
        let left = self.redact_matching(tx, by_person, limit).await?;
        if left >= limit {
            return Ok(left);
        }
        let mut targets = vec![self.target()];
        targets.extend(self.addresses.iter().map(|hash| format!("{ADDRESS}{hash}")));
        targets.extend(addresses.iter().map(|address| format!("{ADDRESS}{address}")));
        let about_person = Condition::all()
            .add(audit_log::Column::Target.is_in(targets))
            .add(audit_log::Column::Action.ne(ACCOUNT_DELETED));
        Ok(left + self.redact_matching(tx, about_person, limit - left).await?)
    }

    /// Redacts entries of a condition. They are locked in the same order as by the archive
    /// job, so that the two do not deadlock.
    async fn redact_matching(&self, tx: &Transaction, entries: Condition, limit: u64) -> Result<u64, DbErr> {
        let rows = audit_log::Entity::find()
            .filter(entries)
            .order_by_asc(audit_log::Column::CreatedAt)
            .order_by_asc(audit_log::Column::Id)
            .limit(limit)
            .lock_exclusive()
            .all(&**tx)
            .await?;
        let mut by_redaction: BTreeMap<Redaction, Vec<AuditId>> = BTreeMap::new();
        for row in &rows {
            if let Some(redaction) = self.redaction(row.actor_id, &row.action, row.target.as_deref()) {
                by_redaction.entry(redaction).or_default().push(row.id);
            }
        }
        let mut changed = 0;
        for (redaction, ids) in by_redaction {
            changed += ids.len() as u64;
            redact_rows(tx, redaction, ids).await?;
        }
        Ok(changed)
    }
}

/// The replacement of a redacted context.
fn erased() -> Value {
    json!({"erased": true})
}

/// Redacts an entry of an object.
fn redact_line(mut entry: Value, redaction: Redaction) -> Value {
    for (field, value, is_redacted) in [
        ("ip", Value::Null, true),
        ("user_agent", Value::Null, true),
        ("actor_id", Value::Null, redaction.actor),
        ("target", Value::Null, redaction.target),
        ("context", erased(), redaction.context),
    ] {
        if is_redacted {
            entry[field] = value;
        }
    }
    entry
}

/// Redacts entries of the database.
async fn redact_rows(tx: &Transaction, redaction: Redaction, ids: Vec<AuditId>) -> Result<(), DbErr> {
    let nothing = || Expr::value(Option::<String>::None);
    let mut update = audit_log::Entity::update_many()
        .col_expr(audit_log::Column::Ip, nothing())
        .col_expr(audit_log::Column::UserAgent, nothing());
    if redaction.actor {
        update = update.col_expr(audit_log::Column::ActorId, Expr::value(Option::<Uuid>::None));
    }
    if redaction.target {
        update = update.col_expr(audit_log::Column::Target, nothing());
    }
    if redaction.context {
        update = update.col_expr(audit_log::Column::Context, Expr::value(erased()));
    }
    update.filter(audit_log::Column::Id.is_in(ids)).exec(&**tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
