//! Triggers in the product's database that record every state of a node, and every edge that
//! changes after it was decided. Their tables have no unique key, so that duplicates show.

use anyhow::Context;
use sea_orm::{ConnectionTrait, DatabaseBackend};

const TABLES: [&str; 2] = [
    "CREATE TABLE chaos_node_states (run_id uuid NOT NULL, scope text NOT NULL, node text NOT NULL, generation int NOT NULL, round int NOT NULL, was text, state text NOT NULL, run_generation int NOT NULL)",
    "CREATE TABLE chaos_edge_changes (run_id uuid NOT NULL, scope text NOT NULL, edge text NOT NULL)",
];

/// A state is recorded where it is new or final. A node of a retried run begins anew.
const POSTGRES: [&str; 4] = [
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
];

const SQLITE: [&str; 3] = [
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

    /// A database with the two tables that the triggers watch, and one run.
    async fn database() -> DatabaseConnection {
        let db = Database::connect("sqlite::memory:").await.expect("a database");
        for sql in [
            "CREATE TABLE workflow_runs (id uuid PRIMARY KEY, generation int)",
            "CREATE TABLE workflow_node_runs (run_id uuid, scope text, node text, generation int, round int, state text, PRIMARY KEY (run_id, scope, node))",
            "CREATE TABLE workflow_edge_runs (run_id uuid, scope text, edge text, taken boolean, PRIMARY KEY (run_id, scope, edge))",
            "INSERT INTO workflow_runs VALUES ('r', 3)",
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
}
