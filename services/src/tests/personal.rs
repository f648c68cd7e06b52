//! Every table with a person's id is claimed by exactly one part of the personal data.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, Statement};

use crate::{ModuleOptions, modules, testing::Fixture};

/// Columns with the id of a person, beside foreign keys.
const PEOPLE: [&str; 4] = ["user_id", "owner_id", "actor_id", "person_id"];

#[derive(FromQueryResult)]
struct Column {
    of: String,
    name: String,
}

async fn read(db: &DatabaseConnection, query: &str) -> Vec<Column> {
    let statement = Statement::from_string(db.get_database_backend(), query);
    Column::find_by_statement(statement).all(db).await.expect("the schema")
}

/// The tables that hold the id of a person or refer to such a table.
async fn tables_of_people(db: &DatabaseConnection) -> BTreeSet<String> {
    let columns = "SELECT tables.name AS 'of', columns.name FROM sqlite_schema AS tables, \
        pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'";
    let names_people =
        |column: &Column| PEOPLE.contains(&column.name.as_str()) || column.name.ends_with("_by");
    let mut found: BTreeSet<String> = BTreeSet::from(["users".to_owned()]);
    found.extend(read(db, columns).await.into_iter().filter(names_people).map(|column| column.of));
    let references = "SELECT tables.name AS 'of', keys.\"table\" AS name FROM sqlite_schema AS tables, \
        pragma_foreign_key_list(tables.name) AS keys WHERE tables.type = 'table'";
    let references = read(db, references).await;
    loop {
        let before = found.len();
        let more = references.iter().filter(|key| found.contains(&key.name)).map(|key| key.of.clone());
        let more: Vec<_> = more.collect();
        found.extend(more);
        if found.len() == before {
            return found;
        }
    }
}

/// The parts that claim each table.
fn claims() -> BTreeMap<String, Vec<&'static str>> {
    let mut claims: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for part in modules(&ModuleOptions::default()).iter().flat_map(|module| &module.personal_data) {
        for table in part.tables() {
            claims.entry((*table).to_owned()).or_default().push(part.name());
        }
    }
    claims
}

/// Tables with a person's id that no part claims.
async fn unclaimed(db: &DatabaseConnection) -> Vec<String> {
    let claims = claims();
    tables_of_people(db).await.into_iter().filter(|table| !claims.contains_key(table)).collect()
}

#[tokio::test]
async fn every_table_with_a_persons_id_belongs_to_one_part() {
    let fixture = Fixture::new().await;

    assert_eq!(unclaimed(fixture.services.queue.db()).await, [""; 0], "a domain has to claim it");
    let twice: Vec<_> = claims().into_iter().filter(|(_, parts)| parts.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[tokio::test]
async fn every_claimed_table_exists() {
    let fixture = Fixture::new().await;
    let tables = "SELECT '' AS 'of', name FROM sqlite_schema WHERE type = 'table'";
    let tables: BTreeSet<_> =
        read(fixture.services.queue.db(), tables).await.into_iter().map(|table| table.name).collect();

    let lost: Vec<_> = claims().into_keys().filter(|table| !tables.contains(table)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test]
async fn an_unclaimed_table_that_refers_to_people_is_found() {
    let fixture = Fixture::new().await;
    let db = fixture.services.queue.db();
    for table in [
        "CREATE TABLE diaries (id integer PRIMARY KEY, owner_id uuid_text)",
        "CREATE TABLE pages (id integer PRIMARY KEY, diary integer REFERENCES diaries (id))",
        "CREATE TABLE lines (page integer REFERENCES pages (id))",
        "CREATE TABLE reviews (version uuid_text REFERENCES project_versions (id))",
        "CREATE TABLE tickets (closed_by uuid_text)",
        "CREATE TABLE colours (name text)",
    ] {
        db.execute_unprepared(table).await.expect("made");
    }

    assert_eq!(unclaimed(db).await, ["diaries", "lines", "pages", "reviews", "tickets"]);
}

#[test]
fn lists_of_an_export_have_unique_names_and_positions() {
    let modules = modules(&ModuleOptions::default());
    let parts = modules.iter().flat_map(|module| &module.personal_data);
    let lists: Vec<_> = parts.flat_map(|part| part.lists()).collect();

    let names: BTreeSet<_> = lists.iter().map(|list| list.name).collect();
    let positions: BTreeSet<_> = lists.iter().map(|list| list.position).collect();
    assert_eq!((names.len(), positions.len()), (lists.len(), lists.len()));
}
