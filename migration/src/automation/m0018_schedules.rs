use sea_orm_migration::prelude::*;

use crate::schema::*;

/// Schedules of people, with what became of their fire times, and why recurring jobs are paused.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(workflow_schedules()).await?;
        manager.create_table(workflow_schedule_ticks()).await?;
        let mut alter = Table::alter();
        alter.table(Alias::new("workflow_runs")).add_column(uuid_null("schedule_id"));
        manager.alter_table(alter.to_owned()).await?;
        let mut alter = Table::alter();
        alter.table(Alias::new("schedules")).add_column(text_null("paused_reason"));
        manager.alter_table(alter.to_owned()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX workflow_schedules_due_idx ON workflow_schedules (next_fire_at) WHERE next_fire_at IS NOT NULL",
    "CREATE INDEX workflow_schedules_user_idx ON workflow_schedules (user_id, id)",
    "CREATE INDEX workflow_schedules_workflow_idx ON workflow_schedules (workflow_id)",
    "CREATE INDEX workflow_schedule_ticks_buffered_idx ON workflow_schedule_ticks (schedule_id, tick_at) WHERE outcome = 'buffered'",
    "CREATE INDEX workflow_schedule_ticks_created_idx ON workflow_schedule_ticks (created_at)",
    "CREATE INDEX workflow_runs_schedule_idx ON workflow_runs (schedule_id, id) WHERE schedule_id IS NOT NULL",
];

fn workflow_schedules() -> TableCreateStatement {
    table(
        "workflow_schedules",
        &["id"],
        vec![
            uuid("id"),
            uuid("user_id"),
            uuid("workflow_id"),
            text("name"),
            text_null("expression"),
            int_null("every_secs"),
            int("phase_secs"),
            text("time_zone"),
            text_null("gap"),
            text_null("fold"),
            time_null("start_at"),
            time_null("end_at"),
            int("jitter_secs"),
            text("overlap"),
            int("buffer_limit"),
            int("catchup_window_secs"),
            int("catchup_limit"),
            int_null("pause_after"),
            json("input"),
            time_null("last_tick_at"),
            time_null("next_tick_at"),
            time_null("next_fire_at"),
            time_null("paused_at"),
            uuid_null("paused_by"),
            text_null("paused_reason"),
            time("created_at"),
            time("updated_at"),
        ],
    )
    .foreign_key(&mut cascade("workflow_id", "workflows", "id"))
    .to_owned()
}

/// A fire time of the clock is recorded once: its `backfill` is empty.
fn workflow_schedule_ticks() -> TableCreateStatement {
    table(
        "workflow_schedule_ticks",
        &["schedule_id", "tick_at", "backfill"],
        vec![
            uuid("schedule_id"),
            time("tick_at"),
            text("backfill"),
            text("outcome"),
            time_null("until_at"),
            int_null("missed"),
            uuid_null("run_id"),
            text_null("reason"),
            text_null("shifted_from"),
            time("created_at"),
        ],
    )
    .foreign_key(&mut cascade("schedule_id", "workflow_schedules", "id"))
    .to_owned()
}
