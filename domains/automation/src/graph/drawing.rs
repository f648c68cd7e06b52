//! A graph as SVG, with the state of each node in a run.
//!
//! The text is safe to be shown: every name is escaped, and it holds no script, link or foreign object.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    Graph, Node,
    layout::{Layout, NODE_HEIGHT, PlacedNode},
};

/// The free space around the drawing.
const MARGIN: f64 = 16.0;
/// Most characters of a name that are drawn.
const MAX_NAME_CHARS: usize = 22;

/// What is shown of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It has not been reached.
    Open,
    /// It is about to run.
    Ready,
    /// It runs.
    Running,
    /// It waits.
    Waiting,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was skipped.
    Skipped,
    /// It was cancelled.
    Cancelled,
}

impl Mark {
    /// The colour, the symbol and the word. A state is never told by its colour alone.
    const fn look(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Open => ("#8a8f98", "", "not reached"),
            Self::Ready => ("#5b6ee1", "\u{25cb}", "ready"),
            Self::Running => ("#2563eb", "\u{25b6}", "running"),
            Self::Waiting => ("#b45309", "\u{23f8}", "waiting"),
            Self::Succeeded => ("#15803d", "\u{2713}", "succeeded"),
            Self::Failed => ("#b91c1c", "\u{2717}", "failed"),
            Self::Skipped => ("#8a8f98", "\u{2013}", "skipped"),
            Self::Cancelled => ("#6b7280", "\u{2298}", "cancelled"),
        }
    }
}

/// Draws a graph. Nodes without a mark are drawn as not reached.
#[must_use]
pub fn draw(title: &str, graph: &Graph, layout: &Layout, marks: &BTreeMap<String, Mark>) -> String {
    let (width, height) = (layout.width + 2.0 * MARGIN, layout.height + 2.0 * MARGIN);
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"{0} {0} {width:.1} {height:.1}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\
         <title>{1}</title>\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#8a8f98\"/></marker></defs>",
        -MARGIN,
        escape(title),
    );
    let nodes: BTreeMap<&str, &Node> = graph.all_nodes().map(|node| (node.key.as_str(), node)).collect();
    for place in &layout.nodes {
        if let Some(node) = nodes.get(place.key.as_str()) {
            draw_node(&mut svg, node, place, marks.get(&place.key).copied().unwrap_or(Mark::Open));
        }
    }
    for edge in &layout.edges {
        draw_edge(&mut svg, &edge.points);
    }
    svg.push_str("</svg>");
    svg
}

fn draw_node(svg: &mut String, node: &Node, place: &PlacedNode, mark: Mark) {
    let (colour, symbol, word) = mark.look();
    let name = node.name.as_deref().unwrap_or(&node.key);
    let short: String = if name.chars().count() > MAX_NAME_CHARS {
        name.chars().take(MAX_NAME_CHARS - 1).chain(['\u{2026}']).collect()
    } else {
        name.to_owned()
    };
    let dash = if node.disabled { " stroke-dasharray=\"5 4\"" } else { "" };
    let PlacedNode { x, y, width, height, .. } = *place;
    let _ = write!(
        svg,
        "<g><title>{} ({}): {word}</title>\
         <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\" fill=\"#ffffff\" \
         stroke=\"{colour}\" stroke-width=\"2\"{dash}/>\
         <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#111827\">{}</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#4b5563\" font-size=\"11\">{}</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\" text-anchor=\"end\">{symbol}</text></g>",
        escape(name),
        escape(&node.kind),
        x + 12.0,
        y + NODE_HEIGHT / 2.0 - 3.0,
        escape(&short),
        x + 12.0,
        y + NODE_HEIGHT / 2.0 + 14.0,
        escape(&node.kind),
        x + width - 10.0,
        y + NODE_HEIGHT / 2.0 - 3.0,
    );
}

/// Draws a line whose pieces leave and arrive level.
fn draw_edge(svg: &mut String, points: &[(f64, f64)]) {
    let Some((first, rest)) = points.split_first() else { return };
    let _ = write!(
        svg,
        "<path fill=\"none\" stroke=\"#8a8f98\" stroke-width=\"1.5\" marker-end=\"url(#tip)\" d=\""
    );
    let _ = write!(svg, "M{:.1} {:.1}", first.0, first.1);
    let mut from = *first;
    for &to in rest {
        let middle = f64::midpoint(from.0, to.0);
        let _ = write!(svg, "C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}", from.1, to.1, to.0, to.1);
        from = to;
    }
    svg.push_str("\"/>");
}

/// A text as it stands in XML. Characters that XML does not have are left out.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' => safe.push(' '),
            char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => {}
            char => safe.push(char),
        }
    }
    safe
}
