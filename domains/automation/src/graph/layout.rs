//! Where the nodes and edges of a graph are drawn: in layers from left to right, after Sugiyama.
//!
//! The same graph is always drawn the same way. The body of a loop is laid out first and then placed as one
//! box. Where each node of a scope has a position of its own, the scope keeps these.

use std::collections::BTreeMap;

use super::{Graph, Node};

mod layers;
mod order;
mod place;

/// The width of a node without a body.
pub const NODE_WIDTH: f64 = 180.0;
/// The height of a node without a body, and of the head of a loop.
pub const NODE_HEIGHT: f64 = 56.0;
/// The free space between two layers.
const LAYER_GAP: f64 = 80.0;
/// The free space between two nodes of a layer.
const NODE_GAP: f64 = 32.0;
/// The free space around the body in a loop.
const PADDING: f64 = 24.0;

/// Where everything is drawn, in pixels from the upper left corner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The width of the drawing.
    pub width: f64,
    /// The height of the drawing.
    pub height: f64,
    /// The nodes. A loop comes before the nodes of its body.
    pub nodes: Vec<PlacedNode>,
    /// The edges.
    pub edges: Vec<PlacedEdge>,
}

/// Where a node is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedNode {
    /// The key.
    pub key: String,
    /// The left side.
    pub x: f64,
    /// The upper side.
    pub y: f64,
    /// The width.
    pub width: f64,
    /// The height.
    pub height: f64,
}

/// Where an edge is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedEdge {
    /// The edge, as `from.port>to.port`.
    pub id: String,
    /// The corners of the line, from the output port to the input port.
    pub points: Vec<(f64, f64)>,
}

/// Where a graph is drawn. `ports` gives the output ports of a node in their order.
#[must_use]
pub fn layout(graph: &Graph, ports: &dyn Fn(&Node) -> Vec<String>) -> Layout {
    let bodies: Vec<_> =
        graph.nodes.iter().map(|node| node.body.as_deref().map(|body| layout(body, ports))).collect();
    let boxes: Vec<_> = bodies.iter().map(|body| size_of(body.as_ref())).collect();
    let links = links_of(graph, ports);
    let own: Option<Vec<_>> = graph.nodes.iter().map(|node| node.position).collect();
    let (corners, bends) = match own {
        Some(own) if !own.is_empty() => {
            (own.iter().map(|place| (place.x, place.y)).collect(), BTreeMap::new())
        }
        _ => {
            let layered = layers::assign(graph.nodes.len(), &links);
            place::place(&order::order(layered), &boxes)
        }
    };
    assemble(graph, bodies, &boxes, &Drawing { links, corners, bends })
}

/// An edge whose both ends exist.
struct Link {
    from: usize,
    to: usize,
    /// Where it leaves on the side of its source: from 0 at the top to 1.
    share: f64,
    id: String,
}

/// The links of a scope with the corners of its nodes, and the bends of links over several layers.
struct Drawing {
    links: Vec<Link>,
    corners: Vec<(f64, f64)>,
    bends: BTreeMap<usize, Vec<(f64, f64)>>,
}

fn size_of(body: Option<&Layout>) -> (f64, f64) {
    body.map_or((NODE_WIDTH, NODE_HEIGHT), |body| {
        let width = (body.width + 2.0 * PADDING).max(NODE_WIDTH);
        (width, NODE_HEIGHT + body.height + PADDING)
    })
}

fn links_of(graph: &Graph, ports: &dyn Fn(&Node) -> Vec<String>) -> Vec<Link> {
    let find = |key: &str| graph.nodes.iter().position(|node| node.key == key);
    let found = graph.edges.iter().filter_map(|edge| {
        let (from, to) = (find(&edge.from)?, find(&edge.to)?);
        let names = ports(&graph.nodes[from]);
        let place = names.iter().position(|port| *port == edge.from_port).unwrap_or(names.len());
        let share = (number(place) + 0.5) / number(names.len().max(place + 1));
        (from != to).then(|| Link { from, to, share, id: edge.id() })
    });
    found.collect()
}

/// Puts the drawing of a scope together with those of the bodies in it.
fn assemble(graph: &Graph, bodies: Vec<Option<Layout>>, boxes: &[(f64, f64)], drawing: &Drawing) -> Layout {
    let least = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::min).unwrap_or_default();
    let left = least(&mut drawing.corners.iter().map(|corner| corner.0));
    let top = least(&mut drawing.corners.iter().map(|corner| corner.1));
    let mut all = Layout::default();
    for (index, (node, body)) in graph.nodes.iter().zip(bodies).enumerate() {
        let (x, y) = (drawing.corners[index].0 - left, drawing.corners[index].1 - top);
        let (width, height) = boxes[index];
        all.nodes.push(PlacedNode { key: node.key.clone(), x, y, width, height });
        all.width = all.width.max(x + width);
        all.height = all.height.max(y + height);
        if let Some(body) = body {
            add_body(&mut all, body, x + PADDING, y + NODE_HEIGHT);
        }
    }
    for (index, link) in drawing.links.iter().enumerate() {
        let corner = |node: usize| (drawing.corners[node].0 - left, drawing.corners[node].1 - top);
        let (from, to) = (corner(link.from), corner(link.to));
        let head = (from.0 + boxes[link.from].0, from.1 + link.share * NODE_HEIGHT);
        let bends = drawing.bends.get(&index).into_iter().flatten();
        let mut points = vec![head];
        points.extend(bends.map(|bend| (bend.0 - left, bend.1 - top)));
        points.push((to.0, to.1 + NODE_HEIGHT / 2.0));
        all.edges.push(PlacedEdge { id: link.id.clone(), points });
    }
    all
}

fn add_body(all: &mut Layout, body: Layout, x: f64, y: f64) {
    all.nodes.extend(body.nodes.into_iter().map(|node| PlacedNode { x: node.x + x, y: node.y + y, ..node }));
    all.edges.extend(body.edges.into_iter().map(|edge| PlacedEdge {
        points: edge.points.into_iter().map(|point| (point.0 + x, point.1 + y)).collect(),
        ..edge
    }));
}

/// Graphs are bounded far below what a float cannot count.
fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests;
