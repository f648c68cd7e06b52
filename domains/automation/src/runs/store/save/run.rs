//! Rows of runs.

use atelier_entities::{RunId, Timestamp};
use atelier_queue::{Sql, Transaction};
use sea_orm::{ConnectionTrait, DbErr};

use super::{ROWS, count, json_of};
use crate::runs::store::{LockedRun, LockedRuns};

impl LockedRuns {
    /// Writes the rows of these runs, and takes the engine's part of them over.
    pub(super) async fn save_runs(
        &mut self,
        tx: &Transaction,
        runs: &[RunId],
        now: Timestamp,
    ) -> Result<(), DbErr> {
        for some in runs.chunks(ROWS) {
            let mut sql = Sql::new(tx.get_database_backend());
            sql.push("UPDATE workflow_runs SET status = saved.column2, paused = saved.column3, paused_by = saved.column4, paused_at = saved.column5, generation = saved.column6, working = saved.column7, waiting = saved.column8, failure = saved.column9, output_bytes = saved.column10, deadline_at = saved.column11, revision = saved.column12, started_at = saved.column13, finished_at = saved.column14, active_left = saved.column15, updated_at = ")
                .bind(now)
                .push(" FROM (VALUES ");
            let rows = some.iter().filter(|id| self.runs.contains_key(id)).enumerate();
            for (index, id) in rows {
                if let Some(run) = self.runs.get(id) {
                    sql.push(if index == 0 { "(" } else { ", (" });
                    push_row(&mut sql, run);
                    sql.push(")");
                }
            }
            sql.push(") AS saved WHERE workflow_runs.id = saved.column1");
            tx.execute_raw(sql.build()).await?;
        }
        Ok(())
    }
}

fn push_row(sql: &mut Sql, run: &LockedRun) {
    let (row, state) = (&run.row, &run.state.run);
    sql.bind(row.id).push(", ").bind(state.status.as_str()).push(", ").bind(state.paused).push(", ");
    sql.bind(row.paused_by).push(", ").bind(row.paused_at).push(", ");
    sql.bind(count(state.generation)).push(", ").bind(count(state.working)).push(", ");
    sql.bind(count(state.waiting)).push(", ");
    sql.bind_json(state.failure.as_ref().map(json_of).as_ref()).push(", ");
    sql.bind(row.output_bytes).push(", ").bind(row.deadline_at).push(", ").bind(row.revision).push(", ");
    sql.bind(row.started_at).push(", ").bind(row.finished_at).push(", ").bind(row.active_left);
}
