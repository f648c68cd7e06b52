//! Fair turns: how many jobs of its owner go before a job.

use std::collections::{HashMap, HashSet};

use atelier_entities::{UserId, jobs};
use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    job::Lane,
    name::QueueName,
    rank::MAX_COUNTED_WAITING,
    store::{
        sql::Sql,
        table::{Cell, Table},
    },
};

/// What turns are counted by: an owner, a queue and a lane.
pub(crate) type TurnKey = (UserId, QueueName, Lane);

/// What a job's turn is counted by; none where it has no owner.
pub(crate) fn key_of(job: &jobs::Model) -> Option<TurnKey> {
    Some((job.owner_id?, QueueName::parse(&job.queue)?, Lane::from_number(job.lane)))
}

/// Keys of one statement: three parameters each, of the 32,766 that SQLite allows.
const KEYS_PER_COUNT: usize = 1_000;

/// How many jobs of an owner wait in a queue, in a lane or a more urgent one. Less urgent
/// jobs delay nothing.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    waiting: HashMap<TurnKey, i64>,
}

impl Turns {
    /// Counts the waiting jobs of these keys.
    pub(crate) async fn count(
        db: &impl ConnectionTrait,
        keys: impl IntoIterator<Item = TurnKey>,
    ) -> Result<Self, DbErr> {
        let keys: HashSet<TurnKey> = keys.into_iter().collect();
        let mut waiting = HashMap::with_capacity(keys.len());
        let keys: Vec<_> = keys.into_iter().collect();
        if let [key] = keys[..] {
            waiting.insert(key, count_one(db, key).await?);
            return Ok(Self { waiting });
        }
        for chunk in keys.chunks(KEYS_PER_COUNT) {
            let rows = db.query_all_raw(statement(db, chunk).build()).await?;
            for row in rows {
                let name: String = row.try_get_by_index(1)?;
                if let Some(name) = QueueName::parse(&name) {
                    let lane = Lane::from_number(row.try_get_by_index(2)?);
                    waiting.insert((row.try_get_by_index(0)?, name, lane), row.try_get_by_index(3)?);
                }
            }
        }
        Ok(Self { waiting })
    }

    /// How many jobs go before a new job of that key. The new job counts from now on.
    pub(crate) fn take(&mut self, key: TurnKey) -> i64 {
        let (owner, queue, lane) = key;
        let before = self.waiting.get(&key).copied().unwrap_or_default();
        for delayed in Lane::ALL.into_iter().filter(|other| other.number() >= lane.number()) {
            *self.waiting.entry((owner, queue, delayed)).or_default() += 1;
        }
        before
    }
}

/// One key is counted by plain parameters, since PostgreSQL plans a statement with arrays
/// each time anew.
async fn count_one(db: &impl ConnectionTrait, key: TurnKey) -> Result<i64, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT ");
    push_waiting(&mut sql, key);
    let row = db.query_one_raw(sql.build()).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}

/// Appends how many jobs of that key wait, as an expression.
pub(crate) fn push_waiting(sql: &mut Sql, (owner, queue, lane): TurnKey) {
    sql.push("(SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE jobs.owner_id = ")
        .bind(owner.0)
        .push(" AND jobs.queue = ")
        .bind(queue.as_str())
        .push(" AND jobs.lane <= ")
        .bind(lane.number())
        .push(" AND ")
        .push(super::WAITING)
        .push(" LIMIT ")
        .push(&MAX_COUNTED_WAITING.to_string())
        .push(") AS counted)");
}

fn statement(db: &impl ConnectionTrait, keys: &[TurnKey]) -> Sql {
    let rows = keys.iter().map(|(owner, queue, lane)| {
        [Cell::Id(owner.0), Cell::Text(Some(queue.as_str().to_owned())), Cell::Number(lane.number().into())]
    });
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT line.owner_id, line.queue, line.lane, (SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE jobs.owner_id = line.owner_id AND jobs.queue = line.queue AND jobs.lane <= line.lane AND ")
        .push(super::WAITING)
        .push(" LIMIT ")
        .push(&MAX_COUNTED_WAITING.to_string())
        .push(") AS counted) AS waiting FROM ");
    let columns = [("owner_id", "uuid"), ("queue", "text"), ("lane", "smallint")];
    Table::new(columns, rows.collect()).push_to(&mut sql, "line");
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_delays_jobs_that_are_no_more_urgent() {
        let (owner, other, queue) = (UserId::new(), UserId::new(), QueueName::Email);
        let mut turns = Turns::default();

        let mut take = |owner, lane| turns.take((owner, queue, lane));
        assert_eq!(take(owner, Lane::Normal), 0);
        assert_eq!(take(owner, Lane::Normal), 1);
        assert_eq!(take(owner, Lane::Urgent), 0, "less urgent jobs do not delay it");
        assert_eq!(take(owner, Lane::Bulk), 3);
        assert_eq!(take(owner, Lane::Normal), 3, "bulk jobs do not count");
        assert_eq!(take(other, Lane::Normal), 0);
    }
}
