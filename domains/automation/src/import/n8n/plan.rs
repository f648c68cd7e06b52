//! The scopes of a workflow: cycles through a node that splits into batches become loops, others are cut.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::source::Link;
use crate::graph::MAX_DEPTH;

/// Most loops of a document.
const MAX_LOOPS: usize = 50;

/// A graph without cycles, or the body of a loop.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The nodes, each after those that lead to it.
    pub(super) nodes: Vec<usize>,
    /// The links between them, in the order of their targets and inputs.
    pub(super) links: Vec<Link>,
    /// The bodies of those that are loops.
    pub(super) loops: BTreeMap<usize, Scope>,
}

/// What is left out, with its reason: the place of the node that it leaves.
pub(super) type Cuts = Vec<(Link, &'static str)>;

/// The reason why a link is left out that leads back.
const LEADS_BACK: &str = "leads back to where it came from: it is left out";
/// The reason why a link is left out that leaves a loop.
const LEAVES_LOOP: &str = "leads out of a loop: it is left out";

/// Finds the scopes of some nodes. `loops` tells the output that leads to the body, if a node splits into batches.
pub(super) fn plan(
    nodes: &BTreeSet<usize>,
    links: &[Link],
    loops: &dyn Fn(usize) -> Option<usize>,
    cuts: &mut Cuts,
) -> Scope {
    scope(nodes, links, loops, 0, cuts)
}

fn scope(
    nodes: &BTreeSet<usize>,
    links: &[Link],
    loops: &dyn Fn(usize) -> Option<usize>,
    depth: usize,
    cuts: &mut Cuts,
) -> Scope {
    let bodies = if depth + 2 < MAX_DEPTH { bodies(nodes, links, loops) } else { BTreeMap::new() };
    let inner: BTreeSet<usize> = bodies.values().flatten().copied().collect();
    let outer: BTreeSet<usize> = nodes.difference(&inner).copied().collect();
    let mut found = Scope::default();
    for (&node, body) in &bodies {
        let of_body = |link: &&Link| body.contains(&link.from) && body.contains(&link.to);
        let within: Vec<Link> = links.iter().filter(of_body).copied().collect();
        let escapes = links
            .iter()
            .filter(|link| body.contains(&link.from) && !body.contains(&link.to) && link.to != node);
        cuts.extend(escapes.map(|link| (*link, LEAVES_LOOP)));
        found.loops.insert(node, scope(body, &within, loops, depth + 1, cuts));
    }
    let is_start = |link: &Link| bodies.contains_key(&link.from) && loops(link.from) == Some(link.output);
    let kept = |link: &&Link| outer.contains(&link.from) && outer.contains(&link.to) && !is_start(link);
    let kept: Vec<Link> = links.iter().filter(kept).copied().collect();
    let back = back_links(&outer, &kept);
    cuts.extend(back.iter().map(|link| (*link, LEADS_BACK)));
    found.links = kept.into_iter().filter(|link| !back.contains(link)).collect();
    found.nodes = in_order(&outer, &found.links);
    found
}

/// The bodies of the outermost loops among some nodes.
fn bodies(
    nodes: &BTreeSet<usize>,
    links: &[Link],
    loops: &dyn Fn(usize) -> Option<usize>,
) -> BTreeMap<usize, BTreeSet<usize>> {
    let candidates = nodes.iter().filter_map(|node| Some((*node, loops(*node)?))).take(MAX_LOOPS);
    let mut found: Vec<_> =
        candidates.filter_map(|(node, output)| Some((node, body(nodes, links, node, output)?))).collect();
    found.sort_by_key(|(node, body)| (std::cmp::Reverse(body.len()), *node));
    let mut taken: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (node, body) in found {
        let is_apart = taken.iter().all(|(other, of_other)| {
            !of_other.contains(&node) && !body.contains(other) && body.is_disjoint(of_other)
        });
        if is_apart {
            taken.insert(node, body);
        }
    }
    taken
}

/// What an output leads to, as far as nothing else leads there, if it leads back to the node.
fn body(nodes: &BTreeSet<usize>, links: &[Link], node: usize, output: usize) -> Option<BTreeSet<usize>> {
    let is_start = |link: &Link| link.from == node && link.output == output;
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for link in links.iter().filter(|link| link.from != node && link.to != node) {
        next.entry(link.from).or_default().push(link.to);
    }
    let mut body = BTreeSet::new();
    let starts = links.iter().filter(|link| is_start(link) && link.to != node).map(|link| link.to);
    let mut open: VecDeque<usize> = starts.filter(|to| nodes.contains(to)).collect();
    while let Some(at) = open.pop_front() {
        if body.insert(at) {
            open.extend(next.get(&at).into_iter().flatten().filter(|to| nodes.contains(to)));
        }
    }
    // What something else leads to lies outside, with all that follows it.
    let enters = |link: &&Link| !body.contains(&link.from) && !is_start(link) && body.contains(&link.to);
    let mut outside: VecDeque<usize> = links.iter().filter(enters).map(|link| link.to).collect();
    while let Some(at) = outside.pop_front() {
        if body.remove(&at) {
            outside.extend(next.get(&at).into_iter().flatten().copied());
        }
    }
    links.iter().any(|link| link.to == node && body.contains(&link.from)).then_some(body)
}

/// Links without which there is no cycle.
fn back_links(nodes: &BTreeSet<usize>, links: &[Link]) -> BTreeSet<Link> {
    let mut next: BTreeMap<usize, Vec<Link>> = BTreeMap::new();
    for link in links {
        next.entry(link.from).or_default().push(*link);
    }
    let (mut done, mut path_nodes) = (BTreeSet::new(), BTreeSet::new());
    let mut back = BTreeSet::new();
    // Nodes that nothing leads to come first, so that what leads back is the later link.
    let targets: BTreeSet<usize> = links.iter().map(|link| link.to).collect();
    let roots = nodes.iter().filter(|node| !targets.contains(node));
    for &start in roots.chain(nodes.iter()) {
        if done.contains(&start) {
            continue;
        }
        let mut path = vec![(start, 0)];
        path_nodes.insert(start);
        while let Some((at, place)) = path.last_mut() {
            let at = *at;
            let Some(link) = next.get(&at).and_then(|links| links.get(*place)).copied() else {
                done.insert(at);
                path_nodes.remove(&at);
                path.pop();
                continue;
            };
            *place += 1;
            if path_nodes.contains(&link.to) {
                back.insert(link);
            } else if !done.contains(&link.to) {
                path_nodes.insert(link.to);
                path.push((link.to, 0));
            }
        }
    }
    back
}

/// The nodes, each after those that lead to it; otherwise in the order of the document.
fn in_order(nodes: &BTreeSet<usize>, links: &[Link]) -> Vec<usize> {
    let mut open: BTreeMap<usize, usize> = nodes.iter().map(|node| (*node, 0)).collect();
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for link in links {
        *open.entry(link.to).or_default() += 1;
        next.entry(link.from).or_default().push(link.to);
    }
    let mut ready: BTreeSet<usize> =
        nodes.iter().copied().filter(|node| open.get(node) == Some(&0)).collect();
    let mut order = Vec::new();
    while let Some(at) = ready.pop_first() {
        order.push(at);
        for to in next.get(&at).into_iter().flatten() {
            if let Some(count) = open.get_mut(to) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.insert(*to);
                }
            }
        }
    }
    order
}
