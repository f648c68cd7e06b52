//! Rows as a table that a statement can select from.
//!
//! PostgreSQL gets one array for each column. So the statement's text does not depend on
//! the number of rows, is prepared once, and has few parameters. Columns that are never
//! null are sent as typed arrays, the others as text.
//! SQLite has no arrays and gets a list of `VALUES`.

use std::fmt::Write;

use atelier_entities::Timestamp;
use chrono::SecondsFormat;
use sea_orm::{DatabaseBackend, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use super::sql::{Sql, without_nul};

/// A column: its name, and its type on PostgreSQL.
pub(crate) type Column = (&'static str, &'static str);

/// One value of a row.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Id(Uuid),
    Uuid(Option<Uuid>),
    Number(i64),
    /// Text, or JSON as text.
    Text(Option<String>),
    Time(Option<Timestamp>),
}

impl Cell {
    /// JSON that both databases accept: PostgreSQL refuses NUL characters.
    pub(crate) fn json(value: Option<&Json>) -> Self {
        Self::Text(value.map(json_text))
    }

    /// The value as a parameter of its own.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Id(id) => id.into(),
            Self::Uuid(id) => id.into(),
            Self::Number(number) => number.into(),
            Self::Text(text) => text.into(),
            Self::Time(at) => at.into(),
        }
    }

    fn id(&self) -> Option<Uuid> {
        if let Self::Id(id) = self { Some(*id) } else { None }
    }

    fn number(&self) -> Option<i64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// Appends it as an element of an array.
    fn write(&self, array: &mut String) {
        match self {
            Self::Id(id) | Self::Uuid(Some(id)) => {
                array.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
            }
            Self::Number(number) => {
                write!(array, "{number}").expect("writing to a String cannot fail");
            }
            Self::Text(Some(text)) => quote(text, array),
            Self::Time(Some(at)) => quote(&at.to_rfc3339_opts(SecondsFormat::Micros, true), array),
            Self::Uuid(None) | Self::Text(None) | Self::Time(None) => array.push_str("NULL"),
        }
    }
}

/// Whether a text of JSON contains a NUL character.
pub(crate) fn has_nul(json_text: &str) -> bool {
    json_text.contains("\\u0000")
}

/// The text of a JSON value without NUL characters.
fn json_text(value: &Json) -> String {
    let text = value.to_string();
    if has_nul(&text) { without_nul(value).to_string() } else { text }
}

fn quote(text: &str, array: &mut String) {
    array.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\']) {
        array.push_str(&rest[..at]);
        array.push('\\');
        array.push_str(&rest[at..=at]);
        rest = &rest[at + 1..];
    }
    array.push_str(rest);
    array.push('"');
}

/// Rows of the same columns. All cells of a column are of one variant.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    columns: [Column; N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(columns: [Column; N], rows: Vec<[Cell; N]>) -> Self {
        Self { columns, rows }
    }

    /// Appends the table under this name, to stand after `FROM`. It has at least one
    /// row.
    pub(crate) fn push_to(self, sql: &mut Sql, name: &str) {
        match sql.backend() {
            DatabaseBackend::Postgres => self.push_arrays(sql, name),
            _ => self.push_values(sql, name),
        }
    }

    fn push_arrays(self, sql: &mut Sql, name: &str) {
        sql.push("unnest(");
        for (index, (_, kind)) in self.columns.iter().enumerate() {
            let (sent_as, array) = self.array(index);
            sql.push(if index == 0 { "" } else { ", " }).bind(array).push("::").push(sent_as);
            sql.push("::").push(kind).push("[]");
        }
        sql.push(") AS ").push(name).push("(");
        for (index, (column, _)) in self.columns.iter().enumerate() {
            sql.push(if index == 0 { "" } else { ", " }).push(column);
        }
        sql.push(")");
    }

    /// A column as one parameter, and that parameter's type.
    fn array(&self, index: usize) -> (&'static str, Value) {
        let cells = self.rows.iter().map(|row| &row[index]);
        match self.rows.first().map(|row| &row[index]) {
            Some(Cell::Id(_)) => {
                let ids: Vec<Uuid> = cells.filter_map(Cell::id).collect();
                ("uuid[]", ids.into())
            }
            Some(Cell::Number(_)) => {
                let numbers: Vec<i64> = cells.filter_map(Cell::number).collect();
                ("bigint[]", numbers.into())
            }
            _ => ("text", self.text(index).into()),
        }
    }

    fn text(&self, index: usize) -> String {
        let mut array = String::with_capacity(self.rows.len() * 38 + 2);
        array.push('{');
        for (number, row) in self.rows.iter().enumerate() {
            if number > 0 {
                array.push(',');
            }
            row[index].write(&mut array);
        }
        array.push('}');
        array
    }

    fn push_values(self, sql: &mut Sql, name: &str) {
        sql.push("(SELECT ");
        for (index, (column, _)) in self.columns.iter().enumerate() {
            let number = (index + 1).to_string();
            sql.push(if index == 0 { "column" } else { ", column" }).push(&number).push(" AS ").push(column);
        }
        sql.push(" FROM (VALUES ");
        for (number, row) in self.rows.into_iter().enumerate() {
            sql.push(if number == 0 { "(" } else { ", (" }).bind_list(row.map(Cell::into_value)).push(")");
        }
        sql.push(")) AS ").push(name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(backend: DatabaseBackend, count: i64) -> String {
        let rows = (0..count).map(|number| [Cell::Number(number), Cell::Text(None)]).collect();
        let mut sql = Sql::new(backend);
        Table::new([("id", "bigint"), ("name", "text")], rows).push_to(&mut sql, "given");
        sql.build().sql
    }

    #[test]
    fn the_text_of_a_statement_does_not_depend_on_the_number_of_rows() {
        let one = text(DatabaseBackend::Postgres, 1);

        assert_eq!(one, "unnest($1::bigint[]::bigint[], $2::text::text[]) AS given(id, name)");
        assert_eq!(text(DatabaseBackend::Postgres, 7), one);
    }

    #[test]
    fn columns_that_are_never_null_are_sent_as_typed_arrays() {
        let rows = vec![[Cell::Id(Uuid::nil()), Cell::Number(1)], [Cell::Id(Uuid::max()), Cell::Number(2)]];
        let mut sql = Sql::new(DatabaseBackend::Postgres);
        Table::new([("id", "uuid"), ("lane", "smallint")], rows).push_to(&mut sql, "given");

        let statement = sql.build();
        assert_eq!(statement.sql, "unnest($1::uuid[]::uuid[], $2::bigint[]::smallint[]) AS given(id, lane)");
        let values = statement.values.map(|values| values.0).unwrap_or_default();
        assert_eq!(values, [Value::from(vec![Uuid::nil(), Uuid::max()]), Value::from(vec![1_i64, 2])]);
    }

    #[test]
    fn sqlite_gets_values() {
        assert_eq!(
            text(DatabaseBackend::Sqlite, 2),
            "(SELECT column1 AS id, column2 AS name FROM (VALUES (?, ?), (?, ?))) AS given"
        );
    }

    #[test]
    fn elements_of_an_array_are_quoted_where_needed() {
        for (cell, element) in [
            (Cell::Text(Some(String::new())), r#""""#),
            (Cell::Text(Some(r#"a "b" \ {c},"#.to_owned())), r#""a \"b\" \\ {c},""#),
            (Cell::Text(Some("NULL".to_owned())), r#""NULL""#),
            (Cell::Text(None), "NULL"),
            (Cell::json(Some(&json!({"a": "é\""}))), r#""{\"a\":\"é\\\"\"}""#),
            (Cell::Number(-7), "-7"),
        ] {
            let mut array = String::new();
            cell.write(&mut array);
            assert_eq!(array, element, "{cell:?}");
        }
    }

    #[test]
    fn json_is_stored_without_nul() {
        assert_eq!(json_text(&json!({"a": "b\0"})), "{\"a\":\"b\u{fffd}\"}");
    }
}
