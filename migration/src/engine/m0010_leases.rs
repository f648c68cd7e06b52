use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::schema::*;

/// No index contains a column that a claim changes, so that PostgreSQL writes a claimed row's
/// new version to the same page and updates no index (HOT). Running jobs are found by the
/// leases of their claims.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own = match manager.get_database_backend() {
            DatabaseBackend::Postgres => POSTGRES,
            _ => SQLITE,
        };
        run(manager, own).await?;
        run(manager, INDEXES).await
    }
}

/// The table is created again. Columns that are not null and have a fixed length come first,
/// so that PostgreSQL knows their offsets. The fill factor of 45 % leaves room for the new
/// version of a claimed row.
///
/// Leases are short-lived: autovacuum removes dead rows early, and the lists of jobs are
/// stored out of line, so that the table is small enough for sequential scans. `OFFSET 0`
/// makes the planner find each running job by its key, whatever their estimated number.
const POSTGRES: &[&str] = &[
    "CREATE TABLE job_leases (id uuid PRIMARY KEY, queue text NOT NULL, worker_id uuid NOT NULL, jobs uuid[] NOT NULL, expires_at timestamptz NOT NULL) WITH (toast_tuple_target = 128, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_threshold = 1000, toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_cost_delay = 0)",
    "ALTER TABLE job_leases ALTER COLUMN jobs SET STORAGE EXTERNAL",
    "INSERT INTO job_leases (id, queue, worker_id, jobs, expires_at) SELECT gen_random_uuid(), queue, worker_id, array_agg(id), min(lease_expires_at) FROM jobs WHERE state = 'running' AND worker_id IS NOT NULL AND lease_expires_at IS NOT NULL GROUP BY queue, worker_id",
    "CREATE TABLE jobs_anew (id uuid NOT NULL, rank bigint NOT NULL, fence bigint NOT NULL, revision bigint NOT NULL, run_at timestamptz NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, attempt integer NOT NULL, max_attempts integer NOT NULL, timeout_secs integer NOT NULL, lane smallint NOT NULL, phase smallint NOT NULL, queue text NOT NULL, kind text NOT NULL, state text NOT NULL, args jsonb NOT NULL, expires_at timestamptz, started_at timestamptz, finished_at timestamptz, cancel_requested_at timestamptz, worker_id uuid, lease_id uuid, owner_id uuid, subject_id uuid, unique_key text, trace_parent text, request_id text, result jsonb, error jsonb, progress jsonb) WITH (fillfactor = 45)",
    "INSERT INTO jobs_anew SELECT id, rank, fence, revision, run_at, created_at, updated_at, attempt, max_attempts, timeout_secs, lane, CASE state WHEN 'available' THEN 1 WHEN 'running' THEN 1 WHEN 'succeeded' THEN 2 WHEN 'failed' THEN 3 WHEN 'cancelled' THEN 4 WHEN 'discarded' THEN 5 ELSE 0 END, queue, kind, state, args, expires_at, started_at, finished_at, cancel_requested_at, worker_id, (SELECT id FROM job_leases WHERE jobs.state = 'running' AND job_leases.worker_id = jobs.worker_id AND job_leases.queue = jobs.queue), owner_id, subject_id, unique_key, trace_parent, request_id, result, error, progress FROM jobs",
    "DROP TABLE jobs CASCADE",
    "ALTER TABLE jobs_anew RENAME TO jobs",
    "ALTER TABLE jobs ADD CONSTRAINT jobs_pkey PRIMARY KEY (id)",
    "ALTER TABLE job_attempts ADD CONSTRAINT job_attempts_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE",
    "ALTER TABLE job_events ADD CONSTRAINT job_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE",
    "CREATE INDEX jobs_owner_idx ON jobs (owner_id, id) WHERE owner_id IS NOT NULL",
    "CREATE INDEX jobs_subject_idx ON jobs (subject_id, id) WHERE subject_id IS NOT NULL",
    "CREATE VIEW running_jobs AS SELECT job.id, job.fence, job.owner_id, job.cancel_requested_at, job_leases.id AS lease_id, job_leases.queue, job_leases.worker_id, job_leases.expires_at FROM job_leases CROSS JOIN LATERAL unnest(job_leases.jobs) AS held(id) CROSS JOIN LATERAL (SELECT id, fence, owner_id, cancel_requested_at FROM jobs WHERE jobs.id = held.id AND jobs.lease_id = job_leases.id AND jobs.state = 'running' OFFSET 0) AS job",
];

/// The same; the list of a lease's jobs is a JSON array of their ids in hexadecimal. `CROSS`
/// makes the planner read the leases first, then the jobs.
const SQLITE: &[&str] = &[
    "CREATE TABLE job_leases (id uuid_text PRIMARY KEY NOT NULL, queue text NOT NULL, worker_id uuid_text NOT NULL, jobs text NOT NULL, expires_at text NOT NULL)",
    "INSERT INTO job_leases (id, queue, worker_id, jobs, expires_at) SELECT randomblob(16), queue, worker_id, json_group_array(hex(id)), min(lease_expires_at) FROM jobs WHERE state = 'running' AND worker_id IS NOT NULL AND lease_expires_at IS NOT NULL GROUP BY queue, worker_id",
    "DROP INDEX jobs_available_idx",
    "DROP INDEX jobs_due_idx",
    "DROP INDEX jobs_running_idx",
    "DROP INDEX jobs_expiring_idx",
    "DROP INDEX jobs_owner_waiting_idx",
    "DROP INDEX jobs_finished_idx",
    "DROP INDEX jobs_unique_key",
    "ALTER TABLE jobs DROP COLUMN lease_expires_at",
    "ALTER TABLE jobs ADD COLUMN lease_id uuid_text",
    "UPDATE jobs SET lease_id = (SELECT id FROM job_leases WHERE job_leases.worker_id = jobs.worker_id AND job_leases.queue = jobs.queue) WHERE state = 'running'",
    "ALTER TABLE jobs ADD COLUMN phase smallint NOT NULL DEFAULT 1",
    "UPDATE jobs SET phase = CASE state WHEN 'succeeded' THEN 2 WHEN 'failed' THEN 3 WHEN 'cancelled' THEN 4 WHEN 'discarded' THEN 5 ELSE 0 END WHERE state NOT IN ('available', 'running')",
    "CREATE VIEW running_jobs AS SELECT jobs.id, jobs.fence, jobs.owner_id, jobs.cancel_requested_at, job_leases.id AS lease_id, job_leases.queue, job_leases.worker_id, job_leases.expires_at FROM job_leases CROSS JOIN json_each(job_leases.jobs) AS held CROSS JOIN jobs WHERE jobs.id = unhex(held.value) AND jobs.lease_id = job_leases.id AND jobs.state = 'running'",
];

const INDEXES: &[&str] = &[
    "CREATE INDEX jobs_available_idx ON jobs (queue, rank, id) WHERE phase = 1",
    "CREATE INDEX jobs_due_idx ON jobs (run_at) WHERE phase = 0",
    "CREATE INDEX jobs_expiring_idx ON jobs (expires_at) WHERE expires_at IS NOT NULL AND phase < 2",
    "CREATE INDEX jobs_owner_waiting_idx ON jobs (owner_id, queue, lane) WHERE phase = 1 AND owner_id IS NOT NULL",
    "CREATE INDEX jobs_finished_idx ON jobs (phase, finished_at) WHERE finished_at IS NOT NULL",
    "CREATE UNIQUE INDEX jobs_unique_key ON jobs (unique_key) WHERE unique_key IS NOT NULL AND phase < 2",
];
