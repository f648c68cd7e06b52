//! The config of a node, parsed.

use serde_json::{Map, Value};

use crate::{
    expression::{Context, Fault, Parameter, Redactor, Reference, Root},
    graph::Node,
    nodes::{Definition, NodeFailure, ReadsInput},
};

/// The config of a node, parsed: what is evaluated before it runs, and what it evaluates itself.
#[derive(Debug)]
pub(super) struct Prepared {
    eager: Parameter,
    deferred: Map<String, Value>,
    references: Vec<Reference>,
    /// Whether an expression computes which node it reads.
    pub(super) reads_any_node: bool,
    /// Whether the node reads its input, beside what its expressions name.
    pub(super) reads_input: bool,
    /// Whether the node reads its branches one by one.
    pub(super) reads_branches: bool,
}

impl Prepared {
    pub(super) fn new(node: &Node, definition: &Definition) -> Result<Self, NodeFailure> {
        let is_deferred = |field: &String| definition.deferred.contains(&field.as_str());
        let (deferred, eager): (Map<_, _>, Map<_, _>) =
            node.config.clone().into_iter().partition(|(field, _)| is_deferred(field));
        let parse = |fields: Map<String, Value>| {
            Parameter::parse(&Value::Object(fields)).map_err(|faults| match faults.into_iter().next() {
                Some(fault) => NodeFailure::from(fault),
                None => NodeFailure::at("", "the expressions cannot be read"),
            })
        };
        let eager = parse(eager)?;
        let (first, second) = (eager.references(), parse(deferred.clone())?.references());
        Ok(Self {
            reads_any_node: first.reads_any_node() || second.reads_any_node(),
            references: first.iter().chain(second.iter()).cloned().collect(),
            reads_input: definition.reads_input.reads_whole(&node.config),
            reads_branches: definition.reads_input == ReadsInput::Branches,
            eager,
            deferred,
        })
    }

    /// Whether an expression names the root.
    pub(super) fn names(&self, root: Root) -> bool {
        self.references
            .iter()
            .any(|reference| reference.path.first().is_some_and(|first| first == root.name()))
    }

    /// The keys of the nodes that expressions name.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.references.iter().filter_map(Reference::node)
    }

    /// Evaluates the expressions. This is the only place where secrets are opened, and only for a
    /// type that sends them. An installation keeps no secrets, so that each name is unknown; the
    /// redactor knows those that were opened.
    pub(super) fn open(
        self,
        context: &Context,
        sends_secrets: bool,
    ) -> Result<(Map<String, Value>, Redactor), NodeFailure> {
        let failure = |fault: Fault| NodeFailure::permanent(fault.code(), fault.to_string());
        let resolved = self.eager.resolve(context)?;
        let config = if sends_secrets && !resolved.secrets().is_empty() {
            resolved.reveal(|_| None).map_err(failure)?.expose().clone()
        } else {
            resolved.into_value().map_err(failure)?
        };
        let redactor = Redactor::new([]).map_err(failure)?;
        let mut config = match config {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        config.extend(self.deferred);
        Ok((config, redactor))
    }
}
