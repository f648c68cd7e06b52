//! Rows of loops and of their items.

use atelier_entities::{
    ItemState, RunId, Timestamp, workflow_item_runs as item_runs, workflow_loop_runs as loop_runs,
};
use atelier_queue::{Sql, Transaction, without_nul};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, sea_query::OnConflict};

use super::{ROWS, count, delete, json_of, named, removed, upsert};
use crate::{
    engine::{Changes, ScopePath},
    runs::store::{LockedRun, Place},
    workflows::versions::LoadedVersion,
};

/// Rows to write, of all runs.
#[derive(Default)]
pub(super) struct Changed {
    loops: Vec<loop_runs::ActiveModel>,
    /// Loops whose list was just evaluated.
    begun: Vec<loop_runs::ActiveModel>,
    items: Vec<item_runs::ActiveModel>,
    removed_loops: Vec<(RunId, [String; 2])>,
    removed_items: Vec<(RunId, String)>,
}

impl Changed {
    pub(super) fn collect(
        &mut self,
        run: &mut LockedRun,
        version: &LoadedVersion,
        changes: &Changes,
        now: Timestamp,
    ) {
        let id = run.row.id;
        for place in &changes.loops {
            if let Some(row) = loop_row(run, version, place) {
                let begun = run.items.contains_key(place);
                if begun { self.begun.push(row) } else { self.loops.push(row) }
            }
        }
        for scope in &changes.items {
            self.items.extend(item_row(run, scope, now));
        }
        let loops = removed(&changes.loops, &run.state.loops);
        self.removed_loops.extend(loops.map(|place| (id, named(version, place))));
        let items = removed(&changes.items, &run.state.items);
        self.removed_items.extend(items.map(|scope| (id, scope.to_string())));
        run.items.clear();
    }

    pub(super) async fn write(&mut self, tx: &Transaction) -> Result<(), DbErr> {
        use item_runs::Column as I;
        use loop_runs::Column as L;
        let keys = || OnConflict::columns([L::RunId, L::Scope, L::Node]);
        let counts = [L::Total, L::Next, L::Active, L::Parked, L::Failed, L::Queued, L::Closing];
        upsert(tx, std::mem::take(&mut self.loops), keys().update_columns(counts).to_owned()).await?;
        let all = keys().update_columns(counts).update_columns([L::Items, L::ItemsObject]).to_owned();
        upsert(tx, std::mem::take(&mut self.begun), all).await?;
        let items = OnConflict::columns([I::RunId, I::Scope])
            .update_columns([
                I::State,
                I::Working,
                I::Waiting,
                I::Failure,
                I::Cause,
                I::Revision,
                I::FinishedAt,
            ])
            .to_owned();
        upsert(tx, std::mem::take(&mut self.items), items).await
    }

    pub(super) async fn remove(&mut self, tx: &Transaction) -> Result<(), DbErr> {
        for of_a_run in std::mem::take(&mut self.removed_loops).chunk_by(|one, next| one.0 == next.0) {
            let keys: Vec<_> = of_a_run.iter().map(|(_, key)| key.clone()).collect();
            delete(tx, ("workflow_loop_runs", "node"), of_a_run[0].0, &keys).await?;
        }
        for of_a_run in std::mem::take(&mut self.removed_items).chunk_by(|one, next| one.0 == next.0) {
            for some in of_a_run.chunks(ROWS) {
                let mut sql = Sql::new(tx.get_database_backend());
                sql.push("DELETE FROM workflow_item_runs WHERE run_id = ").bind(of_a_run[0].0);
                sql.push(" AND scope IN (").bind_list(some.iter().map(|(_, scope)| scope.as_str()));
                sql.push(")");
                tx.execute_raw(sql.build()).await?;
            }
        }
        Ok(())
    }
}

fn loop_row(run: &LockedRun, version: &LoadedVersion, place: &Place) -> Option<loop_runs::ActiveModel> {
    let row = run.state.loops.get(place)?;
    let [scope, node] = named(version, place);
    let items = run.items.get(place);
    Some(loop_runs::ActiveModel {
        run_id: Set(run.row.id),
        scope: Set(scope),
        node: Set(node),
        total: Set(row.total.map(count)),
        next: Set(count(row.next)),
        active: Set(count(row.active)),
        parked: Set(count(row.parked)),
        failed: Set(count(row.failed)),
        queued: Set(count(row.queued)),
        closing: Set(row.closing),
        items: Set(items.and_then(|items| items.value.as_ref()).map(without_nul)),
        items_object: Set(items.and_then(|items| items.object.clone())),
    })
}

fn item_row(run: &LockedRun, scope: &ScopePath, now: Timestamp) -> Option<item_runs::ActiveModel> {
    let row = run.state.items.get(scope)?;
    let (outer, step) = scope.split()?;
    let has_ended = !matches!(row.state, ItemState::Queued | ItemState::Running);
    Some(item_runs::ActiveModel {
        run_id: Set(run.row.id),
        scope: Set(scope.to_string()),
        loop_scope: Set(outer.to_string()),
        loop_node: Set(step.node.clone()),
        item: Set(count(step.item)),
        state: Set(row.state),
        working: Set(count(row.working)),
        waiting: Set(count(row.waiting)),
        failure: Set(row.failure.as_ref().map(json_of)),
        cause: Set(row.cause),
        revision: Set(run.row.revision),
        started_at: Set(now),
        finished_at: Set(has_ended.then_some(now)),
    })
}
