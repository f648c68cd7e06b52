//! The graph of a draft as a whole.

use std::collections::BTreeMap;

use atelier_automation::{
    graph::{Edge, Graph, Node, Severity, layout::Layout},
    runs::{ItemCounts, NodeOverlay, RunChoice, RunOverlay},
    workflows::{Draft, has_errors},
};
use atelier_entities::{RunId, workflows};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    fault::FaultView,
    node::{EdgeInput, EdgeView, NodeInput, NodeView},
    run::RunView,
};
use crate::{
    error::ApiError,
    schema::{IntoParams, ToSchema, sets},
};

/// Which run is shown on a graph.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GraphRunParams {
    /// The id of a run of the workflow, or `last` for the one that was accepted last: the graph is that of the
    /// version which the run walks. The draft where it is left out.
    #[param(example = "last")]
    run: Option<String>,
}

impl GraphRunParams {
    /// The run; 422 where it is neither an id nor `last`.
    pub(crate) fn choice(&self) -> Result<Option<RunChoice>, ApiError> {
        match self.run.as_deref() {
            None => Ok(None),
            Some("last") => Ok(Some(RunChoice::Last)),
            Some(id) => match id.parse() {
                Ok(id) => Ok(Some(RunChoice::Run(RunId(id)))),
                Err(_) => Err(ApiError::invalid([("run", "must be the id of a run, or last")])),
            },
        }
    }
}

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

/// The draft of a workflow, or the version of a run, and where it is drawn.
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
    /// How much is wrong with the draft; nothing with the version of a run.
    faults: FaultCountView,
    /// The run that is shown, and the states of its nodes; null of the draft.
    overlay: Option<OverlayView>,
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

    /// The view of a run whose version is drawn so.
    pub(crate) fn of_run(workflow: &workflows::Model, overlay: RunOverlay, layout: Layout) -> Self {
        let RunOverlay { run, version, nodes } = overlay;
        let graph = GraphBodyView::from(version.graph.clone());
        Self {
            workflow_id: workflow.id.0,
            revision: workflow.revision,
            nodes: graph.nodes,
            edges: graph.edges,
            layout: layout.into(),
            faults: FaultCountView { errors: 0, warnings: 0 },
            overlay: Some(OverlayView {
                run: run.into(),
                version: version.number,
                nodes: nodes.into_iter().map(|(key, node)| OverlayNodeView::new(key, node)).collect(),
            }),
        }
    }
}

/// A run on the graph of its version.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverlayView {
    /// The run.
    run: RunView,
    /// The number of the version that it walks; null of a draft.
    version: Option<i32>,
    /// The nodes that it reached.
    nodes: Vec<OverlayNodeView>,
}

/// A node of a graph in a run, in all items of the loops around it.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverlayNodeView {
    /// Its key.
    key: String,
    /// Its state; where it has several in the items of a loop, what is under way goes before what failed, and
    /// that before what succeeded.
    #[schema(value_type = sets::RunNodeState)]
    state: &'static str,
    /// How often it is in each state.
    #[schema(value_type = BTreeMap<String, i64>)]
    counts: BTreeMap<&'static str, i64>,
    /// The items of a loop; null of other nodes.
    items: Option<OverlayItemsView>,
    /// When it first became ready.
    started_at: DateTime<Utc>,
    /// When it was last decided; null while anything of it is under way.
    finished_at: Option<DateTime<Utc>>,
}

impl OverlayNodeView {
    fn new(key: String, node: NodeOverlay) -> Self {
        Self {
            key,
            state: node.state.as_str(),
            counts: node.counts,
            items: node.items.map(OverlayItemsView::from),
            started_at: node.started_at,
            finished_at: node.finished_at,
        }
    }
}

/// The items of a loop.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverlayItemsView {
    /// All of them; of a while node the rounds that began.
    total: i64,
    /// Those under way.
    open: i64,
    /// Those that succeeded.
    succeeded: i64,
    /// Those that failed.
    failed: i64,
    /// Those that were cancelled.
    cancelled: i64,
}

impl From<ItemCounts> for OverlayItemsView {
    fn from(ItemCounts { total, open, succeeded, failed, cancelled }: ItemCounts) -> Self {
        Self { total, open, succeeded, failed, cancelled }
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
