//! Where rows are read from: a connection, or together with what others read at the same time.

use std::collections::HashMap;

use atelier_entities::{RunId, workflow_edge_runs, workflow_loop_runs, workflow_node_runs, workflow_runs};
use atelier_queue::Sql;
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, DbErr, EntityTrait, FromQueryResult};

use super::gather::{Found, Gather};

/// A row of a run: its scope, and its name there.
pub(super) type Key = (RunId, String, String);

/// Rows of one statement: three parameters each, of the 32,766 that SQLite allows.
const KEYS: usize = 3_000;
/// Keys that are compared one by one. PostgreSQL plans such a statement once, and one with lists each time.
const FEW_KEYS: usize = 4;

/// A row that a key names.
trait Keyed: FromQueryResult + Clone + Send + Sync + 'static {
    const TABLE: Table;

    /// Its key.
    fn key(&self) -> Key;
}

/// A table of rows that a key names.
#[derive(Clone, Copy)]
struct Table {
    name: &'static str,
    /// The column of the name in the scope.
    column: &'static str,
}

impl Keyed for workflow_node_runs::Model {
    const TABLE: Table = Table { name: "workflow_node_runs", column: "node" };

    fn key(&self) -> Key {
        (self.run_id, self.scope.clone(), self.node.clone())
    }
}

impl Keyed for workflow_edge_runs::Model {
    const TABLE: Table = Table { name: "workflow_edge_runs", column: "edge" };

    fn key(&self) -> Key {
        (self.run_id, self.scope.clone(), self.edge.clone())
    }
}

impl Keyed for workflow_loop_runs::Model {
    const TABLE: Table = Table { name: "workflow_loop_runs", column: "node" };

    fn key(&self) -> Key {
        (self.run_id, self.scope.clone(), self.node.clone())
    }
}

/// Reads the rows of keys, in any order.
pub(crate) trait ReadRows: Sync {
    /// Node runs.
    fn nodes(
        &self,
        keys: Vec<Key>,
    ) -> impl Future<Output = Result<Vec<workflow_node_runs::Model>, DbErr>> + Send;

    /// Edges.
    fn edges(
        &self,
        keys: Vec<Key>,
    ) -> impl Future<Output = Result<Vec<workflow_edge_runs::Model>, DbErr>> + Send;

    /// The lists of loops.
    fn lists(
        &self,
        keys: Vec<Key>,
    ) -> impl Future<Output = Result<Vec<workflow_loop_runs::Model>, DbErr>> + Send;
}

impl<C: ConnectionTrait> ReadRows for C {
    async fn nodes(&self, keys: Vec<Key>) -> Result<Vec<workflow_node_runs::Model>, DbErr> {
        select(self, &keys).await
    }

    async fn edges(&self, keys: Vec<Key>) -> Result<Vec<workflow_edge_runs::Model>, DbErr> {
        select(self, &keys).await
    }

    async fn lists(&self, keys: Vec<Key>) -> Result<Vec<workflow_loop_runs::Model>, DbErr> {
        select(self, &keys).await
    }
}

/// Reads rows together with all others that read at the same time. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SharedReads {
    runs: Gather<RunId, workflow_runs::Model>,
    nodes: Gather<Key, workflow_node_runs::Model>,
    edges: Gather<Key, workflow_edge_runs::Model>,
    lists: Gather<Key, workflow_loop_runs::Model>,
}

impl SharedReads {
    /// Reads from this database.
    pub(crate) fn new(db: &DatabaseConnection) -> Self {
        let runs = db.clone();
        Self {
            runs: Gather::new(move |ids| {
                let db = runs.clone();
                async move { list_runs(&db, &ids).await }
            }),
            nodes: gather(db),
            edges: gather(db),
            lists: gather(db),
        }
    }

    /// The run, if there is one and its owner has not closed the account.
    pub(crate) async fn find_run(&self, id: RunId) -> Result<Option<workflow_runs::Model>, DbErr> {
        Ok(self.runs.read(vec![id]).await?.get(&id).cloned())
    }
}

impl std::fmt::Debug for SharedReads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedReads").finish_non_exhaustive()
    }
}

impl ReadRows for SharedReads {
    async fn nodes(&self, keys: Vec<Key>) -> Result<Vec<workflow_node_runs::Model>, DbErr> {
        Ok(own(&keys, &self.nodes.read(keys.clone()).await?))
    }

    async fn edges(&self, keys: Vec<Key>) -> Result<Vec<workflow_edge_runs::Model>, DbErr> {
        Ok(own(&keys, &self.edges.read(keys.clone()).await?))
    }

    async fn lists(&self, keys: Vec<Key>) -> Result<Vec<workflow_loop_runs::Model>, DbErr> {
        Ok(own(&keys, &self.lists.read(keys.clone()).await?))
    }
}

fn own<V: Clone>(keys: &[Key], found: &Found<Key, V>) -> Vec<V> {
    keys.iter().filter_map(|key| found.get(key)).cloned().collect()
}

async fn list_runs(
    db: &DatabaseConnection,
    ids: &[RunId],
) -> Result<HashMap<RunId, workflow_runs::Model>, DbErr> {
    let mut sql = Sql::new(db.get_database_backend());
    sql.push("SELECT * FROM workflow_runs WHERE id ").among(ids);
    sql.push(" AND NOT EXISTS (SELECT 1 FROM account_erasures AS erasures WHERE erasures.user_id = workflow_runs.user_id)");
    let rows = workflow_runs::Entity::find().from_raw_sql(sql.build()).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

fn gather<R: Keyed>(db: &DatabaseConnection) -> Gather<Key, R> {
    let db = db.clone();
    Gather::new(move |keys| {
        let db = db.clone();
        async move {
            let rows: Vec<R> = select(&db, &keys).await?;
            Ok(rows.into_iter().map(|row| (row.key(), row)).collect())
        }
    })
}

async fn select<R: Keyed>(db: &impl ConnectionTrait, keys: &[Key]) -> Result<Vec<R>, DbErr> {
    let mut rows = Vec::with_capacity(keys.len());
    for some in keys.chunks(KEYS) {
        let mut sql = Sql::new(db.get_database_backend());
        push_selection(&mut sql, R::TABLE, some);
        rows.extend(R::find_by_statement(sql.build()).all(db).await?);
    }
    Ok(rows)
}

fn push_selection(sql: &mut Sql, Table { name: table, column }: Table, keys: &[Key]) {
    if keys.len() <= FEW_KEYS {
        sql.push("SELECT * FROM ").push(table).push(" WHERE ");
        for (index, (run, scope, name)) in keys.iter().enumerate() {
            sql.push(if index == 0 { "(run_id = " } else { " OR (run_id = " }).bind(*run);
            sql.push(" AND scope = ").bind(scope.as_str());
            sql.push(" AND ").push(column).push(" = ").bind(name.as_str()).push(")");
        }
    } else if sql.backend() == DatabaseBackend::Postgres {
        let runs: Vec<uuid::Uuid> = keys.iter().map(|(run, ..)| (*run).into()).collect();
        let scopes: Vec<String> = keys.iter().map(|(_, scope, _)| scope.clone()).collect();
        let names: Vec<String> = keys.iter().map(|(.., name)| name.clone()).collect();
        sql.push("SELECT rows.* FROM unnest(").bind(runs).push("::uuid[], ").bind(scopes);
        sql.push("::text[], ").bind(names).push("::text[]) AS keys (run_id, scope, name) JOIN ").push(table);
        sql.push(" AS rows ON rows.run_id = keys.run_id AND rows.scope = keys.scope AND rows.").push(column);
        sql.push(" = keys.name");
    } else {
        sql.push("SELECT * FROM ").push(table).push(" WHERE (run_id, scope, ").push(column);
        sql.push(") IN (VALUES ");
        for (index, (run, scope, name)) in keys.iter().enumerate() {
            sql.push(if index == 0 { "(" } else { ", (" }).bind(*run).push(", ");
            sql.bind(scope.as_str()).push(", ").bind(name.as_str()).push(")");
        }
        sql.push(")");
    }
}
