//! A node that is being translated.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    expression::{Kind, Refused, Written, as_expression, as_template, is_template, literal},
    json::{self, is_balanced},
    report::Findings,
    sight::{Reading, Sight},
    source::SourceNode,
};

/// The deepest values of parameters.
const MAX_DEPTH: usize = 32;

/// What a node becomes.
#[derive(Clone, Debug)]
pub(super) struct Translated {
    /// The type of ours.
    pub(super) kind: &'static str,
    /// Its config.
    pub(super) config: Map<String, Value>,
    /// Our ports for each output of the node there.
    pub(super) ports: Vec<Vec<String>>,
    /// What it gives.
    pub(super) gives: Reading,
    /// The longest time of an attempt.
    pub(super) timeout_seconds: Option<u32>,
}

impl Translated {
    /// A node with one output, the main one.
    pub(super) fn new(kind: &'static str, config: Value, gives: Reading) -> Self {
        let config = match config {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Self { kind, config, ports: vec![vec!["main".to_owned()]], gives, timeout_seconds: None }
    }

    /// The same with other ports.
    pub(super) fn with_ports(self, ports: Vec<Vec<String>>) -> Self {
        Self { ports, ..self }
    }
}

/// A node that is being translated.
#[derive(Debug)]
pub(super) struct Case<'a> {
    /// The node.
    pub(super) node: &'a SourceNode<'a>,
    /// What its expressions see.
    pub(super) sight: Sight<'a>,
    /// What arrives.
    pub(super) input: Reading,
    /// How many links lead to it.
    pub(super) inbound: usize,
    /// The nodes that serve it, with the kind of the service.
    pub(super) services: Vec<(&'a str, &'a SourceNode<'a>)>,
    /// The addresses of the owner.
    pub(super) owner: &'a [String],
    /// What is found.
    pub(super) findings: Findings,
    /// The times at which it starts runs.
    pub(super) crons: Vec<String>,
}

impl<'a> Case<'a> {
    /// A parameter by its path; dots separate the parts.
    pub(super) fn raw(&self, path: &str) -> Option<&'a Value> {
        let mut parts = path.split('.');
        let first = self.node.parameters.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part)).filter(|value| !value.is_null())
    }

    /// A parameter that is a text without expressions, or the fallback.
    pub(super) fn choice(&self, path: &str, fallback: &'a str) -> &'a str {
        let text = self.raw(path).and_then(Value::as_str).unwrap_or(fallback);
        text.strip_prefix('=').unwrap_or(text)
    }

    /// A parameter that is a boolean, or the fallback.
    pub(super) fn flag(&self, path: &str, fallback: bool) -> bool {
        self.raw(path).and_then(Value::as_bool).unwrap_or(fallback)
    }

    /// A parameter that is a whole number.
    pub(super) fn whole(&self, path: &str) -> Option<u64> {
        let value = self.raw(path)?;
        value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
    }

    /// The rows of a parameter that is a list.
    pub(super) fn rows(&self, path: &str) -> impl Iterator<Item = &'a Map<String, Value>> + use<'a> {
        let rows = self.raw(path).and_then(Value::as_array);
        rows.into_iter().flatten().filter_map(Value::as_object)
    }

    /// Whether a parameter is there and neither empty nor false.
    pub(super) fn has(&self, path: &str) -> bool {
        match self.raw(path) {
            None | Some(Value::Bool(false)) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(fields)) => !fields.is_empty(),
            Some(_) => true,
        }
    }

    /// A value of the document with its expressions as ours.
    pub(super) fn value(&mut self, value: &Value, place: &str) -> Result<Value, Refused> {
        self.value_at(value, place, 0)
    }

    fn value_at(&mut self, value: &Value, place: &str, depth: usize) -> Result<Value, Refused> {
        if depth > MAX_DEPTH {
            return Err(Refused::new(format!("{place} has more than {MAX_DEPTH} levels")));
        }
        Ok(match value {
            Value::String(text) => Value::String(self.template(text, place)?),
            Value::Array(items) => {
                let items = items.iter().map(|item| self.value_at(item, place, depth + 1));
                items.collect::<Result<_, _>>().map(Value::Array)?
            }
            Value::Object(fields) => {
                let fields = fields.iter().map(|(key, item)| {
                    if key.contains("{{") {
                        return Err(Refused::new(format!("{place}: a name is an expression")));
                    }
                    Ok((key.clone(), self.value_at(item, place, depth + 1)?))
                });
                fields.collect::<Result<_, Refused>>().map(Value::Object)?
            }
            other => other.clone(),
        })
    }

    /// A text of the document as a template of ours.
    pub(super) fn template(&mut self, text: &str, place: &str) -> Result<String, Refused> {
        self.noting(place, |sight, notes| as_template(text, sight, notes))
    }

    /// A parameter as a template, or nothing where it is absent.
    pub(super) fn text(&mut self, path: &str) -> Result<Option<String>, Refused> {
        match self.raw(path) {
            None => Ok(None),
            Some(Value::String(text)) => self.template(text, path).map(Some),
            Some(Value::Object(fields)) => match fields.get("value") {
                Some(Value::String(text)) => self.template(text, path).map(Some),
                _ => Err(Refused::new(format!("{path} is no text"))),
            },
            Some(Value::Array(_)) => Err(Refused::new(format!("{path} is no text"))),
            Some(other) => Ok(Some(other.to_string())),
        }
    }

    /// A parameter as a template, which must be there.
    pub(super) fn required(&mut self, path: &str) -> Result<String, Refused> {
        let found = self.text(path)?.filter(|text| !text.is_empty());
        found.ok_or_else(|| Refused::new(format!("{path} is missing")))
    }

    /// A value as one expression.
    pub(super) fn expression(&mut self, value: &Value, place: &str) -> Result<Written, Refused> {
        match value {
            Value::String(text) => self.noting(place, |sight, notes| as_expression(text, sight, notes)),
            Value::Null => Ok(Written::atom("null", Kind::Unknown)),
            Value::Number(number) => Ok(Written::atom(number.to_string(), Kind::Number)),
            Value::Bool(value) => Ok(Written::atom(value.to_string(), Kind::Unknown)),
            _ => Err(Refused::new(format!("{place} is neither text nor number"))),
        }
    }

    fn noting<T>(
        &mut self,
        place: &str,
        inner: impl FnOnce(&Sight<'a>, &mut BTreeSet<String>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let mut notes = BTreeSet::new();
        let found = inner(&self.sight, &mut notes);
        for note in notes {
            self.findings.approximate(format!("{place}: {note}"));
        }
        found.map_err(|refused| Refused::new(format!("{place}: {refused}")))
    }

    /// The list of the items that arrive.
    pub(super) fn items(&self) -> String {
        format!("{{{{ {} }}}}", self.sight.input.all())
    }

    /// A text of JSON with expressions in it, as a value.
    pub(super) fn json(&mut self, value: &Value, place: &str) -> Result<Value, Refused> {
        let Value::String(text) = value else { return self.value(value, place) };
        if !is_template(text) {
            return serde_json::from_str::<Value>(text)
                .map(|value| plain(&value))
                .map_err(|error| Refused::new(format!("{place} is no JSON: {error}")));
        }
        match json::read(&text[1..]) {
            Some(value) => self.value(&value, place),
            None => {
                let written = self.expression(value, place)?;
                let inner = written.text.strip_prefix("to_json(").and_then(|rest| rest.strip_suffix(')'));
                match inner.filter(|inner| is_balanced(inner)) {
                    Some(inner) => Ok(Value::String(format!("{{{{ {inner} }}}}"))),
                    None if written.kind == Kind::Text => {
                        Err(Refused::new(format!("{place} is no JSON with expressions in its values")))
                    }
                    None => Ok(Value::String(braced(&written))),
                }
            }
        }
    }

    /// Adds what differs.
    pub(super) fn approximate(&mut self, reason: impl Into<String>) {
        self.findings.approximate(reason);
    }

    /// Adds what is worth knowing and does not differ.
    pub(super) fn remark(&mut self, reason: impl Into<String>) {
        self.findings.remark(reason);
    }

    /// Says of options that are set that they are left out.
    pub(super) fn leaves_out(&mut self, options: &[&str]) {
        for option in options {
            if self.has(option) {
                self.approximate(format!("{option} is left out"));
            }
        }
    }
}

/// Texts without expressions as they are written here.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(literal(text)),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, item)| (key.clone(), plain(item))).collect())
        }
        other => other.clone(),
    }
}

/// An expression of ours between braces.
pub(super) fn braced(written: &Written) -> String {
    format!("{{{{ {} }}}}", written.text)
}
