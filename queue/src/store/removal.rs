//! Deleting a batch of rows.

use sea_orm::{
    Condition, ConnectionTrait, DatabaseBackend, DbErr, EntityTrait, IdenStatic,
    sea_query::{Expr, Query},
};

/// Which rows are deleted.
#[derive(Clone, Debug)]
pub(crate) struct Removal<C> {
    /// The condition that selects them.
    pub(crate) which: Condition,
    /// The column that orders them, where only an index with that order finds them quickly.
    pub(crate) order: Option<C>,
    /// Most rows of a statement.
    pub(crate) batch: u32,
}

/// Deletes a batch of the selected rows and answers how many. Rows that others have locked
/// are skipped.
///
/// The rows are deleted by their place: by their keys, PostgreSQL may scan the whole table.
pub(crate) async fn delete_batch<E: EntityTrait>(
    db: &impl ConnectionTrait,
    removal: Removal<E::Column>,
) -> Result<u64, DbErr> {
    let Removal { which, order, batch } = removal;
    let (place, start, condition, lock, end) = match db.get_database_backend() {
        DatabaseBackend::Postgres => ("ctid", "= ANY(ARRAY(", "$1", " FOR UPDATE SKIP LOCKED", "))"),
        _ => ("rowid", "IN (", "?", "", ")"),
    };
    let table = E::default().table_name();
    let order = order.map(|column| format!(" ORDER BY {}", column.as_str())).unwrap_or_default();
    let batch = format!(
        "{place} {start}SELECT {place} FROM {table} WHERE {condition}{order} LIMIT {batch}{lock}{end}"
    );
    let which = Expr::cust_with_expr(batch, which);
    let delete = Query::delete().from_table(E::default()).and_where(which).to_owned();
    Ok(db.execute(&delete).await?.rows_affected())
}
