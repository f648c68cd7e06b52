//! The plans that the server sends as notices.

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

/// The log target of the driver's notices.
const TARGET: &str = "sqlx::postgres::notice";

/// A sequential scan of a table.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) struct Scan {
    pub(super) table: String,
    /// The scanned rows.
    pub(super) rows: f64,
    pub(super) statement: String,
}

#[derive(Default)]
struct Collected {
    statements: HashSet<String>,
    scans: Vec<Scan>,
    unread: BTreeSet<String>,
}

/// Collects the plans that arrive in this thread while it exists.
pub(super) struct PlanCollector {
    heard: Arc<Mutex<Collected>>,
    _subscription: DefaultGuard,
}

impl PlanCollector {
    pub(super) fn listen() -> Self {
        let heard = Arc::new(Mutex::new(Collected::default()));
        let subscriber = registry().with(Listener(heard.clone()));
        Self { heard, _subscription: tracing::subscriber::set_default(subscriber) }
    }

    /// The number of different explained statements.
    pub(super) fn statements(&self) -> usize {
        self.heard.lock().expect("what was heard").statements.len()
    }

    /// All sequential scans.
    ///
    /// # Panics
    /// If a plan could not be parsed.
    pub(super) fn scans(&self) -> Vec<Scan> {
        let heard = self.heard.lock().expect("what was heard");
        assert!(heard.unread.is_empty(), "not read: {:?}", heard.unread);
        heard.scans.clone()
    }
}

struct Listener(Arc<Mutex<Collected>>);

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
        find_scans(&explained["Plan"], &statement, &mut heard.scans);
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

fn find_scans(node: &Value, statement: &str, scans: &mut Vec<Scan>) {
    let number = |name: &str| node[name].as_f64().unwrap_or_default();
    if node["Node Type"] == "Seq Scan" {
        let table = node["Relation Name"].as_str().unwrap_or_default().to_owned();
        let rows = (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops");
        scans.push(Scan { table, rows, statement: statement.to_owned() });
    }
    for inner in node["Plans"].as_array().into_iter().flatten() {
        find_scans(inner, statement, scans);
    }
}
