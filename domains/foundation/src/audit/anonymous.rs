//! Taking somebody whose account was erased out of the log. What an entry loses is
//! decided in one place, for those in the database and for those in the object store.

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

/// Says whose account was deleted by an operator, and stays.
const DELETION: &str = "account.delete";
const LIFTED: &str = "mail.delete_suppression";
const ADDRESS: &str = "address:";

/// Somebody as the log names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErasedPerson {
    /// Their account.
    pub(crate) user: UserId,
    /// The SHA-256 of each mail address that they had.
    pub(crate) addresses: Vec<String>,
}

/// What an entry loses beside where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Loss {
    actor: bool,
    target: bool,
    context: bool,
}

/// The target of an entry about a mail address, which does not tell the address.
pub(crate) fn address_target(address: &str) -> String {
    format!("{ADDRESS}{}", hash_address(address))
}

/// The target of an entry about an account.
pub(super) fn person_target(user: UserId) -> String {
    format!("user:{user}")
}

/// What stands for a mail address, whatever the case of its letters in ASCII.
pub(crate) fn hash_address(address: &str) -> String {
    hex::encode(Sha256::digest(address.trim().to_ascii_lowercase().as_bytes()))
}

impl ErasedPerson {
    /// The person of an account that is being erased.
    pub(super) fn of(person: &Erasing) -> Self {
        let addresses = person.addresses.iter().map(|address| hash_address(address));
        Self { user: person.user, addresses: addresses.collect() }
    }

    /// What an entry loses; none where it says nothing of the person.
    fn loss(&self, actor: Option<UserId>, action: &str, target: Option<&str>) -> Option<Loss> {
        let actor = actor == Some(self.user);
        let target = action != DELETION && target.is_some_and(|target| self.is_meant(target));
        // What an operator changed of an account, and why, names the person.
        let tells = action.starts_with("account.") || action.starts_with("credits.") || action == LIFTED;
        (actor || target).then_some(Loss { actor, target, context: target && tells })
    }

    fn is_meant(&self, target: &str) -> bool {
        match target.strip_prefix(ADDRESS) {
            // Versions before wrote the address itself.
            Some(address) if address.contains('@') => self.addresses.contains(&hash_address(address)),
            Some(hash) => self.addresses.iter().any(|known| known == hash),
            None => target == self.target(),
        }
    }

    fn target(&self) -> String {
        person_target(self.user)
    }

    /// The lines of an object without the person, and how many of them changed.
    pub(super) fn rewrite(&self, lines: &str) -> Result<(String, u64), serde_json::Error> {
        let user = self.user.to_string();
        let (mut text, mut changed) = (String::with_capacity(lines.len()), 0);
        for line in lines.split_inclusive('\n') {
            let loss = if line.contains(&user) || line.contains(ADDRESS) {
                let entry = serde_json::from_str(line)?;
                self.loss_of(&entry).map(|loss| (entry, loss))
            } else {
                None
            };
            match loss {
                Some((entry, loss)) => {
                    text.push_str(&format!("{}\n", without(entry, loss)));
                    changed += 1;
                }
                None => text.push_str(line),
            }
        }
        Ok((text, changed))
    }

    fn loss_of(&self, entry: &Value) -> Option<Loss> {
        let actor = entry["actor_id"].as_str().and_then(|id| id.parse().ok());
        self.loss(actor, entry["action"].as_str().unwrap_or_default(), entry["target"].as_str())
    }

    /// Takes the person out of at most `limit` entries of the database, and answers how many
    /// they were. `addresses` are those that versions before may have written as they are.
    ///
    /// An entry loses what it is found by, so that a repetition finds others.
    pub(crate) async fn leave_some(
        &self,
        tx: &Transaction,
        addresses: &[String],
        limit: u64,
    ) -> Result<u64, DbErr> {
        let by_person = Condition::all().add(audit_log::Column::ActorId.eq(self.user));
        let left = self.leave_matching(tx, by_person, limit).await?;
        if left >= limit {
            return Ok(left);
        }
        let mut targets = vec![self.target()];
        targets.extend(self.addresses.iter().map(|hash| format!("{ADDRESS}{hash}")));
        targets.extend(addresses.iter().map(|address| format!("{ADDRESS}{address}")));
        let about_person = Condition::all()
            .add(audit_log::Column::Target.is_in(targets))
            .add(audit_log::Column::Action.ne(DELETION));
        Ok(left + self.leave_matching(tx, about_person, limit - left).await?)
    }

    /// Entries of a condition, in the order in which the archive takes them, so that
    /// neither waits for the other in a circle.
    async fn leave_matching(&self, tx: &Transaction, entries: Condition, limit: u64) -> Result<u64, DbErr> {
        let rows = audit_log::Entity::find()
            .filter(entries)
            .order_by_asc(audit_log::Column::CreatedAt)
            .order_by_asc(audit_log::Column::Id)
            .limit(limit)
            .lock_exclusive()
            .all(&**tx)
            .await?;
        let mut by_loss: BTreeMap<Loss, Vec<AuditId>> = BTreeMap::new();
        for row in &rows {
            if let Some(loss) = self.loss(row.actor_id, &row.action, row.target.as_deref()) {
                by_loss.entry(loss).or_default().push(row.id);
            }
        }
        let mut changed = 0;
        for (loss, ids) in by_loss {
            changed += ids.len() as u64;
            take(tx, loss, ids).await?;
        }
        Ok(changed)
    }
}

/// What stands in place of a context that names somebody.
fn erased() -> Value {
    json!({"erased": true})
}

/// The entry of a line without what it loses.
fn without(mut entry: Value, loss: Loss) -> Value {
    for (field, value, is_lost) in [
        ("ip", Value::Null, true),
        ("user_agent", Value::Null, true),
        ("actor_id", Value::Null, loss.actor),
        ("target", Value::Null, loss.target),
        ("context", erased(), loss.context),
    ] {
        if is_lost {
            entry[field] = value;
        }
    }
    entry
}

/// The same for entries of the database.
async fn take(tx: &Transaction, loss: Loss, ids: Vec<AuditId>) -> Result<(), DbErr> {
    let nothing = || Expr::value(Option::<String>::None);
    let mut update = audit_log::Entity::update_many()
        .col_expr(audit_log::Column::Ip, nothing())
        .col_expr(audit_log::Column::UserAgent, nothing());
    if loss.actor {
        update = update.col_expr(audit_log::Column::ActorId, Expr::value(Option::<Uuid>::None));
    }
    if loss.target {
        update = update.col_expr(audit_log::Column::Target, nothing());
    }
    if loss.context {
        update = update.col_expr(audit_log::Column::Context, Expr::value(erased()));
    }
    update.filter(audit_log::Column::Id.is_in(ids)).exec(&**tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
