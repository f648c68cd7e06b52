//! The graph of a draft as a whole.

use atelier_automation::{
    graph::{Edge, Graph, Node, Severity, layout::Layout},
    workflows::{Draft, has_errors},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    fault::FaultView,
    node::{EdgeInput, EdgeView, NodeInput, NodeView},
};
use crate::schema::{ToSchema, free::JsonObject};

/// Nodes and edges. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GraphInput {
    /// The nodes, at most 500 with those of all bodies.
    #[serde(default)]
    nodes: Vec<NodeInput>,
    /// The edges, at most 2,000 with those of all bodies. Both ends of an edge lie in the same graph or body.
    #[serde(default)]
    edges: Vec<EdgeInput>,
}

impl From<GraphInput> for Graph {
    fn from(input: GraphInput) -> Self {
        Self {
            nodes: input.nodes.into_iter().map(Node::from).collect(),
            edges: input.edges.into_iter().map(Edge::from).collect(),
        }
    }
}

/// The nodes and edges of the body of a loop.
#[derive(Serialize, ToSchema)]
pub(crate) struct GraphBodyView {
    /// The nodes.
    #[schema(no_recursion)]
    nodes: Vec<NodeView>,
    /// The edges between them.
    edges: Vec<EdgeView>,
}

impl From<Graph> for GraphBodyView {
    fn from(graph: Graph) -> Self {
        Self {
            nodes: graph.nodes.into_iter().map(NodeView::from).collect(),
            edges: graph.edges.into_iter().map(EdgeView::from).collect(),
        }
    }
}

/// The draft of a workflow, and where it is drawn.
#[derive(Serialize, ToSchema)]
pub(crate) struct GraphView {
    /// The workflow.
    workflow_id: Uuid,
    /// Counts the changes of the draft; the ETag is made of it.
    revision: i64,
    /// The nodes.
    nodes: Vec<NodeView>,
    /// The edges between them.
    edges: Vec<EdgeView>,
    /// Where they are drawn.
    layout: LayoutView,
    /// How much is wrong with it.
    faults: FaultCountView,
    /// The state of the nodes in the last run; null where there was none.
    #[schema(value_type = Option<JsonObject>)]
    overlay: Option<Value>,
}

impl GraphView {
    /// The view of a draft that is drawn so.
    pub(crate) fn new(draft: Draft, layout: Layout) -> Self {
        let errors = draft.faults.iter().filter(|fault| fault.severity == Severity::Error).count();
        let GraphBodyView { nodes, edges } = draft.graph.into();
        Self {
            workflow_id: draft.workflow.id.0,
            revision: draft.workflow.revision,
            nodes,
            edges,
            layout: layout.into(),
            faults: FaultCountView { errors, warnings: draft.faults.len() - errors },
            overlay: None,
        }
    }
}

/// How much is wrong with a draft.
#[derive(Serialize, ToSchema)]
pub(crate) struct FaultCountView {
    /// Faults that keep it from being published.
    errors: usize,
    /// Faults that it can be published with.
    warnings: usize,
}

/// Where a draft is drawn, in pixels from the upper left corner.
#[derive(Serialize, ToSchema)]
pub(crate) struct LayoutView {
    /// The width of the drawing.
    width: f64,
    /// The height of the drawing.
    height: f64,
    /// The nodes. A loop comes before the nodes of its body.
    nodes: Vec<PlacedBoxView>,
    /// The edges.
    edges: Vec<PlacedLineView>,
}

/// Where a node is drawn.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlacedBoxView {
    /// The key of the node.
    key: String,
    /// The left side.
    x: f64,
    /// The upper side.
    y: f64,
    /// The width.
    width: f64,
    /// The height.
    height: f64,
}

/// Where an edge is drawn.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlacedLineView {
    /// The id of the edge.
    id: String,
    /// The corners of the line, each to the right and down.
    points: Vec<[f64; 2]>,
}

impl From<Layout> for LayoutView {
    fn from(layout: Layout) -> Self {
        let boxes = layout.nodes.into_iter().map(|node| PlacedBoxView {
            key: node.key,
            x: node.x,
            y: node.y,
            width: node.width,
            height: node.height,
        });
        let lines = layout.edges.into_iter().map(|edge| PlacedLineView {
            id: edge.id,
            points: edge.points.into_iter().map(|(x, y)| [x, y]).collect(),
        });
        Self { width: layout.width, height: layout.height, nodes: boxes.collect(), edges: lines.collect() }
    }
}

/// Everything that is wrong with a draft.
#[derive(Serialize, ToSchema)]
pub(crate) struct ValidationView {
    /// Whether it can be published.
    valid: bool,
    /// The revision of the draft that was validated.
    revision: i64,
    /// All faults, warnings too.
    faults: Vec<FaultView>,
}

impl From<Draft> for ValidationView {
    fn from(draft: Draft) -> Self {
        Self {
            valid: !has_errors(&draft.faults),
            revision: draft.workflow.revision,
            faults: draft.faults.into_iter().map(FaultView::from).collect(),
        }
    }
}
