//! A document of n8n, as far as it can be read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::graph::{MAX_EDGES, Position};

/// The farthest that a node may lie on the canvas.
const MAX_POSITION: f64 = 1e6;
/// Most outputs and inputs of a node that are read.
const MAX_PORTS: usize = 64;

/// A node of the document.
#[derive(Clone, Debug)]
pub(super) struct SourceNode<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) version: f64,
    pub(super) position: Option<Position>,
    pub(super) parameters: &'a Map<String, Value>,
    pub(super) raw: &'a Map<String, Value>,
}

impl SourceNode<'_> {
    /// Whether a field of the node, beside its parameters, is true.
    pub(super) fn flag(&self, field: &str) -> bool {
        self.raw.get(field) == Some(&Value::Bool(true))
    }
}

/// A way from an output of a node to an input of another one, by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    pub(super) to: usize,
    pub(super) input: usize,
    pub(super) from: usize,
    pub(super) output: usize,
}

/// A node that serves another one, such as the model of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Service<'a> {
    pub(super) kind: &'a str,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A document.
#[derive(Clone, Debug)]
pub(super) struct Source<'a> {
    pub(super) document: &'a Map<String, Value>,
    pub(super) nodes: Vec<SourceNode<'a>>,
    pub(super) links: Vec<Link>,
    pub(super) services: Vec<Service<'a>>,
    pub(super) notes: Vec<String>,
}

impl<'a> Source<'a> {
    /// Reads what can be read; the rest is noted.
    pub(super) fn read(document: &'a Map<String, Value>, empty: &'a Map<String, Value>) -> Self {
        let mut source =
            Self { document, nodes: Vec::new(), links: Vec::new(), services: Vec::new(), notes: Vec::new() };
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let listed = document.get("nodes").and_then(Value::as_array);
        for (place, value) in listed.into_iter().flatten().enumerate() {
            let Some(node) = read_node(value, empty) else {
                source.notes.push(format!("/nodes/{place} has no name or no type: it is left out."));
                continue;
            };
            if places.contains_key(node.name) {
                let message = format!(
                    "/nodes/{place}: {:?} names two nodes; connections lead to the first.",
                    node.name
                );
                source.notes.push(message);
            } else {
                places.insert(node.name, source.nodes.len());
            }
            source.nodes.push(node);
        }
        source.read_connections(&places);
        source
    }

    fn read_connections(&mut self, places: &BTreeMap<&str, usize>) {
        let connections = self.document.get("connections").and_then(Value::as_object);
        let mut links = BTreeSet::new();
        let mut lost = BTreeSet::new();
        for (name, outputs) in connections.into_iter().flatten() {
            let (Some(&from), Some(outputs)) = (places.get(name.as_str()), outputs.as_object()) else {
                lost.insert(name.clone());
                continue;
            };
            for (kind, ports) in outputs {
                for (output, targets) in ports.as_array().into_iter().flatten().take(MAX_PORTS).enumerate() {
                    for target in targets.as_array().into_iter().flatten() {
                        let named = target.get("node").and_then(Value::as_str);
                        let Some(&to) = named.and_then(|named| places.get(named)) else {
                            lost.insert(named.unwrap_or(name).to_owned());
                            continue;
                        };
                        if kind != "main" {
                            self.services.push(Service { kind, from, to });
                            continue;
                        }
                        let input = target.get("index").and_then(Value::as_u64).unwrap_or_default();
                        let input = usize::try_from(input).unwrap_or(MAX_PORTS).min(MAX_PORTS);
                        links.insert(Link { to, input, from, output });
                    }
                }
            }
        }
        if links.len() > MAX_EDGES {
            self.notes.push(format!("Of {} connections the first {MAX_EDGES} are imported.", links.len()));
        }
        self.links = links.into_iter().take(MAX_EDGES).collect();
        for name in lost.iter().take(20) {
            self.notes.push(format!("A connection from or to {name:?} leads nowhere: it is left out."));
        }
    }

    /// The settings of the workflow.
    pub(super) fn setting(&self, name: &str) -> Option<&'a Value> {
        self.document.get("settings")?.get(name)
    }

    /// The nodes that serve a node, with the kind of the service.
    pub(super) fn services_of(&self, node: usize) -> impl Iterator<Item = (&'a str, usize)> {
        self.services.iter().filter(move |service| service.to == node).map(|found| (found.kind, found.from))
    }
}

fn read_node<'a>(value: &'a Value, empty: &'a Map<String, Value>) -> Option<SourceNode<'a>> {
    let raw = value.as_object()?;
    let text = |field: &str| raw.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    Some(SourceNode {
        name: text("name")?,
        kind: text("type")?,
        version: raw.get("typeVersion").and_then(Value::as_f64).unwrap_or(1.0),
        position: position(raw.get("position")),
        parameters: raw.get("parameters").and_then(Value::as_object).unwrap_or(empty),
        raw,
    })
}

fn position(value: Option<&Value>) -> Option<Position> {
    let part = |name: &str, place: usize| {
        let found = value?.get(place).or_else(|| value?.get(name))?.as_f64()?;
        Some(found.clamp(-MAX_POSITION, MAX_POSITION))
    };
    Some(Position { x: part("x", 0)?, y: part("y", 1)? })
}
