//! What an expression names, read without evaluating it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    error::Place,
    syntax::{Call, Kind, Node},
};

/// The name that paths to secrets begin with.
pub(super) const SECRETS: &str = "secrets";
const NODES: &str = "nodes";

/// A path that an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its parts, such as `nodes`, `fetch`, `output`. What is computed ends the path.
    pub path: Vec<String>,
    /// Whether the expression says what to do where it is missing.
    pub optional: bool,
    /// JSON pointer of the text among the parameters.
    pub pointer: String,
    /// Where in the text it stands.
    pub place: Place,
}

impl Reference {
    /// The key of the node whose output it names, where it names one.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.second_part(NODES)
    }

    /// The name of the secret, where it names one.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        self.second_part(SECRETS)
    }

    fn second_part(&self, root: &str) -> Option<&str> {
        match self.path.as_slice() {
            [first, second, ..] if first == root => Some(second),
            _ => None,
        }
    }
}

/// All that parameters name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References(pub(super) Vec<Reference>);

impl References {
    /// Each of them, in the order of the parameters.
    pub fn iter(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter()
    }

    /// The keys of the nodes that are named.
    #[must_use]
    pub fn nodes(&self) -> BTreeSet<&str> {
        self.second_parts(NODES)
    }

    /// The names of the secrets.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<&str> {
        self.second_parts(SECRETS)
    }

    /// Whether an expression computes which node it reads, so that all are needed.
    #[must_use]
    pub fn reads_any_node(&self) -> bool {
        self.0.iter().any(|reference| matches!(reference.path.as_slice(), [first] if first == NODES))
    }

    fn second_parts(&self, root: &str) -> BTreeSet<&str> {
        self.0.iter().filter_map(|reference| reference.second_part(root)).collect()
    }
}

/// A path and the byte of the expression where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: Vec<String>,
    pub(super) optional: bool,
    pub(super) at: usize,
}

/// All paths of an expression.
pub(super) fn find_paths(node: &Node) -> Vec<Found> {
    let mut found = Vec::new();
    collect(node, false, &mut found);
    found
}

impl Node {
    /// The name of the secret, if the expression is nothing else.
    pub(super) fn alone_secret(&self) -> Option<String> {
        match self.path().as_deref() {
            Some([first, name]) if first == SECRETS => Some(name.clone()),
            _ => None,
        }
    }

    /// Whether the expression is a path of names and constants, and nothing else.
    pub(super) fn is_path(&self) -> bool {
        self.path().is_some()
    }

    /// The parts of a path of names and constants.
    fn path(&self) -> Option<Vec<String>> {
        let (of, part) = match &self.kind {
            Kind::Name(name) => return Some(vec![name.clone()]),
            Kind::Field(of, name) => (of, name.clone()),
            Kind::Item(of, key) => match &key.kind {
                Kind::Constant(Value::String(name)) => (of, name.clone()),
                Kind::Constant(Value::Number(index)) => (of, index.to_string()),
                _ => return None,
            },
            _ => return None,
        };
        let mut path = of.path()?;
        path.push(part);
        Some(path)
    }

    /// Where the path begins.
    fn path_start(&self) -> usize {
        match &self.kind {
            Kind::Field(of, _) | Kind::Item(of, _) => of.path_start(),
            _ => self.at,
        }
    }
}

fn collect(node: &Node, optional: bool, found: &mut Vec<Found>) {
    if let Some(path) = node.path() {
        found.push(Found { path, optional, at: node.path_start() });
        return;
    }
    match &node.kind {
        Kind::Constant(_) | Kind::Name(_) => {}
        Kind::Field(of, _) | Kind::Not(of) | Kind::Negative(of) => collect(of, optional, found),
        Kind::Item(left, right) | Kind::Binary(_, left, right) => {
            collect(left, optional, found);
            collect(right, optional, found);
        }
        Kind::Slice(of, bounds) => {
            collect(of, optional, found);
            bounds.iter().flatten().for_each(|bound| collect(bound, optional, found));
        }
        Kind::Compare(first, rest) => {
            collect(first, optional, found);
            rest.iter().for_each(|(_, other)| collect(other, optional, found));
        }
        Kind::If { test, then, otherwise } => {
            collect(test, optional, found);
            collect(then, optional, found);
            otherwise.iter().for_each(|otherwise| collect(otherwise, optional, found));
        }
        Kind::Call(call) | Kind::Test(call) => collect_call(call, optional, found),
        Kind::List(items) => items.iter().for_each(|item| collect(item, optional, found)),
        Kind::Object(pairs) => {
            for (key, value) in pairs {
                collect(key, optional, found);
                collect(value, optional, found);
            }
        }
    }
}

fn collect_call(call: &Call, optional: bool, found: &mut Vec<Found>) {
    for (place, argument) in call.arguments.iter().enumerate() {
        let may_be_missing = match call.name.as_str() {
            "coalesce" => true,
            "default" | "d" | "defined" | "undefined" => place == 0,
            _ => false,
        };
        collect(argument, optional || may_be_missing, found);
    }
    call.named.iter().for_each(|(_, value)| collect(value, optional, found));
}
