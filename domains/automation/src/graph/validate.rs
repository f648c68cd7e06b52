//! Everything that is wrong with a graph, all at once.
//!
//! This looks at the graph alone. Whether a credential or a sub-workflow exists is checked with the workflow.

use std::collections::BTreeMap;

use super::{
    Catalog, Fault, FaultCode, Graph, MAX_BYTES, MAX_DEPTH, MAX_EDGES, MAX_KEY_CHARS, MAX_NAME_CHARS,
    MAX_NODES, Node, Shape,
};

mod answers;
mod edges;
mod expressions;
mod flow;

/// The faults of a graph. It may be published and run if none of them is an error.
#[must_use]
pub fn validate(graph: &Graph, catalog: &Catalog) -> Vec<Fault> {
    let mut faults = size_faults(graph);
    if !faults.is_empty() {
        return faults;
    }
    let view = View::new(graph, catalog, &mut faults);
    edges::check(&view, &mut faults);
    flow::check(&view, &mut faults);
    expressions::check(&view, &mut faults);
    answers::check(&view, &mut faults);
    faults
}

/// Bounds that hold before anything else is looked at.
pub(crate) fn size_faults(graph: &Graph) -> Vec<Fault> {
    let mut faults = Vec::new();
    let scopes = graph.scopes();
    let mut bound = |code, what: &str, count: usize, max: usize| {
        if count > max {
            faults.push(Fault::error(
                code,
                format!("The graph has {count} {what}; at most {max} are allowed."),
            ));
        }
    };
    let nodes = scopes.iter().map(|scope| scope.graph.nodes.len()).sum();
    bound(FaultCode::TooManyNodes, "nodes", nodes, MAX_NODES);
    let edges = scopes.iter().map(|scope| scope.graph.edges.len()).sum();
    bound(FaultCode::TooManyEdges, "edges", edges, MAX_EDGES);
    let depth = scopes.iter().map(|scope| scope.depth).max().unwrap_or_default();
    bound(FaultCode::TooDeep, "levels of loops", depth, MAX_DEPTH);
    let bytes = serde_json::to_vec(graph).map_or(usize::MAX, |text| text.len());
    bound(FaultCode::GraphTooLarge, "bytes", bytes, MAX_BYTES);
    faults
}

/// A graph or a body, with what is known of its nodes.
struct Scope<'a> {
    graph: &'a Graph,
    /// The loop node whose body it is.
    owner: Option<&'a Node>,
    /// The scope that the owner lies in.
    outer: Option<usize>,
    /// The nodes that an edge leads to from each node, by the places of both. Only edges that resolve.
    next: Vec<Vec<usize>>,
    /// The edges that lead to each node, as places in `graph.edges`.
    inbound: Vec<Vec<usize>>,
}

/// A graph with everything that the checks look up.
struct View<'a> {
    /// From the outside in.
    scopes: Vec<Scope<'a>>,
    /// The scope of each key, and its place there.
    homes: BTreeMap<&'a str, (usize, usize)>,
    /// What each node offers, where its type and config are right.
    shapes: BTreeMap<&'a str, Shape>,
    catalog: &'a Catalog,
}

impl<'a> View<'a> {
    fn new(graph: &'a Graph, catalog: &'a Catalog, faults: &mut Vec<Fault>) -> Self {
        let mut view = Self { scopes: Vec::new(), homes: BTreeMap::new(), shapes: BTreeMap::new(), catalog };
        view.add_scope(graph, None, None);
        let mut index = 0;
        while index < view.scopes.len() {
            let graph = view.scopes[index].graph;
            for (place, node) in graph.nodes.iter().enumerate() {
                view.add_node(node, (index, place), faults);
                if let Some(body) = node.body.as_deref() {
                    view.add_scope(body, Some(node), Some(index));
                }
            }
            view.connect(index);
            index += 1;
        }
        view
    }

    fn add_scope(&mut self, graph: &'a Graph, owner: Option<&'a Node>, outer: Option<usize>) {
        let empty = || vec![Vec::new(); graph.nodes.len()];
        self.scopes.push(Scope { graph, owner, outer, next: empty(), inbound: empty() });
    }

    fn add_node(&mut self, node: &'a Node, home: (usize, usize), faults: &mut Vec<Fault>) {
        if !is_key(&node.key) {
            let message = format!("{:?} is not a key.", node.key);
            faults.push(Fault::error(FaultCode::BadKey, message).at_node(&node.key));
        }
        if self.homes.contains_key(node.key.as_str()) {
            let message = format!("More than one node has the key {}.", node.key);
            faults.push(Fault::error(FaultCode::DuplicateKey, message).at_node(&node.key));
            return;
        }
        self.homes.insert(&node.key, home);
        if node.name.as_ref().is_some_and(|name| name.chars().count() > MAX_NAME_CHARS) {
            let message = format!("A name has at most {MAX_NAME_CHARS} characters.");
            let fault = Fault::error(FaultCode::ConfigInvalid, message);
            faults.push(fault.at_node(&node.key).at_pointer("/name"));
        }
        for (pointer, reason) in node.policy.faults() {
            let fault = Fault::error(FaultCode::ConfigInvalid, format!("The value {reason}."));
            faults.push(fault.at_node(&node.key).at_pointer(pointer));
        }
        match self.shape_of(node) {
            Ok(shape) => {
                self.shapes.insert(&node.key, shape);
            }
            Err(fault) => faults.push(fault.at_node(&node.key)),
        }
    }

    fn shape_of(&self, node: &Node) -> Result<Shape, Box<Fault>> {
        let fault = |code, message: String, pointer: String| {
            Box::new(Fault::error(code, message).at_pointer(pointer))
        };
        let Some(kind) = self.catalog.find(&node.kind, node.type_version) else {
            let versions = self.catalog.versions(&node.kind);
            return Err(if versions.is_empty() {
                fault(
                    FaultCode::UnknownType,
                    format!("There is no node type {:?}.", node.kind),
                    "/type".into(),
                )
            } else {
                let message =
                    format!("{} has the versions {versions:?}, not {}.", node.kind, node.type_version);
                fault(FaultCode::TypeVersionUnsupported, message, "/type_version".into())
            });
        };
        (kind.read)(&node.config).map_err(|wrong| {
            let pointer = format!("/config{}", wrong.pointer);
            fault(FaultCode::ConfigInvalid, format!("{}.", wrong.message), pointer)
        })
    }

    /// Fills in what the edges of a scope connect.
    fn connect(&mut self, index: usize) {
        let edges = &self.scopes[index].graph.edges;
        let ends: Vec<_> =
            edges.iter().map(|edge| (self.place(index, &edge.from), self.place(index, &edge.to))).collect();
        let scope = &mut self.scopes[index];
        for (edge, ends) in ends.into_iter().enumerate() {
            if let (Some(from), Some(to)) = ends {
                scope.next[from].push(to);
                scope.inbound[to].push(edge);
            }
        }
    }

    /// The place of a key in a scope.
    fn place(&self, scope: usize, key: &str) -> Option<usize> {
        self.homes.get(key).filter(|home| home.0 == scope).map(|home| home.1)
    }

    /// The scopes that hold each other, with their places.
    fn scopes(&self) -> impl Iterator<Item = (usize, &Scope<'a>)> {
        self.scopes.iter().enumerate()
    }

    fn shape(&self, key: &str) -> Option<&Shape> {
        self.shapes.get(key)
    }
}

/// Whether a text may be the key of a node.
#[must_use]
pub fn is_key(text: &str) -> bool {
    text.len() <= MAX_KEY_CHARS
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
}
