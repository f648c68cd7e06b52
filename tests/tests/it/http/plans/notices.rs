//! What the server tells of the statements that it runs.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt},
    registry,
};

/// Where the database driver tells what the server tells.
const TARGET: &str = "sqlx::postgres::notice";

/// A table that was read row after row.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) struct Reading {
    pub(super) table: String,
    /// Rows that were looked at.
    pub(super) rows: f64,
    pub(super) statement: String,
}

#[derive(Default)]
struct Heard {
    statements: HashSet<String>,
    readings: Vec<Reading>,
    unread: BTreeSet<String>,
}

/// Hears every explanation that comes to this thread, as long as it lives.
pub(super) struct Explained {
    heard: Arc<Mutex<Heard>>,
    _subscription: DefaultGuard,
}

impl Explained {
    pub(super) fn listen() -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let subscriber = registry().with(Listener(heard.clone()));
        Self { heard, _subscription: tracing::subscriber::set_default(subscriber) }
    }

    /// How many different statements were explained.
    pub(super) fn statements(&self) -> usize {
        self.heard.lock().expect("what was heard").statements.len()
    }

    /// Every sequential scan.
    ///
    /// # Panics
    /// If an explanation could not be read.
    pub(super) fn readings(&self) -> Vec<Reading> {
        let heard = self.heard.lock().expect("what was heard");
        assert!(heard.unread.is_empty(), "not read: {:?}", heard.unread);
        heard.readings.clone()
    }
}

struct Listener(Arc<Mutex<Heard>>);

impl<S: Subscriber> Layer<S> for Listener {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == TARGET
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Message::default();
        event.record(&mut text);
        let Some((_, plan)) = text.0.split_once("plan:") else { return };
        let mut heard = self.0.lock().expect("what was heard");
        let Ok(explained) = serde_json::from_str::<Value>(plan) else {
            heard.unread.insert(text.0);
            return;
        };
        let statement = explained["Query Text"].as_str().unwrap_or_default().to_owned();
        find_scans(&explained["Plan"], &statement, &mut heard.readings);
        heard.statements.insert(statement);
    }
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }
}

fn find_scans(node: &Value, statement: &str, readings: &mut Vec<Reading>) {
    let number = |name: &str| node[name].as_f64().unwrap_or_default();
    if node["Node Type"] == "Seq Scan" {
        let table = node["Relation Name"].as_str().unwrap_or_default().to_owned();
        let rows = (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops");
        readings.push(Reading { table, rows, statement: statement.to_owned() });
    }
    for inner in node["Plans"].as_array().into_iter().flatten() {
        find_scans(inner, statement, readings);
    }
}
