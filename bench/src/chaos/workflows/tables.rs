//! Triggers in the product's database that record every state of a node, every edge that changes
//! after it was decided, and how many runs of a schedule were under way when a further one began.
//! Their tables have no unique key, so that duplicates show.

use anyhow::Context;
use sea_orm::{ConnectionTrait, DatabaseBackend};

const TABLES: [&str; 3] = [
    "CREATE TABLE chaos_node_states (run_id uuid NOT NULL, scope text NOT NULL, node text NOT NULL, generation int NOT NULL, round int NOT NULL, was text, state text NOT NULL, run_generation int NOT NULL)",
    "CREATE TABLE chaos_edge_changes (run_id uuid NOT NULL, scope text NOT NULL, edge text NOT NULL)",
    "CREATE TABLE chaos_schedule_starts (run_id uuid NOT NULL, schedule_id uuid NOT NULL, others bigint NOT NULL)",
];

/// A state is recorded where it is new or final. A node of a retried run begins anew.
const POSTGRES: [&str; 6] = [
    "CREATE FUNCTION chaos_note_node() RETURNS trigger LANGUAGE plpgsql AS $$ \
     DECLARE was text; \
     BEGIN \
       IF TG_OP = 'UPDATE' AND OLD.generation = NEW.generation THEN \
         was := OLD.state; \
         IF was = NEW.state AND was NOT IN ('succeeded', 'failed', 'skipped', 'cancelled') THEN RETURN NULL; END IF; \
       END IF; \
       INSERT INTO chaos_node_states (run_id, scope, node, generation, round, was, state, run_generation) \
       SELECT NEW.run_id, NEW.scope, NEW.node, NEW.generation, NEW.round, was, NEW.state, runs.generation \
       FROM workflow_runs AS runs WHERE runs.id = NEW.run_id; \
       RETURN NULL; \
     END $$",
    "CREATE TRIGGER chaos_note_node AFTER INSERT OR UPDATE ON workflow_node_runs \
     FOR EACH ROW EXECUTE FUNCTION chaos_note_node()",
    "CREATE FUNCTION chaos_note_edge() RETURNS trigger LANGUAGE plpgsql AS $$ \
     BEGIN \
       INSERT INTO chaos_edge_changes (run_id, scope, edge) VALUES (NEW.run_id, NEW.scope, NEW.edge); \
       RETURN NULL; \
     END $$",
    "CREATE TRIGGER chaos_note_edge AFTER UPDATE ON workflow_edge_runs \
     FOR EACH ROW WHEN (OLD.taken <> NEW.taken) EXECUTE FUNCTION chaos_note_edge()",
    "CREATE FUNCTION chaos_note_start() RETURNS trigger LANGUAGE plpgsql AS $$ \
     BEGIN \
       INSERT INTO chaos_schedule_starts (run_id, schedule_id, others) \
       SELECT NEW.id, NEW.schedule_id, COUNT(*) FROM workflow_runs AS others \
       WHERE others.schedule_id = NEW.schedule_id AND others.finished_at IS NULL AND others.id <> NEW.id; \
       RETURN NULL; \
     END $$",
    "CREATE TRIGGER chaos_note_start AFTER INSERT ON workflow_runs \
     FOR EACH ROW WHEN (NEW.schedule_id IS NOT NULL) EXECUTE FUNCTION chaos_note_start()",
];

const SQLITE: [&str; 4] = [
    "CREATE TRIGGER chaos_note_new_node AFTER INSERT ON workflow_node_runs BEGIN \
       INSERT INTO chaos_node_states (run_id, scope, node, generation, round, was, state, run_generation) \
       SELECT NEW.run_id, NEW.scope, NEW.node, NEW.generation, NEW.round, NULL, NEW.state, runs.generation \
       FROM workflow_runs AS runs WHERE runs.id = NEW.run_id; \
     END",
    "CREATE TRIGGER chaos_note_node AFTER UPDATE ON workflow_node_runs \
     WHEN OLD.state <> NEW.state OR OLD.generation <> NEW.generation OR OLD.state IN ('succeeded', 'failed', 'skipped', 'cancelled') BEGIN \
       INSERT INTO chaos_node_states (run_id, scope, node, generation, round, was, state, run_generation) \
       SELECT NEW.run_id, NEW.scope, NEW.node, NEW.generation, NEW.round, CASE WHEN OLD.generation = NEW.generation THEN OLD.state END, NEW.state, runs.generation \
       FROM workflow_runs AS runs WHERE runs.id = NEW.run_id; \
     END",
    "CREATE TRIGGER chaos_note_edge AFTER UPDATE ON workflow_edge_runs WHEN OLD.taken <> NEW.taken BEGIN \
       INSERT INTO chaos_edge_changes (run_id, scope, edge) VALUES (NEW.run_id, NEW.scope, NEW.edge); \
     END",
    "CREATE TRIGGER chaos_note_start AFTER INSERT ON workflow_runs WHEN NEW.schedule_id IS NOT NULL BEGIN \
       INSERT INTO chaos_schedule_starts (run_id, schedule_id, others) \
       SELECT NEW.id, NEW.schedule_id, COUNT(*) FROM workflow_runs AS others \
       WHERE others.schedule_id = NEW.schedule_id AND others.finished_at IS NULL AND others.id <> NEW.id; \
     END",
];

/// Creates them.
pub(in crate::chaos) async fn create(product: &impl ConnectionTrait) -> anyhow::Result<()> {
    let triggers: &[&str] = match product.get_database_backend() {
        DatabaseBackend::Postgres => &POSTGRES,
        _ => &SQLITE,
    };
    for statement in TABLES.iter().chain(triggers) {
        product.execute_unprepared(statement).await.context("cannot create the triggers of the run")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sea_orm::{Database, DatabaseConnection};

    use super::*;
    use crate::chaos::tables::statement;

    /// A database with the tables that the triggers watch, and one run.
    async fn database() -> DatabaseConnection {
        let db = Database::connect("sqlite::memory:").await.expect("a database");
        for sql in [
            "CREATE TABLE workflow_runs (id text PRIMARY KEY, generation int, schedule_id text, finished_at text)",
            "CREATE TABLE workflow_node_runs (run_id uuid, scope text, node text, generation int, round int, state text, PRIMARY KEY (run_id, scope, node))",
            "CREATE TABLE workflow_edge_runs (run_id uuid, scope text, edge text, taken boolean, PRIMARY KEY (run_id, scope, edge))",
            "INSERT INTO workflow_runs VALUES ('r', 3, NULL, NULL)",
        ] {
            db.execute_unprepared(sql).await.expect("executed");
        }
        create(&db).await.expect("created");
        db
    }

    async fn count(db: &DatabaseConnection, which: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS found FROM {which}");
        let row = db.query_one_raw(statement(db, &sql, [])).await.expect("asked").expect("a row");
        row.try_get("", "found").expect("a number")
    }

    #[tokio::test]
    async fn triggers_record_a_second_end_and_an_edge_that_changes() {
        let db = database().await;
        let write = async |state: &str, generation: u32| {
            let sql = format!(
                "INSERT INTO workflow_node_runs VALUES ('r', '', 'a', {generation}, 0, '{state}') ON CONFLICT (run_id, scope, node) DO UPDATE SET state = excluded.state, generation = excluded.generation"
            );
            db.execute_unprepared(&sql).await.expect("written");
        };
        for state in ["ready", "ready", "succeeded"] {
            write(state, 0).await;
        }
        assert_eq!(count(&db, "chaos_node_states").await, 2, "the same state again is nothing new");
        write("succeeded", 0).await;
        assert_eq!(count(&db, "chaos_node_states WHERE state = 'succeeded' AND run_generation = 3").await, 2);

        write("ready", 1).await;
        assert_eq!(count(&db, "chaos_node_states WHERE was IS NULL AND state = 'ready'").await, 2);

        for taken in ["TRUE", "TRUE", "FALSE"] {
            let sql = format!(
                "INSERT INTO workflow_edge_runs VALUES ('r', '', 'a>b', {taken}) ON CONFLICT (run_id, scope, edge) DO UPDATE SET taken = excluded.taken"
            );
            db.execute_unprepared(&sql).await.expect("written");
        }
        assert_eq!(count(&db, "chaos_edge_changes").await, 1);
    }

    #[tokio::test]
    async fn triggers_record_how_many_runs_of_a_schedule_are_under_way_when_one_begins() {
        let db = database().await;
        for row in ["('a', 0, 's', NULL)", "('b', 0, 's', NULL)", "('c', 0, 't', NULL)"] {
            let sql = format!("INSERT INTO workflow_runs VALUES {row}");
            db.execute_unprepared(&sql).await.expect("written");
        }
        db.execute_unprepared("UPDATE workflow_runs SET finished_at = 'now'").await.expect("written");
        db.execute_unprepared("INSERT INTO workflow_runs VALUES ('d', 0, 's', NULL)").await.expect("written");

        assert_eq!(count(&db, "chaos_schedule_starts").await, 4, "the run without a schedule is left out");
        assert_eq!(count(&db, "chaos_schedule_starts WHERE others > 0 AND run_id = 'b'").await, 1);
        assert_eq!(count(&db, "chaos_schedule_starts WHERE others > 0").await, 1);
    }
}
