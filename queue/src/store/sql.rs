//! A statement and its bound values, built together.

use std::fmt::Write;

use sea_orm::{DatabaseBackend, Statement, Value};
use serde_json::Value as Json;
use uuid::Uuid;

/// The text of a statement and the values of its parameters.
#[derive(Debug)]
pub struct Sql {
    backend: DatabaseBackend,
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// An empty statement of that database.
    #[must_use]
    pub fn new(backend: DatabaseBackend) -> Self {
        Self { backend, text: String::with_capacity(512), values: Vec::new() }
    }

    /// The database that it is for.
    #[must_use]
    pub fn backend(&self) -> DatabaseBackend {
        self.backend
    }

    /// Appends text.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a parameter. It has no number on SQLite, which reads `$1` as a name and
    /// searches all earlier names for each.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        if self.backend == DatabaseBackend::Sqlite {
            return self.push("?");
        }
        let number = self.values.len();
        write!(self.text, "${number}").expect("writing to a String cannot fail");
        self
    }

    /// Appends parameters separated by commas.
    pub fn bind_list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            self.bind(value);
        }
        self
    }

    /// Appends a comparison that is true for these ids. On PostgreSQL they are one parameter,
    /// so that the statement's text does not depend on their number. A single id is no list:
    /// PostgreSQL plans a statement with a list anew each time.
    pub fn among<I: Into<Uuid> + Copy>(&mut self, ids: &[I]) -> &mut Self {
        if let [id] = ids {
            return self.push("= ").bind((*id).into());
        }
        let ids: Vec<Uuid> = ids.iter().map(|id| (*id).into()).collect();
        if self.backend != DatabaseBackend::Postgres {
            return self.push("IN (").bind_list(ids).push(")");
        }
        self.push("= ANY(").bind(ids).push(")")
    }

    /// Appends row locks. A writer of SQLite has locked everything already.
    pub fn lock(&mut self) -> &mut Self {
        if self.backend == DatabaseBackend::Postgres {
            self.text.push_str(" FOR UPDATE");
        }
        self
    }

    /// Appends row locks that skip locked rows. SQLite has one writer and needs none.
    pub fn skip_locked(&mut self) -> &mut Self {
        if self.backend == DatabaseBackend::Postgres {
            self.text.push_str(" FOR UPDATE SKIP LOCKED");
        }
        self
    }

    /// [`Sql::skip_locked`] for the rows of one table among several.
    pub fn skip_locked_of(&mut self, table: &str) -> &mut Self {
        if self.backend == DatabaseBackend::Postgres {
            self.push(" FOR UPDATE OF ").push(table).push(" SKIP LOCKED");
        }
        self
    }

    /// Appends JSON that both databases accept: PostgreSQL refuses NUL characters.
    pub fn bind_json(&mut self, value: Option<&Json>) -> &mut Self {
        self.bind(value.map(without_nul))
    }

    /// The statement.
    #[must_use]
    pub fn build(self) -> Statement {
        Statement::from_sql_and_values(self.backend, self.text, self.values)
    }
}

/// The JSON with every NUL character replaced, which PostgreSQL refuses.
#[must_use]
pub fn without_nul(value: &Json) -> Json {
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
    fn replaces_nul_in_every_text() {
        let value = json!({"a\0": ["b\0c", 1, null, {"d": "\0"}]});

        assert_eq!(without_nul(&value), json!({"a\u{fffd}": ["b\u{fffd}c", 1, null, {"d": "\u{fffd}"}]}));
    }
}
