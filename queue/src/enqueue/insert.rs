//! New jobs.

use std::collections::HashSet;

use atelier_entities::{JobId, JobState, Timestamp, UserId, jobs};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, QueryFilter, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    enqueue::Enqueued,
    name::QueueName,
    store::{
        sql::Sql,
        table::{Cell, Column, Table},
    },
};

/// A job that is about to be a row.
#[derive(Clone, Debug)]
pub(crate) struct NewRow {
    pub(crate) id: JobId,
    pub(crate) queue: QueueName,
    pub(crate) kind: &'static str,
    pub(crate) lane: i16,
    pub(crate) state: JobState,
    pub(crate) owner: Option<UserId>,
    pub(crate) subject: Option<Uuid>,
    /// JSON.
    pub(crate) args: String,
    pub(crate) max_attempts: u16,
    pub(crate) timeout_secs: i32,
    pub(crate) unique_key: Option<String>,
    pub(crate) run_at: Timestamp,
    pub(crate) rank: i64,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) trace_parent: Option<String>,
    pub(crate) request_id: Option<String>,
}

const COLUMNS: [Column; 17] = [
    ("id", "uuid"),
    ("queue", "text"),
    ("kind", "text"),
    ("lane", "smallint"),
    ("state", "text"),
    ("phase", "smallint"),
    ("owner_id", "uuid"),
    ("subject_id", "uuid"),
    ("args", "jsonb"),
    ("max_attempts", "int"),
    ("timeout_secs", "int"),
    ("unique_key", "text"),
    ("run_at", "timestamptz"),
    ("rank", "bigint"),
    ("expires_at", "timestamptz"),
    ("trace_parent", "text"),
    ("request_id", "text"),
];

impl NewRow {
    fn cells(&self) -> [Cell; COLUMNS.len()] {
        [
            Cell::Id(self.id.0),
            Cell::Text(Some(self.queue.as_str().to_owned())),
            Cell::Text(Some(self.kind.to_owned())),
            Cell::Number(self.lane.into()),
            Cell::Text(Some(self.state.as_str().to_owned())),
            Cell::Number(self.state.phase().into()),
            Cell::Uuid(self.owner.map(|owner| owner.0)),
            Cell::Uuid(self.subject),
            Cell::Text(Some(self.args.clone())),
            Cell::Number(self.max_attempts.into()),
            Cell::Number(self.timeout_secs.into()),
            Cell::Text(self.unique_key.clone()),
            Cell::Time(Some(self.run_at)),
            Cell::Number(self.rank),
            Cell::Time(self.expires_at),
            Cell::Text(self.trace_parent.clone()),
            Cell::Text(self.request_id.clone()),
        ]
    }
}

/// Rows of one statement: 17 parameters each, of the 32,766 that SQLite takes.
const ROWS_PER_INSERT: usize = 1_000;

/// How often a duplicate that ended between insert and look-up is tried again.
const UNIQUE_RACES: usize = 3;

/// Inserts the jobs; those whose unique key is taken answer the job that has it.
pub(crate) async fn jobs(
    db: &impl ConnectionTrait,
    rows: &[NewRow],
    now: Timestamp,
) -> Result<Vec<Enqueued>, DbErr> {
    let (unique, plain): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.unique_key.is_some());
    for chunk in plain.chunks(ROWS_PER_INSERT) {
        db.execute_raw(statement(db.get_database_backend(), chunk, now).build()).await?;
    }
    let mut inserted = HashSet::with_capacity(unique.len());
    for chunk in unique.chunks(ROWS_PER_INSERT) {
        inserted.extend(insert_unique(db, chunk, now).await?);
    }
    let mut answers = Vec::with_capacity(rows.len());
    for row in rows {
        answers.push(match row.unique_key.as_deref() {
            Some(key) if !inserted.contains(&row.id) => stand_in(db, row, key, now).await?,
            _ => Enqueued { id: row.id, duplicate: false },
        });
    }
    Ok(answers)
}

fn statement(backend: DatabaseBackend, rows: &[&NewRow], now: Timestamp) -> Sql {
    let mut sql = Sql::new(backend);
    sql.push("INSERT INTO jobs (");
    for (column, _) in COLUMNS {
        sql.push(column).push(", ");
    }
    sql.push("attempt, fence, revision, created_at, updated_at) SELECT ");
    for (column, _) in COLUMNS {
        sql.push("given.").push(column).push(", ");
    }
    sql.push("0, 0, 1, ").bind(now).push(", ").bind(now).push(" FROM ");
    Table::new(COLUMNS, rows.iter().map(|row| row.cells()).collect()).push_to(&mut sql, "given");
    sql
}

/// Inserts those of the rows whose unique keys are free, and answers which.
async fn insert_unique(
    db: &impl ConnectionTrait,
    rows: &[&NewRow],
    now: Timestamp,
) -> Result<Vec<JobId>, DbErr> {
    let mut sql = statement(db.get_database_backend(), rows, now);
    // SQLite reads ON after a table's name as the beginning of a join.
    sql.push(" WHERE TRUE ON CONFLICT DO NOTHING RETURNING id");
    db.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// The job that has the row's unique key, or the row where that job has just ended.
async fn stand_in(
    db: &impl ConnectionTrait,
    row: &NewRow,
    key: &str,
    now: Timestamp,
) -> Result<Enqueued, DbErr> {
    for _ in 0..UNIQUE_RACES {
        let holder = jobs::Entity::find()
            .filter(jobs::Column::UniqueKey.eq(key))
            .filter(Expr::cust(super::UNFINISHED))
            .one(db)
            .await?;
        if let Some(holder) = holder {
            return Ok(Enqueued { id: holder.id, duplicate: true });
        }
        if !insert_unique(db, &[row], now).await?.is_empty() {
            return Ok(Enqueued { id: row.id, duplicate: false });
        }
    }
    Err(DbErr::Custom(format!("unique key {key} changes hands too fast")))
}
