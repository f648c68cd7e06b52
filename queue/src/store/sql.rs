//! A statement and its bound values, built side by side.

use std::fmt::Write;

use sea_orm::{DatabaseBackend, Statement, Value};
use serde_json::Value as Json;
use uuid::Uuid;

/// Text with numbered parameters and the values they stand for.
pub(crate) struct Sql {
    backend: DatabaseBackend,
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub(crate) fn new(backend: DatabaseBackend) -> Self {
        Self { backend, text: String::with_capacity(512), values: Vec::new() }
    }

    pub(crate) fn backend(&self) -> DatabaseBackend {
        self.backend
    }

    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a parameter. SQLite's have no number: it takes `$1` for a name, and
    /// looks through all names before for each.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        if self.backend == DatabaseBackend::Sqlite {
            return self.push("?");
        }
        let number = self.values.len();
        write!(self.text, "${number}").expect("writing to a String cannot fail");
        self
    }

    /// Appends parameters with commas between them.
    pub(crate) fn bind_list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            self.bind(value);
        }
        self
    }

    /// Appends a comparison that holds for these ids. On PostgreSQL they are one
    /// parameter, so that the statement's text does not vary with their number.
    pub(crate) fn among<I: Into<Uuid> + Copy>(&mut self, ids: &[I]) -> &mut Self {
        let ids: Vec<Uuid> = ids.iter().map(|id| (*id).into()).collect();
        if self.backend != DatabaseBackend::Postgres {
            return self.push("IN (").bind_list(ids).push(")");
        }
        self.push("= ANY(").bind(ids).push(")")
    }

    /// Row locks; SQLite's writer has locked everything already.
    pub(crate) fn lock(&mut self) -> &mut Self {
        if self.backend == DatabaseBackend::Postgres {
            self.text.push_str(" FOR UPDATE");
        }
        self
    }

    /// Row locks that skip what others hold; SQLite has one writer and needs none.
    pub(crate) fn skip_locked(&mut self) -> &mut Self {
        if self.backend == DatabaseBackend::Postgres {
            self.text.push_str(" FOR UPDATE SKIP LOCKED");
        }
        self
    }

    /// The same for the rows of one table among several.
    pub(crate) fn skip_locked_of(&mut self, table: &str) -> &mut Self {
        if self.backend == DatabaseBackend::Postgres {
            self.push(" FOR UPDATE OF ").push(table).push(" SKIP LOCKED");
        }
        self
    }

    /// Appends the deletion of the rows of a table that `which` appends a condition of,
    /// with an order and a limit, but for those that others hold. The rows are named by
    /// where they lie: by their keys, PostgreSQL may look for them in the whole table.
    pub(crate) fn delete_some(&mut self, table: &str, which: impl FnOnce(&mut Self)) -> &mut Self {
        let (place, those, end) = match self.backend {
            DatabaseBackend::Postgres => ("ctid", "= ANY(ARRAY(", "))"),
            _ => ("rowid", "IN (", ")"),
        };
        let start = format!("DELETE FROM {table} WHERE {place} {those}SELECT {place} FROM {table} WHERE ");
        which(self.push(&start));
        self.skip_locked().push(end)
    }

    /// Appends JSON as both engines keep it: PostgreSQL's knows no NUL character.
    pub(crate) fn bind_json(&mut self, value: Option<&Json>) -> &mut Self {
        self.bind(value.map(without_nul))
    }

    pub(crate) fn build(self) -> Statement {
        Statement::from_sql_and_values(self.backend, self.text, self.values)
    }
}

/// The same with every NUL character of its texts replaced.
pub(crate) fn without_nul(value: &Json) -> Json {
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    match value {
        Json::String(text) => Json::String(clean(text)),
        Json::Array(values) => Json::Array(values.iter().map(without_nul).collect()),
        Json::Object(fields) => {
            Json::Object(fields.iter().map(|(name, value)| (clean(name), without_nul(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn replaces_nul_wherever_a_text_may_stand() {
        let value = json!({"a\0": ["b\0c", 1, null, {"d": "\0"}]});

        assert_eq!(without_nul(&value), json!({"a\u{fffd}": ["b\u{fffd}c", 1, null, {"d": "\u{fffd}"}]}));
    }
}
