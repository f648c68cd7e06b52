//! All rows of a database in tests.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};

/// The rows of all tables, each as one text with all of its columns. Bytes are written as hexadecimal digits.
pub async fn list_rows_as_text(db: &DatabaseConnection) -> Vec<String> {
    let is_postgres = db.get_database_backend() == DbBackend::Postgres;
    let tables = if is_postgres {
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    };
    let tables = read(db, tables).await;
    assert!(tables.len() > 20, "the tables are listed");
    let mut rows = Vec::new();
    for table in tables.iter().map(first_text) {
        let row = if is_postgres {
            "row_to_json(found)::text".to_owned()
        } else {
            let columns = read(db, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
            let columns = columns.iter().map(first_text).map(|column| {
                format!("CASE typeof(\"{column}\") WHEN 'blob' THEN hex(\"{column}\") ELSE coalesce(\"{column}\", '') END")
            });
            columns.collect::<Vec<_>>().join(" || ' ' || ")
        };
        rows.extend(
            read(db, &format!("SELECT {row} FROM \"{table}\" AS found")).await.iter().map(first_text),
        );
    }
    rows
}

async fn read(db: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("read")
}

fn first_text(row: &QueryResult) -> String {
    row.try_get_by_index(0).expect("a text")
}
