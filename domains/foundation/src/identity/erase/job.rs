use std::time::Duration;

use atelier_entities::{UserId, account_erasures, users};
use atelier_queue::{
    Backoff, Job, JobContext, JobError, Lane, Outcome, Policy, QueueError, QueueName, Transaction,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    identity::Identity,
    personal::{Erased, Erasing, PersonalData},
};

/// Maximum number of rows that one transaction erases.
const BATCH: u32 = 500;

/// An attempt stops this long before its time limit; the next one continues.
const RESERVE: Duration = Duration::from_secs(60);

/// Wait before another try for rows that were locked.
const LOCKED_FOR: Duration = Duration::from_secs(1);

/// Erases the data of a closed account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EraseAccount {
    /// The account.
    pub user_id: UserId,
}

impl Job for EraseAccount {
    const KIND: &'static str = "account.erase";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Many attempts: an erasure must not be given up because of a fault of some hours or a
    /// day.
    fn policy() -> Policy {
        Policy {
            max_attempts: 30,
            timeout: Duration::from_secs(3_600),
            backoff: Backoff::Exponential { base: Duration::from_secs(10), max: Duration::from_secs(3_600) },
            lane: Lane::Normal,
        }
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.user_id))
    }
}

/// A running erasure.
struct Erasure {
    person: Erasing,
    /// Rows erased so far, by the names of the parts.
    erased: Map<String, Value>,
}

impl Erasure {
    fn of(row: account_erasures::Model) -> Self {
        let addresses = serde_json::from_value(row.addresses).unwrap_or_default();
        let person = Erasing { user: row.user_id, addresses, since: row.since };
        let erased = if let Value::Object(erased) = row.erased { erased } else { Map::new() };
        Self { person, erased }
    }

    fn count(&mut self, part: &str, rows: u64) {
        let before = self.erased.get(part).and_then(Value::as_u64).unwrap_or(0);
        self.erased.insert(part.to_owned(), json!(before + rows));
    }

    fn total(&self) -> u64 {
        self.erased.values().filter_map(Value::as_u64).sum()
    }

    /// Erases some rows of a part and stores their number.
    async fn erase_some(&mut self, tx: &Transaction, part: &dyn PersonalData) -> Result<Erased, QueueError> {
        let erased = part.erase(tx, &self.person, BATCH).await?;
        if erased.rows > 0 {
            self.count(part.name(), erased.rows);
            account_erasures::Entity::update_many()
                .col_expr(account_erasures::Column::Erased, Expr::value(json!(self.erased)))
                .filter(account_erasures::Column::UserId.eq(self.person.user))
                .exec(&**tx)
                .await?;
        }
        Ok(erased)
    }
}

impl Identity {
    /// Erases the data of a closed account. A repeated run continues with what is still
    /// stored.
    pub(crate) async fn erase(&self, ctx: &JobContext, args: EraseAccount) -> Result<Outcome, JobError> {
        let found = account_erasures::Entity::find_by_id(args.user_id).one(self.queue.db()).await;
        let Some(row) = found? else {
            return Ok(Outcome::done());
        };
        let mut erasure = Erasure::of(row);
        let parts = self.personal.len();
        for (number, part) in self.personal.iter().rev().enumerate() {
            let percent = u8::try_from(number * 100 / parts).unwrap_or(100);
            loop {
                if ctx.stop().is_cancelled() {
                    return Err(JobError::retry("STOPPED", "stopped before everything was erased"));
                }
                if ctx.time_left() < RESERVE {
                    return Ok(Outcome::Snooze(Duration::ZERO));
                }
                let erased = self.erase_batch(&mut erasure, &**part).await?;
                ctx.progress(percent, part.name(), format!("{} rows erased", erasure.total())).await;
                if erased.is_done || erased.rows == 0 {
                    break;
                }
            }
        }
        if self.finish_erasure(&erasure).await? {
            Ok(Outcome::Done(json!({"rows": erasure.total(), "by_part": erasure.erased})))
        } else {
            Ok(Outcome::Snooze(LOCKED_FOR))
        }
    }

    async fn erase_batch(
        &self,
        erasure: &mut Erasure,
        part: &dyn PersonalData,
    ) -> Result<Erased, QueueError> {
        let tx = self.queue.begin().await?;
        let erased = erasure.erase_some(&tx, part).await?;
        tx.commit().await?;
        Ok(erased)
    }

    /// Deletes the account if no other data of the person is left. Returns false otherwise,
    /// such as after a concurrent request wrote a row. While the account's row is locked,
    /// no command can start for it.
    async fn finish_erasure(&self, erasure: &Erasure) -> Result<bool, QueueError> {
        let tx = self.queue.begin().await?;
        users::Entity::find_by_id(erasure.person.user).lock_exclusive().one(&*tx).await?;
        for part in self.personal.iter().rev() {
            let erased = part.erase(&tx, &erasure.person, BATCH).await?;
            if erased.rows > 0 || !erased.is_done {
                tx.rollback().await?;
                return Ok(false);
            }
        }
        for part in self.personal.iter() {
            part.finish(&tx, &erasure.person).await?;
        }
        users::Entity::delete_by_id(erasure.person.user).exec(&*tx).await?;
        tx.note_access_change(erasure.person.user);
        tx.commit().await?;
        Ok(true)
    }
}
