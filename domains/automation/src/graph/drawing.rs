//! A graph as SVG, with the state of each node in a run.
//!
//! The text is safe to be shown: every name is escaped, and it holds no script, link or foreign object.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    Graph, Node,
    layout::{Layout, NODE_HEIGHT, PlacedNode},
};

/// The free space around the drawing.
const MARGIN: f64 = 16.0;
/// The height of the legend with the space above it.
const LEGEND_HEIGHT: f64 = 44.0;
/// The width of an entry of the legend.
const LEGEND_ENTRY: f64 = 104.0;
/// Most characters of a name that are drawn.
const MAX_NAME_CHARS: usize = 22;

/// What is shown of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// It has not been reached.
    Open,
    /// It is about to run.
    Ready,
    /// It runs.
    Running,
    /// An attempt failed, and it is about to run again.
    Retrying,
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
            Self::Retrying => ("#b45309", "\u{21bb}", "retrying"),
            Self::Waiting => ("#b45309", "\u{23f8}", "waiting"),
            Self::Succeeded => ("#15803d", "\u{2713}", "succeeded"),
            Self::Failed => ("#b91c1c", "\u{2717}", "failed"),
            Self::Skipped => ("#8a8f98", "\u{2013}", "skipped"),
            Self::Cancelled => ("#6b7280", "\u{2298}", "cancelled"),
        }
    }
}

/// What a run shows of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its state.
    pub mark: Mark,
    /// A few words about its items and its time.
    pub caption: String,
}

/// Draws a graph. If `shown` is empty, it is drawn without states; otherwise nodes that are not in it are drawn
/// as not reached, and a legend explains the states. The boxes are light, with dark text, whatever the page
/// around the drawing is like.
#[must_use]
pub fn draw(title: &str, graph: &Graph, layout: &Layout, shown: &BTreeMap<String, Shown>) -> String {
    let marks = marks_of(graph, shown);
    let (legend_width, legend_height) =
        if marks.is_empty() { (0.0, 0.0) } else { (width_of(marks.len()), LEGEND_HEIGHT) };
    let width = layout.width.max(legend_width) + 2.0 * MARGIN;
    let height = layout.height + legend_height + 2.0 * MARGIN;
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
            draw_node(&mut svg, node, place, shown.get(&place.key));
        }
    }
    for edge in &layout.edges {
        draw_edge(&mut svg, &edge.points);
    }
    if !marks.is_empty() {
        draw_legend(&mut svg, &marks, layout.height + LEGEND_HEIGHT / 2.0 - 4.0);
    }
    svg.push_str("</svg>");
    svg
}

/// The marks of a drawing, each once, in their order; none where no run is shown.
fn marks_of(graph: &Graph, shown: &BTreeMap<String, Shown>) -> Vec<Mark> {
    if shown.is_empty() {
        return Vec::new();
    }
    let keys = graph.scopes().into_iter().flat_map(|scope| &scope.graph.nodes).map(|node| &node.key);
    let marks: BTreeSet<Mark> =
        keys.map(|key| shown.get(key).map_or(Mark::Open, |shown| shown.mark)).collect();
    marks.into_iter().collect()
}

fn width_of(entries: usize) -> f64 {
    u32::try_from(entries).map_or(0.0, f64::from) * LEGEND_ENTRY
}

/// Explains the marks in one line.
fn draw_legend(svg: &mut String, marks: &[Mark], top: f64) {
    let _ = write!(
        svg,
        "<g><rect x=\"0\" y=\"{top:.1}\" width=\"{:.1}\" height=\"26\" rx=\"6\" fill=\"#ffffff\" \
         stroke=\"#8a8f98\"/>",
        width_of(marks.len()),
    );
    for (index, mark) in marks.iter().enumerate() {
        let (colour, symbol, word) = mark.look();
        let left = width_of(index);
        let _ = write!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"12\" height=\"12\" rx=\"3\" fill=\"#ffffff\" \
             stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#111827\" font-size=\"11\">{symbol} {word}</text>",
            left + 8.0,
            top + 7.0,
            left + 26.0,
            top + 17.0,
        );
    }
    svg.push_str("</g>");
}

fn draw_node(svg: &mut String, node: &Node, place: &PlacedNode, shown: Option<&Shown>) {
    let (colour, symbol, word) = shown.map_or(Mark::Open, |shown| shown.mark).look();
    let caption = shown.map(|shown| shown.caption.as_str()).unwrap_or_default();
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
         <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\" text-anchor=\"end\">{symbol}</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#4b5563\" font-size=\"10\" text-anchor=\"end\">{}</text></g>",
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
        x + width - 10.0,
        y + NODE_HEIGHT / 2.0 + 14.0,
        escape(caption),
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
