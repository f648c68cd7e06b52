//! The merged values with their sources, and the problems found so far.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::error::{Problem, Source};
use crate::schema;

/// An effective value and its source.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) source: Source,
}

/// Every setting with its effective value. A value of the wrong type becomes a problem and
/// does not override the layer below, so that later checks still find other problems.
pub(crate) struct Layers {
    entries: BTreeMap<String, Entry>,
    pub(crate) problems: Vec<Problem>,
}

impl Layers {
    /// The lowest layer: the compiled defaults.
    pub(crate) fn new() -> Self {
        let entries = schema::defaults()
            .iter()
            .map(|(key, value)| (key.clone(), Entry { value: value.clone(), source: Source::Default }))
            .collect();
        Self { entries, problems: Vec::new() }
    }

    /// Overrides the value of the layers below, if the type is right.
    pub(crate) fn set(&mut self, key: &str, value: Value, source: Source) {
        let Some(kind) = schema::find_kind(key) else { return };
        if kind.fits(&value) {
            self.entries.insert(key.to_owned(), Entry { value, source });
        } else {
            let found = describe(&value, schema::is_secret(key) || schema::is_secret_url(key));
            self.reject(key, format!("expected {}, found {found}", kind.expected()), source);
        }
    }

    /// Adds a problem.
    pub(crate) fn reject(&mut self, key: &str, message: impl Into<String>, source: Source) {
        self.problems.push(Problem { key: key.to_owned(), message: message.into(), source });
    }

    /// Adds a problem with the effective value.
    pub(crate) fn reject_value(&mut self, key: &str, message: impl Into<String>) {
        let source = self.entries.get(key).map_or(Source::Default, |entry| entry.source.clone());
        self.reject(key, message, source);
    }

    /// Every setting with its effective value, by name.
    pub(crate) fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// The effective text; empty for a setting of another type.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.entries.get(key).and_then(|entry| entry.value.as_str()).unwrap_or_default()
    }

    /// The effective values as one table, nested by section.
    pub(crate) fn to_table(&self) -> Table {
        let mut root = Table::new();
        for (key, entry) in &self.entries {
            let mut names: Vec<&str> = key.split('.').collect();
            let leaf = names.pop().unwrap_or_default();
            insert(&mut root, &names, leaf, entry.value.clone());
        }
        root
    }
}

fn insert(table: &mut Table, sections: &[&str], leaf: &str, value: Value) {
    match sections.split_first() {
        None => drop(table.insert(leaf.to_owned(), value)),
        Some((section, rest)) => {
            let inner = table.entry((*section).to_owned()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, leaf, value);
            }
        }
    }
}

fn describe(value: &Value, secret: bool) -> String {
    match value {
        Value::String(_) if secret => "another text".to_owned(),
        Value::String(text) => format!("{text:?}"),
        Value::Integer(_) if secret => "a number without quotes".to_owned(),
        Value::Integer(number) => format!("the number {number}"),
        Value::Float(_) if secret => "a number without quotes".to_owned(),
        Value::Float(number) => format!("the number {number:?}"),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(_) => "a date".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a section".to_owned(),
    }
}
