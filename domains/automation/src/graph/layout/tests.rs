//! Where graphs are drawn.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Layout, PlacedNode, layout};
use crate::{
    graph::{
        Graph, Node,
        drawing::{Mark, Shown, draw},
    },
    nodes::catalog,
};

fn graph(value: Value) -> Graph {
    Graph::from_json(&value.to_string()).unwrap()
}

fn ports(node: &Node) -> Vec<String> {
    let catalog = catalog();
    let shape = catalog.find(&node.kind, node.type_version).and_then(|kind| (kind.read)(&node.config).ok());
    shape.map(|shape| shape.outputs.into_iter().map(|port| port.key).collect()).unwrap_or_default()
}

fn node(key: &str) -> Value {
    json!({"key": key, "type": "no_op"})
}

fn edge(from: &str, to: &str) -> Value {
    json!({"from": from, "to": to})
}

fn corner(layout: &Layout, key: &str) -> (f64, f64) {
    let place = layout.nodes.iter().find(|node| node.key == key).unwrap();
    (place.x, place.y)
}

fn overlap(one: &PlacedNode, other: &PlacedNode) -> bool {
    one.x < other.x + other.width
        && other.x < one.x + one.width
        && one.y < other.y + other.height
        && other.y < one.y + one.height
}

fn branches() -> Graph {
    graph(json!({
        "nodes": [
            node("start"),
            {"key": "check", "type": "condition", "config": {"when": {"left": 1, "operator": "equals", "right": 1}}},
            node("no"),
            node("yes"),
            node("join"),
            node("far"),
        ],
        "edges": [
            edge("start", "check"),
            {"from": "check", "from_port": "false", "to": "no"},
            {"from": "check", "from_port": "true", "to": "yes"},
            edge("yes", "join"),
            edge("no", "join"),
            edge("start", "far"),
            edge("join", "far"),
        ],
    }))
}

#[test]
fn every_edge_leads_to_the_right_and_ports_keep_their_order() {
    let layout = layout(&branches(), &ports);
    for edge in &layout.edges {
        assert!(edge.points.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{edge:?}");
    }
    assert!(corner(&layout, "yes").1 < corner(&layout, "no").1);
    assert_eq!(corner(&layout, "yes").0.to_bits(), corner(&layout, "no").0.to_bits());
}

#[test]
fn a_chain_is_a_straight_line() {
    let keys = ["a", "b", "c", "d"];
    let nodes: Vec<_> = keys.iter().map(|key| node(key)).collect();
    let edges: Vec<_> = keys.windows(2).map(|pair| edge(pair[0], pair[1])).collect();
    let layout = layout(&graph(json!({"nodes": nodes, "edges": edges})), &ports);
    assert!(layout.nodes.iter().all(|node| node.y.abs() < 1e-9), "{layout:?}");
}

#[test]
fn a_body_lies_within_its_loop() {
    let body = json!({"nodes": [node("a"), node("b")], "edges": [edge("a", "b")]});
    let each = json!({"key": "each", "type": "loop", "config": {"items": []}, "body": body});
    let layout =
        layout(&graph(json!({"nodes": [node("start"), each], "edges": [edge("start", "each")]})), &ports);
    let place = |key: &str| layout.nodes.iter().find(|node| node.key == key).unwrap();
    let each = place("each");
    for inner in [place("a"), place("b")] {
        assert!(inner.x > each.x && inner.y > each.y);
        assert!(inner.x + inner.width < each.x + each.width && inner.y + inner.height < each.y + each.height);
    }
}

#[test]
fn positions_of_people_are_kept_where_all_nodes_have_one() {
    let at = |key: &str, x: f64, y: f64| json!({"key": key, "type": "no_op", "position": {"x": x, "y": y}});
    let layout =
        layout(&graph(json!({"nodes": [at("a", 10.0, 20.0), at("b", -40.0, 320.0)], "edges": []})), &ports);
    assert_eq!((corner(&layout, "a"), corner(&layout, "b")), ((50.0, 0.0), (0.0, 300.0)));
}

#[test]
fn a_draft_with_a_cycle_is_drawn() {
    let edges = [edge("a", "b"), edge("b", "a"), edge("a", "a")];
    let layout = layout(&graph(json!({"nodes": [node("a"), node("b")], "edges": edges})), &ports);
    assert_eq!(layout.nodes.len(), 2);
}

#[test]
fn an_empty_graph_has_an_empty_drawing() {
    assert_eq!(layout(&Graph::default(), &ports), Layout::default());
}

#[test]
fn a_drawing_escapes_names_and_tells_states_by_symbol_and_word() {
    let mut graph = branches();
    graph.nodes[2].name = Some("</text><script>alert(1)</script>&\"'\u{0}".into());
    let shown = |mark, caption: &str| Shown { mark, caption: caption.to_owned() };
    let states = BTreeMap::from([
        ("yes".to_owned(), shown(Mark::Succeeded, "3/4 <b>")),
        ("no".to_owned(), shown(Mark::Skipped, "")),
    ]);
    let svg = draw("A & B", &graph, &layout(&graph, &ports), &states);
    for expected in [
        "role=\"img\"",
        "<title>A &amp; B</title>",
        "3/4 &lt;b&gt;",
        ">\u{2713} succeeded<",
        ">\u{2013} skipped<",
        "> not reached<",
        "&lt;script&gt;",
    ] {
        assert!(svg.contains(expected), "{expected} is not in {svg}");
    }
    for forbidden in ["<script", "foreignObject", "href", "\u{0}", "NaN", "inf", ">\u{2717} failed<"] {
        assert!(!svg.contains(forbidden), "{forbidden} is in {svg}");
    }
    let draft = draw("A", &graph, &layout(&graph, &ports), &BTreeMap::new());
    assert!(!draft.contains("> not reached<"), "a draft has no legend: {draft}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nodes_never_overlap_and_the_same_graph_is_drawn_the_same_way(
        count in 1_usize..40,
        pairs in prop::collection::vec(any::<(u8, u8)>(), 0..80),
    ) {
        let nodes: Vec<_> = (0..count).map(|number| node(&format!("n{number}"))).collect();
        let edges: Vec<_> = pairs
            .iter()
            .map(|(from, to)| (usize::from(*from) % count, usize::from(*to) % count))
            .filter(|(from, to)| from < to)
            .map(|(from, to)| edge(&format!("n{from}"), &format!("n{to}")))
            .collect();
        let graph = graph(json!({"nodes": nodes, "edges": edges}));
        let first = layout(&graph, &ports);
        prop_assert_eq!(&first, &layout(&graph, &ports));
        for (index, one) in first.nodes.iter().enumerate() {
            prop_assert!(one.x >= 0.0 && one.y >= 0.0);
            for other in &first.nodes[index + 1..] {
                prop_assert!(!overlap(one, other), "{:?} {:?}", one, other);
            }
        }
    }
}
