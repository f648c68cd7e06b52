//! The graph that a document becomes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    batches::LoopItem,
    case::{Case, Translated},
    expression::Refused,
    joins::{Choices, Inbound},
    keys::Keys,
    original,
    plan::Scope,
    policy::{has_error_output, policy_of},
    report::Findings,
    sight::{Base, Known, Reading, Sight},
    source::{Link, Source, SourceNode},
    types::{self, Runs},
};
use crate::graph::{ERROR, Edge, Graph, INPUT, MAIN, MAX_NAME_CHARS, Node, Policy, Position};

/// The type of a node that stands for one without an equal.
pub(super) const NOT_IMPORTED: &str = "not_imported";

/// How a document is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options<'a> {
    /// Whether nodes that run for each item get a loop.
    pub(super) wraps: bool,
    /// Most bytes of a node that is kept as it was.
    pub(super) most_original: usize,
    /// The addresses of the owner.
    pub(super) owner: &'a [String],
    /// The time zone of the workflow.
    pub(super) zone: Option<&'a str>,
}

/// What a node has become.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawn {
    /// The key that edges lead to.
    pub(super) enters: String,
    /// The key that edges leave, and that expressions name.
    pub(super) leaves: String,
    /// Our ports for each output.
    pub(super) ports: Vec<Vec<String>>,
    /// What it gives.
    pub(super) gives: Reading,
    /// Whether it starts runs.
    pub(super) is_trigger: bool,
}

/// Where a node is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'b> {
    /// The loops around it, from the outside in.
    pub(super) home: &'b [usize],
    /// The loop around it and its item.
    pub(super) item: Option<&'b LoopItem>,
}

/// The graph as far as it is drawn.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) options: Options<'a>,
    pub(super) keys: Keys,
    pub(super) known: BTreeMap<String, Known>,
    pub(super) drawn: BTreeMap<usize, Drawn>,
    pub(super) findings: Vec<Findings>,
    pub(super) crons: Vec<(usize, String)>,
    pub(super) choices: Choices,
}

impl<'a> Draft<'a> {
    pub(super) fn new(source: &'a Source<'a>, options: Options<'a>) -> Self {
        Self {
            source,
            options,
            keys: Keys::default(),
            known: BTreeMap::new(),
            drawn: BTreeMap::new(),
            findings: vec![Findings::default(); source.nodes.len()],
            crons: Vec::new(),
            choices: Choices::default(),
        }
    }

    /// Draws a scope.
    pub(super) fn scope(&mut self, scope: &Scope, place: Place<'_>) -> Graph {
        let mut graph = Graph::default();
        let mut inbound: BTreeMap<usize, Vec<Link>> = BTreeMap::new();
        for link in &scope.links {
            inbound.entry(link.to).or_default().push(*link);
        }
        for &index in &scope.nodes {
            let links = inbound.remove(&index).unwrap_or_default();
            let arrives = self.inbound(index, &links, place.item);
            match scope.loops.get(&index) {
                Some(body) => self.batches(index, (body, &arrives), place, &mut graph),
                None => self.node(index, &arrives, place, &mut graph),
            }
        }
        let mut seen = BTreeSet::new();
        for link in &scope.links {
            for edge in self.edges(link) {
                if seen.insert(edge.clone()) {
                    graph.edges.push(edge);
                }
            }
        }
        graph
    }

    fn edges(&mut self, link: &Link) -> Vec<Edge> {
        let (Some(from), Some(to)) = (self.drawn.get(&link.from), self.drawn.get(&link.to)) else {
            return Vec::new();
        };
        let target = self.source.nodes[link.to].name;
        if to.is_trigger {
            self.findings[link.from].approximate(format!("{target:?} starts runs: nothing leads to it."));
            return Vec::new();
        }
        let has_errors = has_error_output(&self.source.nodes[link.from]);
        let ports = match from.ports.get(link.output) {
            Some(ports) => ports.clone(),
            None if has_errors && link.output == from.ports.len() && from.enters == from.leaves => {
                vec![ERROR.to_owned()]
            }
            None => Vec::new(),
        };
        let edge = |from_port| Edge {
            from: from.leaves.clone(),
            from_port,
            to: to.enters.clone(),
            to_port: INPUT.to_owned(),
        };
        let edges: Vec<Edge> = ports.into_iter().map(edge).collect();
        if edges.is_empty() {
            let message =
                format!("The connection from its output {} to {target:?} is left out.", link.output);
            self.findings[link.from].approximate(message);
        }
        edges
    }

    /// A node of ours for one of the document.
    pub(super) fn made(&self, index: usize, key: String, kind: &str, config: Map<String, Value>) -> Node {
        let source = &self.source.nodes[index];
        Node {
            key,
            kind: kind.to_owned(),
            type_version: 1,
            name: Some(source.name.chars().take(MAX_NAME_CHARS).collect()),
            position: source.position,
            disabled: source.flag("disabled"),
            config,
            policy: Policy::default(),
            body: None,
        }
    }

    /// Draws a node that is no loop.
    fn node(&mut self, index: usize, arrives: &Inbound, place: Place<'_>, graph: &mut Graph) {
        let source = self.source;
        let node = &source.nodes[index];
        let row = types::find(node.kind);
        let runs = row.map_or(Runs::Whole, |row| row.runs);
        if arrives.is_list_of_branches && runs != Runs::Joins {
            let message = "Several branches lead to it: it runs once, with a list of what arrived.";
            self.findings[index].approximate(message);
        }
        let is_once = node.flag("executeOnce");
        let each = arrives.reading.many && runs == Runs::Each && !is_once && !node.flag("disabled");
        if arrives.reading.many && runs == Runs::Chooses {
            self.findings[index].approximate("It decides once for the whole list, by the first item.");
        }
        let wraps = each && self.options.wraps;
        if each && !wraps {
            self.findings[index].approximate("It runs once, for the first item of the list.");
        }
        let (translated, findings, crons) = {
            let mut case = self.case(index, arrives, place, wraps);
            let translated = match row {
                Some(row) => (row.translate)(&mut case).inspect(|made| {
                    debug_assert!(row.becomes.contains(&made.kind), "{} becomes {}", node.kind, made.kind);
                }),
                None => Err(Refused::new(format!("The type {} is not imported.", node.kind))),
            };
            (translated, case.findings, case.crons)
        };
        self.findings[index] = findings;
        self.crons.extend(crons.into_iter().map(|cron| (index, cron)));
        match translated {
            Ok(made) if wraps => self.each(index, made, place, graph),
            Ok(made) => self.whole(index, made, place, graph),
            Err(refused) if types::is_trigger(node.kind) => self.trigger(index, &refused, place, graph),
            Err(refused) => self.placeholder(index, &refused, place, graph),
        }
    }

    fn case<'c>(&'c self, index: usize, arrives: &Inbound, place: Place<'c>, wraps: bool) -> Case<'c> {
        let source: &'c Source<'a> = self.source;
        let view = arrives.reading.view.clone();
        let input = match (arrives.reading.many, wraps) {
            (true, false) => Base { item: "input[0]".to_owned(), list: Some("input".to_owned()), view },
            _ => Base { item: "input".to_owned(), list: None, view },
        };
        let around = place.item.filter(|_| !wraps);
        let around = around.map(|item| (source.nodes[item.node].name, item.base()));
        let services = source.services_of(index);
        let reading =
            if wraps { Reading::viewed(arrives.reading.view.clone()) } else { arrives.reading.clone() };
        Case {
            node: &source.nodes[index],
            sight: Sight {
                input,
                known: &self.known,
                home: place.home,
                around,
                is_item: wraps,
                zone: self.options.zone,
            },
            input: reading,
            inbound: arrives.count,
            services: services.map(|(kind, from)| (kind, &source.nodes[from])).collect(),
            owner: self.options.owner,
            findings: self.findings[index].clone(),
            crons: Vec::new(),
        }
    }

    /// Draws a node as one of ours.
    fn whole(&mut self, index: usize, made: Translated, place: Place<'_>, graph: &mut Graph) {
        let source = &self.source.nodes[index];
        let key = self.keys.make(source.name);
        let policy = policy_of(source, made.kind, made.timeout_seconds, &mut self.findings[index]);
        let node = self.made(index, key.clone(), made.kind, made.config);
        graph.nodes.push(Node { policy, ..node });
        let is_trigger = types::is_trigger(source.kind);
        let (gives, ports) = (made.gives, made.ports);
        self.keep(index, Drawn { enters: key.clone(), leaves: key, ports, gives, is_trigger }, place);
    }

    /// Draws a node that runs for each item of a list: a loop with the node in it, and the list of its results.
    fn each(&mut self, index: usize, made: Translated, place: Place<'_>, graph: &mut Graph) {
        let source = &self.source.nodes[index];
        let key = self.keys.make(source.name);
        let (each, inner) = (self.keys.make(&format!("{key}_each")), self.keys.make(&format!("{key}_item")));
        let mut policy = policy_of(source, made.kind, made.timeout_seconds, &mut self.findings[index]);
        if has_error_output(source) {
            policy.on_error = crate::graph::OnError::Continue;
            self.findings[index].approximate("An item that failed is in the list with its error.");
        }
        let node = self.made(index, inner, made.kind, made.config);
        let body = Graph { nodes: vec![Node { policy, position: None, ..node }], edges: Vec::new() };
        self.findings[index].remark("It runs in a loop of its own, for each item.");
        self.looped(index, (&key, &each), Looping::of("{{ input }}", body), graph);
        let gives = Reading::list(made.gives.view);
        let ports = vec![vec![MAIN.to_owned()]];
        self.keep(index, Drawn { enters: each, leaves: key, ports, gives, is_trigger: false }, place);
    }

    /// Adds a loop and the node that gives its results.
    pub(super) fn looped(
        &mut self,
        index: usize,
        (key, each): (&str, &str),
        looping: Looping<'_>,
        graph: &mut Graph,
    ) {
        let mut config = Map::from_iter([("items".to_owned(), Value::from(looping.items))]);
        if looping.batch_size > 1 {
            config.insert("batch_size".to_owned(), Value::from(looping.batch_size));
        }
        let outer = self.made(index, each.to_owned(), "loop", config);
        graph.nodes.push(Node { body: Some(Box::new(looping.body)), disabled: false, ..outer });
        let items = Map::from_iter([("items".to_owned(), Value::from(looping.results))]);
        let results = self.made(index, key.to_owned(), "list_split", items);
        let position = results.position.map(|at| Position { x: at.x + 110.0, ..at });
        graph.nodes.push(Node { position, disabled: false, ..results });
        graph.edges.push(Edge {
            from: each.to_owned(),
            from_port: "done".to_owned(),
            to: key.to_owned(),
            to_port: INPUT.to_owned(),
        });
    }

    /// Draws a trigger that has no equal as one that a person pulls.
    fn trigger(&mut self, index: usize, refused: &Refused, place: Place<'_>, graph: &mut Graph) {
        self.findings[index].replace(format!("{refused} A person or the API starts it."));
        let key = self.keys.make(self.source.nodes[index].name);
        let node = self.made(index, key.clone(), "manual", Map::new());
        graph.nodes.push(node);
        let ports = vec![vec![MAIN.to_owned()]];
        let drawn =
            Drawn { enters: key.clone(), leaves: key, ports, gives: Reading::one(), is_trigger: true };
        self.keep(index, drawn, place);
    }

    /// Draws a node that has no equal.
    pub(super) fn placeholder(
        &mut self,
        index: usize,
        refused: &Refused,
        place: Place<'_>,
        graph: &mut Graph,
    ) {
        let source: &SourceNode<'a> = &self.source.nodes[index];
        self.findings[index].replace(refused.to_string());
        let links = self.source.links.iter().filter(|link| link.from == index);
        let outputs = links.map(|link| link.output + 1).max().unwrap_or(1);
        let is_more = usize::from(has_error_output(source) && outputs > 1);
        let outputs = outputs - is_more;
        let config = original::config(source, &refused.to_string(), outputs, self.options.most_original);
        if config.get("is_cut") == Some(&Value::Bool(true)) {
            self.findings[index].remark("Its original is cut: it is too long to be kept.");
        }
        let key = self.keys.make(source.name);
        let policy = policy_of(source, NOT_IMPORTED, None, &mut self.findings[index]);
        let node = self.made(index, key.clone(), NOT_IMPORTED, config);
        graph.nodes.push(Node { policy, ..node });
        let ports = (0..outputs).map(|output| vec![original::port(output)]).collect();
        let drawn =
            Drawn { enters: key.clone(), leaves: key, ports, gives: Reading::one(), is_trigger: false };
        self.keep(index, drawn, place);
    }

    /// Remembers what a node has become.
    pub(super) fn keep(&mut self, index: usize, drawn: Drawn, place: Place<'_>) {
        let known =
            Known { key: drawn.leaves.clone(), reading: drawn.gives.clone(), home: place.home.to_vec() };
        self.known.entry(self.source.nodes[index].name.to_owned()).or_insert(known);
        self.drawn.insert(index, drawn);
    }
}

/// What a loop runs, on what.
#[derive(Debug)]
pub(super) struct Looping<'b> {
    /// The expression of the list.
    pub(super) items: &'b str,
    /// How many items the body gets at once.
    pub(super) batch_size: u64,
    /// The expression of the results.
    pub(super) results: &'b str,
    /// What runs.
    pub(super) body: Graph,
}

impl<'b> Looping<'b> {
    /// A loop over the items one by one.
    pub(super) const fn of(items: &'b str, body: Graph) -> Self {
        Self { items, batch_size: 1, results: "{{ input.results }}", body }
    }
}
