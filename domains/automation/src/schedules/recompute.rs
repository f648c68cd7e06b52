//! Fire times after a change of the rules of time zones, which come with the program.

use atelier_entities::{Timestamp, WorkflowScheduleId, workflow_schedules};
use atelier_queue::{JobContext, JobError, Outcome, QueueError, Transaction};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use super::{
    Fields, Schedules,
    fire::{Next, save},
    preview::next_of,
};
use crate::runs::RecomputeSchedules;

/// Schedules of one transaction.
const BATCH: u64 = 500;

impl Schedules {
    /// Computes the next fire times of all expressions again, and writes those that differ.
    pub(crate) async fn recompute(
        &self,
        ctx: &JobContext,
        _args: RecomputeSchedules,
    ) -> Result<Outcome, JobError> {
        let (mut changed, mut after) = (0, None);
        while !ctx.stop().is_cancelled() {
            let tx = self.queue.begin().await?;
            let (last, found) = recompute_some(&tx, after).await?;
            tx.commit().await?;
            changed += found;
            if last.is_none() {
                break;
            }
            after = last;
        }
        Ok(Outcome::Done(json!({"changed": changed})))
    }
}

/// Computes those after a schedule again. Returns the last one, and how many differed.
async fn recompute_some(
    tx: &Transaction,
    after: Option<WorkflowScheduleId>,
) -> Result<(Option<WorkflowScheduleId>, usize), QueueError> {
    use workflow_schedules::Column as C;
    let now = tx.now();
    let rows = workflow_schedules::Entity::find()
        .filter(C::Expression.is_not_null())
        .filter(C::NextFireAt.is_not_null())
        .filter(C::NextTickAt.gt(now))
        .filter(Condition::all().add_option(after.map(|after| C::Id.gt(after))))
        .order_by_asc(C::Id)
        .limit(BATCH)
        .lock_exclusive()
        .all(&**tx)
        .await?;
    let differing: Vec<Next> = rows.iter().filter_map(|row| differing(row, now)).collect();
    save(tx, &differing).await?;
    Ok((rows.last().map(|row| row.id), differing.len()))
}

fn differing(row: &workflow_schedules::Model, now: Timestamp) -> Option<Next> {
    let fields = Fields::of(row);
    let after = row.last_tick_at.map_or(now, |last| last.max(now));
    let next = next_of(row.id, &fields.spec().ok()?, fields.jitter_secs, after)?;
    let next = Next { id: row.id, last_tick: row.last_tick_at, next: Some(next), is_unreadable: false };
    Some(next).filter(|_| row.next_tick_at != next.next.map(|(tick, _)| tick))
}
