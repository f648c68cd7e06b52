//! The rotation of keys goes over every table of sealed rows.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, Statement};

use crate::{ModuleOptions, modules, testing::Fixture};

/// The tables that have this column.
async fn tables_with(fixture: &Fixture, column: &str) -> BTreeSet<String> {
    let db = fixture.services.queue.db();
    let query = format!(
        "SELECT tables.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns \
         WHERE tables.type = 'table' AND columns.name = '{column}'"
    );
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), query)).await;
    let rows = rows.expect("the schema");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a name")).collect()
}

#[tokio::test]
async fn every_table_with_a_sealed_column_is_offered_once() {
    let fixture = Fixture::new().await;
    let modules = modules(&ModuleOptions::default());
    let offered: Vec<_> = modules.iter().flat_map(|module| module.sealed_tables.clone()).collect();

    let unique: BTreeSet<_> = offered.iter().map(|table| (*table).to_owned()).collect();
    assert_eq!(unique.len(), offered.len());
    assert_eq!(tables_with(&fixture, "sealed").await, unique, "a module has to offer it by with_sealed");
    for column in ["id", "key_id"] {
        let tables = tables_with(&fixture, column).await;
        assert!(unique.is_subset(&tables), "a table of sealed rows has no {column}");
    }
}
