//! A statement and its bound values, built side by side.

use std::fmt::Write;

use sea_orm::{DatabaseBackend, Statement, Value};

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

    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a parameter.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
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

    pub(crate) fn build(self) -> Statement {
        Statement::from_sql_and_values(self.backend, self.text, self.values)
    }
}
