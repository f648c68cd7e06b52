//! Writing successes: one statement for a batch, with little to send.

use atelier_entities::JobState;
use sea_orm::{ConnectionTrait, DbErr};

use super::{Finish, WrittenEnds, written_ends};
use crate::{
    Queue,
    store::{
        sql::Sql,
        table::{Cell, Column, Table},
    },
};

/// Writes [plain](Finish::is_plain) ends. PostgreSQL first looks for a row where its claim
/// left it. It is there unless progress was written; the others are found by their key.
pub(super) async fn write_successes(queue: &Queue, mut finishes: Vec<&Finish>) -> Result<WrittenEnds, DbErr> {
    finishes.sort_unstable_by_key(|finish| finish.id);
    let mut written = WrittenEnds::new();
    let placed: Vec<_> = finishes.iter().copied().filter(|finish| finish.place.is_some()).collect();
    if !placed.is_empty() {
        written = write_some(queue, &placed, true).await?;
    }
    finishes.retain(|finish| !written.contains(&finish.key()));
    if !finishes.is_empty() {
        written.extend(write_some(queue, &finishes, false).await?);
    }
    Ok(written)
}

async fn write_some(queue: &Queue, finishes: &[&Finish], by_place: bool) -> Result<WrittenEnds, DbErr> {
    let now = queue.now();
    let mut sql = Sql::new(queue.db().get_database_backend());
    let has_results = finishes.iter().any(|finish| finish.settlement.result.is_some());
    // The phase is in the text, since it is the same for all rows.
    sql.push("UPDATE jobs SET state = 'succeeded', phase = ")
        .push(&JobState::Succeeded.phase().to_string())
        .push(", result = ")
        .push(if has_results { "ended.result" } else { "NULL" })
        .push(", error = NULL, revision = revision + 1, finished_at = ")
        .bind(now)
        .push(", updated_at = ")
        .bind(now)
        .push(" FROM ");
    match (by_place, has_results) {
        (false, false) => push_ends(&mut sql, finishes, [ID, FENCE], |end| [id(end), fence(end)]),
        (false, true) => {
            push_ends(&mut sql, finishes, [ID, FENCE, RESULT], |end| [id(end), fence(end), result(end)]);
        }
        (true, false) => {
            push_ends(&mut sql, finishes, [PLACE, ID, FENCE], |end| [place(end), id(end), fence(end)]);
        }
        (true, true) => push_ends(&mut sql, finishes, [PLACE, ID, FENCE, RESULT], |end| {
            [place(end), id(end), fence(end), result(end)]
        }),
    }
    sql.push(if by_place { " WHERE jobs.ctid = ended.place AND " } else { " WHERE " })
        .push("jobs.id = ended.id AND jobs.fence = ended.fence AND jobs.state || '' = 'running' RETURNING jobs.id, jobs.fence");
    let _turn = queue.write_turn().await;
    written_ends(&queue.db().query_all_raw(sql.build()).await?)
}

fn push_ends<const N: usize>(
    sql: &mut Sql,
    finishes: &[&Finish],
    columns: [Column; N],
    cells: impl Fn(&Finish) -> [Cell; N],
) {
    Table::new(columns, finishes.iter().map(|finish| cells(finish)).collect()).push_to(sql, "ended");
}

const PLACE: Column = ("place", "tid");
const ID: Column = ("id", "uuid");
const FENCE: Column = ("fence", "bigint");
const RESULT: Column = ("result", "jsonb");

fn place(finish: &Finish) -> Cell {
    Cell::Text(finish.place.clone())
}

fn id(finish: &Finish) -> Cell {
    Cell::Id(finish.id.0)
}

fn fence(finish: &Finish) -> Cell {
    Cell::Number(finish.fence)
}

fn result(finish: &Finish) -> Cell {
    Cell::json(finish.settlement.result.as_ref())
}
