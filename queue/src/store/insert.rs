//! New jobs.

use atelier_entities::{JobId, JobState, UserId, jobs};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QueryResult, sea_query::OnConflict,
};

use crate::{enqueue::Enqueued, name::QueueName, rank::MAX_COUNTED_WAITING, store::sql::Sql};

/// Rows of one statement: 28 columns each, of the 32,766 parameters SQLite takes.
const ROWS_PER_INSERT: usize = 1_000;

/// How often a duplicate that ended between insert and look-up is tried again.
const UNIQUE_RACES: usize = 3;

/// Jobs of that owner that wait in that queue, as far as they are counted.
pub(crate) async fn waiting(tx: &DatabaseTransaction, owner: UserId, queue: QueueName) -> Result<i64, DbErr> {
    let mut sql = Sql::new(tx.get_database_backend());
    sql.push("SELECT COUNT(*) AS waiting FROM (SELECT 1 FROM jobs WHERE owner_id = ")
        .bind(owner)
        .push(" AND queue = ")
        .bind(queue.as_str())
        .push(" AND state = 'available' LIMIT ")
        .push(&MAX_COUNTED_WAITING.to_string())
        .push(") AS counted");
    let row: Option<QueryResult> = tx.query_one_raw(sql.build()).await?;
    row.map_or(Ok(0), |row| row.try_get("", "waiting"))
}

/// Inserts the jobs; those whose unique key is taken answer the job that has it.
pub(crate) async fn jobs(
    tx: &DatabaseTransaction,
    rows: &[(QueueName, jobs::ActiveModel)],
) -> Result<Vec<Enqueued>, DbErr> {
    let plain: Vec<_> =
        rows.iter().filter(|(_, row)| unique_key(row).is_none()).map(|(_, row)| row.clone()).collect();
    for chunk in plain.chunks(ROWS_PER_INSERT) {
        jobs::Entity::insert_many(chunk.to_vec()).exec_without_returning(tx).await?;
    }
    let mut answers = Vec::with_capacity(rows.len());
    for (_, row) in rows {
        answers.push(match unique_key(row) {
            None => Enqueued { id: id_of(row), duplicate: false },
            Some(key) => insert_unique(tx, row, key).await?,
        });
    }
    Ok(answers)
}

async fn insert_unique(
    tx: &DatabaseTransaction,
    row: &jobs::ActiveModel,
    key: &str,
) -> Result<Enqueued, DbErr> {
    for _ in 0..UNIQUE_RACES {
        let inserted = jobs::Entity::insert_many([row.clone()])
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
        if inserted > 0 {
            return Ok(Enqueued { id: id_of(row), duplicate: false });
        }
        let holder = jobs::Entity::find()
            .filter(jobs::Column::UniqueKey.eq(key))
            .filter(jobs::Column::State.is_not_in(JobState::TERMINAL))
            .one(tx)
            .await?;
        if let Some(holder) = holder {
            return Ok(Enqueued { id: holder.id, duplicate: true });
        }
    }
    Err(DbErr::Custom(format!("unique key {key} changes hands too fast")))
}

fn unique_key(row: &jobs::ActiveModel) -> Option<&str> {
    match &row.unique_key {
        ActiveValue::Set(key) | ActiveValue::Unchanged(key) => key.as_deref(),
        ActiveValue::NotSet => None,
    }
}

fn id_of(row: &jobs::ActiveModel) -> JobId {
    *row.id.as_ref()
}
