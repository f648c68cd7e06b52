//! The statements that insert jobs.

use std::collections::HashSet;

use atelier_entities::{JobId, Timestamp, jobs};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, QueryFilter, sea_query::Expr,
};

use crate::{
    new_job::Enqueued,
    store::{
        UNFINISHED,
        sql::Sql,
        table::{Cell, Column, Table},
    },
};

/// A row to insert, and its args as the JSON text that is sent.
#[derive(Debug)]
pub(super) struct NewRow<'a> {
    pub(super) row: jobs::Model,
    pub(super) args_text: &'a str,
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

impl NewRow<'_> {
    fn cells(&self) -> [Cell; COLUMNS.len()] {
        let Self { row, args_text } = self;
        [
            Cell::Id(row.id.0),
            Cell::Text(Some(row.queue.clone())),
            Cell::Text(Some(row.kind.clone())),
            Cell::Number(row.lane.into()),
            Cell::Text(Some(row.state.as_str().to_owned())),
            Cell::Number(row.phase.into()),
            Cell::Uuid(row.owner_id.map(|owner| owner.0)),
            Cell::Uuid(row.subject_id),
            Cell::Text(Some((*args_text).to_owned())),
            Cell::Number(row.max_attempts.into()),
            Cell::Number(row.timeout_secs.into()),
            Cell::Text(row.unique_key.clone()),
            Cell::Time(Some(row.run_at)),
            Cell::Number(row.rank),
            Cell::Time(row.expires_at),
            Cell::Text(row.trace_parent.clone()),
            Cell::Text(row.request_id.clone()),
        ]
    }
}

/// Rows of one statement: 17 parameters each, of the 32,766 that SQLite allows.
const ROWS_PER_INSERT: usize = 1_000;

/// Attempts to insert a row whose duplicate ends between the insert and the look-up.
const UNIQUE_RACES: usize = 3;

/// Inserts jobs. A job whose unique key is taken is answered with the job that has it.
pub(super) async fn insert_rows(
    db: &impl ConnectionTrait,
    rows: Vec<NewRow<'_>>,
    now: Timestamp,
) -> Result<Vec<Enqueued>, DbErr> {
    let (unique, plain): (Vec<_>, Vec<_>) = rows.iter().partition(|new| new.row.unique_key.is_some());
    for chunk in plain.chunks(ROWS_PER_INSERT) {
        db.execute_raw(statement(db.get_database_backend(), chunk, now).build()).await?;
    }
    let mut inserted = HashSet::with_capacity(unique.len());
    for chunk in unique.chunks(ROWS_PER_INSERT) {
        inserted.extend(insert_unique(db, chunk, now).await?);
    }
    let mut answers = Vec::with_capacity(rows.len());
    for new in rows {
        answers.push(match new.row.unique_key.clone() {
            Some(key) if !inserted.contains(&new.row.id) => find_duplicate(db, new, &key, now).await?,
            _ => Enqueued::inserted(new.row),
        });
    }
    Ok(answers)
}

fn statement(backend: DatabaseBackend, rows: &[&NewRow<'_>], now: Timestamp) -> Sql {
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
    Table::new(COLUMNS, rows.iter().map(|new| new.cells()).collect()).push_to(&mut sql, "given");
    sql
}

/// Inserts the rows whose unique keys are free, and answers their ids.
async fn insert_unique(
    db: &impl ConnectionTrait,
    rows: &[&NewRow<'_>],
    now: Timestamp,
) -> Result<Vec<JobId>, DbErr> {
    let mut sql = statement(db.get_database_backend(), rows, now);
    // SQLite reads ON after a table's name as the start of a join.
    sql.push(" WHERE TRUE ON CONFLICT DO NOTHING RETURNING id");
    db.query_all_raw(sql.build()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// The job that has the unique key; where that job has just ended, the new row.
async fn find_duplicate(
    db: &impl ConnectionTrait,
    new: NewRow<'_>,
    key: &str,
    now: Timestamp,
) -> Result<Enqueued, DbErr> {
    for _ in 0..UNIQUE_RACES {
        let holder = jobs::Entity::find()
            .filter(jobs::Column::UniqueKey.eq(key))
            .filter(Expr::cust(UNFINISHED))
            .one(db)
            .await?;
        if let Some(holder) = holder {
            return Ok(Enqueued::duplicate_of(holder));
        }
        if !insert_unique(db, &[&new], now).await?.is_empty() {
            return Ok(Enqueued::inserted(new.row));
        }
    }
    Err(DbErr::Custom(format!("the unique key {key} changes its job too fast")))
}
