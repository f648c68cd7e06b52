//! Nodes and edges.

use atelier_automation::{
    graph::{Edge, Graph, INPUT, MAIN, Node, Policy, Position},
    workflows::{EdgeAt, NewNode, NodeAt, NodeChanges},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    graph::{GraphBodyView, GraphInput},
    policy::{PolicyInput, PolicyView},
    workflow::present,
};
use crate::{
    dto::page::pages,
    schema::{ToSchema, free::JsonObject},
};

pages! {
    /// A page of the nodes of a draft.
    WorkflowNodePage of PlacedNodeView;
    /// A page of the edges of a draft.
    WorkflowEdgePage of PlacedEdgeView;
}

/// A place on the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodePosition {
    /// To the right.
    x: f64,
    /// Down.
    y: f64,
}

impl From<NodePosition> for Position {
    fn from(NodePosition { x, y }: NodePosition) -> Self {
        Self { x, y }
    }
}

impl From<Position> for NodePosition {
    fn from(Position { x, y }: Position) -> Self {
        Self { x, y }
    }
}

/// Declares the input of a node, with further fields.
macro_rules! node_input {
    ($(#[$about:meta])* $name:ident { $($more:tt)* }) => {
        $(#[$about])*
        #[derive(Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// Names the node in edges and expressions.
            #[schema(max_length = 64, pattern = "^[a-z][a-z0-9_]*$", example = "send_report")]
            key: String,
            /// A type of nodes, such as condition.
            #[serde(rename = "type")]
            #[schema(example = "condition")]
            kind: String,
            /// The version of the type; 1 where it is left out.
            #[schema(minimum = 1)]
            type_version: Option<u32>,
            /// What people read; the key where it is left out.
            #[schema(max_length = 200)]
            name: Option<String>,
            /// Where it is drawn.
            position: Option<NodePosition>,
            /// Whether it passes its input on and does nothing.
            disabled: Option<bool>,
            /// What its type is told.
            #[schema(value_type = Option<JsonObject>)]
            config: Option<Map<String, Value>>,
            /// How it treats failures, times and joins.
            policy: Option<PolicyInput>,
            /// The steps for one item of a loop.
            #[schema(no_recursion)]
            body: Option<Box<GraphInput>>,
            $($more)*
        }

        impl From<$name> for Node {
            fn from(input: $name) -> Self {
                Self {
                    key: input.key,
                    kind: input.kind,
                    type_version: input.type_version.unwrap_or(1),
                    name: input.name,
                    position: input.position.map(Position::from),
                    disabled: input.disabled.unwrap_or_default(),
                    config: input.config.unwrap_or_default(),
                    policy: input.policy.map(Policy::from).unwrap_or_default(),
                    body: input.body.map(|body| Box::new(Graph::from(*body))),
                }
            }
        }
    };
}

node_input! {
    /// A node. Unknown fields are refused.
    NodeInput {}
}

node_input! {
    /// A node that is added to a draft. Unknown fields are refused.
    CreateNodeInput {
        /// The key of the loop whose body it joins; none where it is left out.
        parent: Option<String>,
    }
}

impl From<CreateNodeInput> for NewNode {
    fn from(mut input: CreateNodeInput) -> Self {
        Self { parent: input.parent.take(), node: input.into() }
    }
}

/// What to change of a node; what is left out stays. Its key and its type stay for ever.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateNodeInput {
    /// Another version of its type.
    #[schema(minimum = 1)]
    type_version: Option<u32>,
    /// What people read; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 200)]
    name: Option<Option<String>>,
    /// Where it is drawn; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<NodePosition>)]
    position: Option<Option<NodePosition>>,
    /// Whether it passes its input on and does nothing.
    disabled: Option<bool>,
    /// All that its type is told.
    #[schema(value_type = Option<JsonObject>)]
    config: Option<Map<String, Value>>,
    /// All of how it treats failures, times and joins.
    policy: Option<PolicyInput>,
}

impl From<UpdateNodeInput> for NodeChanges {
    fn from(input: UpdateNodeInput) -> Self {
        Self {
            type_version: input.type_version,
            name: input.name,
            position: input.position.map(|position| position.map(Position::from)),
            disabled: input.disabled,
            config: input.config,
            policy: input.policy.map(Policy::from),
        }
    }
}

/// An edge from an output port of a node to another node. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EdgeInput {
    /// The key of the node that it leaves.
    from: String,
    /// The output port that it leaves by; main where it is left out.
    from_port: Option<String>,
    /// The key of the node that it leads to.
    to: String,
    /// The input port that it leads to; in where it is left out.
    to_port: Option<String>,
}

impl From<EdgeInput> for Edge {
    fn from(input: EdgeInput) -> Self {
        Self {
            from: input.from,
            from_port: input.from_port.unwrap_or_else(|| MAIN.to_owned()),
            to: input.to,
            to_port: input.to_port.unwrap_or_else(|| INPUT.to_owned()),
        }
    }
}

/// A node.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeView {
    /// Names the node in edges and expressions.
    key: String,
    /// A type of nodes.
    #[serde(rename = "type")]
    kind: String,
    /// The version of the type.
    type_version: u32,
    /// What people read; the key where it is null.
    name: Option<String>,
    /// Where a person put it.
    position: Option<NodePosition>,
    /// Whether it passes its input on and does nothing.
    disabled: bool,
    /// What its type is told.
    #[schema(value_type = JsonObject)]
    config: Map<String, Value>,
    /// How it treats failures, times and joins.
    policy: PolicyView,
    /// The steps for one item of a loop. In a list of nodes it is null: its nodes are entries of their own.
    body: Option<Box<GraphBodyView>>,
}

impl From<Node> for NodeView {
    fn from(node: Node) -> Self {
        Self {
            key: node.key,
            kind: node.kind,
            type_version: node.type_version,
            name: node.name,
            position: node.position.map(NodePosition::from),
            disabled: node.disabled,
            config: node.config,
            policy: node.policy.into(),
            body: node.body.map(|body| Box::new(GraphBodyView::from(*body))),
        }
    }
}

/// A node of a draft and where it lies.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlacedNodeView {
    #[serde(flatten)]
    node: NodeView,
    /// The key of the loop whose body it lies in.
    parent: Option<String>,
}

impl From<NodeAt> for PlacedNodeView {
    fn from(NodeAt { parent, node }: NodeAt) -> Self {
        Self { node: node.into(), parent }
    }
}

/// An edge.
#[derive(Serialize, ToSchema)]
pub(crate) struct EdgeView {
    /// The key of the node that it leaves.
    from: String,
    /// The output port that it leaves by.
    from_port: String,
    /// The key of the node that it leads to.
    to: String,
    /// The input port that it leads to.
    to_port: String,
}

impl From<Edge> for EdgeView {
    fn from(Edge { from, from_port, to, to_port }: Edge) -> Self {
        Self { from, from_port, to, to_port }
    }
}

/// An edge of a draft and where it lies.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlacedEdgeView {
    /// Names it, from its ends.
    #[schema(example = "check.true>send.in")]
    id: String,
    #[serde(flatten)]
    edge: EdgeView,
    /// The key of the loop whose body it lies in.
    parent: Option<String>,
}

impl From<EdgeAt> for PlacedEdgeView {
    fn from(EdgeAt { parent, edge }: EdgeAt) -> Self {
        Self { id: edge.id(), edge: edge.into(), parent }
    }
}
