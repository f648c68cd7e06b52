use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(jobs()).await?;
        manager.create_table(job_attempts()).await?;
        manager.create_table(job_events()).await?;
        manager.create_table(workers()).await?;
        manager.create_table(queues()).await?;
        manager.create_table(throttles()).await?;
        manager.create_table(schedules()).await?;
        run(manager, INDEXES).await
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX jobs_available_idx ON jobs (queue, rank, id) WHERE state = 'available'",
    "CREATE INDEX jobs_due_idx ON jobs (run_at) WHERE state IN ('scheduled', 'retrying')",
    "CREATE INDEX jobs_running_idx ON jobs (worker_id) WHERE state = 'running'",
    "CREATE INDEX jobs_expiring_idx ON jobs (expires_at) WHERE expires_at IS NOT NULL AND state IN ('scheduled', 'available', 'retrying')",
    "CREATE INDEX jobs_owner_idx ON jobs (owner_id, id) WHERE owner_id IS NOT NULL",
    "CREATE INDEX jobs_owner_waiting_idx ON jobs (owner_id, queue) WHERE state = 'available' AND owner_id IS NOT NULL",
    "CREATE INDEX jobs_subject_idx ON jobs (subject_id, id) WHERE subject_id IS NOT NULL",
    "CREATE INDEX jobs_finished_idx ON jobs (state, finished_at) WHERE finished_at IS NOT NULL",
    "CREATE INDEX throttles_until_idx ON throttles (until)",
    "CREATE UNIQUE INDEX jobs_unique_key ON jobs (unique_key) WHERE unique_key IS NOT NULL AND state IN ('scheduled', 'available', 'running', 'retrying')",
];

fn jobs() -> TableCreateStatement {
    table(
        "jobs",
        &["id"],
        vec![
            uuid("id"),
            text("queue"),
            text("kind"),
            ColumnDef::new(Alias::new("lane")).small_integer().not_null().take(),
            text("state"),
            uuid_null("owner_id"),
            uuid_null("subject_id"),
            json("args"),
            json_null("result"),
            json_null("error"),
            json_null("progress"),
            int("attempt"),
            int("max_attempts"),
            int("timeout_secs"),
            bigint("fence"),
            bigint("revision"),
            text_null("unique_key"),
            time("run_at"),
            bigint("rank"),
            time_null("expires_at"),
            uuid_null("worker_id"),
            time_null("lease_expires_at"),
            time_null("cancel_requested_at"),
            text_null("trace_parent"),
            text_null("request_id"),
            time("created_at"),
            time_null("started_at"),
            time_null("finished_at"),
            time("updated_at"),
        ],
    )
}

fn job_attempts() -> TableCreateStatement {
    table(
        "job_attempts",
        &["job_id", "fence"],
        vec![
            uuid("job_id"),
            bigint("fence"),
            int("attempt"),
            uuid_null("worker_id"),
            text("outcome"),
            json_null("error"),
            time_null("started_at"),
            time("finished_at"),
        ],
    )
    .foreign_key(&mut cascade("job_id", "jobs", "id"))
    .to_owned()
}

fn job_events() -> TableCreateStatement {
    table(
        "job_events",
        &["job_id", "seq"],
        vec![uuid("job_id"), bigint("seq"), text("kind"), json("data"), time("created_at")],
    )
    .foreign_key(&mut cascade("job_id", "jobs", "id"))
    .to_owned()
}

fn workers() -> TableCreateStatement {
    table(
        "workers",
        &["id"],
        vec![
            uuid("id"),
            text("host"),
            int("pid"),
            json("queues"),
            json("kinds"),
            text("version"),
            boolean("draining"),
            int("running"),
            time("started_at"),
            time("heartbeat_at"),
        ],
    )
}

fn queues() -> TableCreateStatement {
    table(
        "queues",
        &["name"],
        vec![
            text("name"),
            time_null("paused_at"),
            uuid_null("paused_by"),
            int_null("max_running"),
            int_null("max_running_per_owner"),
            int_null("rate_limit"),
            int_null("rate_period_secs"),
            ColumnDef::new(Alias::new("rate_tokens")).double().not_null().take(),
            time("rate_refilled_at"),
            time("updated_at"),
        ],
    )
}

fn throttles() -> TableCreateStatement {
    table("throttles", &["key"], vec![text("key"), uuid("job_id"), time("until")])
}

fn schedules() -> TableCreateStatement {
    table(
        "schedules",
        &["name"],
        vec![
            text("name"),
            text("kind"),
            text("cron"),
            text("time_zone"),
            boolean("enabled"),
            time("next_run_at"),
            time_null("last_run_at"),
            uuid_null("last_job_id"),
        ],
    )
}
