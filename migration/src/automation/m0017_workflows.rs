use sea_orm_migration::prelude::*;

use crate::schema::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            workflows(),
            workflow_versions(),
            workflow_nodes(),
            workflow_edges(),
            workflow_triggers(),
            workflow_runs(),
            workflow_node_runs(),
            workflow_node_attempts(),
            workflow_edge_runs(),
            workflow_loop_runs(),
            workflow_item_runs(),
            workflow_waits(),
            workflow_signals(),
        ];
        for table in tables {
            manager.create_table(table).await?;
        }
        run(manager, INDEXES).await
    }
}

/// Runs that have not ended are few among all: the indexes of them are partial.
const INDEXES: &[&str] = &[
    "CREATE INDEX workflows_user_idx ON workflows (user_id, id)",
    "CREATE INDEX workflows_project_idx ON workflows (project_id, id)",
    "CREATE INDEX workflows_error_idx ON workflows (error_workflow_id)",
    "CREATE INDEX workflows_deleted_idx ON workflows (deleted_at) WHERE deleted_at IS NOT NULL",
    "CREATE INDEX workflow_versions_workflow_idx ON workflow_versions (workflow_id, number)",
    "CREATE INDEX workflow_versions_test_idx ON workflow_versions (created_at) WHERE kind = 'test'",
    "CREATE INDEX workflow_triggers_event_idx ON workflow_triggers (type, event)",
    "CREATE INDEX workflow_triggers_user_idx ON workflow_triggers (user_id, event)",
    "CREATE INDEX workflow_runs_workflow_idx ON workflow_runs (workflow_id, id)",
    "CREATE INDEX workflow_runs_user_idx ON workflow_runs (user_id, id)",
    "CREATE INDEX workflow_runs_version_idx ON workflow_runs (version_id)",
    "CREATE INDEX workflow_runs_root_idx ON workflow_runs (root_id)",
    "CREATE UNIQUE INDEX workflow_runs_parent_key ON workflow_runs (parent_id, parent_attempt)",
    "CREATE INDEX workflow_runs_unfinished_idx ON workflow_runs (workflow_id, status) WHERE finished_at IS NULL",
    "CREATE INDEX workflow_runs_deadline_idx ON workflow_runs (deadline_at) WHERE finished_at IS NULL",
    "CREATE INDEX workflow_runs_finished_idx ON workflow_runs (finished_at)",
    "CREATE INDEX workflow_node_runs_revision_idx ON workflow_node_runs (run_id, revision)",
    "CREATE INDEX workflow_item_runs_loop_idx ON workflow_item_runs (run_id, loop_scope, loop_node, item)",
    "CREATE UNIQUE INDEX workflow_waits_token_key ON workflow_waits (token_hash)",
    "CREATE INDEX workflow_waits_answered_idx ON workflow_waits (answered_by) WHERE answered_by IS NOT NULL",
    "CREATE INDEX workflow_waits_open_idx ON workflow_waits (run_id, key) WHERE NOT closed",
    "CREATE INDEX workflow_waits_awaited_idx ON workflow_waits (awaited_job_id) WHERE awaited_job_id IS NOT NULL",
];

fn workflows() -> TableCreateStatement {
    table(
        "workflows",
        &["id"],
        vec![
            uuid("id"),
            uuid("user_id"),
            uuid_null("project_id"),
            text("name"),
            text("description"),
            boolean("enabled"),
            json("settings"),
            uuid_null("error_workflow_id"),
            uuid("draft_id"),
            uuid_null("published_id"),
            int("last_number"),
            bigint("revision"),
            time("created_at"),
            time("updated_at"),
            time_null("deleted_at"),
        ],
    )
    .foreign_key(&mut set_null("project_id", "projects", "id"))
    .to_owned()
}

fn workflow_versions() -> TableCreateStatement {
    table(
        "workflow_versions",
        &["id"],
        vec![
            uuid("id"),
            uuid("workflow_id"),
            text("kind"),
            int_null("number"),
            text_null("note"),
            uuid("created_by"),
            time("created_at"),
        ],
    )
    .foreign_key(&mut cascade("workflow_id", "workflows", "id"))
    .to_owned()
}

fn workflow_nodes() -> TableCreateStatement {
    table(
        "workflow_nodes",
        &["version_id", "key"],
        vec![
            uuid("version_id"),
            text("key"),
            int("position"),
            text_null("parent"),
            text("type"),
            int("type_version"),
            text_null("name"),
            double_null("x"),
            double_null("y"),
            boolean("disabled"),
            json("config"),
            json("policy"),
        ],
    )
    .foreign_key(&mut cascade("version_id", "workflow_versions", "id"))
    .to_owned()
}

fn workflow_edges() -> TableCreateStatement {
    table(
        "workflow_edges",
        &["version_id", "position"],
        vec![
            uuid("version_id"),
            int("position"),
            text_null("parent"),
            text("from_node"),
            text("from_port"),
            text("to_node"),
            text("to_port"),
        ],
    )
    .foreign_key(&mut cascade("version_id", "workflow_versions", "id"))
    .to_owned()
}

fn workflow_triggers() -> TableCreateStatement {
    table(
        "workflow_triggers",
        &["workflow_id", "node"],
        vec![
            uuid("workflow_id"),
            text("node"),
            uuid("user_id"),
            text("type"),
            text_null("event"),
            json("config"),
        ],
    )
    .foreign_key(&mut cascade("workflow_id", "workflows", "id"))
    .to_owned()
}

fn workflow_runs() -> TableCreateStatement {
    table(
        "workflow_runs",
        &["id"],
        vec![
            uuid("id"),
            uuid("workflow_id"),
            uuid("version_id"),
            uuid("user_id"),
            uuid_null("project_id"),
            uuid("root_id"),
            uuid_null("parent_id"),
            text_null("parent_attempt"),
            int("depth"),
            text("cause"),
            text("trigger_node"),
            smallint("lane"),
            text("status"),
            boolean("paused"),
            uuid_null("paused_by"),
            time_null("paused_at"),
            int("generation"),
            int("working"),
            int("waiting"),
            json_null("failure"),
            boolean("handles_error"),
            json_null("input"),
            text_null("input_object"),
            bigint("output_bytes"),
            uuid_null("caused_by"),
            uuid_null("rerun_of"),
            time_null("deadline_at"),
            bigint_null("active_left"),
            bigint("revision"),
            time("created_at"),
            time_null("started_at"),
            time("updated_at"),
            time_null("finished_at"),
        ],
    )
    .foreign_key(&mut cascade("workflow_id", "workflows", "id"))
    .to_owned()
}

fn workflow_node_runs() -> TableCreateStatement {
    table(
        "workflow_node_runs",
        &["run_id", "scope", "node"],
        vec![
            uuid("run_id"),
            text("scope"),
            text("node"),
            text("state"),
            int("generation"),
            int("round"),
            int("attempt"),
            text_null("port"),
            boolean("passed"),
            json_null("error"),
            boolean("handled"),
            time_null("retry_at"),
            text_null("cause"),
            uuid_null("job_id"),
            json_null("output"),
            text_null("output_object"),
            bigint("output_bytes"),
            bigint("revision"),
            time("ready_at"),
            time_null("finished_at"),
        ],
    )
    .foreign_key(&mut cascade("run_id", "workflow_runs", "id"))
    .to_owned()
}

fn workflow_node_attempts() -> TableCreateStatement {
    table(
        "workflow_node_attempts",
        &["run_id", "scope", "node", "generation", "round", "attempt"],
        vec![
            uuid("run_id"),
            text("scope"),
            text("node"),
            int("generation"),
            int("round"),
            int("attempt"),
            uuid_null("job_id"),
            json("error"),
            time("ready_at"),
            time("finished_at"),
        ],
    )
    .foreign_key(&mut cascade("run_id", "workflow_runs", "id"))
    .to_owned()
}

fn workflow_edge_runs() -> TableCreateStatement {
    table(
        "workflow_edge_runs",
        &["run_id", "scope", "edge"],
        vec![
            uuid("run_id"),
            text("scope"),
            text("edge"),
            boolean("taken"),
            boolean("error"),
            boolean("late"),
        ],
    )
    .foreign_key(&mut cascade("run_id", "workflow_runs", "id"))
    .to_owned()
}

fn workflow_loop_runs() -> TableCreateStatement {
    table(
        "workflow_loop_runs",
        &["run_id", "scope", "node"],
        vec![
            uuid("run_id"),
            text("scope"),
            text("node"),
            int_null("total"),
            int("next"),
            int("active"),
            int("parked"),
            int("failed"),
            int("queued"),
            text_null("closing"),
            json_null("items"),
            text_null("items_object"),
        ],
    )
    .foreign_key(&mut cascade("run_id", "workflow_runs", "id"))
    .to_owned()
}

fn workflow_item_runs() -> TableCreateStatement {
    table(
        "workflow_item_runs",
        &["run_id", "scope"],
        vec![
            uuid("run_id"),
            text("scope"),
            text("loop_scope"),
            text("loop_node"),
            int("item"),
            text("state"),
            int("working"),
            int("waiting"),
            json_null("failure"),
            text_null("cause"),
            bigint("revision"),
            time("started_at"),
            time_null("finished_at"),
        ],
    )
    .foreign_key(&mut cascade("run_id", "workflow_runs", "id"))
    .to_owned()
}

fn workflow_waits() -> TableCreateStatement {
    table(
        "workflow_waits",
        &["run_id", "scope", "node", "generation", "round", "attempt"],
        vec![
            uuid("run_id"),
            text("scope"),
            text("node"),
            int("generation"),
            int("round"),
            int("attempt"),
            text("kind"),
            text_null("key"),
            time_null("due_at"),
            time("opened_at"),
            boolean("closed"),
            boolean("held"),
            uuid_null("job_id"),
            uuid_null("awaited_job_id"),
            text_null("token_hash"),
            json_null("question"),
            json_null("answer"),
            uuid_null("answered_by"),
            time_null("answered_at"),
        ],
    )
    .foreign_key(&mut cascade("run_id", "workflow_runs", "id"))
    .to_owned()
}

fn workflow_signals() -> TableCreateStatement {
    table(
        "workflow_signals",
        &["run_id", "id"],
        vec![
            uuid("run_id"),
            text("id"),
            text("key"),
            json("payload"),
            uuid_null("sent_by"),
            time("sent_at"),
            text_null("taken_scope"),
            text_null("taken_node"),
        ],
    )
    .foreign_key(&mut cascade("run_id", "workflow_runs", "id"))
    .to_owned()
}
