//! Which layer each node lies in: after all nodes that lead to it.

use super::Link;

/// A thing in a layer: a node, or the bend of a link that passes through the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Node(usize),
    Bend(usize, usize),
}

/// A line between items of two neighbouring layers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) from: Item,
    pub(super) to: Item,
    pub(super) share: f64,
}

/// The layers from left to right, and the lines from each to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Layered {
    pub(super) layers: Vec<Vec<Item>>,
    pub(super) lines: Vec<Vec<Line>>,
}

/// Puts each node into the layer behind the last one that leads to it.
pub(super) fn assign(count: usize, links: &[Link]) -> Layered {
    let layer_of = longest_paths(count, links);
    let depth = layer_of.iter().max().map_or(0, |last| last + 1);
    let mut found = Layered { layers: vec![Vec::new(); depth], lines: vec![Vec::new(); depth] };
    for (node, layer) in layer_of.iter().enumerate() {
        found.layers[*layer].push(Item::Node(node));
    }
    for (index, link) in links.iter().enumerate() {
        let (first, last) = (layer_of[link.from], layer_of[link.to]);
        let mut from = Item::Node(link.from);
        for layer in first..last {
            let to = if layer + 1 == last { Item::Node(link.to) } else { Item::Bend(index, layer + 1) };
            if layer + 1 < last {
                found.layers[layer + 1].push(to);
            }
            found.lines[layer].push(Line { from, to, share: link.share });
            from = to;
        }
    }
    found
}

/// The length of the longest path to each node. A draft may have a cycle: it is cut at its first node.
fn longest_paths(count: usize, links: &[Link]) -> Vec<usize> {
    let mut open: Vec<usize> = vec![0; count];
    for link in links {
        open[link.to] += 1;
    }
    let mut layer_of = vec![0; count];
    let mut is_done = vec![false; count];
    for _ in 0..count {
        let ready = (0..count).find(|node| !is_done[*node] && open[*node] == 0);
        let Some(node) = ready.or_else(|| (0..count).find(|node| !is_done[*node])) else { break };
        is_done[node] = true;
        for link in links.iter().filter(|link| link.from == node && !is_done[link.to]) {
            layer_of[link.to] = layer_of[link.to].max(layer_of[node] + 1);
            open[link.to] -= 1;
        }
    }
    layer_of
}
