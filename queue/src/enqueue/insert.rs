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
        turns::{TurnKey, push_waiting},
    },
};

/// The turn of a job: the waiting jobs that delay it, and by how much each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) key: TurnKey,
    pub(super) millis: i64,
}

/// A row to insert, and its args as the JSON text that is sent.
#[derive(Debug)]
pub(super) struct NewRow<'a> {
    pub(super) row: jobs::Model,
    pub(super) args_text: &'a str,
}

const RANK: &str = "rank";

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
    (RANK, "bigint"),
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
    push_target(&mut sql);
    if let [new] = rows {
        push_row(&mut sql, new, None, now);
        return sql;
    }
    for (column, _) in COLUMNS {
        sql.push("given.").push(column).push(", ");
    }
    sql.push("0, 0, 1, ").bind(now).push(", ").bind(now).push(" FROM ");
    Table::new(COLUMNS, rows.iter().map(|new| new.cells()).collect()).push_to(&mut sql, "given");
    sql
}

fn push_target(sql: &mut Sql) {
    sql.push("INSERT INTO jobs (");
    for (column, _) in COLUMNS {
        sql.push(column).push(", ");
    }
    sql.push("attempt, fence, revision, created_at, updated_at) SELECT ");
}

/// Appends the values of one row, each as a parameter of its own: PostgreSQL plans a
/// statement with arrays each time anew. With a turn, the rank counts from the jobs that wait.
fn push_row(sql: &mut Sql, new: &NewRow<'_>, turn: Option<Turn>, now: Timestamp) {
    let is_typed = sql.backend() == DatabaseBackend::Postgres;
    for ((column, kind), cell) in COLUMNS.into_iter().zip(new.cells()) {
        sql.bind(cell.into_value());
        if is_typed {
            sql.push("::").push(kind);
        }
        if let Some(turn) = turn.filter(|_| column == RANK) {
            sql.push(" + ").push(&turn.millis.to_string()).push(" * ");
            push_waiting(sql, turn.key);
        }
        sql.push(", ");
    }
    sql.push("0, 0, 1, ").bind(now).push(", ").bind(now);
}

/// Inserts a job with a unique key behind the waiting jobs that its turn counts, by one
/// statement. A job whose key is taken is answered with the job that has it. To be called
/// in a transaction: the statement reads back what it wrote.
pub(super) async fn insert_unique_row(
    db: &impl ConnectionTrait,
    mut new: NewRow<'_>,
    turn: Option<Turn>,
    now: Timestamp,
) -> Result<Enqueued, DbErr> {
    for _ in 0..UNIQUE_RACES {
        let mut sql = Sql::new(db.get_database_backend());
        push_target(&mut sql);
        push_row(&mut sql, &new, turn, now);
        sql.push(" WHERE TRUE ON CONFLICT DO NOTHING RETURNING rank");
        if let Some(inserted) = db.query_all_raw(sql.build()).await?.first() {
            new.row.rank = inserted.try_get_by_index(0)?;
            return Ok(Enqueued::inserted(new.row));
        }
        if let Some(holder) = find_holder(db, new.row.unique_key.as_deref()).await? {
            return Ok(Enqueued::duplicate_of(holder));
        }
    }
    Err(raced(new.row.unique_key.as_deref()))
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
        if let Some(holder) = find_holder(db, Some(key)).await? {
            return Ok(Enqueued::duplicate_of(holder));
        }
        if !insert_unique(db, &[&new], now).await?.is_empty() {
            return Ok(Enqueued::inserted(new.row));
        }
    }
    Err(raced(Some(key)))
}

/// The unfinished job that has the unique key.
async fn find_holder(db: &impl ConnectionTrait, key: Option<&str>) -> Result<Option<jobs::Model>, DbErr> {
    let Some(key) = key else { return Ok(None) };
    let holder = jobs::Entity::find().filter(jobs::Column::UniqueKey.eq(key)).filter(Expr::cust(UNFINISHED));
    holder.one(db).await
}

fn raced(key: Option<&str>) -> DbErr {
    DbErr::Custom(format!("the unique key {} changes its job too fast", key.unwrap_or_default()))
}
